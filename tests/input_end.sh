#!/bin/bash
# The end of input: which guests wait for more and are ended, and which do something else meanwhile.
# In virtual time on the software CPU.   tests/input_end.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh

# guest NAME [OPTION] <<ASM: a flat 16-bit guest, whose timer ticks 1000 times a second and, with -DLOOKS, looks for a key each time.
guest() {
    {
        cat <<'ASM'
        bits 16
        org 0
        cli
        xor ax, ax
        mov es, ax
        mov word [es:8 * 4], on_tick
        mov [es:8 * 4 + 2], cs
        mov al, 0x34
        out 0x43, al
        mov ax, 1193
        out 0x40, al
        mov al, ah
        out 0x40, al
        in al, 0x21
        and al, 0xfe
        out 0x21, al
        sti
        jmp main
on_tick:
        push ax
        inc word [cs:ticks]
%ifdef LOOKS
        in al, 0x64                     ; for a key, in passing
%endif
        mov al, 0x20
        out 0x20, al
        pop ax
        iret
ticks:  dw 0
done:
        mov al, '!'
        mov dx, 0x3f8
        out dx, al
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
main:
ASM
        cat
    } >"$scratch/$1.asm"
    nasm -Wall -Werror "${@:2}" -f bin -o "$scratch/$1.bin" "$scratch/$1.asm" || exit 2
}
# ends NAME STATUS TEXT: what it prints, with its input at its end.
ends() {
    check "$1" "$2" "$vmm" run --cpu soft --clock virtual --timeout 60 --load 0x10000 "${@:4}" "$scratch/$1.bin" </dev/null
    if [[ $out == "$3" ]]; then ok "$1: prints '$3'"; else not_ok "$1: prints '$3'" "'$out'"; fi
}

guest sleeps <<'ASM'
        mov dx, 0x3fd                   ; it looks for input once, before it sleeps
        in al, dx
        in al, dx
.more:  hlt
        cmp word [ticks], 20000
        jb .more
        jmp done
ASM
ends sleeps 0 '!'

guest computes -DLOOKS <<'ASM'
.more:  inc eax
        cmp word [ticks], 20000
        jb .more
        jmp done
ASM
ends computes 0 '!'

guest listens <<'ASM'
        mov dx, 0x3f9                   ; the receive interrupt
        mov al, 1
        out dx, al
        in al, 0x21
        and al, 0xef
        out 0x21, al
.more:  hlt
        cmp word [ticks], 20000
        jb .more
        jmp done
ASM
ends listens 0 ''
says "is said to wait" "$err" 'waits for input, and its input has ended'
ends listens 0 '!' --keep-open

guest polls <<'ASM'
        mov dx, 0x3fd
.more:  in al, dx
        cmp word [ticks], 20000
        jb .more
        jmp done
ASM
ends polls 0 ''
says "is said to poll" "$err" 'waits for input, and its input has ended'
finish
