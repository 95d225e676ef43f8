; String I/O: one instruction moves many elements between memory and a port. A VMM gets them in
; batches, and has to hand out each element, in order, to the device.
;
;       vmm run build/guests/string_io.bin
;
; Prints a line by REP OUTSB itself, then the checks.

%include "vmm.inc"

        bits 16
        org 0

DEBUG_CONSOLE equ 0xe9                  ; what is written there is printed
COM1          equ 0x3f8
CRTC          equ 0x3d4                 ; index, and at the next port data

        begin
        mov si, line                    ; out of memory
        mov cx, line_end - line
        mov dx, DEBUG_CONSOLE
        rep outsb

        ; A serial port wired to itself gives back what it is sent: a port whose data changes with
        ; every read.
        mov dx, COM1 + 2
        mov al, 0x07                    ; FIFOs on, and empty
        out dx, al
        mov dx, COM1 + 4
        mov al, 0x10                    ; loopback
        out dx, al
        mov dx, COM1
        mov si, sent
        mov cx, 16
        rep outsb
        mov di, received
        mov cx, 16
        rep insb
        call compare
        check "rep outsb, rep insb: 16 bytes around a serial loop", e

        std                             ; downwards: the last byte is sent first
        mov si, sent + 15
        mov cx, 16
        rep outsb
        mov di, received + 15
        mov cx, 16
        rep insb
        cld
        call compare
        check "the same with the direction flag set", e

        mov dx, COM1 + 4
        mov al, 0                       ; no loop any more
        out dx, al

        ; Words: two ports at once. The CRTC takes an index at one and data at the next, so an array
        ; of words sets several of its registers. 0x0e and 0x0f are the cursor's address.
        mov dx, CRTC
        mov si, cursor
        mov cx, 2
        rep outsw
        mov al, 0x0e
        out dx, al
        inc dx
        in al, dx
        mov ah, al
        dec dx
        mov al, 0x0f
        out dx, al
        inc dx
        in al, dx
        cmp ax, 0x0321
        check "rep outsw: two registers of the CRTC", e

        mov dx, CRTC                    ; index and data come back in one word, again and again
        mov di, received
        mov cx, 3
        rep insw
        mov eax, [received]
        cmp eax, 0x210f210f
        jne .words
        cmp word [received + 4], 0x210f
.words: check "rep insw: three words", e

        mov dx, DEBUG_CONSOLE           ; no element: nothing happens, and SI stays
        mov si, line
        xor cx, cx
        rep outsb
        cmp si, line
        check "a count of zero does nothing", e
        jmp finish

compare:                                ; ZF = received what was sent
        mov si, sent
        mov di, received
        mov cx, 16
        repe cmpsb
        mov di, received                ; forget it
        mov cx, 16
        mov al, 0
        pushf
        rep stosb
        popf
        ret

line:   db "every byte of this line came from one rep outsb", 10
line_end:
sent:   db "0123456789abcdef"
received:
        times 16 db 0
cursor: db 0x0e, 0x03, 0x0f, 0x21

%include "lib16.inc"
