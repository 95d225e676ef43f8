; INT 13h on the drive it was started from, and on drives that are not there.
SECTORS equ 16
%include "kit.inc"
tests:
        mov al, [drive]
        cmp al, 0x80
        je .hard
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0000, 0, 0, 0
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0100, 0, 0, 0
        call_bios 0x13, SHOW_AX | SHOW_BX | SHOW_CX | SHOW_DX | SHOW_CF, 0x0201, 0x5000, 0x0003, 0x0000
        dump 0, 0x5000, 8
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x0000, 0x0000
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x0013, 0x0000
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x0001, 0x0200
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x5001, 0x0000
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0200, 0x5000, 0x0001, 0x0000
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0402, 0x5000, 0x0001, 0x0000
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0100, 0, 0, 0
        call_bios 0x13, SHOW_BX | SHOW_CX | SHOW_DX | SHOW_CF, 0x0800, 0, 0, 0, 0, 0
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x1500, 0, 0, 0
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x4100, 0x55aa, 0, 0
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0202, 0xff00, 0x0001, 0x0000, 0, 0, 0, 0x1000
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0xff00, 0x0001, 0x0000, 0, 0, 0, 0x1000
        call_bios 0x13, SHOW_CF, 0x0201, 0x5000, 0x0001, 0x0001
        ret
.hard:
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0000, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0100, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_BX | SHOW_CX | SHOW_DX | SHOW_CF, 0x0201, 0x5000, 0x0003, 0x0080
        dump 0, 0x5000, 8
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x0000, 0x0080
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x0001, 0xff80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0100, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0200, 0x5000, 0x0001, 0x0080
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0402, 0x5000, 0x0001, 0x0080
        call_bios 0x13, SHOW_AX | SHOW_CX | SHOW_DX | SHOW_CF, 0x0800, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CX | SHOW_DX | SHOW_CF, 0x1500, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x1000, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x1100, 0, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0c00, 0, 1, 0x80
        call_bios 0x13, SHOW_AX | SHOW_BX | SHOW_CX | SHOW_CF, 0x4100, 0x55aa, 0, 0x80
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x4200, 0, 0, 0x80, packet
        dump 0, packet, 8
        dump 0, 0x5000, 8
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x4200, 0, 0, 0x80, far_packet
        dump 0, far_packet, 8
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x4400, 0, 0, 0x80, packet
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x4800, 0, 0, 0x80, parameters
        dump 0, parameters, 2
        dump 0, parameters + 16, 5
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0301, 0x5000, 0x0009, 0x0080
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5200, 0x0009, 0x0080
        dump 0, 0x5200, 8
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0201, 0x5000, 0x0001, 0x0083
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x0800, 0x5000, 0x0001, 0x0083
        call_bios 0x13, SHOW_AX | SHOW_CF, 0x1500, 0x5000, 0x0001, 0x0083
        ret
        align 4
packet: dw 0x10, 2, 0x5000, 0, 2, 0, 0, 0
far_packet: dw 0x10, 2, 0x5000, 0, 0xffff, 0xffff, 0, 0
parameters: dw 0x1a
        times 30 db 0
        the_end
