; The structure for LGDT has the base before the limit.
; says: #GP general protection \(error code 0x8\) PLACE: selector 0x8 .*GDTR's base 0x[0-9a-f]+ and limit 0x[0-9a-f]+ look swapped
%include "kit.inc"
        kernel
        lgdt [register]
die:    jmp 0x08:after
after:  hlt
        section .data
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
register: dd gdt
        dw 3 * 8 - 1
