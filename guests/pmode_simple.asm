; The smallest guest in protected mode: 32-bit code from its first instruction, since the VMM has
; made the switch (a PC's boot loader would; boot/pm32.asm of this project shows how).
;
;       vmm run --mode pm32 build/guests/pmode_simple.bin
;
; Prints "PMODE".

%include "vmm.inc"

        bits 32
        org 0x100000                    ; where flat 32-bit images are loaded

        mov esi, text
        mov edx, HYPERCALL
.next:
        lodsb
        test al, al
        jz .done
        mov bl, al
        mov al, HC_PUTCHAR
        out dx, al
        jmp .next
.done:
        mov al, HC_EXIT
        out dx, al

text:   db "PMODE", 10, 0
