; The GDT has a code segment alone; the data segments are still the boot loader's, until one is loaded again.
; says: #GP general protection \(error code 0x10.*selector 0x10 is beyond the GDT's limit 0xf
; says: PLACE
%include "kit.inc"
        kernel
        own_idt
        lgdt [small_register]
        jmp 0x08:loaded
loaded: push ds
die:    pop ds
        jmp $
        section .data
        align 8
small:  dq 0, 0x00cf9b000000ffff
        dw 0
small_register:
        dw 2 * 8 - 1
        dd small
