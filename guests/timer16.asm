; A timer in real mode: a handler in the vector table at address 0, an interrupt controller to open,
; a timer to set. The main program sleeps in HLT between ticks, and lets a second timer channel tell
; how long it all took.
;
;       vmm run --load 0x10000 build/guests/timer16.bin
;
; Loaded at 0, where flat images go by default, it would overwrite itself with vectors.
; Prints "100 ticks of 10 ms" and that they took a second.

%include "vmm.inc"

        bits 16
        org 0

TICKS   equ 100
PIT_HZ  equ 1193182                     ; the crystal of a PC, a third of a colour-TV frequency

        begin
        xor ax, ax                      ; the handler: offset, then segment, of vector 8
        mov es, ax
        mov word [es:0x08 * 4], on_tick
        mov [es:0x08 * 4 + 2], cs

        in al, 0x61                     ; let channel 2 of the PIT count...
        and al, 0xfd                    ; ...without the speaker
        or al, 0x01
        out 0x61, al
        mov al, 0xb4                    ; channel 2: low byte, high byte, mode 2 (divide by N)
        out 0x43, al
        xor al, al
        out 0x42, al
        out 0x42, al                    ; N = 0 means 65536: it falls all the way around in 55 ms
        call read_channel2
        mov [last], ax

        mov al, 0x34                    ; channel 0: mode 2, 100 times a second
        out 0x43, al
        mov al, (PIT_HZ / 100) & 0xff
        out 0x40, al
        mov al, (PIT_HZ / 100) >> 8
        out 0x40, al

        mov al, 0xfe                    ; the PIC is set up but lets nothing in: open input 0
        out 0x21, al
        sti
.sleep:
        hlt                             ; the CPU is the host's until the next interrupt
        call read_channel2
        mov bx, [last]
        mov [last], ax
        sub bx, ax                      ; it counts down, modulo 65536: so does the difference
        movzx ebx, bx
        add [elapsed], ebx
        cmp word [ticks], TICKS
        jb .sleep
        cli

        mov ax, [ticks]
        call print_number
        say " ticks of 10 ms", 10
        ; A host that is busy may hold us up, and ticks that nobody could take are not made up for:
        ; so a second may become longer, but hardly shorter.
        cmp dword [elapsed], PIT_HZ * 9 / 10
        check "not less than a second by channel 2", ae
        cmp dword [elapsed], PIT_HZ * 3
        check "and less than three", b
        jmp finish

on_tick:
        push ax
        cmp word [cs:ticks], TICKS      ; the handler does not know what DS holds
        je .full
        inc word [cs:ticks]
.full:
        mov al, 0x20                    ; end of interrupt: without it there would not be another
        out 0x20, al
        pop ax
        iret

read_channel2:                          ; AX = what it has counted down to
        mov al, 0x80                    ; latch it, so that both bytes are of the same moment
        out 0x43, al
        in al, 0x42
        mov ah, al
        in al, 0x42
        xchg al, ah
        ret

ticks:  dw 0
last:   dw 0
        align 4
elapsed:
        dd 0

%include "lib16.inc"
