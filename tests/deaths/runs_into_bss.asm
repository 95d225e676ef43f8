; A jump into a variable: there are some bytes of data, and then zeros.
; needs: cpu soft
; says: execution went on behind 0x[0-9a-f]+( \(stack_top.*\))? to 0x[0-9a-f]+.*: only zeros are there
; says: before that, a jump from 0x[0-9a-f]+( \(die.*\))? to 0x
%include "kit.inc"
        kernel
        section .bss
variable: resb 100
        section .text
        mov dword [variable], 0x90909090
        mov eax, variable
die:    jmp eax
