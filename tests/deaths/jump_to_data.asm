; A pointer to a string is called: its letters run as code, until they lead to zeros behind it.
; needs: cpu soft
; says: a jump to 0x10[0-9a-f]+ from 0x10[0-9a-f]+: only zeros are there
; says: ^  note: data ran as code: the branch from 0x[0-9a-f]+ die\+0x5 \(jump_to_data.asm:14\) went to 0x[0-9a-f]+ text, which is no code of the image
; lacks: die\+0x[0-9a-f]{3}
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        section .data
text:   db "hello world, this is data", 0
        section .text
die:    mov eax, text
        call eax
        jmp $
