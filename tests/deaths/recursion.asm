; A function calls itself until its stack is full, and the memory below it, and all of RAM.
; status: 124
; needs: cpu soft
; says: stack
; says: die
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        call die
        jmp $
die:    push ebp
        mov ebp, esp
        sub esp, 1024                   ; char line[1024];
        mov [esp], esp
        call die
        leave
        ret
