; A boot sector prints by the BIOS.
; image: flat
; run: --mode real --load 0x7c00
; needs: cpu soft
; says: INT 0x10 \(AH 0x0e, teletype output\) at 07c0:000[0-9a-f] goes through an empty vector: there is no BIOS
        bits 16
        org 0x7c00
        mov ax, 0x0e41
        int 0x10
        hlt
