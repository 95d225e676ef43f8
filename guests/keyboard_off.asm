; The keyboard switched off and on again: c by the controller, which holds back what is typed
; meanwhile; k by the keyboard, which does not scan its keys. Each for 5 ms by the timer. q ends it.
;
;       vmm run --input keyboard build/guests/keyboard_off.elf
;       vmm test tests/scenarios/any/keyboard_off.t
;
; Prints "off" and "on", and the scan code of each key.

%include "vmm.inc"

        bits 32

KBD_DATA    equ 0x60
KBD_COMMAND equ 0x64
DISABLE     equ 0xad                    ; the controller
ENABLE      equ 0xae
SCAN_OFF    equ 0xf5                    ; the keyboard
SCAN_ON     equ 0xf4
COUNT       equ 1193182 / 200           ; 5 ms

        section .text
        global start
start:
        in al, KBD_DATA                 ; what is left there would hold back the first interrupt
        mov al, 0xfd                    ; only IRQ 1
        out 0x21, al
        gate 0x21, on_key
        say "c, k; q ends", 10
        sti
.sleep:
        hlt
        jmp .sleep

on_key:
        pushad
        in al, KBD_DATA
        mov bl, al
        call print_hex8
        say 10
        cmp bl, 0x2e                    ; c
        je .by_controller
        cmp bl, 0x25                    ; k
        je .by_keyboard
        cmp bl, 0x10                    ; q
        je finish
.end:   mov al, 0x20
        out 0x20, al
        popad
        iret

.by_controller:
        mov al, DISABLE
        out KBD_COMMAND, al
        call off_for_a_while
        mov al, ENABLE
        out KBD_COMMAND, al
        jmp .end

.by_keyboard:
        mov al, SCAN_OFF
        call command
        call off_for_a_while
        mov al, SCAN_ON
        call command
        jmp .end

command:                                ; AL to the keyboard, and its answer, before which may come
                                        ; the code of a key
        out KBD_DATA, al
.wait:  in al, KBD_COMMAND
        test al, 1
        jz .wait
        in al, KBD_DATA
        cmp al, 0xfa
        jne .wait
        say "acknowledged", 10
        ret

        global off_for_a_while
off_for_a_while:
        say "off", 10
        mov al, 0x30                    ; counter 0, mode 0: OUT rises at the end
        out 0x43, al
        mov al, COUNT & 0xff
        out 0x40, al
        mov al, COUNT >> 8
        out 0x40, al
.wait:  mov al, 0xe2                    ; read back: the status of counter 0
        out 0x43, al
        in al, 0x40
        test al, 0x80                   ; OUT
        jz .wait
        say "on", 10
        ret

%include "lib32.inc"
