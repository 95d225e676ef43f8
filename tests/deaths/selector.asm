; A data selector that is not in the GDT.
; says: #GP general protection \(error code 0x48\) PLACE: selector 0x48 is beyond the GDT.s limit 0x2f
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov eax, 0x48
die:    mov ds, eax
