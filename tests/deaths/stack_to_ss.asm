; The code segment's selector goes to SS; the default handlers take the exception.
; says: exception 13, #GP general protection, error code 0x8, PLACE: selector 0x8 is a code segment: it can't be loaded into SS
%include "kit.inc"
        kernel
        mov eax, 0x08
die:    mov ss, eax
        hlt
