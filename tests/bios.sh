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
finish
