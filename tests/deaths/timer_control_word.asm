; The control word goes to the counter's port.
; status: 124
; says: hint: at eip .*: 0x36, which looks like a control word, goes to counter 0 of the 8254: those go to port 0x43
%include "kit.inc"
        kernel
        port 0x40, 0x36
        port 0x40, 11932 & 0xff
        port 0x40, 11932 >> 8
        cli
die:    jmp die
