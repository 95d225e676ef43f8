; Who may interrupt whom: the PIC lets a request through to a handler that has turned interrupts on
; again only if it is of higher priority than what is in service. The timer (IRQ 0) may interrupt
; the serial port's handler (IRQ 4), and not the other way round.
;
;       vmm run --mode pm32 build/guests/nested.bin
;
; Prints what happens in which order.

%include "vmm.inc"

        bits 32
        org 0x100000

COM1 equ 0x3f8

        mov al, 0xee                    ; inputs 0 and 4 only
        out 0x21, al
        mov al, 0x34                    ; the timer: 100 Hz
        out 0x43, al
        mov al, 11932 & 0xff
        out 0x40, al
        mov al, 11932 >> 8
        out 0x40, al

        say "IRQ 0 while IRQ 4 is in service:", 10
        gate 0x20, quick_timer
        gate 0x24, slow_serial
        call raise_irq4
        sti
.first: cmp byte [serial_done], 1
        jne .first
        cli

        say "IRQ 4 while IRQ 0 is in service:", 10
        gate 0x20, slow_timer
        gate 0x24, quick_serial
        sti
.second:
        cmp byte [serial_done], 2
        jne .second
        cli
        jmp finish

; ---- first: the handler of lower priority is interrupted ----

slow_serial:
        pushad
        call calm_irq4
        say "  IRQ 4 begins", 10
        mov byte [in_service], 0
        sti                             ; the PIC now decides
.wait:  cmp byte [in_service], 0        ; until a tick has come
        je .wait
        cli
        say "  IRQ 0 came between, in service: "
        mov al, [in_service]
        call print_hex8
        say 10
        mov byte [serial_done], 1
        say "  IRQ 4 ends", 10
        jmp end_of_interrupt

quick_timer:
        pushad
        mov al, 0x0b                    ; read the in-service register
        out 0x20, al
        in al, 0x20
        mov [in_service], al
        jmp end_of_interrupt

; ---- second: the handler of higher priority is not ----

slow_timer:
        pushad
        inc byte [timer_calls]          ; once is enough: a later tick would come before IRQ 4
        cmp byte [timer_calls], 1
        jne end_of_interrupt
        say "  IRQ 0 begins", 10
        call raise_irq4
        sti
        mov ecx, 1000                   ; time enough for it to come, if it could
.wait:  loop .wait
        cli
        mov al, 0x0a                    ; read the request register
        out 0x20, al
        in al, 0x20
        and al, 0x10                    ; (the next tick may have been requested, too)
        say "  IRQ 4 is requested and waits: "
        call print_hex8
        say 10
        say "  IRQ 0 ends", 10
        jmp end_of_interrupt

quick_serial:
        pushad
        call calm_irq4
        say "  IRQ 4 comes", 10
        mov byte [serial_done], 2

end_of_interrupt:
        mov al, 0x20                    ; ends the highest that is in service: the running one
        out 0x20, al
        popad
        iret

; The serial port interrupts when it could send, which it always can, as soon as that is enabled.
raise_irq4:
        mov dx, COM1 + 4                ; MCR: OUT2 lets IRQ 4 through
        mov al, 0x08
        out dx, al
        mov dx, COM1 + 1                ; IER: transmitter empty
        mov al, 0x02
        out dx, al
        ret

calm_irq4:
        mov dx, COM1 + 1
        mov al, 0
        out dx, al
        ret

in_service:
        db 0
serial_done:
        db 0
timer_calls:
        db 0

%include "lib32.inc"
