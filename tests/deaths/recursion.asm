; A function that calls itself for ever: its stack leaves RAM.
; status: 124
; needs: cpu soft
; run: --clock virtual
; says: hint: at eip .*: the stack \(esp 0x[0-9a-f]+\) is not in RAM
; lacks: text was written
%include "kit.inc"
        kernel
die:    sub esp, 1000
        call die
