; The clock's interrupt is let in at the second 8259, and the first one keeps the second out.
; says: the guest halted PLACE, interrupts on, all of them masked in the PIC: nothing can wake it
; says: hint: at eip .*; IRQ 8 \(clock\) is open at the second 8259 and has a handler at vector 0x28, but IRQ 2 of the first, through which it comes, is masked
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x28, handler
        port 0xa1, 0xfe
        sti
die:    hlt
        jmp die
handler:
        iret
