; The kernel's entry returns, and nobody has called it: what is above the stack is 0.
; needs: cpu soft
; says: a RET to address 0 from 0x[0-9a-f]+( \(die.*\))?: no return address was on the stack
%include "kit.inc"
        kernel
die:    ret
