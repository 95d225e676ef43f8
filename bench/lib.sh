# shellcheck shell=bash
# Helpers of the scripts that measure: sourced from the repository's top directory.

bench=build/bench os=build/os1k.elf
prompt='> '
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

median() { sort -g | awk '{v[NR] = $1} END {printf "%s", v[int((NR + 1) / 2)]}'; }
column() { awk -v n="$1" '{print $n}' "$2"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
field() { sed -nE "s/^ *\"$1\": ([0-9.]+),?\$/\1/p" "$2"; } # of a report
progress() { echo "  $*" >&2; }

head_row() {
    echo "| figure | $1 | peer | ratio |"
    echo "|---|---|---|---|"
}

# works PEER...: whether this command boots 1K OS to its prompt; a peer that does not is left out, with the reason.
works() {
    command -v "$1" >/dev/null || { progress "$1 is not installed: skipped"; return 1; }
    $bench/latency "$prompt" "$@" >"$tmp/said" 2>&1 && return
    progress "$1 failed, and is skipped: $(tail -n 2 "$tmp/said" | head -n 1)"
    return 1
}

# start_up ROUNDS PEER OURS... -- THEIRS...: the rows of how long two commands take to the first byte
# and to the prompt.
start_up() {
    local rounds=$1 peer=$2 command=() what a b
    shift 2
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    for ((i = 1; i <= rounds; i++)); do
        progress "start-up, round $i of $rounds"
        $bench/latency "$prompt" "${command[@]}" >>"$tmp/ours"
        $bench/latency "$prompt" "$@" >>"$tmp/theirs"
    done
    for what in 1:'first byte' 2:'1K OS prompt'; do
        a=$(column "${what%%:*}" "$tmp/ours" | median) b=$(column "${what%%:*}" "$tmp/theirs" | median)
        echo "| exec to ${what#*:}, ms | $a | $b ($peer) | $(ratio "$b" "$a") times faster |"
    done
}

# percent A B: CPU seconds of a run, and of one that was ten seconds longer, as percent of a core.
percent() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", (b - a) * 10}'; }

# memory_row REPORT
memory_row() {
    awk -v p="$(field resident_kib "$1")" -v t="$(field guest_touched_kib "$1")" \
        'BEGIN {printf "| resident beyond what the guest touched, KiB | %d | | |\n", p - t}'
}
