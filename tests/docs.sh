#!/bin/bash
# The documents: links lead somewhere, the manual's examples work, what is shown of kernels that die is what is
# said of them, recordings are complete, pictures are those of the recordings, and the talk's slides are the same in both languages, complete, and not too full.
#   tests/docs.sh
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
export LC_ALL=C.UTF-8
svg=build/cast2svg

# ---- links ----
dead=$(find . -name '*.md' -not -path './build/*' -not -path './docs/talk/*' | while read -r page; do
    grep -oP '\]\(\K[^)#:\s]+(?=[)#\s])' "$page" | while read -r link; do
        [[ -e $(dirname "$page")/$link ]] || echo "$page: $link"
    done
done)
if [[ -z $dead ]]; then ok "links lead to files"; else not_ok "links lead to files" "$dead"; fi

# ---- the manual ----
# Its examples run where their files are: kernel.elf and the others. An example ends with status 0, or as a
# comment before it says.
mkdir "$scratch/examples"
for name in os1k.elf:kernel.elf guests/hello.bin:boot.bin guests/vga.bin:flat.bin guests/race_counter.elf:race.elf; do
    cp "build/${name%:*}" "$scratch/examples/${name#*:}"
done
# example N: its lines, as they are printed.
example() {
    awk -v n="$1" '/^\.Sh/ {on = $2 == "EXAMPLES"} !on {next} /^\.Ed/ {show = 0} show; /^\.Bd/ {show = ++count == n}' \
        docs/vmm.1 | sed 's/\\e/\\/g'
}
count=0
while [[ $(example $((count + 1))) ]]; do
    count=$((count + 1))
    expected=$(awk -v n=$count '/^\.\\" ends with/ {status = $NF} /^\.Bd/ && on && ++count == n {print status + 0; exit}
        /^\.Ed/ {status = 0} /^\.Sh/ {on = $2 == "EXAMPLES"}' docs/vmm.1)
    check "the manual's example: $(example $count | tail -n 1)" "$expected" \
        env --chdir="$scratch/examples" PATH="$PWD/build:$PATH" timeout 30 bash -c "$(example $count)" </dev/null
    lacks "understands its options" "$err" "Try 'vmm|not found|[Nn]o such"
done
check "there are examples enough" 0 test $count -ge 8
says "the replayed run is one that fails" "$(example 7)" '^vmm replay race.t --irq 0 --at 43$'

# ---- what is said of kernels that die ----
# Without what disassembles and reads symbols, less is said than the page has.
check "the page of deaths can be written again" 0 docs/when-it-dies.sh -n
if ! grep -q '^  => ' "$scratch/out"; then
    echo "# this vmm has no disassembler: not compared"
elif cmp -s "$scratch/out" docs/when-it-dies.md; then
    ok "and is as it was"
else
    not_ok "and is as it was" "something else is said now: make when-it-dies"
    diff docs/when-it-dies.md "$scratch/out" | head -n 12 | sed 's/^/    | /'
fi
check "ten deaths are shown, and more" 0 test "$(grep -c '^## [0-9]' docs/when-it-dies.md)" -ge 10
lacks "each with what is said of it" "$(grep -A 1 '^<!-- death' docs/when-it-dies.md)" '^<!-- end'

# ---- recordings ----
event='^\[([0-9]+\.[0-9]+), "o", "([^"\\]|\\u[0-9a-f]{4}|\\["\\])*"\]$'
for cast in docs/recordings/*.cast; do
    name=${cast##*/} picture=docs/pictures/$(basename "$cast" .cast).svg
    says "$name begins with a header" "$(head -n 1 "$cast")" '^\{"version": 2, "width": [0-9]+, "height": [0-9]+, '
    lacks "then has events alone" "$(tail -n +2 "$cast" | grep -Ev "$event")" .
    if tail -n +2 "$cast" | tr -d '[,' | awk '$1 < last {bad = 1} {last = $1} END {exit bad || NR < 100}'; then
        ok "in the order of their times"
    else
        not_ok "in the order of their times" "they are not, or too few"
    fi
    check "$name becomes a picture" 0 $svg "$cast"
    if cmp -s "$scratch/out" "$picture"; then
        ok "which is the one that is shown"
    else
        not_ok "which is the one that is shown" "$picture is another: make pictures"
    fi
    if (($(wc -c <"$picture") < 300 * 1024)); then ok "and small"; else not_ok "and small" "$(wc -c <"$picture") bytes"; fi
done
for name in demo os1k; do
    HURRY=1 check "$name can be recorded again" 0 docs/recordings/$name.sh build/vmm "$scratch/cast"
    check "and is a picture then" 0 $svg "$scratch/cast"
    says "of a program that crashed" "$out" 'crash-null .pid [0-9]+. killed'
done

# ---- the tool ----
cast() { printf '{"version": 2, "width": 12, "height": 2, "timestamp": 0}\n'; printf '%s\n' "$@"; }
text() { sed -E 's/<style>.*//; s/<[^>]*>//g' <<<"$1" | grep -v '^$'; }

cast '[0.000000, "o", "a <b> & \"c\""]' '[1.000000, "o", "\u001b[2;1H\u001b[31m\ud55c한글\u001b[0m \u001b[1;4;7mx"]' >"$scratch/odd"
check "an escape that vmm does not write" 2 $svg "$scratch/odd"
says "is named by its line" "$err" 'line 3 is not as vmm writes it'

cast '[0.000000, "o", "a <b> & \"c\""]' '[1.000000, "o", "\u001b[?25l\u001b[2;1H\u001b[31m한글\u001b[0m \u001b[1;4;7mx"]' \
    '[2.000000, "o", "\u001b[2Jend"]' >"$scratch/cast"
check "the screen at a time" 0 $svg --at 1.5 "$scratch/cast"
says "has its text, as XML" "$(text "$out")" '^a &#x3c;b&#x3e; &#x26; "c"$'
says "wide characters in two cells" "$out" '<text x="0" [^>]*>&#xd55c;</text><text x="18" [^>]*>&#xae00;</text>'
says "colours" "$out" '<text [^>]*fill="#e06c75"'
says "styles, and reverse as colours changed" "$out" '<rect x="45" width="9" [^>]*fill="#d8dee9"/>.*<text x="45" [^>]*fill="#12161e" class="b u "'
lacks "and nothing from later" "$(text "$out")" end
lacks "nor anything that moves" "$out" keyframes
check "a moving picture" 0 $svg "$scratch/cast"
says "shows each line at its time" "$out" '@keyframes k0\{0\.000%\{transform:translateY\(-0px\)\}16\.667%.*\}33\.333%'
says "and without motion, the end" "$out" '<g id="r0" transform="translate\(0,-36\)">'
check "a screen that changes its size" 2 $svg <(cast '[0.000000, "r", "80x24"]')
check "a recording that was cut off" 2 $svg <(cast '[0.000000, "o", "abc')
check "an event that is none" 2 $svg <(cast 'hello')
says "is named by its line" "$err" 'line 2 is no event'
check "a file that is no recording" 2 $svg README.md
check "an empty one" 2 $svg /dev/null
check "one that is not there" 2 $svg "$scratch/nothing"

# ---- the talk ----
# By its own fonts alone, whatever else the machine has.
fonts=$PWD/docs/talk/fonts.conf
# The first two named: body text, and code.
mapfile -t families < <(grep -oP "font(-family)?: (32px/1\.4 )?\K'[^']+'" docs/talk/deck.css | tr -d "'")
check "the slides' fonts are named" 0 test ${#families[@]} = 2
for family in "${families[@]}"; do
    for style in regular bold; do
        says "$family, $style, is there" "$(FONTCONFIG_FILE=$fonts fc-match -f '%{family} %{style}' "$family:$style")" \
            "^$family.*$([[ $style == bold ]] && echo Bold || echo '(Regular|Book)')"
    done
done
check "no others are" 0 test "$(FONTCONFIG_FILE=$fonts fc-list : family | sort -u | wc -l)" = 3
# look_at DECK [HTML]: what docs/talk/check.js says of its slides, as a browser shows them by $fonts.
look_at() {
    { cat "build/talk/talk.$1.html"; echo "${2:-}<script>"; cat docs/talk/check.js; echo '</script>'; } >"$scratch/deck.html"
    env ${fonts:+FONTCONFIG_FILE="$fonts"} timeout 120 chromium --headless --no-sandbox --window-size=1280,720 --virtual-time-budget=5000 --dump-dom \
        "file://$scratch/deck.html" 2>/dev/null | sed -n '/<pre>/,/<\/pre>/p'
}
for language in ko en; do
    seen=$(look_at $language)
    says "talk.$language has slides" "$(grep -c ^slide <<<"$seen")" '^2[0-9]$|^3[0-2]$'
    lacks "none of them too full" "$seen" ^overflow
    [[ $(fonts='' look_at $language) == "$seen" ]]
    check "nor laid out otherwise where there are more fonts" 0 test $? = 0
    says "with pictures" "$seen" '^image demo '
    lacks "that can all be shown" "$seen" ^broken
    grep -oE '^(slide|image) [a-z0-9-]+' <<<"$seen" >"$scratch/slides.$language"
done
lacks "the report's sentences are in Korean, too" "$(grep -v 'src="data:' build/talk/talk.ko.html)" 'natively|geometric\b|KVM figures'
check "both languages have the same slides and pictures" 0 cmp "$scratch/slides.ko" "$scratch/slides.en"
says "a slide that is too full would be seen" "$(look_at en '<style>section { height: 400px !important }</style>')" '^overflow'

deck() { pandoc --to plain --resource-path "$scratch" --metadata language="$1" --lua-filter docs/talk/deck.lua "$scratch/slides.md"; }
slides() { printf -- '---\ntitle: 제목 // Title\nsubtitle: a\n---\n\n%s\n' "$1" >"$scratch/slides.md"; }
slides '- **하나** 둘 // **one** two'
check "a line in Korean" 0 deck ko
says "is one side of it" "$out" '^-   하나 둘$'
check "and in English" 0 deck en
says "the other" "$out" '^-   one two$'
slides '둘'
check "a line that has no English" 1 deck en
says "is named" "$err" 'no English for: 둘'
slides '![](no.svg)'
check "a picture that is not there" 1 deck en
slides '``` {.include from=performance.md first=Para}
It takes (%d+) ns%. => %1 나노초 // %1 nanoseconds
```'
check "a figure of a report that was not made" 0 deck en
says "is asked for" "$out" 'to be measured first: make report'
printf '# Report\n\nIt takes\n12 ns.\n' >"$scratch/performance.md"
check "one of a report" 0 deck en
says "is on the slide" "$out" '^12 nanoseconds$'
check "in Korean" 0 deck ko
says "too" "$out" '^12 나노초$'

finish
