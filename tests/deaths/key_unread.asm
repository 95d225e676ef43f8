; The handler of the keyboard does not read port 0x60: it is called once.
; status: 124
; run: --input keyboard --keep-open
; type: ab
; says: why: IRQ 1 \(keyboard\) can't come again before the last byte is read from port 0x60
; says: hint: at eip .*: IRQ 1 was ended here, but port 0x60 has not been read since
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
        port 0x20, 0x20
        iret
