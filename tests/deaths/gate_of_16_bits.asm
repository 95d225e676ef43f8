; The type byte of a gate is 0x86, a 16-bit interrupt gate, for 0x8e.
; needs: cpu soft
; says: IRQ 0 at vector 0x20 at .* went to its handler at 0x[0-9a-f]+: only zeros are there: is its gate right\? It is a 16-bit one
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, handler, 0x08, 0x86
        port 0x21, 0xfe
        sti
die:    hlt
        jmp die
handler:
        iret
