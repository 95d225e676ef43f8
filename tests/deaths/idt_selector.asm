; The gate's selector is that of the boot loader's code segment. In the kernel's own GDT, 0x10 is data.
; says: triple fault: INT 0x30 PLACE.*selector 0x10
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0x30, on_call, 0x10
die:    int 0x30
        jmp $
on_call:
        iret
