; It goes round for ever.
; status: 124
; says: timed out \(--timeout\); the guest was running PLACE, interrupts off
%include "kit.inc"
        kernel
die:    jmp die
