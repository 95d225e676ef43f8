; The timer is let in, and its gate is empty.
; says: triple fault: IRQ 0 at vector 0x20 at eip 0x[0-9a-f]+.*; it could not be delivered: gate 0x20 is not present
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        port 0x21, 0xfe
        sti
die:    jmp die
