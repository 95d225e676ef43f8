#!/bin/bash
# The BIOS's services, called by boot sectors that print what they return: tests/bios/NAME.out is what SeaBIOS
# returns under QEMU, which is asked again where it is installed. As a floppy and as a hard disk.
#   tests/bios.sh [VMM]      VMM_OPTIONS, as in the other suites
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh

# same NAME FILE WANTED: two outputs are equal.
same() {
    if diff -u "$3" "$2" >"$scratch/diff"; then
        ok "$1"
    else
        not_ok "$1" "it is not as $3"
        sed -n '3,14s/^/    | /p' "$scratch/diff"
    fi
}

# SeaBIOS finds its drives by the chips: what it returns under the VMM is what it returns under QEMU.
rom=/usr/share/seabios/bios.bin
as_bios() {
    [[ -e $rom ]] || return 0
    # shellcheck disable=SC2086
    check "$1 on a $2, with SeaBIOS" 1 "$vmm" run ${VMM_OPTIONS:---cpu soft} -m 32M --timeout 60 --bios $rom -snapshot \
        "$([[ $2 == floppy ]] && echo -fda || echo -hda)" "$scratch/$1.img"
    same "$1 on a $2, with SeaBIOS: as under QEMU" "$scratch/out" "tests/bios/$1-$2.out"
}

seabios() {
    timeout 60 qemu-system-i386 -m 32 -display none -net none -serial "file:$scratch/qemu" \
        -device isa-debug-exit,iobase=0x501,iosize=2 -drive "file=$1,format=raw,if=$2" </dev/null >/dev/null 2>&1
    tr -d '\r' <"$scratch/qemu" >"$scratch/seabios"
}

services() {
    local name=$1 drive=$2 size=$3 wanted=tests/bios/$1-$2.out
    cp "build/bios/$name.img" "$scratch/$name.img" && truncate -s "$size" "$scratch/$name.img"
    # shellcheck disable=SC2086
    check "$name on a $drive: the boot sector comes to its end" 1 \
        "$vmm" run ${VMM_OPTIONS:---cpu soft} -m 32M --timeout 20 "$scratch/$name.img"
    same "$name on a $drive: all services do what SeaBIOS does" "$scratch/out" "$wanted"
    # The others need a BIOS of the display adapter, too.
    [[ $name != disk && $name != system && $name != keyboard ]] || as_bios "$name" "$drive"
    if [[ ${VMM_OPTIONS:-} != *kvm* ]] && command -v qemu-system-i386 >/dev/null; then
        seabios "$scratch/$name.img" "$([[ $drive == floppy ]] && echo floppy || echo ide)"
        same "$name on a $drive: SeaBIOS, asked again" "$scratch/seabios" "$wanted"
    fi
}

services disk floppy 1440K
services disk disk 8M
for name in system video graphics vbe keyboard; do
    services "$name" floppy 1440K
done

# ---- --bios ----
if [[ -e $rom ]]; then
    check "an image with SeaBIOS is a drive" 1 \
        "$vmm" run --cpu soft -m 32M --timeout 60 --bios $rom "$scratch/keyboard.img"
    same "and is started" "$scratch/out" tests/bios/keyboard-floppy.out
else
    echo "left out: SeaBIOS, for there is no $rom (Debian: seabios)"
fi
truncate -s 100 "$scratch/odd"
check "a BIOS that is no ROM" 2 "$vmm" run --bios "$scratch/odd" -fda "$scratch/keyboard.img"
says "is refused" "$err" 'vmm: --bios .*: its 100 bytes are not a ROM of 64 or 128 KiB'
check "a BIOS that is not there" 2 "$vmm" run --bios "$scratch/none" -fda "$scratch/keyboard.img"
says "is named" "$err" 'vmm: --bios .*none: no such file'
check "a BIOS for an ELF file" 2 "$vmm" run --bios "$scratch/odd" build/guests/multiboot.elf
says "has no use" "$err" '--bios is for boot sectors and drives, and this is Multiboot 1: leave it out'
finish
