; INT 11h, 12h, 15h: what there is, the map of memory, blocks that are moved, the A20 gate; the data areas.
SECTORS equ 16
%include "kit.inc"
tests:
        push 0xf000
        pop fs
        call_bios 0x12, SHOW_AX, 0
        ; SeaBIOS keeps some KiB at the end of RAM for its ACPI tables, and has APM: not compared.
        call_bios 0x15, SHOW_CF, 0x8800
        call_bios 0x15, SHOW_AX | SHOW_CX | SHOW_CF, 0xe801, 0, 0, 0
        call_bios 0x15, SHOW_AX | SHOW_ES | SHOW_CF, 0xc100
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x2400
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x2402
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x2401
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x2402
        call_bios 0x15, SHOW_AX | SHOW_BX | SHOW_CF, 0x2403
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x2404
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x4f1e
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x9000
        call_bios 0x15, SHOW_AX | SHOW_CF, 0xe820, 0, 20, 0x12345678
        mov dword [in_ebx], 0
        mov bp, 4                       ; base memory, two areas that are kept, the rest
.map:   push bp
   mov dword [in_eax], 0x1234e820
        mov dword [in_ecx], 24
        mov dword [in_edx], "PAMS"
        mov word [in_edi], buffer
        mov word [in_es], 0
        mov byte [perform.number], 0x15
        mov word [mask], SHOW_AX | SHOW_CX | SHOW_CF
        call perform
        call report
        dump 0, buffer, 4
        dump 0, buffer + 16, 2
        pop bp
        dec bp
        jnz .map
        mov dword [0x5000], 0x12345678
        mov dword [0x5004], 0x9abcdef0
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x8700, 0, 4, 0, table
        call_bios 0x15, SHOW_AX | SHOW_CF, 0x8700, 0, 4, 0, back
        dump 0, 0x5100, 4
        call_bios 0x15, SHOW_CF | SHOW_CX | SHOW_DX, 0x8600, 0, 0, 5000
        dump 0x40, 0x00, 1
        dump 0x40, 0x0e, 1
        dump 0x40, 0x13, 1
        dump 0x40, 0x1a, 2
        dump 0x40, 0x80, 2
        dump 0xf000, 0xfff0, 2
        mov al, [fs:0xfffe]             ; the model
        mov ah, 0
        call print_word
        ret
        align 8
buffer: times 24 db 0
        align 8
table:  times 16 db 0
        dw 0xffff, 0x5000, 0x9300, 0
        dw 0xffff, 0x0000, 0x9320, 0
        times 16 db 0
back:   times 16 db 0
        dw 0xffff, 0x0000, 0x9320, 0
        dw 0xffff, 0x5100, 0x9300, 0
        times 16 db 0
        the_end
