; A picture in each depth of VBE, the next one with a key: half of it through the window at A000, half by the
; linear framebuffer.   tests/pictures.sh
        bits 16
        cpu 386
        org 0x7c00
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov si, modes
next:   lodsw
        test ax, ax
        jz end
        push si
        mov cx, ax
        mov bx, ax
        mov ax, 0x4f02
        int 0x10
        mov ax, 0x4f01
        mov di, 0x6000
        int 0x10

        ; Through the window: the first 128 KiB.
        xor ebp, ebp
        xor dx, dx
.bank:  mov ax, 0x4f05
        xor bx, bx
        push dx
        int 0x10
        pop dx
        push 0xa000
        pop es
        xor di, di
.word:  mov eax, ebp
        shr eax, 5
        stosd
        inc ebp
        test di, di
        jnz .word
        inc dx
        cmp dx, 2
        jb .bank

        ; At its address: another 384 KiB, with 32-bit addresses.
        cli
        lgdt [gdt]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 8
        mov fs, bx
        and al, 0xfe
        mov cr0, eax
        push 0
        pop es
        mov edi, [0x6000 + 40]
        add edi, 0x20000
        mov ecx, 0x60000 / 4
.dword: mov eax, ebp
        shr eax, 5
        imul eax, 0x010203
        mov [fs:edi], eax
        add edi, 4
        inc ebp
        dec ecx
        jnz .dword
        sti
        mov dx, 0xe9
        mov al, '.'
        out dx, al
        mov ah, 0
        int 0x16
        pop si
        jmp next
end:    cli
        hlt
modes:  dw 0x101, 0x110, 0x111, 0x112, 0x142, 0
        align 8
gdt:    dw 15
        dd gdt
        dw 0
        dw 0xffff, 0, 0x9200, 0x00cf
        times 510 - ($ - $$) db 0
        dw 0xaa55
