; The text screen: 80 x 25 cells in memory at 0xB8000, each a character and a colour; the cursor is
; two registers of the CRT controller.
;
;       vmm run --mode pm32 build/guests/vga.bin
;
; Writes to the screen; prints checks of what can be read back.

%include "vmm.inc"

        bits 32
        org 0x100000

SCREEN  equ 0xb8000
COLUMNS equ 80
ROWS    equ 25
CRTC    equ 0x3d4                       ; index, and at the next port data
CURSOR  equ 0x0e                        ; its address in cells: high byte, then at 0x0f low byte
START   equ 0x0c                        ; the first cell shown: the same

        mov edi, SCREEN                 ; clear it: light grey blanks
        mov ax, 0x0720
        mov ecx, COLUMNS * ROWS
        rep stosw

        mov esi, text
        mov edi, SCREEN + COLUMNS * 2   ; row 1
        mov ah, 0x1f                    ; white on blue
.next:
        lodsb
        test al, al
        jz .written
        stosw
        jmp .next
.written:
        mov ebx, edi                    ; the cursor goes behind the text
        sub ebx, SCREEN
        shr ebx, 1
        mov ecx, CURSOR
        call set_pair

        cmp dword [SCREEN + COLUMNS * 2], 0x1f651f48    ; 'H' and 'e', white on blue
        check "the cells of the second row hold the text", e

        mov esi, SCREEN + COLUMNS * 2   ; scroll: everything one row up
        mov edi, SCREEN
        mov ecx, COLUMNS * (ROWS - 1) / 2
        rep movsd
        cmp word [SCREEN], 0x1f00 | 'H'
        check "after scrolling the first row does", e
        cmp word [SCREEN + COLUMNS * 2], 0x0720
        check "and the second is blank", e

        mov ecx, CURSOR
        call get_pair
        cmp eax, COLUMNS + text_end - text - 1
        check "the cursor is where it was put", e

        mov ebx, COLUMNS * 3
        mov ecx, START
        call set_pair
        call get_pair
        cmp eax, COLUMNS * 3
        check "the start address reads back", e
        xor ebx, ebx
        call set_pair
        jmp finish

set_pair:                               ; registers ECX and ECX + 1 of the CRTC := BX
        mov edx, CRTC
        mov al, cl
        mov ah, bh
        out dx, ax                      ; index and data in one go
        inc al
        mov ah, bl
        out dx, ax
        ret

get_pair:                               ; EAX := registers ECX and ECX + 1
        xor eax, eax
        mov edx, CRTC
        mov al, cl
        out dx, al
        inc edx
        in al, dx
        mov ah, al
        dec edx
        mov al, cl
        inc al
        out dx, al
        inc edx
        in al, dx
        ret

text:   db "Hello, screen!", 0
text_end:

%include "lib32.inc"
