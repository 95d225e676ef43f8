; The compiler has used SSE for a copy, and nobody has switched it on.
; says: #UD invalid opcode.* PLACE
; says: SSE
%include "kit.inc"
        kernel
        own_gdt
        own_idt
die:    movups xmm0, [line]            ; memcpy(copy, line, 16);
        movups [copy], xmm0
        jmp $
        section .bss
line:   resb 16
copy:   resb 16
