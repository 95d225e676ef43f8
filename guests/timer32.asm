; A timer in protected mode: one gate of the interrupt table becomes the guest's own. It counts a
; hundred ticks of 10 ms, asleep between them, while another channel of the timer measures.
;
;       vmm run --mode pm32 build/guests/timer32.bin
;
; Prints a star every tenth of a second, the count, and that it took a second.

%include "vmm.inc"

        bits 32
        org 0x100000

TICKS  equ 100
PIT_HZ equ 1193182

        gate 0x20, on_tick              ; IRQ 0, where the VMM has put the PIC's vectors

        in al, 0x61                     ; channel 2 counts when its gate is high (bit 0);
        and al, 0xfd                    ; bit 1 would let us hear it
        or al, 0x01
        out 0x61, al
        mov al, 0xb4                    ; channel 2: both bytes, mode 2, from 65536 (as 0) down
        out 0x43, al
        xor al, al
        out 0x42, al
        out 0x42, al
        call read_channel2
        mov [last], ax

        mov al, 0x34                    ; channel 0: mode 2, 100 Hz
        out 0x43, al
        mov al, (PIT_HZ / 100) & 0xff
        out 0x40, al
        mov al, (PIT_HZ / 100) >> 8
        out 0x40, al
        sti
.sleep:
        hlt
        call read_channel2              ; the 16-bit difference is right across the turn-around
        mov bx, [last]
        mov [last], ax
        sub bx, ax
        movzx ebx, bx
        add [elapsed], ebx
        cmp dword [ticks], TICKS
        jb .sleep
        cli

        say 10
        mov eax, [ticks]
        call print_number
        say " ticks of 10 ms", 10
        ; A busy host may hold us up, and ticks that nobody could take are not made up for: so a
        ; second may become longer, but hardly shorter.
        cmp dword [elapsed], PIT_HZ * 9 / 10
        check "not less than a second by channel 2", ae
        cmp dword [elapsed], PIT_HZ * 3
        check "and less than three", b
        jmp finish

on_tick:
        pushad
        cmp dword [ticks], TICKS
        je .done
        inc dword [ticks]
        mov eax, [ticks]
        xor edx, edx
        mov ebx, 10
        div ebx
        test edx, edx
        jnz .done
        mov al, '*'
        call print_char
.done:
        mov al, 0x20                    ; end of interrupt
        out 0x20, al
        popad
        iret

read_channel2:                          ; AX = what it has counted down to
        mov al, 0x80                    ; latch it, so that both bytes are of the same moment
        out 0x43, al
        in al, 0x42
        mov ah, al
        in al, 0x42
        xchg al, ah
        ret

ticks:  dd 0
elapsed:
        dd 0
last:   dw 0

%include "lib32.inc"
