; The timer is let in, and its vector was not set.
; image: flat
; run: --mode real --load 0x10000
; needs: cpu soft
; says: IRQ 0 at vector 0x8 at 1000:00[0-9a-f]+ goes through an empty vector: no handler was installed
        bits 16
        org 0
        mov al, 0xfe
        out 0x21, al
        sti
idle:   hlt
        jmp idle
