; A kernel that stops for good, in a test that has a number for that.
; status: 40
; run: --halt-status 40
; says: halted PLACE, interrupts off: nothing can wake it
%include "kit.inc"
        kernel
        cli
die:    hlt
        jmp die
