; The timer is let in with an IDT of the kernel's own and the PIC as a BIOS leaves it.
; says: IRQ 0 at vector 0x8 \(that of #DF double fault: the PIC was not moved, ICW2\) at eip
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0x20, idle
        port 0x21, 0xfe
        sti
idle:   hlt
        jmp idle
