; PE is set, and CS not loaded anew: 32-bit code is executed as 16-bit code.
; image: flat
; run: --mode real --load 0x10000
; says: triple fault: CS is still real mode's 16-bit segment: no far jump followed the setting of CR0.PE
        bits 16
        org 0
        mov ax, cs
        mov ds, ax
        lgdt [gdt_register]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        bits 32
        mov eax, 0x10
        mov ds, eax
        mov ebx, 0x12345678
        ud2
        align 8
gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_register:
        dw 23
        dd 0x10000 + gdt
