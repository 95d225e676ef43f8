; An IDT of its own whose gates have the selector that the boot loader happens to have.
; status: 124
; says: ^  note: the kernel has an IDT of its own and the boot loader's GDT
%include "kit.inc"
        kernel
        own_idt
die:    jmp die
