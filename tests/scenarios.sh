#!/bin/bash
# `vmm test`, `vmm sweep` and `vmm replay`: the scenarios in tests/scenarios, races that must be found
# and others that must not, and what is said of mistakes.
#   tests/scenarios.sh [VMM]   on the software CPU; with VMM_OPTIONS="--cpu kvm" what runs there
# SHORT=1 leaves out the sweeps of 1K OS, which take minutes.
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh

# scenarios OPTION... FILE...: a check for each.
scenarios() {
    local line
    while IFS= read -r line; do
        case $line in
        "ok "*) ok "${line#*- }" ;;
        "not ok "*) not_ok "${line#*- }" "see below" ;;
        "# "*) echo "    $line" ;;
        esac
    done < <("$vmm" test --tap "$@" 2>&1)
}

# scenario NAME LINE...: writes one, as $file.
scenario() {
    file=$scratch/$1.t
    shift
    printf '%s\n' "$@" >"$file"
}

if [[ ${VMM_OPTIONS:-} == *kvm* ]]; then
    scenarios --cpu kvm tests/scenarios/any/*.t tests/scenarios/os1k/{commands,keyboard,processes}.t
    scenario exact 'boot build/guests/timer_keys.elf' 'until start.sleep'
    check "an exact place on KVM" 2 "$vmm" test --cpu kvm "$file"
    says "is refused" "$out" 'exact.t:2: until start.sleep: only --cpu soft'
    check "a sweep on KVM" 2 "$vmm" sweep <(echo 'boot build/guests/timer_keys.elf --cpu kvm')
    finish
    exit
fi

scenarios -j 2 tests/scenarios/{any,exact,os1k}/*.t

# ---- races ----

# fixed SCENARIO: the same with the guest that has no race, as $file.
fixed() {
    file=$scratch/$1_fixed.t
    sed 's/\.elf/_fixed.elf/' tests/scenarios/races/$1.t >"$file"
}

check "the lost update is found" 1 "$vmm" sweep --irq 0 tests/scenarios/races/counter.t
says "at each of its 20 boundaries" "$out" ' 20 failed '
says "between the load" "$out" 'race_counter.asm:28\): 10 of 10 fail'
says "and the store" "$out" 'race_counter.asm:29\): 10 of 10 fail'
replay=$(grep -Eo 'replay .*' <<<"$out" | head -n 1)
# shellcheck disable=SC2086
check "one of them again" 1 "$vmm" $replay
says "shows what was printed" "$out" 'nothing was lost: FAILED'
check "another place of it" 0 "$vmm" replay --irq 0 --at 50 tests/scenarios/races/counter.t
fixed counter
check "the fixed one passes" 0 "$vmm" sweep -j 2 --irq 0 --bound 2 --budget 1000 "$file"
says "with pairs" "$out" ': 1[0-9]{3} runs, 0 failed'

check "the lock is found" 1 "$vmm" sweep --irq 1 -j 2 tests/scenarios/races/lock.t
says "where it is held" "$out" 'take_lock.taken \(.*: 2 of 2 fail'
lacks "and nowhere else" "$out" 'work \(|done \('
fixed lock
check "the fixed one passes" 0 "$vmm" sweep --irq 1 "$file"
check "at random places, too" 0 "$vmm" sweep --irq 1 --jitter 200 --seed 7 "$file"

check "the lost wake-up is found" 1 "$vmm" sweep --irq 1 tests/scenarios/races/wakeup.t
says "between the test and the HLT" "$out" ' 4 runs, 2 failed'
fixed wakeup
check "the fixed one passes" 0 "$vmm" sweep --irq 1 "$file"

# ---- 1K OS ----

irqs=(0 1)
[[ ! ${SHORT-} ]] || irqs=()
for irq in "${irqs[@]}"; do
    check "IRQ $irq anywhere in a command" 0 "$vmm" sweep -j 2 --irq $irq --to hello tests/scenarios/os1k/commands.t
    says "at each boundary" "$out" 'IRQ . at [0-9]{5} boundaries.*, 0 failed'
    check "IRQ $irq anywhere in a line that is typed" 0 "$vmm" sweep -j 2 --irq $irq --to hello tests/scenarios/os1k/keyboard.t
    check "several of them among processes" 0 "$vmm" sweep -j 2 --irq $irq --jitter 500 --ignore-output tests/scenarios/os1k/processes.t
done

check "keys at random places change nothing of the timer's modes" 0 "$vmm" sweep -j 2 --irq 1 --jitter 2000 tests/scenarios/exact/timer_modes.t

cp build/os1k.disk "$scratch/disk"
scenario disk "boot build/os1k.elf --disk $scratch/disk" 'expect "> "'
check "a sweep with a disk that can be written" 2 "$vmm" sweep "$file"
says "is refused" "$err" 'needs --disk FILE,ro'
scenario monitor "boot build/guests/hello.bin --monitor unix:$scratch/socket" 'exit 0'
check "a scenario with a monitor, which nobody would serve" 2 "$vmm" test "$scratch/monitor.t"
says "is refused" "$out" '--hold and --paused are for vmm run$'
scenario restart 'boot build/guests/hello.bin --restart 1s' 'exit 0'
check "a scenario that would start again" 2 "$vmm" test "$file"
says "is refused" "$out" '--hold and --paused are for vmm run$'

# ---- the same every time ----

first=$("$vmm" sweep --irq 0 tests/scenarios/races/counter.t | sed 's/(.* a second)//')
second=$("$vmm" sweep -j 2 --irq 0 tests/scenarios/races/counter.t | sed 's/(.* a second)//')
if [[ $first == "$second" ]]; then ok "a sweep says the same with two processes"; else
    not_ok "a sweep says the same with two processes" "it differs"; fi


# What a process makes of a variant after others must be what it is from the start.
"$vmm" sweep --irq 0 --jitter 100 tests/scenarios/races/counter.t |
    sed -nE 's/^ +vmm (replay .*)/\1/p' >"$scratch/replays"
bad=0 all=0
while read -ra replay; do
    all=$((all + 1))
    "$vmm" "${replay[@]}" >"$scratch/out"
    [[ $? == 1 ]] || bad=$((bad + 1))
done <"$scratch/replays"
if [[ $bad == 0 && $all -ge 3 ]]; then ok "what was found at random is found again"; else
    not_ok "what was found at random is found again" "$bad of $all are not"; fi

check "a scenario that goes back" 2 "$vmm" sweep tests/scenarios/exact/timer_masked.t
says "can't be swept" "$err" 'timer_masked.t:[0-9]+: restore quiet: a sweep needs'

# ---- guests that print much, and guests that spin ----

# printing COUNT: a guest that prints so many 'a' and a 'b' without a newline, and halts; as $guest.
printing() {
    guest=$scratch/printing.bin
    # mov ecx, COUNT; mov al, 'a'; again: out 0xe9, al; loop again; mov al, 'b'; out 0xe9, al; cli; hlt
    printf "\\xb9$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)))" >"$guest"
    printf '\xb0a\xe6\xe9\xe2\xfc\xb0b\xe6\xe9\xfa\xf4' >>"$guest"
}

printing 1000000
scenario line "boot $guest --mode pm32 -m 2" 'never /c/' 'expect /[ab]b$/' 'exit halted'
check "a line of a megabyte is searched in time" 0 timeout 20 "$vmm" test "$file"
scenario text "boot $guest --mode pm32 -m 2" 'never "ac"' "expect \"$(printf 'a%.0s' {1..200})b\"" 'exit halted'
check "for a text, too" 0 timeout 20 "$vmm" test "$file"
scenario end "boot $guest --mode pm32 -m 2" 'expect "c"'
check "text that does not come at its end" 1 "$vmm" test "$file"
says "is shown with the end of the output" "$out" 'output, the last 4096 of 1000001 bytes:$'
scenario early "boot $guest --mode pm32 -m 2" 'run 3ms' 'expect /^aa/' 'expect "aaa"' 'exit halted'
check "what was printed long ago is found" 0 "$vmm" test "$file"

printing 24000000
scenario much "boot $guest --mode pm32 -m 2" 'expect "ab"' 'exit halted'
few() { (ulimit -v 110000; "$@"); }
check "24 MB of output take no memory" 0 few "$vmm" test "$file"

again='boot build/guests/multiplication.bin -m 2'
scenario again "$again" 'snapshot start' 'expect "81"' 'restore start' 'expect /^9 x 9 = 81|81$/' 'exit power-off'
check "what is printed again after a restore is found" 0 "$vmm" test "$file"
scenario again "$again" 'expect "81"' 'snapshot end' 'restore end' 'expect "81"'
check "what was printed before it is not" 1 "$vmm" test "$file"

scenario keys 'boot build/guests/keyboard.bin --mode pm32' 'expect "ends\n"' 'snapshot s' 'type "ab"' \
    'restore s' 'type "cd"' 'type "e"' "expect \"'c'\"" "expect \"'d'\"" "expect \"'e'\"" 'key esc' 'exit 0'
check "keys after a restore" 0 "$vmm" test "$file"
scenario keys 'boot build/guests/keyboard.bin --mode pm32' 'expect "ends\n"' 'type "ab"' 'snapshot s' \
    "expect \"'b'\"" 'restore s' 'type "c"' 'type "d"' "expect \"'b'\"" "expect \"'d'\"" 'key esc' 'exit 0'
check "keys behind those that a snapshot had waiting" 0 "$vmm" test "$file"

{ echo 'boot no-such-image'; printf 'snapshot s%d\n' {1..30000}; printf 'restore s%d\n' {30000..1}; } >"$scratch/names.t"
check "30000 names are looked up in time" 2 timeout 2 "$vmm" test "$scratch/names.t"
{ echo 'boot build/guests/flood.bin'; printf 'type "a"\n%.0s' {1..60000}; } >"$scratch/typed.t"
check "60000 keys that nobody reads" 0 timeout 10 "$vmm" test "$scratch/typed.t"

# 60000 instructions, each a place of its own: what is said of them takes less time than the runs.
{ printf '\x40%.0s' {1..60000}; printf '\xfa\xf4'; } >"$scratch/straight.bin"
scenario straight "boot $scratch/straight.bin --mode pm32 -m 2" 'exit 5'
start=$SECONDS
check "60000 places where a sweep fails" 1 "$vmm" sweep -j 2 "$file"
runs=$(sed -nE '1s/.*\(([0-9]+)\.[0-9]+ s, .*/\1/p' <<<"$out")
says "are counted" "$out" '  and [0-9]+ more places$'
if ((SECONDS - start - runs < 5)); then ok "in time"; else
    not_ok "in time" "$((SECONDS - start)) s, of which $runs s for the runs"; fi

printf '\xeb\xfe' >"$scratch/spin.bin"
spin="boot $scratch/spin.bin --mode pm32 -m 2"
scenario spin "$spin" 'run 100000s'
check "a guest that spins" 124 timeout 20 "$vmm" test --host-timeout 100ms --junit "$scratch/junit.xml" "$file"
says "is ended by the host's time" "$out" 'spin.t:2: run 100000s: not within 0.1 s of the host.s time \(--host-timeout\)$'
says "with its registers" "$out" 'eip 00100000'
says "and in JUnit's words" "$(cat "$scratch/junit.xml")" '<failure message="timeout">.*the host.s time'
check "with TAP" 124 "$vmm" test --host-timeout 100ms --tap "$file"
says "it is not ok" "$out" '^not ok 1 - .*spin.t$'
check "a sweep of it" 124 "$vmm" sweep --host-timeout 100ms "$file"
says "says so" "$err" 'not within 0.1 s of the host.s time'
check "a replay" 124 "$vmm" replay --host-timeout 100ms --at 5 "$file"
scenario short "$spin" 'run 1ms'
check "no limit" 0 "$vmm" test --host-timeout 0 "$file"
check "a limit that is no time" 2 "$vmm" test --host-timeout soon "$file"
says "is refused" "$err" '--host-timeout soon: not a time'

sed 's/timeout 1ms/timeout 100000s/' tests/scenarios/races/lock.t >"$scratch/lock.t"
check "a sweep whose runs hang" 124 "$vmm" sweep --irq 1 -j 2 --host-timeout 100ms "$scratch/lock.t"
says "counts them apart" "$out" ', 0 failed '
says "and says which" "$out" '^  1[01] not finished within 0.1 s of the host.s time \(--host-timeout\); the first:'
says "and ends" "$err" 'the sweep was ended: too many of its runs do not finish'
replay=$(grep -Eo 'replay .*' <<<"$out" | head -n 1)
# shellcheck disable=SC2086
check "one of them again" 124 "$vmm" $replay --host-timeout 100ms
says "is explained" "$out" 'eip [0-9a-f]{8}'

mkfifo "$scratch/fifo.t"
check "a scenario that can't be opened in time" 124 "$vmm" test --host-timeout 100ms "$scratch/fifo.t"
says "ends all the same" "$out" 'fifo.t: vmm itself took longer than --host-timeout allows'

# ---- mistakes ----

# mistake NAME STATUS PATTERN LINE...: what is said of such a scenario.
mistake() {
    local name=$1 status=$2 pattern=$3
    shift 3
    scenario mistake "$@"
    check "$name" "$status" "$vmm" test "$file"
    says "is explained" "$out$err" "$pattern"
}

hello='boot build/guests/hello.bin'
mistake "an unknown verb" 2 'mistake.t:2:3: expected a verb .*, not .frob' "$hello" '  frob 1'
mistake "an unknown key" 2 'mistake.t:2:10: expected a key.s name.*, not .bogus' "$hello" 'key ctrl-bogus'
mistake "a back-reference" 2 'mistake.t:2:8: the regular expression is refused: back-references' "$hello" 'expect /(a)\1/'
mistake "a string without an end" 2 'mistake.t:2:12: expected the quote' "$hello" 'expect "one'
mistake "a broken expression" 2 'mistake.t:2:15: expected a number, a register' "$hello" 'assert eax == '
mistake "a broken regular expression" 2 "mistake.t:2:8: the regular expression is refused: a .\(. has no" "$hello" 'expect /(/'
mistake "too much on a line" 2 'mistake.t:2:10: expected nothing more' "$hello" 'run 10ms 5'
mistake "no boot" 2 "mistake.t:1:1: expected 'boot IMAGE' first" 'expect "x"'
mistake "a snapshot that is not there" 2 "mistake.t:2:1: expected a 'snapshot x' above" "$hello" 'restore x'
mistake "an unknown option" 2 'mistake.t:1: .*: vmm run has no option .--frob' "$hello --frob"
mistake "a bad value" 2 'mistake.t:1: --memory 1K: not a size' "$hello --memory 1K"
mistake "a missing image" 2 'mistake.t:1: .*no-such-image' 'boot no-such-image'
mistake "an image without symbols" 2 'mistake.t:2: until work: .*has no symbols' "$hello" 'until work'
mistake "an unknown symbol" 2 'mistake.t:2: .*there is no symbol .nobody. in' 'boot build/guests/timer_keys.elf' 'until nobody'
mistake "an unknown line" 2 'mistake.t:2: .*no code of timer_keys.asm:1 is in' 'boot build/guests/timer_keys.elf' 'until timer_keys.asm:1'
mistake "an unknown symbol in an assertion" 2 'mistake.t:2: .*there is no symbol .tikcs' 'boot build/guests/timer_keys.elf' 'assert mem32[tikcs] == 0'
mistake "text that does not come" 1 'mistake.t:2: expect "xyzzy": the guest ended: power-off' "$hello" 'expect "xyzzy"'
mistake "text that must not come" 1 'mistake.t:2: never /.Hh.ello/: this was printed' "$hello" 'never /[Hh]ello/' 'exit 0'
mistake "another status" 1 'mistake.t:2: exit 3: the guest ended: power-off, status 0' "$hello" 'exit 3'
mistake "an assertion that does not hold" 1 'mistake.t:2: .*: 0 == 0x1 does not hold' "$hello" 'assert eax == 1'
mistake "memory that is not there" 1 'mistake.t:2: .*no memory is at 0xf0000000' "$hello" 'assert mem32[0xf0000000] == 1'
mistake "waiting too long" 124 'mistake.t:3: expect "never": not within 0.01 s' 'boot build/os1k.elf' 'timeout 10ms' 'expect "never"'
says "with the screen" "$out" '\| 1K OS'
says "the registers" "$out" 'eip [0-9a-f]{8}'
says "and the controllers" "$out" 'pic0: irr'
check "a file that is not there" 2 "$vmm" test no-such-file.t
says "is named" "$out" 'no-such-file.t: No such file'
check "a file that is no text" 2 "$vmm" test build/guests/hello.bin
check "no scenario" 2 "$vmm" test
check "a place that is never reached" 2 "$vmm" sweep --from print_hex16 tests/scenarios/races/counter.t
says "is named" "$err" 'never comes to print_hex16'

check "a symbol that is not there" 2 "$vmm" sweep --to nobody tests/scenarios/races/counter.t
says "is named" "$err" "there is no symbol 'nobody'"
check "an end before the beginning" 2 "$vmm" sweep --to 10 tests/scenarios/races/counter.t
check "no place to replay" 2 "$vmm" replay tests/scenarios/races/counter.t
check "places in the wrong order" 2 "$vmm" replay --at 5,3 tests/scenarios/races/counter.t
check "a key that is none" 2 "$vmm" sweep --key bogus tests/scenarios/races/counter.t
for command in test sweep replay; do check "$command --help" 0 "$vmm" $command --help; done

# ---- results for other programs ----

scenario good "$hello" 'exit 0'
good=$file
scenario bad "$hello" 'expect "<&>"'
check "TAP" 1 "$vmm" test --tap --junit "$scratch/junit.xml" "$good" "$file"
says "has a plan" "$out" '^1\.\.2$'
says "what passed" "$out" '^ok 1 - .*good.t$'
says "what failed" "$out" '^not ok 2 - .*bad.t$'
says "JUnit counts" "$(cat "$scratch/junit.xml")" 'tests="2" failures="1"'
says "and escapes" "$(cat "$scratch/junit.xml")" '&quot;&lt;&amp;&gt;&quot;'
check "one that fails beside one that passes" 1 "$vmm" test -j 2 "$good" "$file" "$good"
says "in the order given" "$(tail -n 2 <<<"$out")" '2 passed, 1 failed'

finish
