; INT 16h and the key buffer, INT 09h with scan codes that the keyboard controller is made to give.
SECTORS equ 16
%include "kit.inc"

; type CODE...: command D2h puts a byte where the keyboard's go.
%macro type 1-*
  %rep %0
        mov al, %1
        call type_code
    %rotate 1
  %endrep
%endmacro
%macro look 0
        call_bios 0x16, SHOW_AX | SHOW_ZF, 0x1100
        call_bios 0x16, SHOW_AX, 0x1000
%endmacro
%macro look_old 0
        call_bios 0x16, SHOW_AX, 0x0000
%endmacro
tests:
        call_bios 0x16, SHOW_ZF, 0x0100
        call_bios 0x16, SHOW_AX, 0x0200
        note "a, A, Ctrl-A, Alt-A"
        type 0x1e, 0x9e
        look
        type 0x2a, 0x1e, 0x9e
        call_bios 0x16, SHOW_AX, 0x0200
        type 0xaa
        look
        type 0x1d, 0x1e, 0x9e, 0x9d
        look
        type 0x38, 0x1e, 0x9e, 0xb8
        look
        note "Enter, Tab, Esc, Backspace"
        type 0x1c, 0x9c, 0x0f, 0x8f, 0x01, 0x81, 0x0e, 0x8e
        look_old
        look_old
        look_old
        look_old
        note "arrows, new and old"
        type 0xe0, 0x48, 0xe0, 0xc8
        look
        type 0xe0, 0x48, 0xe0, 0xc8
        look_old
        type 0x48, 0xc8
        look_old
        note "F1, Shift-F1, F12"
        type 0x3b, 0xbb, 0x2a, 0x3b, 0xbb, 0xaa, 0x58, 0xd8
        look
        look
        look
        note "Caps Lock, Num Lock"
        type 0x3a, 0xba, 0x1e, 0x9e, 0x02, 0x82
        look
        look
        type 0x3a, 0xba, 0x45, 0xc5, 0x47, 0xc7, 0x45, 0xc5
        look
        note "put"
        call_bios 0x16, SHOW_AX, 0x0500, 0, 0x1234
        look
        call_bios 0x16, SHOW_ZF, 0x0100
        call_bios 0x16, SHOW_AX, 0x1200
        note "more than there is room for"
        mov bp, 18
.fill:  push bp
        call_bios 0x16, SHOW_AX, 0x0500, 0, 0x0231
        pop bp
        dec bp
        jnz .fill
        ret

type_code:
        pusha
        push ax
.wait:  in al, 0x64
        test al, 2
        jnz .wait
        mov al, 0xd2
        out 0x64, al
.again: in al, 0x64
        test al, 2
        jnz .again
        pop ax
        out 0x60, al
.taken: in al, 0x64                    ; its interrupt comes, and takes it
        test al, 1
        jnz .taken
        popa
        ret
        the_end
