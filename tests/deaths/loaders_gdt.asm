; Gates with selector 0x08, and no GDT of the kernel's: it happens to be the boot loader's.
; status: 124
; needs: cpu soft
; says: hint: at eip .*: selector 0x08 is the boot loader's, not in a GDT of the kernel's
%include "kit.inc"
        kernel
        own_idt
        own_pics
        gate 0x20, handler
        port 0x21, 0xfe
        sti
die:    hlt
        jmp die
handler:
        port 0x20, 0x20
        iret
