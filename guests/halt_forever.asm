; The usual end of a small kernel, and of a kernel that has lost its way: a halt that no interrupt
; will end, since they are off. The VMM need not wait for ever: it ends the guest and says why.
;
;       vmm run build/guests/halt_forever.bin
;
; Prints nothing itself; status 0.

        bits 16
        org 0

        cli
        hlt
