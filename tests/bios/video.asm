; INT 10h in text mode: the cursor, writing, reading, windows, pages; what is then in video memory.
SECTORS equ 16
%include "kit.inc"
CURSOR equ SHOW_AX | SHOW_BX | SHOW_CX | SHOW_DX
tests:
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x0f00
        call_bios 0x10, 0, 0x0003
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x0f00
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        call_bios 0x10, SHOW_ALL, 0x0e41, 7
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        call_bios 0x10, 0, 0x0e0d, 7
        call_bios 0x10, 0, 0x0e0a, 7
        call_bios 0x10, 0, 0x0e42, 7
        call_bios 0x10, 0, 0x0e08, 7
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        dump 0xb800, 0, 4
        dump 0xb800, 160, 4
        call_bios 0x10, SHOW_ALL, 0x0200, 0, 0, 0x0510
        call_bios 0x10, SHOW_ALL, 0x0943, 0x001e, 5
        call_bios 0x10, SHOW_AX, 0x0800, 0
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        call_bios 0x10, SHOW_ALL, 0x0a44, 0x004f, 2
        dump 0xb800, 160 * 5 + 32, 6
        call_bios 0x10, SHOW_ALL, 0x1301, 0x002a, 5, 0x0a4d, 0, 0, text, 0
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        dump 0xb800, 160 * 10 + 2 * 77, 6
        call_bios 0x10, SHOW_ALL, 0x1302, 0x002a, 2, 0x0c02, 0, 0, cells, 0
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        dump 0xb800, 160 * 12 + 4, 3
        call_bios 0x10, SHOW_ALL, 0x0601, 0x1700, 0x0400, 0x0620
        dump 0xb800, 160 * 4 + 32, 6
        dump 0xb800, 160 * 6 + 32, 2
        call_bios 0x10, SHOW_ALL, 0x0702, 0x2700, 0x0000, 0x074f
        dump 0xb800, 160 * 6 + 32, 6
        dump 0xb800, 0, 2
        call_bios 0x10, 0, 0x0600, 0x3700, 0x0b00, 0x0c05
        dump 0xb800, 160 * 12, 6
        call_bios 0x10, SHOW_CX, 0x0100, 0, 0x2000
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        call_bios 0x10, SHOW_CX, 0x0100, 0, 0x0607
        note "to the last line"
        call_bios 0x10, 0, 0x0200, 0, 0, 0x184f
        call_bios 0x10, 0, 0x0e5a, 7
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0
        dump 0xb800, 160 * 23 + 156, 2
        dump 0xb800, 160 * 24, 2
        note "pages"
        call_bios 0x10, SHOW_AX, 0x0501
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x0f00
        call_bios 0x10, 0, 0x0e50, 0x0007
        dump 0xb900, 0, 2
        call_bios 0x10, 0, 0x0200, 0x0200, 0, 0x0203
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x0300, 0x0200
        call_bios 0x10, SHOW_AX, 0x0500
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x1a00
        call_bios 0x10, SHOW_BX, 0x1210, 0xff10
        dump 0x40, 0x49, 12
        dump 0x40, 0x60, 2
        ret
text:   db "Hello"
cells:  db "x", 0x1f, "y", 0x2f
        the_end
