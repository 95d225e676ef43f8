; A function pointer that was never set.
; needs: cpu soft
; says: a call to address 0 from 0x[0-9a-f]+( \(die \(null_call.asm:[0-9]+\)\))?: a null function pointer
%include "kit.inc"
        kernel
        section .bss
handler: resd 1
        section .text
die:    call [handler]
        hlt
