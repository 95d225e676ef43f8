; A division by zero, in real mode, where only the keyboard and #BR have handlers.
; image: flat
; run: --mode real --load 0x10000
; needs: cpu soft
; says: #DE divide error at 1000:00[0-9a-f]+ goes through an empty vector: no handler was installed
        bits 16
        org 0
        xor ax, ax
        mov ds, ax
        mov word [5 * 4], handler
        mov [5 * 4 + 2], cs
        mov word [9 * 4], handler
        mov [9 * 4 + 2], cs
        xor dx, dx
        div dx
handler: iret
