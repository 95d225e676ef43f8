#!/bin/bash
# Starting from drives: which one, and what finds its way by the BIOS alone: a partition's boot sector behind the
# MBR, two stages on a FAT12 floppy disk, kernels on CDs that GRUB starts.
#   tests/boot.sh [VMM]        VMM_OPTIONS are given to every `vmm run`
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
vmm=${1:-build/vmm}
read -ra options <<<"${VMM_OPTIONS:---cpu soft}"
run() { "$vmm" run --timeout 60 "${options[@]}" "$@" </dev/null; }
assemble() { nasm -Wall -Werror -w-unknown-warning -f bin -o "$@"; }
put() { dd if="$2" of="$1" bs=512 seek="$3" conv=notrunc status=none; } # FILE on DISK, at a sector

# ---- which drive ----
# A boot sector that says its name and its drive.
for name in floppy disk; do
    assemble "$scratch/$name" tests/boot/drive.asm "-DNAME='$name'"
done
truncate -s 1440K "$scratch/floppy"
truncate -s 80M "$scratch/disk"
truncate -s 1440K "$scratch/empty"
check "a floppy disk without an image" 0 run -fda "$scratch/floppy"
says "is started as drive 0" "$err" '^  \| floppy 00$'
says "an empty one is not" "$(run -fda "$scratch/empty" 2>&1)" '^vmm: empty: the BIOS found no drive to start from'
check "a hard disk without an image" 0 run -hda "$scratch/disk"
says "is started as drive 80h" "$err" '^  \| disk 80$'
check "both" 0 run -hda "$scratch/disk" -fda "$scratch/floppy"
says "the floppy disk is first" "$err" '^  \| floppy 00$'
check "-boot c" 0 run -hda "$scratch/disk" -fda "$scratch/floppy" -boot c
says "the hard disk is first" "$err" '^  \| disk 80$'
check "-boot order=dca,menu=off" 0 run -hda "$scratch/disk" -fda "$scratch/floppy" -boot order=dca,menu=off
says "the same, without a CD" "$err" '^  \| disk 80$'
check "-boot c without one" 0 run -fda "$scratch/floppy" -boot c
says "goes on to the floppy disk" "$err" '^  \| floppy 00$'
check "an empty floppy disk and a hard disk" 0 run -fda "$scratch/empty" -hda "$scratch/disk"
says "the hard disk" "$err" '^  \| disk 80$'
check "a hard disk as the primary slave" 0 run -hdb "$scratch/disk"
says "alone, it is drive 80h" "$err" '^  \| disk 80$'
check "an image of 80 MiB" 0 run "$scratch/disk"
says "is a hard disk" "$err" '^  \| disk 80$'
check "only a virtio disk" 2 run --disk "$scratch/disk"
says "is none to start from" "$err" 'no image given, and no disk to start from'
for wrong in '' q cc acdc order=x menu=; do
    check "-boot '$wrong'" "$([[ $wrong == menu= ]] && echo 0 || echo 2)" run -fda "$scratch/floppy" -boot "$wrong"
done
printf 'boot fda=%s\nexpect screen "floppy 00"\nboot -hda %s -fda %s -boot c\nexpect screen "disk 80"\n' \
    "$scratch/floppy" "$scratch/disk" "$scratch/floppy" >"$scratch/drives.t"
[[ ${options[*]} == *kvm* ]] || check "a scenario that starts drives" 0 "$vmm" test "$scratch/drives.t"

# ---- partitions ----
assemble "$scratch/one" tests/boot/partition.asm "-DNAME='one'"
assemble "$scratch/two" tests/boot/partition.asm "-DNAME='two'"
for how in CHS LBA; do
    for active in 1 2; do
        assemble "$scratch/mbr" tests/boot/mbr.asm -DACTIVE=$active -D$how
        truncate -s 0 "$scratch/parts" && truncate -s 5160960 "$scratch/parts"
        put "$scratch/parts" "$scratch/mbr" 0
        put "$scratch/parts" "$scratch/one" 63
        put "$scratch/parts" "$scratch/two" 1008
        for image in "-hda $scratch/parts" "$scratch/parts"; do
            # shellcheck disable=SC2086
            check "partition $active by $how (${image%% *})" 0 run $image
            says "is the one that starts" "$err" \
                "^  \\| partition $([[ $active == 1 ]] && echo one, sector 63 || echo two, sector 1008)\$"
        done
    done
done

# ---- two stages ----
assemble "$scratch/fat12" tests/boot/fat12.asm
assemble "$scratch/stage2" tests/boot/stage2.asm
if command -v mformat >/dev/null; then
    for size in 1440 720 360 2880; do
        rm -f "$scratch/fat"
        mformat -C -f $size -B "$scratch/fat12" -i "$scratch/fat" :: &&
            mcopy -i "$scratch/fat" Makefile ::MAKEFILE && mcopy -i "$scratch/fat" "$scratch/stage2" ::STAGE2.BIN
        check "a loader on a FAT12 floppy disk of $size KiB" 0 run -fda "$scratch/fat"
        says "loads its second stage" "$err" '^  \| all of the second stage$'
    done
else
    echo "left out: floppy disks with a file system, for there is no mformat (Debian: mtools)"
fi

# ---- CDs ----
# cd KERNEL TO: GRUB starts it.
cd_of() {
    rm -rf "$scratch/cd" && mkdir -p "$scratch/cd/boot/grub" && cp "$1" "$scratch/cd/boot/kernel.elf" &&
        printf 'set timeout=0\nmenuentry kernel {\n  multiboot /boot/kernel.elf a=1\n}\n' \
            >"$scratch/cd/boot/grub/grub.cfg" && grub-mkrescue -o "$2" "$scratch/cd" >"$scratch/log" 2>&1
}
if command -v grub-mkrescue >/dev/null && command -v xorriso >/dev/null && [[ -d /usr/lib/grub/i386-pc ]]; then
    cd_of build/guests/multiboot.elf "$scratch/multiboot.iso" || tail -n 3 "$scratch/log"
    check "a CD by GRUB, with a Multiboot kernel" 0 run -cdrom "$scratch/multiboot.iso"
    says "GRUB has started it" "$out" '^boot loader: GRUB'
    says "with its command line" "$out" '^command line: a=1$'
    says "and the BIOS's memory map" "$out" '^  00100000 \+ 03f00000 free$'
    check "the same as an image, before an empty floppy disk and a hard disk" 0 \
        run -fda "$scratch/empty" -hda "$scratch/disk" "$scratch/multiboot.iso"
    says "is a CD, and started" "$out" '^boot loader: GRUB'
    check "the same on a hard disk, by GRUB's MBR" 0 run -hda "$scratch/multiboot.iso"
    says "is started from there" "$out" '^boot loader: GRUB'
    mkdir "$scratch/floppies" && cp "$scratch/fat" "$scratch/floppies/a.img"
    xorriso -as mkisofs -quiet -b a.img -o "$scratch/floppy.iso" "$scratch/floppies" >"$scratch/log" 2>&1
    check "a CD with the floppy disk of 2880 KiB" 0 run -cdrom "$scratch/floppy.iso"
    says "loads its second stage" "$err" '^  \| all of the second stage$'
    check "the same before a floppy disk" 0 run "$scratch/floppy.iso" -fda "$scratch/empty"
    says "is A:" "$err" '^  \| all of the second stage$'
    cd_of build/os1k.elf "$scratch/os1k.iso" || tail -n 3 "$scratch/log"
    check "1K OS on a CD" 0 run --clock virtual -cdrom "$scratch/os1k.iso" --disk build/os1k.disk,ro
    says "comes to its prompt" "$out" '^> $'
else
    echo "left out: CDs, for there is no grub-mkrescue (Debian: grub-pc-bin xorriso mtools)"
fi
finish
