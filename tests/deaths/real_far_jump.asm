; The kernel that a boot sector would have read from its disk is not there.
; image: flat
; run: --mode real --load 0x7c00
; needs: cpu soft
; says: a far jump to 1000:0000 from 0x7c0[0-9a-f]: only zeros are there: a wrong address, or not loaded
        bits 16
        org 0x7c00
        xor ax, ax
        jmp 0x1000:0
