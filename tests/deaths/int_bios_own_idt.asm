; A call of the BIOS, with an IDT of the kernel's own.
; says: INT 0x13 \(AH 0x02, read sectors\) PLACE; it could not be delivered: gate 19 .* not present \(it is empty\); there is no BIOS in protected mode
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov eax, 0x0201
die:    int 0x13
