; A copy goes to the wrong place: onto the code itself.
; says: triple fault: .* PLACE; the code at 0x100047 was overwritten: it is not what was loaded; it could not be delivered
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov edi, die
        mov ecx, 16
        mov al, 0xcc
        rep stosb
die:    nop
        jmp $
        times 16 nop
