; The stack is not mapped when an interrupt comes.
; says: INT 0x3 PLACE; it could not be delivered: the stack at 0x7ffff[0-9a-f]+ is not mapped: PDE 0x1 at 0x[0-9a-f]+ is not present
; says: ^  note: the stack is not mapped: esp is 0x00800000
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 3, die
        own_paging
        mov esp, 0x800000
die:    int3
