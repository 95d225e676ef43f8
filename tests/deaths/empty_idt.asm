; An undefined instruction, and an IDT without a gate.
; says: triple fault: #UD invalid opcode PLACE: gate 6 of the IDT is not present
; says: then #GP .*: gate 13 of the IDT is not present.*; then #DF .*: gate 8 of the IDT is not present
%include "kit.inc"
        kernel
        own_gdt
        own_idt
die:    ud2
