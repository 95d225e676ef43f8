#!/bin/bash
# The same kernel file under qemu-system-i386 (Multiboot): the machine it is compared with.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
qemu=(qemu-system-i386 -accel tcg -kernel build/os1k.elf -display none -serial stdio -monitor none
    -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4)

# QEMU hands bytes to a UART that is not set up yet, where they are lost: wait for the prompt.
type_slowly() {
    {
        sleep 3
        for line; do
            printf '%s\r' "$line"
            sleep 0.5
        done
    } | timeout 60 "${qemu[@]}"
}

check "boots under QEMU" 0 type_slowly hello crash-null frobnicate exit
says "prints the banner" "$out" '^1K OS [0-9]'
says "says hello" "$out" '^Hello world from shell!$'
says "survives a crash" "$out" '^crash-null .*killed: page fault'
says "knows what it does not know" "$out" '^unknown command: frobnicate$'
qemu+=(-append panic)
check "panics under QEMU with the same status" 101 type_slowly
finish
