; A boot sector without an end: the rest of the sector is zeros.
; image: flat
; run: --mode real --load 0x7c00
; needs: cpu soft
; says: execution went on behind 0000:7c0[0-9a-f] to 0000:7c[0-9a-f]+: only zeros are there; no JMP, RET or HLT
        bits 16
        org 0x7c00
        xor ax, ax
        mov ds, ax
        times 510 - ($ - $$) db 0
        dw 0xaa55
