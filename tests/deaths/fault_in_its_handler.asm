; The handler of #PF touches an unmapped page itself: it is called again and again, until the stack has run through the GDT.
; needs: cpu soft
; says: ^  note: #PF page fault comes again in its own handler, at 0x[0-9a-f]+ handler\+0x1 \(fault_in_its_handler.asm:15\): [0-9]+ frames of it are on the stack
; lacks: hint: .*the stack
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_paging
        gate 14, handler
die:    mov eax, [0x800000]
        jmp $
handler:
        push eax
        mov eax, [0x900000]
        pop eax
        add esp, 4
        iret
