; A TSS is loaded, but nobody has set SS0:ESP0: the first interrupt from ring 3 has no stack.
; says: triple fault: INT 0x3 PLACE; it could not be delivered: SS0:ESP0 of the TSS is 0:0: there is no stack for ring 0
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov eax, tss
        mov word [gdt_tss], 103
        mov [gdt_tss + 2], ax
        shr eax, 16
        mov [gdt_tss + 4], al
        mov word [gdt_tss + 5], 0x0089
        mov [gdt_tss + 7], ah
        mov eax, 0x28
        ltr ax
        gate 3, die, 0x08, 0xee
        push 0x23
        push stack_top
        push 2
        push 0x1b
        push die
        iret
die:    int3
        jmp die
        section .bss
        alignb 4
tss:    resb 104
