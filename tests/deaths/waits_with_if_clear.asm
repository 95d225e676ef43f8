; It waits for a counter that only the timer's handler counts, with interrupts off.
; status: 124
; needs: cpu soft
; run: --clock virtual
; says: why: it goes round in a loop between 0x[0-9a-f]+.* and .*, with interrupts off
; says: why: IRQ 0 \(timer\) is pending, but interrupts are off \(IF\), and none was ever taken: STI was forgotten
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, handler
        port 0x21, 0xfe
die:    cmp dword [ticks], 10
        jb die
handler:
        iret
        section .bss
ticks:  resd 1
