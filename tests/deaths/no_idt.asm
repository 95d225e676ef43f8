; An undefined instruction, and LIDT with a limit of 0, as a register that was never filled has it.
; says: #UD invalid opcode PLACE; it could not be delivered: gate 6 \(#UD\) is beyond the IDT's limit 0 \(was LIDT forgotten
%include "kit.inc"
        kernel
        own_gdt
        section .data
nothing: dw 0
        dd 0
        section .text
        lidt [nothing]
die:    ud2
