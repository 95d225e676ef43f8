; The boot sector of a partition: says its -DNAME, and the number of its first sector as DS:SI has it, from the MBR.
        bits 16
        org 0x7c00
        cli
        mov eax, [si + 8]
        xor bx, bx
        mov ds, bx
        push eax
        mov si, text
        call print
        pop eax
        mov ecx, 10
        xor di, di
.digit: xor edx, edx
        div ecx
        push dx
        inc di
        test eax, eax
        jnz .digit
.print: pop ax
        add al, "0"
        call put
        dec di
        jnz .print
        mov dx, 0x604                   ; power off
        mov ax, 0x2000
        out dx, ax
        hlt
print:  lodsb
        test al, al
        jz .end
        call put
        jmp print
.end:   ret
put:    mov ah, 0x0e
        mov bx, 7
        int 0x10
        ret
text:   db "partition ", NAME, ", sector ", 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
