; SSE is on; the function that saves a vector on the stack was called with ESP four bytes off.
; says: triple fault: #GP general protection PLACE: the operand at 0x[0-9a-f]+c is not aligned to 16 bytes, as this instruction wants it: ESP must be a multiple of 16
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov eax, cr4
        or eax, 0x600                   ; OSFXSR, OSXMMEXCPT
        mov cr4, eax
        sub esp, 4
die:    movaps [esp], xmm0
        jmp $
