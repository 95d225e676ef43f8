; A boot sector that says its -DNAME and the drive it was started from.
        bits 16
        org 0x7c00
        xor ax, ax
        mov ds, ax
        mov si, text
.next:  lodsb
        test al, al
        jz .name
        call put
        jmp .next
.name:  mov al, dl
        shr al, 4
        call digit
        mov al, dl
        and al, 15
        call digit
        mov dx, 0x604                   ; power off
        mov ax, 0x2000
        out dx, ax
        hlt
digit:  add al, "0"
put:    mov ah, 0x0e
        mov bx, 7
        int 0x10
        ret
text:   db NAME, " ", 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
