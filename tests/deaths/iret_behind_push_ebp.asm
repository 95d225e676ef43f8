; A function in C ends with asm("iret"): its frame is still there.
; says: \(handler\+0x[0-9a-f]+ \(iret_behind_push_ebp.asm:20\)\): IRET to CS 0x[0-9a-f]+ .*\(the EBP that the function has pushed is still on the stack
; lacks: the error code is still on the stack
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, handler
        port 0x21, 0xfe
        mov ebp, esp
        sti
die:    hlt
        jmp die
handler:
        push ebp
        mov ebp, esp
        nop
        port 0x20, 0x20
        iret
