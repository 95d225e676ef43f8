; A boot sector that says over the serial line when it begins, and ">" when it has done its -DWHAT: CHARACTER, one
; of INT 10h; BIOS, a MiB of its disk by INT 13h; ATA, a MiB by PIO, a sector a command; MULTIPLE, 128 a command.
        bits 16
        org 0x7c00
        mov dx, 0x3f8
        mov al, "a"
        out dx, al
        cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
%ifdef CHARACTER
        mov ax, 0x0e00 | "!"
        mov bx, 7
        int 0x10
%elifdef BIOS
        mov bp, 16
next:    mov ah, 0x42
        mov dl, 0x80
        mov si, packet
        int 0x13
        jc failed
        add dword [packet.sector], 128
        dec bp
        jnz next
%else
%ifdef MULTIPLE
EACH equ 128
%else
EACH equ 1
%endif
        mov ax, 0x1000
        mov es, ax
        mov bp, 2048 / EACH
        xor ebx, ebx
next:    mov dx, 0x1f6
        mov al, 0xe0
        out dx, al
        mov dx, 0x1f2
        mov al, EACH
        out dx, al
        mov eax, ebx
        inc dx
        out dx, al
        shr eax, 8
        inc dx
        out dx, al
        shr eax, 8
        inc dx
        out dx, al
        mov dx, 0x1f7
        mov al, 0x20
        out dx, al
        mov si, EACH
one_sector:
        mov dx, 0x1f7
wait_data:
        in al, dx
        test al, 0x80
        jnz wait_data
        test al, 0x08
        jz wait_data
        xor di, di
        mov cx, 256
        mov dx, 0x1f0
        rep insw
        dec si
        jnz one_sector
        add ebx, EACH
        dec bp
        jnz next
%endif
        mov al, ">"
        jmp say
failed: mov al, "!"
say:    mov dx, 0x3f8
        out dx, al
        cli
        hlt
        align 4
packet: db 16, 0
        dw 128, 0, 0x1000
.sector: dd 0, 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
