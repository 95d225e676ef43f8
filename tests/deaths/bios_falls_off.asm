; A boot sector without an end, started by the BIOS: the rest of it is zeros.
; image: flat
; needs: cpu soft
; says: execution went on behind 0000:7c0[0-9a-f] to 0000:7c[0-9a-f]+: only zeros are there; no JMP, RET or HLT
        bits 16
        org 0x7c00
        mov ax, 0x0e41
        int 0x10
        times 510 - ($ - $$) db 0
        dw 0xaa55
