; A jump to where nothing was loaded.
; needs: cpu soft
; says: a jump to 0x500000 from 0x[0-9a-f]+( \(die.*\))?: only zeros are there: a wrong pointer
%include "kit.inc"
        kernel
        mov eax, 0x500000
die:    jmp eax
