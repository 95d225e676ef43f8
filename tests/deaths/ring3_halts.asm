; A program in ring 3 ends with HLT.
; says: triple fault: #GP general protection PLACE: HLT is for ring 0 alone, and this is ring 3; it could not be delivered
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov eax, tss
        mov dword [tss + 4], stack_top
        mov dword [tss + 8], 0x10
        mov word [gdt_tss], 103
        mov [gdt_tss + 2], ax
        shr eax, 16
        mov [gdt_tss + 4], al
        mov byte [gdt_tss + 5], 0x89
        mov ax, 0x28
        ltr ax
        push 0x23
        push user_stack
        push 0x02
        push 0x1b
        push die
        iret
die:    hlt
        section .bss
        alignb 16
        resb 1024
user_stack:
tss:    resb 104
