; A boot sector calls through a far pointer that was never set: to the vector table, which the BIOS has
; filled.
; image: flat
; needs: cpu soft
; says: a far call to address 0 from 0x7c0[0-9a-f]: a null pointer
        bits 16
        org 0x7c00
        xor ax, ax
        mov ds, ax
        call far [pointer]
        hlt
pointer: dd 0
        times 510 - ($ - $$) db 0x90
        dw 0xaa55
