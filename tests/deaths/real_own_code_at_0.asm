; No mistake: an empty vector leads to 0000:0000, where the guest has put a handler.
; image: flat
; run: --mode real --load 0x10000
; status: 0
; says: halted at 1000:
        bits 16
        org 0
        xor ax, ax
        mov es, ax
        xor di, di
        mov si, code
        mov cx, code_size
        rep movsb
        int 0x60
        cli
        hlt
code:   mov bx, 0x1234
        iret
code_size equ $ - code
