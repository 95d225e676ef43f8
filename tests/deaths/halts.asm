; It halts for good; where, is said.
; status: 0
; says: halted PLACE, interrupts off
%include "kit.inc"
        kernel
        cli
die:    hlt
        jmp die
