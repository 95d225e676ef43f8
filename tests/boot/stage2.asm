; The second stage: says so, and whether its last byte, some clusters behind, has come with it.
        bits 16
        org 0
        mov ax, cs
        mov ds, ax
        mov si, text
        cmp byte [last], 0x5a
        je print
        mov si, short_text
print:  lodsb
        test al, al
        jz .end
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp print
.end:   mov dx, 0x604                   ; power off
        mov ax, 0x2000
        out dx, ax
        hlt
text:   db "all of the second stage", 0
short_text: db "a part of the second stage", 0
        times 7000 - ($ - $$) db 0x90
last:   db 0x5a
