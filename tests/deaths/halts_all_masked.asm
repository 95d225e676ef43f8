; It waits for an interrupt, and all of them are masked: never a success, whatever --halt-status says.
; run: --halt-status 0
; says: halted PLACE, interrupts on, all of them masked in the PIC: nothing can wake it
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        sti
wait_in_vain:
        hlt
die:    jmp wait_in_vain
