; A string was copied over the return address.
; needs: cpu soft
; says: a RET to 0x41414141 from 0x[0-9a-f]+( \(die.*\))?: no memory is there: .*overwritten
%include "kit.inc"
        kernel
        call copy
        hlt
copy:   mov dword [esp], "AAAA"
die:    ret
