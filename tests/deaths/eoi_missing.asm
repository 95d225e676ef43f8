; The handler of the timer sends no EOI: it is called once.
; status: 124
; says: why: IRQ 0 \(timer\) is pending, but the one before is still in service: its handler has sent no EOI
; lacks: hint:
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, handler
        port 0x21, 0xfe
        sti
die:    hlt
        jmp die
handler:
        iret
