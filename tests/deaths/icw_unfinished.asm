; ICW4 is left out: the PIC waits for it, and the guest for an interrupt.
; says: hint: at eip .*: HLT waits for an interrupt, but the master 8259 got ICW1 and still waits for ICW4
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0x20, die
        port 0x20, 0x11
        port 0x21, 0x20
        port 0x21, 0x04
        sti
die:    hlt
        jmp die
