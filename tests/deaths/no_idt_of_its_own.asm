; An undefined instruction before the kernel has an IDT: the default handlers take it.
; says: exception 6, #UD invalid opcode, error code 0, PLACE
%include "kit.inc"
        kernel
die:    ud2
