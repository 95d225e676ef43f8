; The real-time clock interrupts through the second PIC: IRQ 8 is input 0 of the slave, which is
; wired to input 2 of the master. So both must let it in, and both must hear of its end.
;
;       vmm run --mode pm32 build/guests/rtc.bin
;
; Prints how many interrupts came.

%include "vmm.inc"

        bits 32
        org 0x100000

CMOS_INDEX equ 0x70
CMOS_DATA  equ 0x71
WANTED     equ 32

        gate 0x28, on_rtc               ; IRQ 8
        mov al, 0xfb                    ; the master: only its input 2, the slave
        out 0x21, al
        mov al, 0xfe                    ; the slave: only its input 0
        out 0xa1, al

        mov al, 0x0a                    ; register A: time base on, rate 6: 1024 Hz
        out CMOS_INDEX, al
        mov al, 0x26
        out CMOS_DATA, al
        mov al, 0x0b                    ; register B: periodic interrupt, 24-hour clock, BCD
        out CMOS_INDEX, al
        mov al, 0x42
        out CMOS_DATA, al
        sti
.sleep:
        hlt
        cmp dword [count], WANTED
        jb .sleep
        cli

        mov eax, WANTED
        call print_number
        say " interrupts of the real-time clock", 10
        cmp byte [wrong], 0
        check "each said that it was the periodic one", e

        mov al, 0x0b                    ; off again
        out CMOS_INDEX, al
        mov al, 0x02
        out CMOS_DATA, al
        jmp finish

on_rtc:
        push eax
        inc dword [count]
        mov al, 0x0c                    ; register C tells why; not read, it would not interrupt
        out CMOS_INDEX, al              ; again
        in al, CMOS_DATA
        and al, 0xc0                    ; an interrupt, a periodic one
        xor al, 0xc0
        or [wrong], al
        mov al, 0x20                    ; the end, to the slave, then to the master
        out 0xa0, al
        out 0x20, al
        pop eax
        iret

count:  dd 0
wrong:  db 0

%include "lib32.inc"
