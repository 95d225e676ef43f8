; A jump into the text screen.
; needs: cpu soft
; says: a jump to 0xb8000 from 0x[0-9a-f]+( \(die.*\))?: that is video memory
%include "kit.inc"
        kernel
        mov dword [0xb8000], 0x07420741
        mov dword [0xb8004], 0x07420741
        mov dword [0xb8008], 0x07420741
        mov dword [0xb800c], 0x07420741
        mov eax, 0xb8000
die:    jmp eax
