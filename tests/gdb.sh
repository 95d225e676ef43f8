#!/bin/bash
# gdb itself on guests: a C kernel with debug information, a boot sector that changes its mode, guests
# that spin, sleep, die and end, several at once, clients that go away and that come in vain.
#   tests/gdb.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
export LC_ALL=C.UTF-8

if ! command -v gdb >/dev/null; then
    echo "ok - # SKIP there is no gdb (apt-get install gdb)"
    finish
    exit
fi

socket=$scratch/gdb kernel=$scratch/kernel.elf boot=$scratch/boot.bin
gcc -m32 -march=i686 -ffreestanding -fno-pic -fno-stack-protector -fno-omit-frame-pointer -O0 -g \
    -c tests/gdb/kernel.c -o "$scratch/kernel.o" &&
    ld.lld -m elf_i386 --image-base=0x100000 -e start "$scratch/kernel.o" -o "$kernel" &&
    nasm -f bin tests/gdb/boot.asm -o "$boot" || exit 1

# begin [OPTION...] IMAGE: guests that wait for gdb.
begin() {
    timeout 120 "$vmm" run --cpu soft -m 4 --timeout 60 --gdb "unix:$socket" "$@" >"$scratch/vmm.out" 2>"$scratch/vmm.err" </dev/null &
    guest=$!
    soon bash -c "[[ -S \"\$1\" ]] || ! kill -0 \"\$2\"" - "$socket" "$guest" 2>/dev/null
}
# debug [-f FILE] LINE...: gdb does these lines; what it says is in $out.
debug() {
    local file='' lines=()
    [[ $1 == -f ]] && file=$2 && shift 2
    for line in 'set pagination off' 'set confirm off' 'set width 0' "target extended-remote $socket" "$@"; do
        lines+=(-ex "$line")
    done
    out=$(timeout 60 gdb -nx -batch "${lines[@]}" ${file:+"$file"} 2>&1 </dev/null)
}
# ends NAME STATUS: the guest does, and takes the socket with it.
ends() {
    local status=0
    wait "$guest" || status=$?
    if [[ $status == "$2" && ! -e $socket ]]; then ok "$1"; else not_ok "$1" "status $status, $(cat "$scratch/vmm.err")"; fi
}

# ---- a C kernel ----
begin -S "$kernel"
debug -f "$kernel" 'info threads' 'break work' 'continue' 'next' 'step' 'backtrace' 'finish' 'info locals' \
    'watch total' 'continue' 'continue' 'rwatch table[2]' 'continue' 'delete' 'break kernel.c:26' 'continue' 'print table' \
    'print i' 'delete' 'set var next = 100' 'continue'
says "a guest is an inferior, by its name" "$out" 'Thread 1.1 \(kernel.elf\)'
says "a breakpoint by name" "$out" 'Breakpoint 1, work \(\) at tests/gdb/kernel.c:[0-9]+'
says "a step into a function" "$out" 'add \(a=0, b=3\) at tests/gdb/kernel.c'
says "the stack" "$out" '^#1  0x[0-9a-f]+ in work \(\) at'
says "down to the entry" "$out" '^#2  0x[0-9a-f]+ in start \(\) at'
says "finish gives the value" "$out" '^Value returned is .* = 3$'
says "a watchpoint tells the first change" "$out" '^New value = 3$'
says "and the next" "$out" '^New value = 4$'
says "a read watchpoint" "$out" '^Hardware read watchpoint 3: table\[2\]'
says "what it reads" "$out" '^Value = 4$'
says "a breakpoint by line" "$out" 'Breakpoint 4, work \(\) at tests/gdb/kernel.c:26'
says "arrays" "$out" '= \{3, 1, 4, 1\}$'
says "the guest ends with what was set" "$out" '\[Inferior 1 \(process 1\) exited with code [0-9]+\]'
ends "and so does the VMM" 203 # 100 + 1, shifted, and 1

# ---- registers ----
begin -S "$kernel"
debug -f "$kernel" 'break add' 'continue' 'info registers' 'print $cs_base' 'print/x $cr0' 'set var $eax = 0x12345678' \
    'print/x $eax' 'set var $eip = $eip' 'print $xmm0.uint128' 'print $st0' 'set var $xmm1.v4_int32[2] = 7' 'print $xmm1' \
    'set var $cr0 = 0' 'print/x $cr0' 'set var $st3 = 1.5' 'print $st3' 'x/4xw &table' 'x/xb 0xfee00000' 'set var table[1] = 77' \
    'print table' 'monitor info status' 'monitor until 3ms' 'monitor step-interrupts off' 'monitor frobnicate' \
    'monitor x/1000xw 0x100000' 'detach'
says "a long answer comes whole" "$out" '^0x00100f90: '
says "all registers" "$out" '^gdt_base +0x'
says "bases of segments" "$out" '^\$1 = 0$'
says "a register is set" "$out" '= 0x12345678$'
says "SSE, too" "$out" 'v4_int32 = \{0, 0, 7, 0\}'
says "and x87" "$out" '= 1.5$'
says "what can't be is refused" "$out" 'Could not write register "cr0"'
says "and changes nothing" "$out" '^\$7 = 0x[0-9a-f]*1$'
says "memory" "$out" '^0x[0-9a-f]+ <table>:.*0x00000003.*0x00000001.*0x00000004'
says "no device is touched" "$out" 'Cannot access memory at address 0xfee00000'
says "memory is set" "$out" '= \{3, 77, 4, 1\}$'
says "the monitor answers" "$out" '^paused'
says "but does not run the guest" "$out" '^gdb runs and stops this guest'
says "interrupts can be kept from steps" "$out" '^steps take no interrupts'
says "what the monitor does not know" "$out" "there is no command 'frobnicate'"
ends "detached, it goes on" 171 # 9 + 76 = 85

# ---- one who interrupts ----
begin -S "$kernel"
cat >"$scratch/interrupt.py" <<'P'
import threading
import time
def later():
    gdb.post_event(lambda: gdb.execute("interrupt"))
def interrupt_soon():
    threading.Timer(0.5, later).start()
P
debug -f "$kernel" "source $scratch/interrupt.py" 'set var mode = 1' 'python interrupt_soon()' 'continue' 'backtrace' 'print spins > 1000' \
    'set var mode = 2' 'python interrupt_soon()' 'continue' 'x/i $eip' 'backtrace' 'set var mode = 0' 'kill'
says "one that spins" "$out" '^Program received signal SIGINT'
says "in its function" "$out" '^#1  0x[0-9a-f]+ in start|^#0  .*spin \(\)'
says "and has spun" "$out" '= 1$'
says "one that sleeps" "$out" '^#0 .*sleep \(\)'
ends "kill ends it" 130

# ---- 16 bits, then 32 ----
begin -S --load 0x7c00 "$boot"
debug 'set architecture i8086' 'info registers eip cs cs_base' 'stepi' 'info registers eip cs' 'break *0x7c40' 'stepi 4' 'print/x $eax' 'continue' 'x/i $eip' \
    'stepi' 'print $ebx' 'break *0x7c80' 'continue' 'stepi 5' 'info registers eip' 'stepi' 'set architecture i386' 'x/i $eip' 'info registers cs' \
    'watch *(int *)0x500' 'continue' 'print/x $eax' 'continue'
says "it begins in real mode" "$out" '^cs +0x7c0 '
says "with EIP as a linear address" "$out" '^eip +0x7c00'
says "and behind a far jump" "$out" '^eip +0x7c05'
says "16-bit steps" "$out" '^\$1 = 0x1234$'
says "a breakpoint that was copied over" "$out" '^Breakpoint 1, 0x00007c40'
says "with the new code there" "$out" '7c40:.*inc +%bx'
says "32-bit code behind the jump" "$out" 'mov +\$0x10,%ax'
says "its selector" "$out" '^cs +0x8 '
says "a watchpoint in it" "$out" '^New value = 1611516670$'
says "its registers" "$out" '= 0x12345678$'
says "one session to the end" "$out" 'exited with code 07'
ends "and the VMM" 7

# ---- one that dies ----
begin -S "$kernel"
debug -f "$kernel" 'set var mode = 3' 'continue' 'print/x $eip' 'print ticks' 'continue'
says "a guest that dies stops first" "$out" '^Program received signal SIGSEGV'
says "with the reason" "$out" '^exception: .*0xdeadbeef'
says "where it died" "$out" '= 0xdeadbeef$'
says "what is left of it" "$out" '= 0$'
says "and does not go on" "$out" 'Program terminated with signal SIGSEGV'
ends "that is its end" 6

# ---- one that is dead when gdb comes ----
begin --hold --mode pm32 build/guests/divide.bin
soon grep -q 'For gdb' "$scratch/vmm.err"
debug 'x/i $pc' 'print/x $eax' 'continue'
says "a dead guest that is held" "$out" '=> 0x100020:.*div'
says "with its registers" "$out" '= 0x1$'
says "does not go on" "$out" 'Program terminated with signal SIGSEGV'
kill "$guest"
ends "and ends by a signal" 143

# ---- back in time ----
begin -S "$kernel"
debug -f "$kernel" 'break start' 'continue' 'set var mode = 3' 'break busy' 'continue' 'delete' 'print victim' 'continue' \
    'print/x $eip' 'watch *(unsigned *)0x9efe4 == 0xdeadbeef' 'reverse-stepi' 'print innocent > 1000' 'monitor info status' \
    'delete' 'break spoil' 'reverse-continue' 'backtrace' 'print innocent' 'delete' 'watch *victim' 'continue' 'reverse-continue' \
    'backtrace 1' 'delete' 'monitor last-write total' 'reverse-stepi' 'break add' 'reverse-continue' 'info args' \
    'reverse-finish' 'reverse-continue' 'reverse-continue' 'reverse-continue' 'reverse-continue' 'print total' 'continue' \
    'delete' 'continue' 'print/x $eip'
says "from its death" "$out" '^\$[0-9]+ = 0xdeadbeef$'
says "back to a breakpoint before it" "$out" 'Breakpoint [0-9]+, spoil \(\)'
says "in the frames of then" "$out" '^#1  0x[0-9a-f]+ in crash \(\)'
says "with the memory of then" "$out" '^\$[0-9]+ = 0$'
says "to the write that spoilt the stack" "$out" '^New value = 3735928559$'
says "and to before it" "$out" '^Old value = 3735928559$'
says "the last write to a variable" "$out" 'is written next, 0x8 before and 0x9 after; stopped at .*work'
says "back into a function" "$out" '^a = 8$'
says "the beginning is told" "$out" 'No more reverse-execution history'
ends "and forward again, to the same end" 6

truncate -s 64K "$scratch/disk"
begin -S --disk "$scratch/disk" "$kernel"
debug -f "$kernel" 'break work' 'continue' 'reverse-stepi' 'print total' 'delete' 'continue'
says "one that can't go back says why" "$out" 'a disk that the guest can write does not go back in time'
says "and is as it was" "$out" '^\$1 = 0$'
ends "and goes on" 19

# ---- the monitor goes back without gdb ----
gcc -m32 -march=i686 -ffreestanding -fno-pic -fno-stack-protector -O0 -g -c docs/debugging/lesson.c -o "$scratch/lesson.o" &&
    ld.lld -m elf_i386 -Ttext 0x100000 -e start "$scratch/lesson.o" -o "$scratch/lesson.elf" || exit 1
timeout 120 "$vmm" run --cpu soft --hold --history 16M --monitor "unix:$scratch/monitor" "$scratch/lesson.elf" \
    >/dev/null 2>"$scratch/vmm.err" </dev/null &
guest=$!
soon grep -q 'held, as it died' "$scratch/vmm.err"
out=$(printf '%s\n' 'last-write esp-4' 'back until boot' 'print eip' 'back until 40 insn' 'info status' 'cont' 'back until 3ms' 'quit' |
    socat -t 10 - "UNIX-CONNECT:$scratch/monitor")
says "a dead guest's last write" "$out" '0x[0-9a-f]+ is written next, 0x726165 before and 0x6e726165 after; stopped at .*copy'
says "back to a function's begin" "$out" '<boot \(lesson.c:21\)>'
says "back to a count, but not forward" "$out" 'stopped at .* [0-9]+ instructions'
says "a dead guest runs no more" "$out" 'the guest has ended: it can be looked at'
says "a time is no place to go back to" "$out" "'back until' takes a symbol"
ends "and its end is what it was" 6
check "a history of nothing" 2 "$vmm" run --history 0 "$kernel"
says "is said" "$err" '--history 0: not a size'

# ---- those who go away, and those who come in vain ----


begin -S "$kernel" "$kernel,name=second"
debug -f "$kernel" 'info inferiors' 'info threads' 'inferior 2' "file $kernel" 'inferior 1' 'break work' 'continue' 'info threads' 'inferior 2' 'continue' 'delete' 'print total' \
    'set schedule-multiple on' 'detach inferiors 1 2'
says "several guests" "$out" 'Thread 2.1 \(second\)'
says "the first has a breakpoint" "$out" '^Thread 1.1 .*hit Breakpoint 1'
says "and the second" "$out" '^Thread 2.1 .*hit Breakpoint 1'
ends "detached, all go on" 19

begin -S "$kernel"
python3 - "$socket" >"$scratch/second" <<'P'
import socket
import sys
def at():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    return s
def send(s, data):
    s.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
    reply = b""
    while b"#" not in reply or len(reply) < reply.index(b"#") + 3:
        reply += s.recv(65536)
    return reply
first = at()
print(send(first, b"?"))
second = at()
print(second.recv(100))
send(first, b"Z0,100000,1")
first.close()
third = at()
print(send(third, b"?"))
send(third, b"G00")
send(third, b"vCont;c:p5.1;;;")
send(third, b"m0,ffffffffffffff")
send(third, b"qXfer:features:read:target.xml:fffffff,fffffff")
third.sendall(b"$c#63")
third.close()
P
says "a first client" "$(head -n 1 "$scratch/second")" "T05thread:1"
says "a second one is told so" "$(<"$scratch/second")" "E.another gdb"
says "a third one after the first" "$(tail -n 1 "$scratch/second")" "T05thread:1"
ends "and the guest goes on" 19

# ---- at a port ----
port=$((20000 + $$ % 20000))
check "nothing but a port is taken" 2 "$vmm" run --gdb nowhere:99999 "$kernel"
says "and said" "$err" 'not \[HOST:\]PORT'
"$vmm" run --cpu soft -m 4 --timeout 60 --gdb $port -S "$kernel" >/dev/null 2>&1 </dev/null &
guest=$!
socket=127.0.0.1:$port
soon bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
debug -f "$kernel" 'break add' 'continue' 'detach'
says "gdb at a port" "$out" 'Breakpoint 1, add'
ends "on this machine" 19

finish
