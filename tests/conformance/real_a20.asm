; The A20 gate: open to begin with; while it is closed, addresses lack bit 20, so that the first
; 64 KiB above 1 MiB are those at 0. By port 0x92 (IBM PS/2 system control port A) and by the keyboard
; controller's output port; the two switches agree, as the last one that was moved says.

%include "real_suite.inc"

LOW  equ 0x600                          ; at segment 0
HIGH equ LOW + 0x10                     ; at segment 0xffff: 0x100600

%macro control 1                        ; port 0x92
        in al, 0x92
        and al, ~2
        or al, %1
        out 0x92, al
%endmacro

%macro keyboard 1                       ; a command to the 8042
        mov al, %1
        out 0x64, al
%endmacro

start:
        mov ax, 0xffff
        mov es, ax
        xor ax, ax
        mov fs, ax

        mov word [fs:LOW], 0x1111
        mov word [es:HIGH], 0x2222
        equals "open to begin with: below", [fs:LOW], 0x1111
        equals "and above", [es:HIGH], 0x2222
        in al, 0x92
        and ax, 2
        equals "port 0x92 says so", ax, 2

        control 0
        equals "closed by port 0x92: above is below", [es:HIGH], 0x1111
        mov word [es:HIGH], 0x3333
        equals "a write above goes below", [fs:LOW], 0x3333
        mov word [fs:LOW], 0x4444
        equals "a write below is seen above", [es:HIGH], 0x4444
        control 2
        equals "open again: above is what it was", [es:HIGH], 0x2222
        equals "and below", [fs:LOW], 0x4444

        keyboard 0xdd
        equals "closed by the keyboard controller", [es:HIGH], 0x4444
        in al, 0x92
        and ax, 2
        equals "port 0x92 says so, too", ax, 0
        control 2
        equals "opened by port 0x92", [es:HIGH], 0x2222
        keyboard 0xd1
        mov al, 0xdd                    ; the output port without A20
        out 0x60, al
        equals "closed by the output port", [es:HIGH], 0x4444
        keyboard 0xdf
        equals "opened by the keyboard controller", [es:HIGH], 0x2222

; Code is fetched by the same wires.
        mov word [fs:LOW], 0xcbf9       ; stc; retf
        mov word [es:HIGH], 0xcbf8      ; clc; retf
        stc
        call 0xffff:HIGH
        holds "code above, open", nc
        control 0
        clc
        call 0xffff:HIGH
        holds "code above, closed", c
        control 2
        stc
        call 0xffff:HIGH
        holds "code above, open again", nc
        done
