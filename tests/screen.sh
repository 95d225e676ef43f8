#!/bin/bash
# Many guests in one process: as lines, on the split screen (driven through tmux), in recordings; that
# starting and stopping leaks nothing; that the threads race for nothing.
#   tests/screen.sh [VMM] [VMM-WITH-THREAD-SANITIZER]        SOAK=1000 restarts more often
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm} tsan=${2:-}
. tests/lib.sh
export LC_ALL=C.UTF-8 # lines on the screen are characters, not bytes
run() { timeout 60 "$vmm" run --cpu soft -m 16 "$@"; }
guests=build/guests
# jmp $
printf '\xeb\xfe' >"$scratch/spin.bin"

# ---- lines ----
check "guests side by side, as lines" 0 run $guests/{multiplication,counter,hello,hctest}.bin </dev/null
for guest in multiplication counter hello hctest; do
    if cmp -s <(sed -n "s/^$guest\.bin: //p" "$scratch/out") <("$vmm" run --cpu soft $guests/$guest.bin </dev/null); then
        ok "$guest says what it says alone"
    else
        not_ok "$guest says what it says alone" "$(grep "^$guest" "$scratch/out" | head -n 3)"
    fi
done
if [[ $(wc -l <"$scratch/out") == $(cat tests/guests/{multiplication,counter,hello,hctest}.out | wc -l) ]]; then
    ok "and nothing else is said"
else
    not_ok "and nothing else is said" "$(wc -l <"$scratch/out") lines"
fi
many=()
for i in {1..24}; do many+=("$guests/multiplication.bin,name=g$i"); done
check "many that print at once" 0 run "${many[@]}" </dev/null
lacks "tear no line" "$out" -v
if [[ $(grep -Ecx 'g[0-9]+: ([2-9] x [1-9] = [0-9]+)?' <<<"$out") == $((24 * $(wc -l <tests/guests/multiplication.out))) ]]; then
    ok "and lose none"
else
    not_ok "and lose none" "$(grep -Evx 'g[0-9]+: ([2-9] x [1-9] = [0-9]+)?' <<<"$out" | head -n 3)"
fi
check "typing at one, and at all" 0 run build/os1k.elf,name=a build/os1k.elf,name=b < <(printf 'a: hello\nexit\n')
if [[ $(grep -c 'Hello world' <<<"$out") == 1 ]]; then ok "reaches who is meant"; else not_ok "reaches who is meant" "$out"; fi
says "by name" "$out" '^a: Hello world from shell!$'
says "and all" "$out" '^b: process 1 exited$'
{ head -c 100000 /dev/zero | tr '\0' a; printf '\004'; } >"$scratch/long"
check "a long input" 0 run --plain --mode pm32 $guests/serial.bin <"$scratch/long"
says "is not lost" "$out" '100000 characters'
check "the end of the input" 0 run build/os1k.elf build/os1k.elf,name=b </dev/null
says "ends guests that only wait for more" "$err" '^b: vmm: .*input'
check "but not with --keep-open" 124 run --keep-open --timeout 4 build/os1k.elf build/os1k.elf </dev/null
check "a guest that crashes beside others" 6 run $guests/divide.bin,mode=pm32,name=bad $guests/hello.bin </dev/null
says "is explained" "$err" '^bad: vmm: .*#DE divide error'
says "and alone" "$out" '^hello.bin: Hello, KVM!$'
check "a guest that hangs beside others" 124 run --timeout 300ms "$scratch/spin.bin" $guests/hello.bin </dev/null
says "holds nobody up" "$out" '^hello.bin: Hello, KVM!$'
printf '# two\n%s "name=a b" mem=8\n\n  %s name=c cpu-limit=50%%\n' $guests/hello.bin $guests/counter.bin >"$scratch/list"
check "guests from a file" 0 run --guests "$scratch/list" </dev/null
says "have their options" "$out" '^a b: Hello, KVM!$'
says "each" "$out" '^c: 0123456789$'
check "a guest that is started again" 0 bash -c "timeout 20 $vmm run --cpu soft --restart 20ms $guests/hello.bin </dev/null | head -n 3"
if [[ $(grep -c '^hello.bin: Hello, KVM!$' <<<"$out") == 3 ]]; then ok "prints again"; else not_ok "prints again" "$out"; fi
check "an image that is not there" 2 run "$scratch/nothing" $guests/hello.bin </dev/null
says "is named" "$err" '^nothing: vmm: .*nothing: no such file'
says "and the others run" "$out" '^hello.bin: '
check "a disk for all of them" 2 run --disk "$scratch/list" $guests/hello.bin $guests/hello.bin
says "is refused" "$err" 'disk is for one guest'
check "a report of one guest, in lines" 0 run --plain --report "$scratch/x" $guests/hello.bin </dev/null
says "is its own" "$(cat "$scratch/x")" '"end": "power-off"'
check "a report of a recorded screen" 0 "$vmm" run --cpu soft --cast /dev/null --report - $guests/hello.bin </dev/null
says "comes when the screen is gone" "$out" '"end": "power-off"'
if [[ -w /dev/full ]]; then
    check "one that can't be written" 2 bash -c "$vmm run --cpu soft --cast /dev/null --report - $guests/hello.bin </dev/null >/dev/full"
    says "is told of" "$err" "can't write the report to -: No space"
fi
check "one report of two guests" 2 run $guests/hello.bin,report="$scratch/x" $guests/hello.bin,report="$scratch/x"
says "is refused" "$err" 'report and --report are the same file'
check "more RAM than the host has" 2 run -m 3584M $(for ((i = 0; i < 300; i++)); do echo $guests/hello.bin; done)
says "is refused" "$err" "the guests' RAM is [0-9]+ MiB together"
check "a limit that is none" 2 run --cpu-limit 200 $guests/hello.bin
check "a reader that has gone" 130 bash -c "set -o pipefail; timeout 20 $vmm run --cpu soft -m 16 build/os1k.elf build/os1k.elf </dev/null | head -c 1"

# Guests that spin, and one that sleeps between the ticks of its timer. How late it wakes up depends on what
# else the host does; that few others run at a time does not.
# vector 8, the timer at 100 Hz, its interrupt open; then hlt and an EOI in a loop
{
    printf '\x31\xc0\x8e\xc0\x26\xc7\x06\x20\x00\x28\x00\x26\x8c\x0e\x22\x00\xb0\x34\xe6\x43'
    printf '\xb0\x9c\xe6\x40\xb0\x2e\xe6\x40\xb0\xfe\xe6\x21\xfb\xf4\xb0\x20\xe6\x20\xeb\xf9\xcf'
} >"$scratch/ticks.bin"
spinners=()
for ((i = 0; i < 8 * $(nproc) + 8; i++)); do spinners+=("$scratch/spin.bin"); done
"$vmm" run --cpu soft -m 1 --plain "$scratch/ticks.bin,load=0x10000,report=$scratch/report" "${spinners[@]}" \
    </dev/null >/dev/null 2>&1 &
spins=$!
sleep 1
runnable=$(for i in {1..9}; do awk '{print $3}' /proc/$spins/task/*/stat | grep -c R; done | sort -n | sed -n 5p)
kill $spins
wait $spins
if ((runnable >= 1 && runnable <= $(nproc) + 3)); then
    ok "guests that spin take turns, so that others wake up in time"
else
    not_ok "guests that spin take turns, so that others wake up in time" "$runnable of ${#spinners[@]} at once"
fi
echo "# beside ${#spinners[@]} guests that spin:$(grep wakeup "$scratch/report" | tr -d '"\n')"

# ---- 500 ----
crowd_guest=$guests/keyboard.bin
for i in {1..500}; do echo "$crowd_guest name=g$i input=keyboard mode=pm32"; done >"$scratch/list"
mkfifo "$scratch/typed"
"$vmm" run --cpu soft -m 16 --guests "$scratch/list" <"$scratch/typed" >"$scratch/out" 2>"$scratch/err" &
crowd=$!
exec 8>"$scratch/typed"
# says_each PATTERN: all of them do.
says_each() { [[ $(grep -Ec "^g[0-9]+: $1" "$scratch/out") == 500 ]]; }
if soon says_each type; then ok "500 guests boot"; else not_ok "500 guests boot" "$(wc -l <"$scratch/out")"; fi
touched=$(sed -nE 's/.*"guest_touched_kib": ([0-9]+).*/\1/p' <(printf q |
    run --clock virtual --input keyboard --mode pm32 --report - $crowd_guest))
resident=$(sed -nE 's/^VmRSS:\s*([0-9]+) kB/\1/p' /proc/$crowd/status)
if ((resident / 500 - touched < 1024 && resident > 0 && touched > 0)); then
    ok "and take less than 1 MiB each beside what they touch"
else
    not_ok "and take less than 1 MiB each beside what they touch" "$resident KiB, $touched each touched"
fi
# Jiffies of a process: user and system.
jiffies() { awk '{print $14 + $15}' "/proc/$1/stat"; }
before=$(jiffies $crowd)
sleep 2
used=$(($(jiffies $crowd) - before))
if ((100 * used < 5 * 2 * $(getconf CLK_TCK))); then
    ok "idle, they take less than 5 % of a processor"
else
    not_ok "idle, they take less than 5 % of a processor" "$used jiffies in two seconds"
fi
echo a >&8
if soon says_each 1e; then ok "they answer"; else not_ok "they answer" "$(grep -c 1e "$scratch/out")"; fi
echo q >&8
wait $crowd
status=$?
if [[ $status == 0 ]]; then ok "and stop"; else not_ok "and stop" "status $status"; fi
exec 8>&-
echo "# 500 guests: $resident KiB, of which each has touched $touched"

# ---- recordings ----
check "a recording without a terminal" 0 env COLUMNS=100 LINES=30 "$vmm" run --cpu soft --cast "$scratch/cast" \
    $guests/hello.bin build/os1k.elf < <(sleep 0.5; printf '\0012'; printf 'hello\nexit\n'; sleep 0.5)
cast=$(cat "$scratch/cast")
says "has a header" "$(head -n 1 <<<"$cast")" '^\{"version": 2, "width": 100, "height": 30, "timestamp": [0-9]+, '
lacks "has nothing but events behind it" "$(tail -n +2 <<<"$cast" | grep -Ev '^\[[0-9]+\.[0-9]+, "o", "([^"\\]|\\u[0-9a-f]{4}|\\["\\])*"\]$')" .
says "shows what was typed" "$cast" 'Hello world from shell!'
says "and how it ended" "$cast" 'exited 0'

# soak: guests that are started and stopped, again and again; nothing may be left of them.
soak=${SOAK:-200}
mkfifo "$scratch/keys"
"$vmm" run --cpu soft -m 16 --cast /dev/null build/os1k.elf $guests/halt_forever.bin <"$scratch/keys" >/dev/null 2>&1 &
soaked=$!
exec 7>"$scratch/keys"
restart() { for ((i = 0; i < $1; i++)); do printf '\001r\001n' >&7; sleep 0.012; done; }
count() { ls /proc/$soaked/fd /proc/$soaked/task | wc -l; }
kib() { sed -nE 's/^VmRSS:\s*([0-9]+) kB/\1/p' /proc/$soaked/status; }
# The last keys are on their way still; what it holds then no longer changes.
steady() {
    local first
    first=$(count) && sleep 0.3 && [[ $(count) == "$first" ]]
}
restart 20
soon steady
before=$(count) before_kib=$(kib)
back() { [[ $(count) == "$before" ]] && steady; }
restart "$soak"
soon back
after=$(count) after_kib=$(kib)
if [[ $before == "$after" && $before -gt 5 ]]; then
    ok "$soak restarts leak neither descriptors nor threads"
else
    not_ok "$soak restarts leak neither descriptors nor threads" "$before before, $after after"
fi
if ((after_kib < before_kib + 2048 && before_kib > 0)); then
    ok "nor memory"
else
    not_ok "nor memory" "$before_kib KiB before, $after_kib after"
fi
printf '\001x' >&7
wait $soaked
exec 7>&-

# ---- the screen ----
if ! command -v tmux >/dev/null; then
    echo "# there is no tmux here"
    finish
    exit
fi
. tests/terminal.sh

on_screen 100x30 build/os1k.elf build/os1k.elf,name=second $guests/multiplication.bin $guests/divide.bin,mode=pm32
shows "two of 1K OS beside two guests" '2 of 4 running'
says "with their names" "$out" '1 os1k.elf .*2 second '
says "and what has become of them" "$out" '3 multiplication.bin . exited 0 .*4 divide.bin . crashed'
says "what they printed stays" "$out" '9 x 9 = 81'
says "a crash is explained" "$out" 'eip 00100020'
shows "there is a prompt in each" '^> +│>'
keys hello Enter
shows "typing goes to the first" '^Hello world from shell! +│'
keys C-a Right
keys -l ps
keys Enter
shows "and to the second" '│PID  PARENT'
keys C-a z
shows "zoom" '^PID  PARENT'
lacks "leaves one" "$out" '│'
keys C-a z C-a 4
shows "the focus tells what has happened" 'exception 0, #DE divide error'
keys C-a 3 C-a r
shows "a guest starts again" '3 multiplication.bin . exited 0'
keys C-a '['
scrolls() { keys PgUp && seen '[0-9]+ lines up'; } # once it has printed again
soon scrolls
shows "what has scrolled away is there" '[0-9]+ lines up'
keys g
shows "from its beginning" '^2 x 1 = 2 '
keys q C-a 1 C-a p
shows "a pause" '1 os1k.elf . paused'
keys C-a p
shows "ends" '1 os1k.elf . (halted|running)'
keys C-a h
shows "help" 'restart the guest'
keys x
"${terminal[@]}" resize-window -t 0 -x 60 -y 16
shows "another size" '^ Ctrl-A H: help +2 of 4 running$'
says "has all of them" "$out" '3 multipl.*4 divide'
for size in 10x5 1x1 3x2 2x40 40x1 200x60 100x30; do
    "${terminal[@]}" resize-window -t 0 -x ${size%x*} -y ${size#*x}
    sleep 0.1
done
keys -l hello
keys Enter
shows "sizes of all kinds do no harm" '2 of 4 running'
keys C-a k
shows "one is ended" '1 os1k.elf . ended by you'
says "the other runs on" "$out" '2 second . (halted|running)'
keys C-a 2
keys -l exit
keys Enter
shows "when all have ended the screen stays" 'all guests have ended; Ctrl-A X leaves'
keys C-a x
shows "until it is left" '^status 130$'
shows "the terminal is as it was" '^ icanon'
shows "and says how they ended" '^divide.bin: crashed after .*#DE divide error'

# mov dword [0xb8000], "Hi" in yellow on blue; sti; hlt; jmp back
printf '\xc7\x05\x00\x80\x0b\x00\x48\x1e\x69\x1e\xfb\xf4\xeb\xfd' >"$scratch/vga.bin"
on_screen 80x24 $guests/vga.bin,mode=pm32 "$scratch/vga.bin,mode=pm32,name=vga" $guests/flood.bin
shows "a guest that writes to its screen alone shows that" '(^|│)Hi +(│|$)'
says "in colour" "$("${terminal[@]}" capture-pane -t 0 -pe)" '\[[0-9;]*44m.*Hi'
keys C-a 2 C-a v
shows "a key shows its serial line instead" 'its serial line'
pid=$(pgrep -P "$("${terminal[@]}" display-message -t 0 -p '#{pane_pid}')" -x vmm)
kill -TERM "$pid"
shows "a signal ends it" '^status 143$'
shows "and restores the terminal" '^ icanon'

on_screen 80x24 build/os1k.elf build/os1k.elf
shows "a screen that is killed" '2 of 2 running'
pid=$(pgrep -P "$("${terminal[@]}" display-message -t 0 -p '#{pane_pid}')" -x vmm)
kill -SEGV "$pid"
shows "restores the terminal, too" '^ icanon'

many=()
for i in {1..20}; do many+=("$guests/halt_forever.bin,name=g$i"); done
on_screen 80x24 "${many[@]}"
shows "what does not fit is on another page" 'page 1/2  [0-9]+ of 20 running'
keys C-a b
shows "which a key shows" 'page 2/2'
says "with the rest" "$out" '20 g20'
keys C-a 0
shows "0 is the tenth" 'page 1/2'
keys C-a "'" 1 8
shows "of more, the number is asked for" 'number of the guest, Enter: 18'
keys Enter
shows "and there it goes" 'page 2/2'
keys C-a "'" 9 9 Enter
shows "if there is one" 'there is no guest 99'

# What the help lists and what the manual does.
in_help() { sed -nE '/keys_help/,/NULL/s/^    "  (.*[^ ])  .*/\1/p' vmm/front/screen/keys.c; }
in_manual() { sed -n '/^and with several guests/,/^\.El/s/^\.It Ctrl-A //p' docs/vmm.1 | sed 's/ Ctrl-A / /'; }
words() { tr -s ' ,' '\n' | sort -u; }
if [[ $(in_help | words | wc -l) -gt 15 ]] && differ=$(diff <(in_help | words) <(in_manual | words)); then
    ok "the manual lists the keys that Ctrl-A H does"
else
    not_ok "the manual lists the keys that Ctrl-A H does" "$(tr '\n' ' ' <<<"$differ")"
fi

# ---- races ----
if [[ $tsan ]]; then
    check "no data race, as lines" 0 timeout 60 "$tsan" run --cpu soft -m 16 build/os1k.elf,name=a build/os1k.elf,name=b \
        $guests/multiplication.bin < <(printf 'a: hello\nexit\n')
    lacks "is told of" "$err" 'ThreadSanitizer'
    check "no data race on the screen" 130 timeout 60 "$tsan" run --cpu soft -m 16 --cast "$scratch/cast" build/os1k.elf \
        $guests/flood.bin $guests/vga.bin,mode=pm32 $guests/divide.bin,mode=pm32 \
        < <(sleep 1; printf 'hello\n'; for key in p p r 2 p v p r 3 r v 4 r z z k x; do sleep 0.15; printf '\001%s' $key; done; sleep 1)
    lacks "is told of" "$err" 'ThreadSanitizer'
fi

finish
