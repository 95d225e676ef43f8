; The gate of a system call is present, and its offset is 0.
; needs: cpu soft
; says: INT 0x80 at 0x[0-9a-f]+( \(die.*\))? went to its handler at 0: only zeros are there: is its gate right
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0x80, 0
die:    int 0x80
