; The stack is not mapped when an interrupt comes.
; says: INT 0x3 PLACE: the stack at 0x7ffff[0-9a-f]+ is not mapped
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 3, die
        own_paging
        mov esp, 0x800000
die:    int3
