; It waits for a key, and none comes: nothing is wrong.
; status: 124
; run: --input keyboard --keep-open
; says: why: open inputs: IRQ 1 \(keyboard\)$
; lacks: hint:
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x21, handler
        port 0x21, 0xfd
        sti
die:    hlt
        jmp die
handler:
        in al, 0x60
        port 0x20, 0x20
        iret
