; No mistake: 16-bit protected mode, entered by a far jump.
; image: flat
; run: --mode real --load 0x10000
; status: 0
; says: halted at eip 0x
; lacks: real mode
        bits 16
        org 0
        mov ax, cs
        mov ds, ax
        lgdt [gdt_register]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 0x08:there
there:  hlt
        align 8
gdt:    dq 0, 0x00009b010000ffff
gdt_register:
        dw 15
        dd 0x10000 + gdt
