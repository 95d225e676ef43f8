; Code as of a boot sector, for gdb to be tried on: counts in 16-bit code, copies code over a place that may have a
; breakpoint, and goes to 32-bit code. Built by tests/gdb.sh, run with --load 0x7c00.
        bits 16
        org 0x7c00
        jmp 0:start                     ; from where it was started, 7c0:0000
start:                                  ; 7c05
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ax, 0x1234
        mov si, copied                  ; over what is there: the breakpoint must stay
        mov di, place
        mov cx, copied.end - copied
        cld
        rep movsb
        jmp place

        times 0x40 - ($ - $$) db 0x90
place:                                  ; 7c40
        times 16 db 0xf4                ; never run as it is
        jmp protect

copied: inc bx                          ; 7c40 once it is there
        inc bx
        jmp short $ + (place.behind - place) - 2
.end:
place.behind equ place + 16

        times 0x80 - ($ - $$) db 0x90
protect:                                ; 7c80
        cli
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:flat

        bits 32
flat:
        mov ax, 16
        mov ds, ax
        mov ss, ax
        mov esp, 0x7000
        mov eax, 0x12345678
        mov dword [0x500], 0x600dcafe
        mov al, 3
        out 0xf4, al
        hlt

gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
gdtr:   dw gdtr - gdt - 1
        dd gdt
