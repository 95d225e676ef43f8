; 10 Hz need a count of 119318, which 16 bits don't hold.
; status: 124
; says: hint: at eip .*: counter 0 of the 8254 is given 53782, the low 16 bits of 119318, which 10 Hz would need: the timer runs at 22.2 Hz
%include "kit.inc"
        kernel
        port 0x43, 0x36
        port 0x40, 119318 & 0xff
        port 0x40, 119318 >> 8 & 0xff
        cli
die:    jmp die
