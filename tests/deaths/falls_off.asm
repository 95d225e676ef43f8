; Nothing ends the code: behind it are the zeros up to the next page.
; needs: cpu soft
; says: execution went on behind 0x[0-9a-f]+( \(die.*\))? to 0x[0-9a-f]+.*: only zeros are there; no JMP, RET or HLT
; says: before that, a RET from 0x[0-9a-f]+( \(helper.*\))? to 0x
%include "kit.inc"
        kernel
        call helper
        mov edx, eax
        jmp last
helper: ret
last:   inc edx
die:    xor ebx, ebx
