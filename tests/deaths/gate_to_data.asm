; A gate's selector is the data segment's.
; says: triple fault: INT 0x40 PLACE; it could not be delivered: its handler's selector 0x10 is a data segment: it can't be loaded into CS
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0x40, die, 0x10
die:    int 0x40
