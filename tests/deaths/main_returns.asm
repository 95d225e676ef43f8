; The last instruction is a call of main, which returns: nothing is behind it.
; needs: cpu soft
; says: execution went on behind 0x[0-9a-f]+( \(die.*\))? to 0x[0-9a-f]+.*: only zeros are there; no JMP, RET or HLT
; says: before that, a RET from 0x[0-9a-f]+( \(main.*\))? to 0x
; lacks: return address
%include "kit.inc"
        kernel
        jmp die
main:   nop
        ret
die:    call main
