; A system call whose gate was not filled: INT n is no exception.
; says: triple fault: INT 0x80 PLACE; it could not be delivered: gate 0x80 is not present
%include "kit.inc"
        kernel
        own_gdt
        own_idt
die:    int 0x80
