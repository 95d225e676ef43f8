; The timer is programmed, its handler is there, its input open; and STI was left out.
; says: HLT with interrupts off, though IRQ 0 \(timer\) .* has a handler at vector 0x20: STI was forgotten
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, die
        port 0x21, 0xfe
        nop
die:    hlt
        jmp die
