; An undefined instruction, and an IDT without a gate.
; says: triple fault: #UD invalid opcode PLACE; it could not be delivered: gate 6 \(#UD\) is not present
; says: then #GP \(error code 0x33\): gate 13 \(#GP\) is not present.*; then #DF: gate 8 \(#DF\) is not present
%include "kit.inc"
        kernel
        own_gdt
        own_idt
die:    ud2
