#!/bin/bash
# The monitor as a user and a script meet it: at a socket (by socat), on a terminal (in tmux), of one
# guest and of several; and that threads race for nothing meanwhile.
#   tests/monitor.sh [VMM] [VMM-WITH-THREAD-SANITIZER]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm} tsan=${2:-}
. tests/lib.sh
export LC_ALL=C.UTF-8
guests=build/guests socket=$scratch/socket

# at_socket LINE...: says lines to the monitor there, all at once; what it answers is in $out.
at_socket() {
    soon test -S "$socket"
    out=$(printf '%s\n' "$@" | timeout 30 socat -t 20 - "UNIX-CONNECT:$socket")
}
# begin [OPTION...] IMAGE: a guest with that monitor; its status is that of `wait $guest`.
begin() {
    "$vmm" run -m 16 --timeout 60 --monitor "unix:$socket" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null &
    guest=$!
}
# ends NAME STATUS: so does the guest, and takes the socket with it.
ends() {
    local status=0
    wait "$guest" || status=$?
    if [[ $status == "$2" && ! -e $socket ]]; then ok "$1"; else not_ok "$1" "status $status, $(ls "$scratch")"; fi
}

# ---- at a socket ----
begin --cpu soft --disk build/os1k.disk,ro build/os1k.elf
at_socket 'info status' 'info disk' 'info pic' 'info idt' 'info pages'
says "which disks there are" "$out" '^\(vmm\) slot 0: os1k.disk, 4096 sectors, read-only, registers of version 1 at 0xfeb00000'
says "a script asks whether it runs" "$out" '^\(vmm\) running'
says "how interrupts stand" "$out" '^IRQ 1  keyboard vector 0x21: open$'
says "where they lead, by name" "$out" '^0x09-0x7f interrupt gate, ring 0 -> 0x08:0x[0-9a-f]{8} trap_stubs\+0x90, then every 16 bytes$'
says "what is mapped" "$out" '^0x80101000-0x[0-9a-f]+ +[0-9]+ KiB  r- kernel  to 0x00101000$'
at_socket 'until trap_entry' 'info branches' 'cont'
says "it tells the way there" "$out" '^(INT|interrupt|exception) 0x[0-9a-f]{2} +0x[0-9a-f]{8} .* -> 0x[0-9a-f]{8} trap_stubs'
says "by which function returns" "$out" '^RET +0x[0-9a-f]{8} [a-z_].* -> 0x[0-9a-f]{8} [a-z_]'
at_socket 'until trap_entry' 'print eip == trap_entry' 'step 2' 'info status' 'until 0x1 # never' 'pause' 'cont'
says "it runs to a symbol" "$out" '^\(vmm\) stopped at 0x[0-9a-f]+ trap_entry,'
says "exactly there" "$out" '^\(vmm\) 0x1 = 1$'
says "it steps" "$out" '^\(vmm\) stopped at 0x[0-9a-f]+ trap_entry\+0x'
says "and is paused then" "$out" '^\(vmm\) paused'
if [[ $(grep -c 'stopped ' <<<"$out") == 4 ]]; then ok "stop ends a run to nowhere"; else not_ok "stop ends a run to nowhere" "$out"; fi
at_socket 'frobnicate' 'x/4q 0' "$(head -c 3000 /dev/zero | tr '\0' 'x')" 'print 1 + 1'
says "what it does not know, it says" "$out" "there is no command 'frobnicate'"
says "and goes on" "$out" '^\(vmm\) 0x2 = 2$'
at_socket 'stop' 'reset' 'info status' 'cont'
says "a reset begins anew, paused as it was" "$out" '^\(vmm\) \(vmm\) paused'
says "at the first instruction" "$out" '^0.000000000 s .* 0 instructions'
at_socket 'quit'
ends "it quits" 130

begin --cpu soft $guests/timer_keys.elf
at_socket 'until 100ms' 'why' 'quit'
says "it says what a guest does" "$out" '^\(vmm\) it waits in HLT at 0x[0-9a-f]+'
says "and that all is well" "$out" '^the last interrupt, IRQ 0 \(timer\), came [0-9.]+ ms ago$'
ends "and ends" 130
lacks "which is not told of a guest that was well when it was quit" "$(<"$scratch/err")" 'why:|hint:'

begin --cpu soft --input keyboard --mode pm32 $guests/keyboard.bin
at_socket 'sendkey shift-a' 'sendkey esc'
ends "keys are sent" 0
says "that the guest reads" "$(<"$scratch/out")" "'A'"

# The socket's directory is named by nothing else: that must not open all others.
mkdir -p "$scratch/home/sub/.ssh" "$scratch/s"
echo mine >"$scratch/home/sub/.ssh/authorized_keys"
socket=$scratch/s/m
begin --cpu soft --timeout 20 --save "$scratch/home/saved" --snapshot "$scratch/home/later" $guests/timer_keys.elf
at_socket 'stop' 'info status' "snapshot $scratch/home/later" "snapshot $scratch/home/sub/.ssh/authorized_keys" \
    "snapshot $scratch/home/other" "snapshot $scratch/s/other" "snapshot $scratch/home/saved" "snapshot $scratch/home/later" 'quit'
if [[ $(grep -Ec "saved; 'vmm run --restore .*(later|saved)' resumes here" <<<"$out") == 3 ]]; then
    ok "a snapshot is written where --snapshot or --save says"
else
    not_ok "a snapshot is written where --snapshot or --save says" "$out"
fi
if [[ $(grep -c "can't write the snapshot .* (the sandbox allows only files that --save and --snapshot name)" <<<"$out") == 3 ]]; then
    ok "and nowhere else"
else
    not_ok "and nowhere else" "$out"
fi
ends "which ends nothing" 130
if [[ $(<"$scratch/home/sub/.ssh/authorized_keys") == mine && $(ls "$scratch/home" "$scratch/s" | tr '\n' ' ') == *'home: later saved sub '*'s: ' ]]; then
    ok "other files are as they were, and no new ones there"
else
    not_ok "other files are as they were, and no new ones there" "$(ls -lR "$scratch/home" "$scratch/s")"
fi
socket=$scratch/socket
check "it can be gone on with" 124 "$vmm" run --restore "$scratch/home/later" --timeout 10ms
begin --cpu soft --no-sandbox $guests/timer_keys.elf
at_socket 'stop' "snapshot $scratch/home/other" 'quit'
says "without the sandbox, a snapshot is written anywhere" "$out" "saved; 'vmm run --restore .*other'"
ends "too" 130

begin --cpu soft --mode pm32 --monitor-test-none $guests/divide.bin
ends "an unknown option leaves no socket" 2
mkfifo "$scratch/lines"
begin --cpu soft --mode pm32 $guests/timer32.bin
exec 6<>"$scratch/lines"
soon test -S "$socket"
(timeout 30 socat - "UNIX-CONNECT:$socket" <"$scratch/lines" >"$scratch/answers") &
client=$!
says_soon() {
    soon grep -aEqs -- "$2" "$scratch/answers"
    says "$1" "$(<"$scratch/answers")" "$2"
}
echo 'until 0x1' >&6
says_soon "a guest that ends is kept while somebody looks" 'the guest has ended: power-off'
echo 'info irq' >&6
says_soon "at what is left of it" '^\(vmm\) IRQ 0  timer +raised'
echo 'quit' >&6
exec 6>&-
wait $client
ends "until that is enough" 0

begin --cpu soft $guests/timer_keys.elf
at_socket 'info status'
printf 'until 0x1\ninfo pic\n' | timeout 30 socat -u - "UNIX-CONNECT:$socket"
at_socket 'info status' 'quit'
says "who goes in the middle of a run to nowhere keeps nobody out" "$out" '^\(vmm\) paused'
ends "not even from ending it" 130

printf '\xb0\xfe\xe6\x64\xf4' >"$scratch/reset.bin" # mov al, 0xfe; out 0x64, al
begin --cpu soft "$scratch/reset.bin"
at_socket 'until 9s' 'until 1 insn' 'quit'
says "a reset on the way is reported" "$out" '^\(vmm\) the guest did not get there: the guest asked for a reset by port 0x64 at 0000:0002$'
says "as no end: it boots again" "$out" '^\(vmm\) stopped at 0x'
ends "and can be quit" 130

# ---- who can't listen ----
check "a place that is none" 2 "$vmm" run --monitor tcp:1 $guests/hello.bin
says "is told from one" "$err" '^vmm: --monitor tcp:1: not unix:PATH'
check "a directory that is not there" 2 "$vmm" run --monitor "unix:$scratch/no/where" $guests/hello.bin
says "is named" "$err" "^vmm: --monitor .*: can't listen at .*no/where: No such file"
: >"$scratch/file"
check "a file where the socket should be" 2 "$vmm" run --monitor "unix:$scratch/file" $guests/hello.bin
says "stays" "$err" 'file is there already, and no socket'
begin --cpu soft $guests/timer_keys.elf
at_socket 'info status'
check "a socket that is taken" 2 "$vmm" run --monitor "unix:$socket" $guests/hello.bin
says "is told of" "$err" 'another program listens at'
{ kill -KILL "$guest"; wait "$guest"; } 2>/dev/null
check "one that was left behind" 0 "$vmm" run --cpu soft --monitor "unix:$socket" $guests/hello.bin
check "a monitor for several guests" 2 "$vmm" run --monitor "unix:$socket" $guests/hello.bin $guests/hello.bin
says "is one's own" "$err" 'monitor is for one guest'
timeout 60 "$vmm" run --cpu soft -m 16 $guests/multiplication.bin build/os1k.elf,monitor="unix:$socket" </dev/null >/dev/null 2>&1 &
guest=$!
at_socket 'info status' 'quit'
says "of several guests, one has it" "$out" '^\(vmm\) running'
ends "and ends by it" 130

# ---- records ----
begin --cpu soft --mode pm32 --input keyboard --record "$scratch/log" $guests/keyboard.bin
at_socket 'irq 0' 'sendkey a' 'stop' 'step 5' 'sendkey esc' 'cont'
says "what no log would have is refused" "$out" 'not with --record'
ends "a run that was stepped through" 0
first=$(tr -d '\r' <"$scratch/out")
check "is repeated" 0 "$vmm" run --cpu soft --clock virtual --mode pm32 --replay "$scratch/log" $guests/keyboard.bin
says "with the keys that were sent" "$out" "'a'"
if [[ $out == "$first" ]]; then ok "and the same output"; else not_ok "and the same output" "$(diff <(echo "$first") <(echo "$out") | head -n 5)"; fi

# ---- on a terminal ----
if ! command -v tmux >/dev/null; then
    echo "# there is no tmux here"
    finish
    exit
fi
. tests/terminal.sh
# one COLUMNSxROWS ARGUMENTS: like on_screen, with standard error on the terminal.
one() {
    end_session
    terminal[2]="vmm-test-$$-$((++sessions))"
    "${terminal[@]}" new-session -d -x "${1%x*}" -y "${1#*x}" \
        "$vmm run --cpu soft -m 16 ${*:2}; echo status \$?; stty -a | grep -o '.icanon'; sleep 60"
}
one 100x40 build/os1k.elf
shows "a guest" '^>'
keys C-a w
shows "is asked by a key what it does" '^it waits in HLT at 0x[0-9a-f]+'
lacks "and no monitor is left on the screen" "$(picture)" '^\(vmm\)'
keys C-a c
shows "has a monitor" '^\(vmm\)'
keys -l 'info pi'
keys Tab
shows "which completes" '^pic  pit'
keys c Enter
shows "and explains" '^IRQ 4  COM1     vector 0x24: open$'
keys Up BSpace t Enter
shows "remembers lines" '^channel 0 \(IRQ 0\): mode 2 rate generator, reload 11931 \(100.007 Hz\)'
keys -l 'stop'
keys Enter
shows "stops" '^stopped '
keys -l 'unt'
keys Tab
keys -l 'trap_en'
keys Tab Enter
shows "runs to a symbol" '^stopped at 0x[0-9a-f]+ trap_entry,'
keys -l 'until 0x1'
keys Enter C-c
shows "or to nowhere, until Ctrl-C" '^\^C'
shows "stops it" '^stopped at|^stopped in HLT'
keys c Enter C-a c
keys -l hello
keys Enter
shows "back at the guest" '^Hello world from shell!'
keys C-a c
keys -l 'until 0x2'
keys Enter
keys C-a c
keys -l exit
keys Enter
shows "a guest that ends" '^process 1 exited'
shows "leaves" '^status 0$'
shows "and the terminal is as it was" '^ icanon'

one 100x40 --monitor "unix:$socket" build/os1k.elf
shows "a guest with a monitor at both ends" '^>'
keys C-a c
keys -l 'until 0x1'
keys Enter
shows "waits at one" '^\(vmm\) until 0x1'
at_socket 'info status' 'sendkey shift' 'info irq'
says "answers at the other" "$out" '^\(vmm\) running'
sleep 0.2
lacks "which ends no wait" "$(picture)" '^stopped '
at_socket 'info status'
says "and leaves no guest paused" "$out" '^\(vmm\) running'
at_socket 'stop'
shows "but a stop ends it" '^stopped '
keys C-a x
shows "leaves" '^status 130$'

one 100x40 --mode pm32 --timeout 30 $guests/keyboard.bin --input keyboard
shows "a guest with keys" 'type; q or Escape ends'
keys C-a c
keys -l 'sendkey q'
keys Enter
shows "that ends while one looks" 'the guest has ended \(.*\); quit, or Ctrl-A C, leaves'
keys -l 'info irq'
keys Enter
shows "can be looked at" '^IRQ 1  keyboard raised'
keys C-a c
shows "and left" '^status 0$'

on_screen 120x30 build/os1k.elf build/os1k.elf,name=second $guests/divide.bin,mode=pm32
shows "panes" '2 of 3 running'
keys C-a 2 C-a c
shows "have monitors" '2 second . (halted|running) . monitor'
keys -l 'info pit'
keys Enter
shows "each its own" 'channel 0 \(IRQ 0\): mode 2'
keys -l 'stop'
keys Enter
shows "a pause is seen" '2 second . paused . monitor'
keys C-a p
shows "and ended by a key" '2 second . (halted|running) . monitor'
keys C-a w
shows "another key asks what it does" 'it waits in HLT at'
keys C-a 3 C-a c
keys -l 'info regs'
keys Enter
shows "one that has crashed is still there" 'eip 00100020'
keys C-a r
keys -l 'until 0x1'
keys Enter
shows "and after it was started again" 'the guest has ended'
keys C-d
shows "Ctrl-D goes back" '3 divide.bin . crashed . [0-9]'
keys C-a 2 C-a c
keys -l 'hello'
keys Enter
shows "the guest behind a monitor runs on" 'Hello world from shell!'
keys C-a x
shows "and all are left" '^status 130$'

# ---- races ----
if [[ $tsan ]]; then
    "$tsan" run --cpu soft -m 16 build/os1k.elf,monitor="unix:$socket" build/os1k.elf $guests/divide.bin,mode=pm32 \
        </dev/null >/dev/null 2>"$scratch/err" &
    guest=$!
    at_socket 'info pic' 'stop' 'step 100' 'until trap_entry' 'info pages' 'cont' 'sendkey a' 'info status'
    says "a guest under the thread sanitizer" "$out" '\(vmm\) running'
    kill -TERM "$guest"
    wait "$guest"
    lacks "no data race at a socket" "$(<"$scratch/err")" 'ThreadSanitizer'
    check "no data race on the screen" 130 timeout 60 "$tsan" run --cpu soft -m 16 --cast "$scratch/cast" build/os1k.elf \
        $guests/flood.bin $guests/divide.bin,mode=pm32 \
        < <(sleep 1; for key in c 2 c 3 c 1; do printf '\001%sinfo pic\ninfo st\t\nstop\nstep 9\nuntil 0x1\n\003cont\n' $key; sleep 0.3; done
            for key in p p r 2 r 3 r c x; do printf '\001%s' $key; sleep 0.15; done; sleep 1)
    lacks "is told of" "$err" 'ThreadSanitizer'
    says "and the monitors answered" "$(<"$scratch/cast")" 'master: initialised'
fi

finish
