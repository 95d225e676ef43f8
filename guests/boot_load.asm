; A boot sector that loads what does not fit into it: the sectors behind it on the disk, by INT 13h.
;   vmm run build/guests/boot_load.bin

        bits 16
        org 0x7c00

SECOND  equ 0x7e00                      ; where the rest goes: right behind this sector
COUNT   equ (the_end - second + 511) / 512

        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov [drive], dl                 ; the BIOS says where it has read this from

        mov cx, 3                       ; floppies may need a second try, after a reset
.again: push cx
        mov ax, 0x0200 + COUNT          ; read so many sectors
        mov cx, 0x0002                  ; cylinder 0, sector 2; the first is 1
        mov dh, 0                       ; head 0
        mov dl, [drive]
        mov bx, SECOND
        int 0x13
        pop cx
        jnc SECOND
        mov ah, 0x00
        int 0x13
        loop .again
        mov si, failed
        call print
        cli
        hlt

print:
        lodsb
        test al, al
        jz .done
        mov ah, 0x0e
        mov bx, 0x0007
        int 0x10
        jmp print
.done:  ret

drive:  db 0
failed: db "The disk can't be read.", 13, 10, 0

        times 510 - ($ - $$) db 0
        dw 0xaa55

; ---- what is read ----

second:
        mov si, loaded
        call print
        int 0x12                        ; AX: KiB of base memory
        call print_number
        mov si, base
        call print
        mov ah, 0x88                    ; AX: KiB above 1 MiB
        int 0x15
        call print_number
        mov si, above
        call print
        cli
        hlt

print_number:                           ; AX in decimal
        mov cx, 0
        mov bx, 10
.divide:
        xor dx, dx
        div bx
        push dx
        inc cx
        test ax, ax
        jnz .divide
.digit: pop ax
        add al, '0'
        mov ah, 0x0e
        mov bx, 0x0007
        int 0x10
        mov bx, 10
        loop .digit
        ret

loaded: db "The second stage runs.", 13, 10, 0
base:   db " KiB of base memory", 13, 10, 0
above:  db " KiB above 1 MiB", 13, 10, 0
the_end:
        times 512 * (COUNT + 1) - ($ - $$) db 0
