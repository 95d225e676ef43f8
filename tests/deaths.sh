#!/bin/bash
# What the VMM says of a guest that died of one mistake: the cause, the place, and each step that led to
# the triple fault. On the software CPU, which sees them all.   tests/deaths.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh

# death NAMES [STATUS]: assembles it, runs it; what was said is in $err.
death() {
    # shellcheck disable=SC2046
    nasm -Wall -Werror $(printf ' -D%s' $1) -f elf32 -g -F dwarf -o "$scratch/guest.o" tests/deaths/deaths.asm &&
        ld.lld -m elf_i386 -T linker/guest.ld -o "$scratch/guest.elf" "$scratch/guest.o" || exit 2
    check "$1: ends with status ${2:-6}" "${2:-6}" "$vmm" run --cpu soft --timeout 1 "$scratch/guest.elf"
}
# The place, with its symbol, and its line where symbols are read.
at='at eip 0x[0-9a-f]+'
place="$at( \(die[^)]*\(deaths.asm:[0-9]+\)\))?"

death EMPTY_IDT
says "the first exception is named" "$err" "triple fault: #UD invalid opcode $place: gate 6 of the IDT is not present"
says "and what came of it" "$err" 'then #GP .*: gate 13 of the IDT is not present.*; then #DF .*: gate 8 of the IDT is not present'
death NO_IDT
says "a limit of 0 is named" "$err" "#UD invalid opcode $place: gate 6 is beyond the IDT's limit 0 \\(was LIDT forgotten"
death SOFTWARE
says "INT n is no exception" "$err" "triple fault: INT 0x80 $place: gate 128 of the IDT is not present"
death INTERRUPT
says "an interrupt is named by its vector" "$err" "triple fault: the interrupt at vector 0x20 $at.*: gate 32 of the IDT is not present"
death SELECTOR
says "a selector is looked up" "$err" "#GP general protection \\(error code 0x28: selector 0x28 is beyond the GDT's limit 0x17\\) $place"
death NOT_MAPPED
says "the next instruction is not mapped" "$err" '#PF page fault \(the next instruction is not mapped\) at eip.*: the IDT at 0x[0-9a-f]+ is not mapped'
death STACK
says "a stack that is not mapped" "$err" "INT 0x3 $place: the stack at 0x7ffff[0-9a-f]+ is not mapped"
if [[ -e /usr/include/elfutils/libdw.h ]]; then
    says "with symbol and line" "$err" 'die.*deaths.asm:[0-9]+'
fi
death "UNDEFINED NO_IDT_OF_ITS_OWN"
says "an exception without an IDT has its place" "$err" "exception 6, #UD invalid opcode, error code 0, $place"
death SPINS 124
says "a guest that spins has its place" "$err" "timed out \\(--timeout\\); the guest was running $place, interrupts off"
death HALTS 0
says "one that halts for good, too" "$err" "halted $place, interrupts off"
finish
