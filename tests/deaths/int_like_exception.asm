; INT with the number of an exception that has an error code, of which there is none on the stack.
; says: INT 0xd PLACE: an instruction, not the exception #GP
; says: eip [0-9a-f]+ +eflags
; lacks: error code
%include "kit.inc"
        kernel
die:    int 0x0d
        nop
