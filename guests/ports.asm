; Ports where no device is: on a PC's bus nobody drives the data lines, so reads give all ones, and
; writes go nowhere. Programs look for hardware this way.
;
;       vmm run build/guests/ports.bin
;       vmm run --strict build/guests/ports.bin         (tells of each on stderr)
;
; Prints "ff ffff ffffffff" and a check.

%include "vmm.inc"

        bits 16
        org 0

NOWHERE equ 0x1234

        begin
        mov dx, NOWHERE
        in al, dx
        call print_hex8
        mov cl, al
        say " "

        in ax, dx
        call print_hex16
        and cl, al
        and cl, ah
        say " "

        in eax, dx
        mov ebx, eax
        shr eax, 16
        call print_hex16
        mov ax, bx
        call print_hex16
        say 10
        inc ebx                         ; all ones and one is zero
        check "a double word is all ones", z
        cmp cl, 0xff
        check "a byte and a word are all ones", e

        mov al, 0                       ; does a write change that?
        out dx, al
        in al, dx
        cmp al, 0xff
        check "a write vanishes", e
        jmp finish

print_hex16:                            ; AX as four digits
        xchg al, ah
        call print_hex8
        xchg al, ah
        jmp print_hex8

%include "lib16.inc"
