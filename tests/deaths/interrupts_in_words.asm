; The timer's interrupt waits behind a mask while the kernel spins.
; status: 124
; says: timed out \(--timeout\); the guest was running PLACE, interrupts off
; says: ^  interrupts: off \(IF=0\); IRQ 0 \(timer, vector 0x20\) is pending, masked; all are masked
%include "kit.inc"
        kernel
        own_pics
        pit 11932
die:    jmp die
