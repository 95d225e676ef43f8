; INT 10h AH=4F: what is said of modes, and what setting one leaves. Where the framebuffer is, and how large it
; is, is each machine's own.
SECTORS equ 24
%include "kit.inc"
BUFFER equ 0x6000

%macro about 1
        call_bios 0x10, SHOW_AX, 0x4f01, 0, %1, 0, 0, BUFFER, 0, 0
        dump 0, BUFFER, 1
        dump 0, BUFFER + 2, 4
        dump 0, BUFFER + 16, 6
        dump 0, BUFFER + 30, 5
        dump 0, BUFFER + 50, 1
        dump 0, BUFFER + 54, 4
%endmacro

tests:
        mov dword [BUFFER], "VBE2"
        call_bios 0x10, SHOW_ALL & ~SHOW_CF, 0x4f00, 0, 0, 0, 0, BUFFER, 0, 0
        dump 0, BUFFER, 2
        dump 0, BUFFER + 10, 2
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f03, 0
        about 0x101
        about 0x10d
        about 0x110
        about 0x111
        about 0x112
        about 0x118
        about 0x142
        call_bios 0x10, SHOW_AX, 0x4f01, 0, 0x1ff, 0, 0, BUFFER, 0, 0
        call_bios 0x10, SHOW_ALL, 0x4f02, 0x4101
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f03, 0
        call_bios 0x10, SHOW_AX | SHOW_BX | SHOW_CX, 0x4f06, 1
        call_bios 0x10, SHOW_AX | SHOW_BX | SHOW_CX, 0x4f06, 0, 800
        call_bios 0x10, SHOW_AX | SHOW_BX | SHOW_CX, 0x4f06, 1
        call_bios 0x10, SHOW_AX, 0x4f07, 0, 16, 20
        call_bios 0x10, SHOW_AX | SHOW_CX | SHOW_DX, 0x4f07, 1
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f08, 1
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f08, 0x0800
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f08, 0x0600
        call_bios 0x10, SHOW_AX, 0x4f02, 0x81ff
        call_bios 0x10, SHOW_ALL, 0x4f02, 0x0003
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f03, 0
        call_bios 0x10, SHOW_AX, 0x4f02, 0x0101
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x4f03, 0
        call_bios 0x10, SHOW_AX, 0x4f05, 0, 0, 3
        call_bios 0x10, SHOW_AX | SHOW_DX, 0x4f05, 0x0100
        call_bios 0x10, SHOW_ALL, 0x4f02, 0x0003
        ret
        the_end
