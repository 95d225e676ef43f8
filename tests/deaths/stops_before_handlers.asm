; A kernel that stops with interrupts off before it has set any handler: that STI was forgotten can't be said.
; status: 124
; says: why: it jumps to itself at .*, with interrupts off
; lacks: STI was forgotten
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        port 0x21, 0xfe
die:    jmp die
