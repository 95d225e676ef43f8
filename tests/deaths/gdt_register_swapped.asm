; The struct for LGDT has its fields in the wrong order: LGDT wants the limit first.
; says: GDTR's base 0x[0-9a-f]+ and limit 0x[0-9a-f]+ look swapped
; says: PLACE
%include "kit.inc"
        kernel
        lgdt [register]
die:    jmp 0x08:loaded
loaded: jmp $
        section .data
        align 8
table:  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
register:
        dd table
        dw 3 * 8 - 1
