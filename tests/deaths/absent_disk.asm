; It waits for an ATA disk that is not there: the bus floats, and BSY is set for ever.
; status: 124
; says: why: it polls port 0x1f7 \(the primary ATA disk\), where this machine has no device: each read gives 0xff
%include "kit.inc"
        kernel
        mov dx, 0x1f7
die:    in al, dx
        test al, 0x80
        jnz die
