; DOS is asked for a string on the screen, and the default handler of IRQ 1 takes it: told, and the
; guest goes on. An IRQ behind the same bytes is no INT.
; status: 0
; says: INT 0x21 \(AH 0x09, write string\) at eip 0x[0-9a-f]+( \(print.*\))?: there is no DOS in protected mode
; says: halted PLACE
; lacks: INT 0x20
%include "kit.inc"
        kernel
        own_pics
        mov eax, 0x0900
print:  int 0x21
        pit 1193
        port 0x21, 0xfe
        mov ecx, 100000
        sti
wait_for_ticks:
        mov eax, 0x20cd0000             ; ends in the bytes of INT 0x20
        mov ebx, 0x20cd0000
        dec ecx
        jnz wait_for_ticks
        cli
die:    hlt
        nop
