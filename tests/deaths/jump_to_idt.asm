; A jump into the IDT, which is the VMM's.
; needs: cpu soft
; says: a jump to 0x[0-9a-f]+ from 0x[0-9a-f]+( \(die.*\))?: the VMM's descriptor tables are there
%include "kit.inc"
        kernel
        sub esp, 8
        sidt [esp]
        mov eax, [esp + 2]
        add eax, 8
die:    jmp eax
