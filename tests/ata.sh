#!/bin/bash
# ATA disks: their options, what they leave in files, overlays, a VMM that is killed, runs that repeat, what
# traces and the monitor say.
#   tests/ata.sh [VMM]        VMM_OPTIONS are given to every `vmm run`
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
vmm=${1:-build/vmm}
read -ra options <<<"${VMM_OPTIONS:-}"
run() { "$vmm" run --timeout 20 "${options[@]}" "$@"; }
guest=build/guests/ata.elf disk=$scratch/disk cd=$scratch/cd
hello=build/guests/hello.bin

fresh() { tests/disk.sh >"$disk"; }
# unchanged NAME: the disk is as it was
unchanged() { if cmp -s "$disk" <(tests/disk.sh); then ok "$1"; else not_ok "$1" "it has changed"; fi; }
text() { tr -d '\000' <"$disk"; }
fresh
cp "$disk" "$cd"

# ---- what a guest does to its disk ----
check "a disk and a CD" 0 run -hda "$disk" -cdrom "$cd" $guest
says "the last of the CD" "$out" '^an unknown packet: an illegal request: ok$'
says "what was written is in the file" "$(text)" '^written by the guest'
fresh
check "-snapshot" 0 run -snapshot -hda "$disk" $guest
says "is not seen by the guest" "$out" '^written by the guest$'
unchanged "and leaves the file"
check "--overlay for a virtio disk" 0 run --overlay --disk "$disk" build/guests/disk.elf
unchanged "leaves the file, too"
check "snapshot=on of one drive" 0 run -drive "file=$disk,format=raw,snapshot=on,if=ide" $guest
unchanged "does so, too"
check "a drive that is only read" 3 run -drive "file=$disk,readonly=on,index=0" $guest
says "can't be written" "$out" '^written: FAILED$'
unchanged "and is not"
chmod a-w "$disk"
check "a disk without permission to write, under an overlay" 0 run --overlay --hda "$disk" $guest
chmod u+w "$disk"
check "a disk as the secondary slave is no primary master" 3 run -hdd "$disk" $guest
says "and there is no other" "$out" '^no disk: '
printf '%s hda=%s\n%s\n' $guest "$disk" $hello >"$scratch/list"
check "a disk in a list of guests" 0 run --plain --guests "$scratch/list"
says "is written" "$(text)" '^written by the guest'
fresh
check "a disk of one guest of two" 0 run --plain "$guest,hda=$disk,overlay" $hello
unchanged "under an overlay"
check "an option after its value looks like one" 0 run --append -hda -snapshot -hda "$disk" $guest
unchanged "is a value"

# ---- floppy disks ----
fresh
check "a floppy disk" 0 run -fda "$disk" build/guests/floppy.elf
says "is written" "$(text)" '^written by the guest'
fresh
check "a floppy disk under an overlay" 0 run -snapshot -drive "file=$disk,if=floppy,index=0" build/guests/floppy.elf
unchanged "stays as it is"
check "no floppy disk" 3 run build/guests/floppy.elf
truncate -s 3M "$scratch/3M"
check "a floppy disk that is too large" 2 run -fdb "$scratch/3M" $hello
says "is none" "$err" '^vmm: --fdb .*3M: larger than a floppy disk'

# ---- the BIOS's drives: a boot sector that reads sector 2 of drive 80h, and of drive 1 ----
cat >"$scratch/boot.asm" <<'END'
        org 0x7c00
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov dx, 0x80
        call show
        mov dx, 1
        call show
        mov ax, 0x2000
        mov dx, 0x604
        out dx, ax
show:   mov ax, 0x0201
        mov cx, 2
        mov bx, 0x8000
        int 0x13
        jc .end
        mov si, 0x8000
.next:  lodsb
        out 0xe9, al
        cmp al, 10
        jne .next
.end:   ret
        times 510 - ($ - $$) db 0
        dw 0xaa55
END
nasm -f bin -o "$scratch/boot.bin" "$scratch/boot.asm"
tests/disk.sh | sed 's/sector/SECTOR/' >"$scratch/second"
check "a boot sector with disks" 0 run -hda "$disk" -fdb "$scratch/second" "$scratch/boot.bin"
says "reads the hard disk" "$out" '^sector 1$'
says "and the second floppy" "$out" '^SECTOR 1$'

# ---- mistakes ----
: >"$scratch/empty"
head -c 1000 "$disk" >"$scratch/odd"
check "a disk that is not there" 2 run -hda "$scratch/nothing" $hello
says "is named" "$err" '^vmm: --hda .*nothing: .*No such file'
check "an empty disk" 2 run -hdb "$scratch/empty" $hello
says "is told how to be mended" "$err" '^vmm: --hdb .*empty \(truncate'
check "a directory as a CD" 2 run -cdrom tests $hello
says "is no disk" "$err" '^vmm: --cdrom tests: neither a file nor a block device'
check "a disk of an odd size" 0 run -hda "$scratch/odd" $hello
says "is a disk, and it is said" "$err" '^vmm: --hda .*odd: its 1000 bytes are not whole sectors of 512;'
check "two disks at one place" 2 run -hda "$disk" -drive "file=$cd,index=0" $hello
says "are one too many" "$err" '--hda .*disk is there already \(primary master, index 0\)'
check "one disk twice" 2 run -hda "$disk" -hdb "$disk" $hello
says "is in use" "$err" '^vmm: --hdb .*in use by another guest; .* readonly=on|^vmm: --hdb .*readonly=on'
check "one disk twice, with overlays" 0 run -snapshot -hda "$disk" -hdb "$disk" $hello
check "a CD that is the image, too" 0 run -cdrom $hello $hello
check "a disk that is the image, too" 2 run -hda "$scratch/odd" "$scratch/odd"
says "would be written" "$err" 'the image and --hda are the same file'
check "a disk for all guests" 2 run -hda "$disk" $hello $hello
says "is for one" "$err" '--hda is for one guest'
check "a disk in a format of QEMU's" 2 run -drive "file=$disk,format=qcow2" $hello
says "is to be converted" "$err" 'qemu-img convert -O raw'

# ---- scenarios ----
cat >"$scratch/ata.t" <<END
boot $guest,hda=$disk
expect "sector 5"
snapshot here
expect "written by the guest"
exit 0
END
check "a scenario" 0 "$vmm" test "$scratch/ata.t"
unchanged "leaves its disk as it was"
check "a sweep" 2 "$vmm" sweep --irq 14 "$scratch/ata.t"
says "can't restore it" "$err" "a sweep can't restore what is on a disk"
cat >"$scratch/reads.t" <<END
boot $guest -drive file=$disk,readonly=on
expect "sector 5"
snapshot here
expect "two interrupts for two sectors: ok"
END
check "a scenario with a disk that is only read" 0 "$vmm" test "$scratch/reads.t"
check "and its sweep" 0 "$vmm" sweep --irq 15 --to here "$scratch/reads.t"

# ---- a VMM that is killed ----
# Writes one sector after the other, each full of its number, and prints a dot for each that is done.
cat >"$scratch/writer.asm" <<'END'
        org 0
        xor si, si
next:   inc si
        mov dx, 0x1f2
        mov al, 1
        out dx, al
        inc dx
        mov ax, si
        out dx, al
        inc dx
        mov al, ah
        out dx, al
        inc dx
        mov al, 0
        out dx, al
        inc dx
        mov al, 0xe0
        out dx, al
        inc dx
        mov al, 0x30
        out dx, al
ready:  in al, dx
        test al, 0x80
        jnz ready
        mov cx, 256
        mov dx, 0x1f0
        mov ax, si
words:  out dx, ax
        loop words
        mov dx, 0x1f7
done:   in al, dx
        test al, 0x80
        jnz done
        mov al, '.'
        out 0xe9, al
        jmp next
END
nasm -f bin -o "$scratch/writer.bin" "$scratch/writer.asm"
truncate -s 4M "$scratch/large"
"$vmm" run "${options[@]}" -hda "$scratch/large" "$scratch/writer.bin" </dev/null >"$scratch/dots" 2>/dev/null &
writer=$!
has_dots() { [[ $(stat -c %s "$scratch/dots") -ge 200 ]]; }
check "a guest writes" 0 soon has_dots
check "a second writer of its disk" 2 run -hda "$scratch/large" $hello
says "is refused" "$err" 'large: in use by another guest'
{ kill -9 $writer && wait $writer; } 2>/dev/null
# Sector n ends with the word n.
dots=$(stat -c %s "$scratch/dots")
missing=$(od -An -v -tu2 -w512 -j512 -N$((dots * 512)) "$scratch/large" |
    awk '{ for (i = 1; i <= NF; i++) if ($i != NR % 65536) { print NR; exit } }')
if ((dots >= 200)) && [[ ! $missing ]]; then ok "all that was said to be written is there ($dots)"; else
    not_ok "all that was said to be written is there" "sector $missing of $dots is not"
fi

# ---- runs that repeat ----
tests/disk.sh >"$scratch/ro"
first=$(fingerprint "$vmm" $guest '' --overlay -hda "$scratch/ro" -cdrom "$cd")
same=yes
for _ in 1 2 3; do
    [[ $(fingerprint "$vmm" $guest '' --overlay -hda "$scratch/ro" -cdrom "$cd") == "$first" ]] || same=
done
if [[ $same && $first == status\ 0* ]]; then ok "runs in virtual time are equal"; else
    not_ok "runs in virtual time are equal" "they differ, or end with ${first%%$'\n'*}"
fi

# ---- what is said of it ----
traced() { "$vmm" run --cpu soft --clock virtual --timeout 20 "$@"; }
check "a trace" 0 traced --trace disk,io,irq --overlay -hda "$disk" -cdrom "$cd" $guest
says "names the disk" "$err" 'disk .*hda.* read'
says "and the CD" "$err" 'disk .*hdc.* read'
says "and what was written" "$err" 'disk .*hda.* write'
says "and registers" "$err" 'ATA 0 command'
says "and the interrupt's chip" "$err" 'irq=14 from=ata'
check "a trace without a disk" 3 traced --trace io $guest
says "says that there is none" "$err" 'port=0x1f7.*\(nothing is there\)|0x1f7.*\(nothing is there\)'
check "--strict without a disk" 3 traced --strict $guest
says "warns of ports where nothing is" "$err" 'port 0x1f[67]'
finish
