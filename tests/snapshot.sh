#!/bin/bash
# Runs that are put aside and taken up again (--save, --restore), and runs that are written down and
# repeated (--record, --replay).
#   tests/snapshot.sh [VMM]        VMM_OPTIONS are given to every `vmm run`
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
vmm=${1:-build/vmm}
read -ra options <<<"${VMM_OPTIONS:-}"
run() { "$vmm" run --disk build/os1k.disk,ro "${options[@]}" "$@"; }
os=build/os1k.elf saved=$scratch/saved
mkfifo "$scratch/silence"
exec 9<>"$scratch/silence"

# typed TEXT [OPTION...]: runs with this input, then silence
typed() {
    local text=$1
    shift
    # shellcheck disable=SC2059
    printf "$text" >&9
    run "$@" <&9
}

check "a run put aside" 124 typed 'counter 1000 200 &\nhello\n' --timeout 3 --save "$saved" $os
says "had begun" "$out" 'Hello world from shell!'
says "tells how to go on" "$err" "vmm run --restore $saved"
check "goes on" 0 typed 'ps\nexit\n' --restore "$saved"
lacks "without a second boot" "$out" '1K OS'
# What it prints itself may come between any two letters.
says "with the process that was running" "$(tr -d '0-9\n' <<<"$out")" 'counter'
check "from the same file again" 11 typed 'exit 5\n' --restore "$saved"
check "and has a time limit of its own" 124 typed '' --timeout 500ms --restore "$saved"
check "saved again" 124 typed 'mem\n' --timeout 500ms --restore "$saved" --save "$saved"
check "goes on again" 0 typed 'exit\n' --restore "$saved"
# Waits for a byte on COM1, then resets: l: in al, dx; test al, 1; jz l; mov al, 0xfe; out 0x64, al
printf '\xba\xfd\x03\xec\xa8\x01\x74\xfb\xb0\xfe\xe6\x64\xf4' >"$scratch/reset.bin"
check "a guest in a loop, put aside" 124 typed '' --timeout 200ms --save "$scratch/loop" "$scratch/reset.bin"
check "a reset after that, with the image at hand" 124 \
    typed 'x' --timeout 1 --restore "$scratch/loop" --report "$scratch/report" "$scratch/reset.bin"
says "boots again" "$(cat "$scratch/report")" '"reboots": 1'
check "a reset without an image" 0 typed 'x' --timeout 5 --restore "$scratch/loop"
says "ends, and says why" "$err" 'asked for a reset by port 0x64 at 0000:000a'

check "a guest that has ended is not saved" 0 run --save "$scratch/none" build/guests/hello.bin
says "and it is said" "$err" 'nothing is saved'
check "nowhere to save" 2 typed '' --timeout 200ms --save /nonexistent/file $os
says "is said before it runs" "$err" "can't write the snapshot /nonexistent/file: No such file"
lacks "and nothing runs" "$out" '1K OS'
mkfifo "$scratch/fifo"
check "no file to save to" 2 run --timeout 200ms --save "$scratch/fifo" $os
says "is said" "$err" "can't write the snapshot .*fifo: it is there, and no file"
ln -s saved "$scratch/link"
chmod 640 "$saved"
check "a link to save to" 124 typed '' --timeout 300ms --restore "$saved" --save "$scratch/link"
[[ -L $scratch/link && $(stat -c %a "$saved") == 640 ]] && ok "is followed, and the file keeps its mode" ||
    not_ok "is followed, and the file keeps its mode" "$(stat -c '%N %a' "$scratch/link" "$saved")"
[[ $(echo "$scratch"/saved*) == "$scratch/saved" ]] && ok "nothing is left beside it" ||
    not_ok "nothing is left beside it" "$(echo "$scratch"/saved*)"
cp build/guests/hello.bin "$scratch/hello.bin"
for option in --save --report --record; do
    check "$option over the image" 2 "$vmm" run --cpu soft $option "$scratch/hello.bin" "$scratch/hello.bin"
    says "is refused: $option" "$err" "the image and $option are the same file"
done
cmp -s build/guests/hello.bin "$scratch/hello.bin" && ok "the image is as it was" || not_ok "the image is as it was" "changed"
check "other disks" 2 "$vmm" run --restore "$saved"
says "are said to differ" "$err" "disk 0 of the snapshot was 2048 KiB,ro, this one is 0 KiB"
check "other RAM" 2 run -m 32 --restore "$saved"
says "is said to differ" "$err" 'the snapshot has 64 MiB of RAM, the machine 32'
check "a file without end" 2 run --restore /dev/zero
says "is no snapshot" "$err" '/dev/zero is not a snapshot'
head -c 100000 "$saved" >"$scratch/short"
check "a file cut short" 2 run --restore "$scratch/short"
says "is said" "$err" 'short is damaged or cut short'
check "no snapshot at all" 2 run --restore $os
says "is said" "$err" 'os1k.elf is not a snapshot'
engine=$(run --report - build/guests/hello.bin 2>/dev/null | sed -nE 's/^ *"engine": "(.*)",$/\1/p')
if [[ $engine == soft ]]; then other=kvm; else other=soft; fi
check "another engine" 2 run --cpu $other --restore "$saved"
says "is said" "$err" "the snapshot is of a CPU of the|no /dev/kvm|/dev/kvm"

if [[ $engine != soft ]]; then
    check "--record needs counted time" 2 run --record "$scratch/log" $os
    says "and says so" "$err" '--record: only --cpu soft'
    finish
    exit
fi

# ---- the software CPU: to the last instruction ----

# end_of REPORT: what must be equal
end_of() {
    grep -E '"(end|status|guest_s|guest_idle_s|instructions|interrupts|ram_hash)"' "$1"
}

same() {
    if [[ $2 == "$3" ]]; then ok "$1"; else
        not_ok "$1" "differs"
        diff <(echo "$2") <(echo "$3") | head -n 6
    fi
}

script='counter 3 5\nhello\nspin &\ncrash-null\nkill 2\nps\nexit 3\n'
printf "$script" | run --clock virtual --report "$scratch/whole" $os >"$scratch/whole.out"
whole=$(sed -nE 's/.*"guest_s": ([0-9.]+),/\1/p' "$scratch/whole")
for percent in 1 17 50 83 99; do
    time=$(awk -v s="$whole" -v p=$percent 'BEGIN {printf "%dus", s * p * 1e4}')
    printf "$script" |
        run --clock virtual --timeout $time --save "$saved" $os >"$scratch/first.out" 2>/dev/null
    check "taken up again after $time of virtual time" 7 \
        run --clock virtual --restore "$saved" --report "$scratch/rest" </dev/null
    same "is the same run: output" "$(cat "$scratch/whole.out")" "$(cat "$scratch/first.out" "$scratch/out")"
    same "is the same run: all else" "$(end_of "$scratch/whole")" "$(end_of "$scratch/rest")"
done

for input in serial keyboard; do
    (sleep 0.3; echo hello; sleep 0.1; echo 'counter 3 5'; sleep 0.15; echo exit 3) |
        run --input $input --record "$scratch/log" --report "$scratch/live" $os >"$scratch/live.out"
    for clock in virtual real; do
        check "a run typed at ($input), repeated in $clock time" 7 \
            run --clock $clock --replay "$scratch/log" --report "$scratch/again" $os </dev/null
        same "prints the same" "$(cat "$scratch/live.out")" "$out"
        same "is the same" "$(end_of "$scratch/live")" "$(end_of "$scratch/again")"
    done
done
# A reset in a recorded run, with the next input sooner after it than the first was.
# Echoes COM1; 'r' resets, 'q' powers off.
#   l: mov dx, 0x3fd; in al, dx; test al, 1; jz l; mov dx, 0x3f8; in al, dx; out dx, al
#   cmp al, 'r'; jne +4; mov al, 0xfe; out 0x64, al; cmp al, 'q'; jne l; mov dx, 0x604; mov ax, 0x2000; out dx, ax
printf '\xba\xfd\x03\xec\xa8\x01\x74\xf8\xba\xf8\x03\xec\xee\x3c\x72\x75\x04\xb0\xfe\xe6\x64\x3c\x71\x75\xe7\xba\x04\x06\xb8\x00\x20\xef' \
    >"$scratch/echo.bin"
(sleep 0.4; printf abr; sleep 0.1; printf cq) |
    run --record "$scratch/reset.log" --report "$scratch/live" "$scratch/echo.bin" >"$scratch/live.out"
check "a run with a reset, repeated" 0 run --clock virtual --replay "$scratch/reset.log" \
    --report "$scratch/again" "$scratch/echo.bin" </dev/null
same "prints the same" "$(cat "$scratch/live.out")" "$out"
says "all of it came, but what a reset may lose" "$out" "^abrc?q$"
same "is the same" "$(end_of "$scratch/live")" "$(end_of "$scratch/again")"
if [[ -w /dev/full ]]; then
    check "no room for the log" 2 typed 'exit\n' --record /dev/full $os
    says "is said" "$err" 'the input log /dev/full is not complete'
fi
echo 'five o'\''clock tea' >>"$scratch/log"
check "a log with a bad line" 2 run --replay "$scratch/log" $os
says "is refused by its number" "$err" 'log:[0-9]+: not a line of an input log'
sed -i '$d; s/ 1[0-9]* serial/ 99999999 serial/; s/ 1[0-9]* key/ 99999999 key/' "$scratch/log"
check "a log of another run" 4 run --clock virtual --timeout 1 --replay "$scratch/log" $os
says "is said to differ" "$err" 'the run differs from the recorded one: input is due at'
finish
