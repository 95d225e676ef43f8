; The timer gets a control word and no count: it never counts.
; status: 124
; says: why: open inputs: IRQ 0 \(timer\), which never comes: counter 0 of the 8254 is not counting
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, die
        port 0x43, 0x34
        port 0x21, 0xfe
        sti
die:    hlt
        jmp die
