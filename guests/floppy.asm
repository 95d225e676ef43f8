; A floppy disk, by its controller (82077AA) and the DMA controller (8237A). A command is some bytes written to
; one port, each when the controller takes it; the data goes to memory without the processor, the end comes as
; an interrupt, and then the controller has bytes that say how it went.
;
;       vmm run -fda FILE build/guests/floppy.elf
;
; FILE has 1440 KiB, and its first sectors begin with a line of text each; the fourth is written. A Multiboot
; kernel that expects no more than its specification promises.

%include "vmm.inc"

        bits 32

HEADER_MAGIC equ 0x1badb002

DOR          equ 0x3f2                  ; drive, reset, DMA and interrupts, motors
MSR          equ 0x3f4                  ; may a byte go there, or come
FIFO         equ 0x3f5
CCR          equ 0x3f7                  ; the data rate
RQM          equ 0x80
DIO          equ 0x40

SPECIFY      equ 0x03
RECALIBRATE  equ 0x07
SENSE        equ 0x08
SEEK         equ 0x0f
VERSION      equ 0x10
READ         equ 0x46                   ; MFM, one side
WRITE        equ 0x45

TO_MEMORY    equ 0x46                   ; modes of DMA channel 2
FROM_MEMORY  equ 0x4a
SECTOR       equ 512
BUFFER       equ 0x10000                ; DMA reaches 16 MiB, and must not cross 64 KiB

%macro send 1                           ; a byte of a command
        mov al, %1
        call send_byte
%endmacro

        section .multiboot
        align 4
        dd HEADER_MAGIC
        dd 0
        dd -HEADER_MAGIC

        section .text
        global start
start:
        mov esp, stack_top
        cld
        lgdt [gdt_pointer]              ; the boot loader's may be gone: then no gate leads anywhere
        jmp 0x08:.flat
.flat:  mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        call set_up_interrupts
        mov dx, MSR
        in al, dx
        cmp al, 0xff                    ; nothing is there
        jne .reset
        say "no floppy disk: vmm run -fda FILE ...", 10
        inc byte [failures]
        jmp finish
.reset: mov dx, DOR
        mov al, 0
        out dx, al
        mov al, 0x1c                    ; drive A, its motor on, DMA and interrupts
        out dx, al
        call wait_interrupt
        mov ecx, 4                      ; each drive reports the reset
.drive: call sense
        loop .drive
        send VERSION
        call receive_byte
        cmp al, 0x90
        check "an 82077", e
        mov dx, CCR
        mov al, 0                       ; 500 kbit/s
        out dx, al
        send SPECIFY
        send 0xdf
        send 0x02
        send RECALIBRATE
        send 0
        call wait_interrupt
        call sense
        cmp ax, 0x0020                  ; cylinder 0, seek end
        check "recalibrated", e
        send SEEK
        send 0
        send 0
        call wait_interrupt
        call sense

        mov bl, TO_MEMORY
        mov ecx, 2 * SECTOR
        call program_dma
        mov ah, READ
        mov bh, 2                       ; sector 2, which is the second
        call transfer
        check "two sectors are read", e
        mov esi, BUFFER
        call show
        mov esi, BUFFER + SECTOR
        call show

        mov esi, message
        mov edi, BUFFER
        mov ecx, SECTOR
        rep movsb
        mov bl, FROM_MEMORY
        mov ecx, SECTOR
        call program_dma
        mov ah, WRITE
        mov bh, 4
        call transfer
        check "a sector is written", e
        mov edi, BUFFER
        mov ecx, SECTOR
        xor al, al
        rep stosb
        mov bl, TO_MEMORY
        mov ecx, SECTOR
        call program_dma
        mov ah, READ
        mov bh, 4
        call transfer
        check "and read again", e
        mov esi, BUFFER
        call show
        mov bl, TO_MEMORY
        mov ecx, SECTOR
        call program_dma
        mov ah, READ
        mov bh, 100
        call transfer
        check "a sector that isn't there: an error", ne
        mov dx, DOR
        mov al, 0x0c                    ; the motor off
        out dx, al
        jmp finish

; Does command AH with the sectors from BH on; the zero flag says that it went well.
transfer:
        mov al, ah
        call send_byte
        send 0                          ; head 0, drive A
        send 0                          ; cylinder, head
        send 0
        send bh
        send 2                          ; 512 bytes
        send 18                         ; sectors a track
        send 0x1b
        send 0xff
        call wait_interrupt
        call receive_byte
        mov bl, al
        mov ecx, 6
.rest:  call receive_byte
        loop .rest
        test bl, 0xc0
        ret

; DMA channel 2: mode BL, ECX bytes at BUFFER.
program_dma:
        mov al, 6                       ; masked
        out 0x0a, al
        out 0x0c, al                    ; the low byte is first
        mov al, BUFFER & 0xff
        out 0x04, al
        mov al, BUFFER >> 8 & 0xff
        out 0x04, al
        mov al, BUFFER >> 16
        out 0x81, al
        dec ecx
        mov al, cl
        out 0x05, al
        mov al, ch
        out 0x05, al
        mov al, bl
        out 0x0b, al
        mov al, 2
        out 0x0a, al
        ret

; Why there was an interrupt: AL is ST0, AH the cylinder.
sense:  send SENSE
        call receive_byte
        mov ah, al
        call receive_byte
        xchg al, ah
        ret

send_byte:
        push edx
        push eax
        mov dx, MSR
.wait:  in al, dx
        and al, RQM | DIO
        cmp al, RQM
        jne .wait
        pop eax
        mov dx, FIFO
        out dx, al
        pop edx
        ret

receive_byte:
        push edx
        mov dx, MSR
.wait:  in al, dx
        and al, RQM | DIO
        cmp al, RQM | DIO
        jne .wait
        mov dx, FIFO
        in al, dx
        pop edx
        ret

wait_interrupt:
        cli
        cmp byte [came], 0
        jne .came
        sti                             ; takes effect behind the next instruction: no interrupt can
        hlt                             ; come between the look and the sleep
        jmp wait_interrupt
.came:  mov byte [came], 0
        ret

; The first line of what was read.
show:   lodsb
        call print_char
        cmp al, 10
        jne show
        ret

; An interrupt controller that lets only the floppy in, at vector 0x26.
set_up_interrupts:
        lidt [idt_pointer]
        gate 0x26, on_floppy
        mov al, 0x11                    ; ICW1 to ICW4: vectors from 0x20
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 0x04
        out 0x21, al
        mov al, 0x01
        out 0x21, al
        mov al, ~(1 << 6) & 0xff
        out 0x21, al
        ret

on_floppy:
        push eax
        mov byte [came], 1
        mov al, 0x20
        out 0x20, al
        pop eax
        iret

%include "lib32.inc"

        section .rodata
gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff    ; 0x08: code, 0x10: data, 4 GiB
gdt_pointer:
        dw 3 * 8 - 1
        dd gdt
idt_pointer:
        dw 40 * 8 - 1
        dd idt
message:
        db "written by the guest", 10
        times SECTOR - ($ - message) db ' '

        section .bss align=16
idt:    resb 40 * 8
        resb 4096
stack_top:
came:   resb 1
