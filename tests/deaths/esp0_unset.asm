; Ring 3 with a TSS whose SS0:ESP0 nobody has set: the first interrupt has no stack.
; needs: cpu soft
; says: hint: .*ring 3 runs, but SS0:ESP0 of the TSS at 0x[0-9a-f]+ is 0:0
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0x80, die, 0x08, 0xee
        section .bss
        alignb 4
tss:    resb 104
        section .text
        mov eax, tss
        mov word [gdt_tss], 103
        mov [gdt_tss + 2], ax
        mov word [gdt_tss + 5], 0x0089
        shr eax, 16
        mov [gdt_tss + 4], al
        mov [gdt_tss + 7], ah
        mov eax, 0x28
        ltr ax
        push dword 0x23
        push dword stack_top - 4096
        push dword 2
        push dword 0x1b
        push dword user
        iret
user:
die:    int 0x80
