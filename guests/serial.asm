; A serial port by interrupts: the 16550 raises IRQ 4 when it has received something; the handler
; takes all there is and sends it back in upper case.
;
;       vmm run --mode pm32 build/guests/serial.bin
;       printf 'hello\004' | vmm run --mode pm32 build/guests/serial.bin
;
; Prints what is typed in upper case; Ctrl-D ends it and prints the number of characters.

%include "vmm.inc"

        bits 32
        org 0x100000

COM1 equ 0x3f8
RBR  equ COM1                           ; reads: what was received
THR  equ COM1                           ; writes: what is to be sent
IER  equ COM1 + 1                       ; bit 0: interrupt when something is received
FCR  equ COM1 + 2
IIR  equ COM1 + 2                       ; why it interrupts; bit 0 set: it does not
LCR  equ COM1 + 3
MCR  equ COM1 + 4
LSR  equ COM1 + 5                       ; bit 0: something received, bit 5: THR is empty

EOT  equ 4                              ; Ctrl-D

        gate 0x24, on_serial            ; IRQ 4

        mov dx, LCR
        mov al, 0x80                    ; the divisor of 115200 Hz in place of RBR and IER
        out dx, al
        mov dx, THR
        mov al, 1
        out dx, al
        mov dx, IER
        mov al, 0
        out dx, al
        mov dx, LCR
        mov al, 0x03                    ; 8 bits, no parity, 1 stop bit
        out dx, al
        mov dx, FCR
        mov al, 0x07                    ; FIFOs on and empty, interrupt from the first byte
        out dx, al
        mov dx, MCR
        mov al, 0x0b                    ; DTR, RTS, and OUT2, which on a PC lets IRQ 4 through
        out dx, al
        mov dx, IER
        mov al, 0x01
        out dx, al

        say "type; Ctrl-D ends", 10
        sti
.sleep:
        hlt
        cmp byte [ended], 0
        je .sleep
        cli

        say 10
        mov eax, [count]
        call print_number
        say " characters", 10
        jmp finish

on_serial:
        pushad
.more:
        mov dx, LSR
        in al, dx
        test al, 0x01
        jz .done
        mov dx, RBR
        in al, dx
        cmp al, EOT
        je .end
        inc dword [count]
        cmp al, 'a'
        jb .send
        cmp al, 'z'
        ja .send
        sub al, 'a' - 'A'
.send:
        call send
        cmp al, 13                      ; a terminal's Enter key: on to the next line, too
        jne .more
        mov al, 10
        call send
        jmp .more
.end:
        mov byte [ended], 1
.done:
        mov al, 0x20                    ; end of interrupt
        out 0x20, al
        popad
        iret

send:                                   ; AL, when the port can take it
        push eax
        mov dx, LSR
.wait:
        in al, dx
        test al, 0x20
        jz .wait
        pop eax
        mov dx, THR
        out dx, al
        ret

count:  dd 0
ended:  db 0

%include "lib32.inc"
