#!/bin/bash
# Boot sectors on the software CPU next to QEMU with SeaBIOS: from exec to the first instruction and to the first
# character, and how long a MiB of a disk takes.
#   bench/boot.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
. bench/lib.sh
rounds=${1:-9}
prompt='>'

# both NAME: runs a boot sector alternately; $tmp/ours and $tmp/theirs have a line for each, the ms to its first
# instruction and to its end.
both() {
    local image=$tmp/$1.img
    nasm -Wall -Werror -w-unknown-warning "-D$1" -f bin -o "$image" bench/boot.asm
    truncate -s 8M "$image"
    rm -f "$tmp/ours" "$tmp/theirs"
    for ((i = 1; i <= rounds; i++)); do
        progress "$1, round $i of $rounds"
        $bench/latency "$prompt" build/vmm run --cpu soft -snapshot -hda "$image" >>"$tmp/ours"
        $bench/latency "$prompt" qemu-system-i386 -accel tcg -display none -monitor none -net none -serial stdio \
            -snapshot -drive "file=$image,format=raw" >>"$tmp/theirs"
    done
}
row() {
    local a b
    a=$(awk "{print $2}" "$tmp/ours" | median) b=$(awk "{print $2}" "$tmp/theirs" | median)
    echo "| $1 | $a | $b | $(ratio "$b" "$a") times |"
}

command -v qemu-system-i386 >/dev/null || { progress "qemu-system-i386 is not installed"; exit 1; }
echo "| figure, ms | vmm --cpu soft | QEMU with SeaBIOS | as fast |"
echo "|---|---|---|---|"
both CHARACTER
row "exec to the boot sector's first instruction" '$1'
row "exec to its first character by INT 10h" '$2'
both BIOS
row "1 MiB by INT 13h" '$2 - $1'
both ATA
row "1 MiB by ATA PIO, a sector a command" '$2 - $1'
both MULTIPLE
row "1 MiB by ATA PIO, 128 sectors a command" '$2 - $1'
