; A call through a pointer that is garbage.
; needs: cpu soft
; says: a call to 0xdeadbeef from 0x[0-9a-f]+( \(die.*\))?: no memory is there: a wrong function pointer
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov eax, 0xdeadbeef
die:    call eax
        hlt
