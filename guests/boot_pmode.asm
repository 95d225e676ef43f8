; A boot sector that goes to 32-bit protected mode, where there is no BIOS: it writes to video memory itself.
;   vmm run build/guests/boot_pmode.bin

        bits 16
        org 0x7c00

        cli                             ; no interrupt may come: their table is the old one
        xor ax, ax
        mov ds, ax
        in al, 0x92                     ; open the A20 gate, or odd MiBs can't be reached
        or al, 2
        out 0x92, al
        lgdt [gdt_register]
        mov eax, cr0
        or al, 1                        ; PE
        mov cr0, eax
        jmp 0x08:protected              ; loads CS: from here on code is 32-bit

        bits 32
protected:
        mov ax, 0x10                    ; the data segment, for all others
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7c00
        cld

        mov edi, 0xb8000                ; 80 x 25 cells: a character, then its colours
        mov ecx, 80 * 25
        mov eax, 0x1f20                 ; blanks, white on blue
        rep stosw
        mov edi, 0xb8000 + (12 * 80 + 24) * 2
        mov esi, message
        mov ah, 0x1e                    ; yellow
.next:  lodsb
        test al, al
        jz .done
        stosw
        jmp .next
.done:  hlt
        jmp .done

        align 8
gdt:    dq 0                            ; selector 0 is not for use
        dq 0x00cf9b000000ffff           ; 0x08: code, 0 to 4 GiB
        dq 0x00cf93000000ffff           ; 0x10: data, the same
gdt_register:
        dw $ - gdt - 1
        dd gdt
message:
        db "Protected mode, from a boot sector", 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
