#!/bin/bash
# The same kernel file under qemu-system-i386 (Multiboot): the machine it is compared with; and the disk
# guest, whose driver must find there what it finds here.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
qemu=(qemu-system-i386 -accel tcg -kernel build/os1k.elf -display none -serial stdio -monitor none
    -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4)

# QEMU hands bytes to a UART that is not set up yet, where they are lost: wait for the prompt, before each
# line. It runs under `check`, which has the output in a file.
prompts() { [[ $(tr -d '\r' <"$scratch/out" | grep -c '^> ') -ge $1 ]]; }
type_slowly() {
    {
        for ((line = 1; line <= $#; line++)); do
            soon prompts $line
            printf '%s\r' "${!line}"
        done
    } | timeout 60 "${qemu[@]}"
}

check "boots under QEMU" 0 type_slowly hello frobnicate exit
says "prints the banner" "$out" '^1K OS [0-9]'
says "says hello" "$out" '^Hello world from shell!$'
says "does without a disk" "$out" '^virtio-blk: no disk'
says "knows what it does not know" "$out" '^unknown command: frobnicate$'

# QEMU's microvm has virtio-mmio where we have it, and no power-off: status 0 leaves by the debug
# exit. Its BIOS leaves a local APIC in the way of the 8259, so there is none.
pc=("${qemu[@]}")
cp build/os1k.disk "$scratch/os1k.disk"
qemu+=(-machine microvm,acpi=off -cpu "qemu32,-apic" -device virtio-blk-device,drive=d
    -drive "if=none,id=d,format=raw,file=$scratch/os1k.disk")
check "finds its disk on QEMU's microvm" 1 type_slowly crash-null 'write note.txt under QEMU' 'cat note.txt' exit
says "survives a crash" "$out" '^crash-null .*killed: page fault'
says "reads what it wrote" "$out" '^under QEMU$'
check "and so does the host" 0 tar -xOf "$scratch/os1k.disk" note.txt
says "the same" "$out" '^under QEMU$'

qemu=("${pc[@]}" -append panic)
check "panics under QEMU with the same status" 101 type_slowly

# Its virtio devices are where ours are; without a local APIC its interrupts go through the 8259, too.
nasm -DQEMU -Iguests/ -f elf32 -o "$scratch/disk.o" guests/disk.asm
ld.lld -m elf_i386 -T linker/guest.ld -o "$scratch/disk.elf" "$scratch/disk.o"
for version in 1:disk:true 2:disk_modern:false; do
    IFS=: read -r number golden legacy <<<"$version"
    tests/disk.sh >"$scratch/disk"
    check "a disk with registers of version $number" 1 timeout 60 qemu-system-i386 -M microvm,acpi=off \
        -cpu qemu32,-apic -m 64 -accel tcg -kernel "$scratch/disk.elf" -display none -monitor none \
        -serial none -debugcon stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot \
        -global virtio-mmio.force-legacy=$legacy -device virtio-blk-device,drive=d,bus=virtio-mmio-bus.0 \
        -drive "if=none,id=d,format=raw,file=$scratch/disk"
    if cmp -s "$scratch/out" tests/guests/$golden.out; then ok "behaves as here"; else
        not_ok "behaves as here" "its output is not that of tests/guests/$golden.out"
        diff tests/guests/$golden.out "$scratch/out" | head -n 10
    fi
done

# An ATA disk and a CD: the registers, and what IDENTIFY says where the guest looks. Both are the same file
# here as there.
nasm -DQEMU -Iguests/ -f elf32 -o "$scratch/ata.o" guests/ata.asm
ld.lld -m elf_i386 -T linker/guest.ld -o "$scratch/ata.elf" "$scratch/ata.o"
tests/disk.sh | tee "$scratch/disk" >"$scratch/cd"
check "an ATA disk and a CD here" 0 build/vmm run --cpu soft -snapshot -hda "$scratch/disk" -cdrom "$scratch/cd" \
    build/guests/ata.elf
cp "$scratch/out" "$scratch/here"
check "and under QEMU" 1 timeout 60 qemu-system-i386 -m 64 -accel tcg -kernel "$scratch/ata.elf" -display none \
    -monitor none -serial none -debugcon stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot -snapshot \
    -drive "file=$scratch/disk,format=raw,if=ide,index=0" -cdrom "$scratch/cd"
if cmp -s "$scratch/out" "$scratch/here"; then ok "say the same"; else
    not_ok "say the same" "what is printed differs"
    diff "$scratch/here" "$scratch/out" | head -n 10
fi
says "down to the CD's last packet" "$out" '^an unknown packet: an illegal request: ok$'

# The same of a floppy disk, which both write.
nasm -DQEMU -Iguests/ -f elf32 -o "$scratch/floppy.o" guests/floppy.asm
ld.lld -m elf_i386 -T linker/guest.ld -o "$scratch/floppy.elf" "$scratch/floppy.o"
tests/disk.sh | tee "$scratch/a" >"$scratch/b"
truncate -s 1440K "$scratch/a" "$scratch/b"
check "a floppy disk here" 0 build/vmm run --cpu soft -fda "$scratch/a" build/guests/floppy.elf
cp "$scratch/out" "$scratch/here"
check "and under QEMU" 1 timeout 60 qemu-system-i386 -m 64 -accel tcg -kernel "$scratch/floppy.elf" -display none \
    -monitor none -serial none -debugcon stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot \
    -drive "file=$scratch/b,format=raw,if=floppy"
if cmp -s "$scratch/out" "$scratch/here" && cmp -s "$scratch/a" "$scratch/b"; then ok "say and write the same"; else
    not_ok "say and write the same" "what is printed or written differs"
    diff "$scratch/here" "$scratch/out" | head -n 10
fi
finish
