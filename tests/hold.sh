#!/bin/bash
# Guests that stand still: dead ones that --hold keeps for their monitor, and those that --paused stops
# before their first instruction; at a socket, on a terminal, in panes.   tests/hold.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
. tests/terminal.sh
export LC_ALL=C.UTF-8
guests=build/guests socket=$scratch/socket

at_socket() {
    soon test -S "$socket"
    out=$(printf '%s\n' "$@" | timeout 30 socat -t 20 - "UNIX-CONNECT:$socket")
}
begin() {
    : >"$scratch/err" # what the last one said
    "$vmm" run --cpu soft -m 16 --monitor "unix:$socket" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null &
    guest=$!
}
ends() {
    local status=0
    wait "$guest" || status=$?
    if [[ $status == "$2" ]]; then ok "$1"; else not_ok "$1" "status $status, not $2: $(tail -n 3 "$scratch/err")"; fi
}
held() { soon grep -q "held, as it died" "$scratch/err"; }
# flat NAME: assembles standard input as a 16-bit image.
flat() { { echo 'bits 16'; cat; } >"$scratch/$1.asm" && nasm -f bin -o "$scratch/$1.bin" "$scratch/$1.asm" || exit 2; }

flat spin <<<'jmp $'
flat halt <<<'cli
hlt'
flat off <<<'mov dx, 0x604
mov ax, 0x2000
out dx, ax'
flat exit <<<'mov al, 3
out 0xf4, al'
flat reset <<<'mov al, 0xfe
out 0x64, al'
# A line on the screen with a box character, the cursor behind it, and one over the serial line.
flat both <<'END'
        mov ax, 0xb800
        mov es, ax
        mov word [es:160], 0x0748
        mov word [es:162], 0x0769
        mov word [es:164], 0x07cd
        mov dx, 0x3d4
        mov ax, 0x530f
        out dx, ax
        mov ax, 0x000e
        out dx, ax
        mov dx, 0x3f8
        mov al, 's'
        out dx, al
        jmp $
END

# ---- what is held ----
begin --hold --mode pm32 $guests/divide.bin
held
at_socket 'info status' 'info regs' 'x/4xb 0x100020' 'step' 'until 0x1' 'cont' 'reset' 'screen'
says "a dead guest is still there" "$out" '^\(vmm\) ended: exception, status 6'
says "with its registers" "$out" 'eip 00100020'
says "and its memory" "$out" '0x00100020: 0xf7 0xf1'
if [[ $(grep -c 'the guest has ended: exception.*#DE.*at eip 0x100020' <<<"$out") == 4 ]]; then
    ok "what has it run says that it is dead, and where"
else
    not_ok "what has it run says that it is dead, and where" "$out"
fi
says "after its report" "$(<"$scratch/err")" '=> 00100020 +f7 f1 '
says "which says where to look" "$(<"$scratch/err")" "held, as it died.*$socket.*quit"
at_socket 'quit'
ends "until it is quit: with its own status" 6

held_with() { # held_with NAME STATUS OPTION... IMAGE
    begin --hold "${@:3}"
    held && at_socket 'info status' 'quit'
    ends "$1 is held" "$2"
}
held_with "a guest that timed out" 124 --timeout 100ms "$scratch/spin.bin"
held_with "one that halted for good" 0 "$scratch/halt.bin"
held_with "one that has reset itself and is not to boot again" 0 --no-reboot "$scratch/reset.bin"
for name in off exit; do
    begin --hold "$scratch/$name.bin"
    ends "one that asked for its end ($name) is not" "$([[ $name == off ]] && echo 0 || echo 7)"
done
begin --hold "$scratch/reset.bin"
at_socket 'info status' 'quit'
ends "one that boots again and again is not" 130
begin --hold --mode pm32 $guests/divide.bin
held
kill -TERM "$guest"
ends "a signal ends it" 143
begin --hold --cpu soft --record "$scratch/log" --mode pm32 $guests/divide.bin
held && at_socket 'quit'
ends "with --record" 6
begin --hold --clock virtual --mode pm32 --replay "$scratch/log" $guests/divide.bin
held && at_socket 'print eip' 'quit'
says "with --replay" "$out" '0x100020'
ends "too" 6
check "a time limit saves" 124 "$vmm" run --cpu soft -m 16 --timeout 50ms --save "$scratch/saved" "$scratch/spin.bin"
begin --hold --timeout 50ms --restore "$scratch/saved"
held && at_socket 'quit'
ends "with --restore" 124
for options in --hold --paused -S "--hold --plain"; do
    # shellcheck disable=SC2086
    check "$options where nobody can come" 2 "$vmm" run $options --mode pm32 $guests/divide.bin
    says "says what it needs" "$err" 'needs a monitor.*--monitor unix:PATH'
done
check "a scenario can't hold" 2 "$vmm" test /dev/stdin <<<"boot $scratch/halt.bin --hold"

"$vmm" run --cpu soft -m 16 "$guests/divide.bin,mode=pm32,hold,monitor=unix:$socket" $guests/hello.bin,paused,keep-open \
    </dev/null >"$scratch/out" 2>"$scratch/err"
says "of several guests in a pipe, each needs a monitor" "$(<"$scratch/err")" '^vmm: --paused needs a monitor'
: >"$scratch/err"
"$vmm" run --cpu soft -m 16 "$guests/divide.bin,mode=pm32,hold,monitor=unix:$socket" $guests/hello.bin \
    </dev/null >"$scratch/out" 2>"$scratch/err" &
guest=$!
held && at_socket 'print eip' 'quit'
says "one of them is held" "$out" '0x100020'
says "which its name says" "$(<"$scratch/err")" '^divide.bin: vmm: divide.bin: held, as it died'
ends "while others are done" 6

# ---- the screen ----
begin --hold --timeout 100ms "$scratch/both.bin"
held && at_socket 'screen' 'quit'
says "the monitor shows the screen" "$out" '^Hi═$'
says "and where the cursor is" "$out" 'cursor is in row 1, column 3'
ends "of a dead guest" 124
says "it is shown at a bad end, beside the serial line" "$(<"$scratch/err")" '^  \| Hi═$'

# ---- paused ----
begin --paused --timeout 300ms "$scratch/spin.bin"
at_socket 'info status'
says "a paused guest has not begun" "$out" '^0.000000000 s .* 0 instructions'
says "and is paused" "$out" '^\(vmm\) paused'
sleep 0.5
at_socket 'step' 'info status' 'cont'
says "it can be stepped" "$out" ' 1 instructions'
says "and its time does not pass" "$out" '^0\.0000000[0-9]+ s of the guest'
ends "until it goes on" 124
says "how is said" "$(<"$scratch/err")" "paused before its first instruction.*$socket.*continue"
begin --paused --timeout 500ms --no-reboot "$scratch/spin.bin"
at_socket 'quit'
ends "it can be quit" 130
# A pause is not taken off the time that later boots have: here it is longer than the limit.
begin --paused --timeout 1500ms "$scratch/reset.bin"
sleep 1.7
at_socket 'until 1 insn' 'cont'
ends "a pause counts for nothing after a reset, either" 124
says "as many boots show" "$(<"$scratch/err")" 'has reset itself three times'
begin -S --hold --mode pm32 $guests/divide.bin
at_socket 'until 0x100020' 'cont'
says "both: stopped before, it is led to its death" "$out" 'stopped at 0x00100020'
held && at_socket 'info status' 'quit'
says "and held there" "$out" 'ended: exception'
ends "to its end" 6
begin --paused --restore "$scratch/saved" --timeout 50ms
at_socket 'info status' 'cont'
says "one that was saved is paused where it was" "$out" '^0\.0[5-9]'
ends "and goes on" 124
says "as is said" "$(<"$scratch/err")" 'paused where it was saved'

# ---- on a terminal ----
# one COLUMNSxROWS ARGUMENTS: like on_screen, with standard error on the terminal.
one() {
    end_session
    terminal[2]="vmm-test-$$-$((++sessions))"
    "${terminal[@]}" new-session -d -x "${1%x*}" -y "${1#*x}" "$vmm run --cpu soft -m 16 ${*:2}; echo status \$?; sleep 60"
}
one 140x40 --hold --paused --mode pm32 $guests/divide.bin
shows "on a terminal it is said how to go on" 'paused before its first instruction.*Ctrl-A C'
keys C-a c
keys -l 'continue'
keys Enter
shows "it dies" 'held, as it died.*Ctrl-A C'
keys -l 'info regs'
keys Enter
shows "and is looked at" 'eip 00100020'
keys C-a c
keys C-a c
keys -l 'x/1xb 0x100020'
keys Enter
shows "again, after one has gone away" '0x00100020: 0xf7'
keys C-a x
shows "Ctrl-A X ends it" '^status 6$'

on_screen 120x30 --hold --exit "$scratch/spin.bin" $guests/divide.bin,mode=pm32
shows "a pane says that its guest is held" '2 divide.bin . held'
keys C-a 2 C-a c
keys -l 'info regs'
keys Enter
shows "and has its monitor" 'eip 00100020'
keys -l 'quit'
keys Enter
shows "quit there ends it alone" '2 divide.bin . crashed'
keys C-a r
shows "it can be started again" '2 divide.bin . held'
keys C-a k
shows "Ctrl-A K ends it, too" '2 divide.bin . crashed'
keys C-a 1 C-a k
shows "then nothing holds the screen" '^status 130$'
on_screen 120x30 --paused "$scratch/spin.bin" "$scratch/spin.bin,name=second"
shows "panes can begin paused" '1 spin.bin . paused'
keys C-a p
shows "each to be let go" '1 spin.bin . running'
shows "by itself" '2 second . paused'
keys C-a x
shows "and ended" '^status 130$'
check "a recorded screen whose keys have ended holds nothing" 6 timeout 20 "$vmm" run --cpu soft --hold \
    --cast "$scratch/cast" --mode pm32 $guests/divide.bin < <(sleep 1)
finish
