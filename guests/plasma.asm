; Waves of colour in a boot sector: mode 13h, 320 x 200 pixels of 256 colours. A key ends it.
;   vmm run build/guests/plasma.bin

        bits 16
        org 0x7c00

WIDTH  equ 320
HEIGHT equ 200
SINES  equ 0x8000                       ; in segment 0: 256 bytes, a wave of 0 to 63

        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld

        mov ax, 0x0013
        int 0x10

        ; A palette that goes round: each part is the wave, begun at another place.
        mov di, SINES
        mov cx, 256
        fninit
.sine:  mov [number], di
        fild word [number]              ; (1 + sin(2 pi i / 256)) * 31.5
        fmul dword [step]
        fsin
        fmul dword [half]
        fadd dword [half]
        fistp word [number]
        mov al, [number]
        stosb
        loop .sine
        mov dx, 0x3c8
        xor ax, ax
        out dx, al
        inc dx
        xor bx, bx
.colour:
        mov al, [SINES + bx]
        out dx, al
        add bl, 85
        mov al, [SINES + bx]
        out dx, al
        add bl, 85
        mov al, [SINES + bx]
        out dx, al
        add bl, 87                      ; once round, and one further
        jnz .colour

        push 0xa000
        pop es

frame:
        mov dx, 0x3da                   ; a picture begins when the beam has gone back
.shown: in al, dx
        test al, 8
        jnz .shown
.beam:  in al, dx
        test al, 8
        jz .beam

        inc byte [time]
        xor di, di
        mov cx, HEIGHT                  ; CX: rows that are left
.row:   mov bl, cl
        add bl, [time]
        mov dl, [SINES + bx]            ; DL: what is the same in all of a row
        mov bl, cl
        shl bl, 1
        sub bl, [time]
        add dl, [SINES + bx]
        mov si, WIDTH
.pixel: mov ax, si
        mov bl, al
        add bl, dl
        mov al, [SINES + bx]
        mov bx, si
        shr bx, 1
        add bl, [time]
        add al, [SINES + bx]
        add al, dl
        add al, [time]
        stosb
        dec si
        jnz .pixel
        loop .row

        mov ah, 0x01
        int 0x16
        jz frame
        mov ax, 0x0003
        int 0x10
        cli
        hlt

step:   dd 0.0245436926                 ; 2 pi / 256
half:   dd 31.5
number: dw 0
time:   db 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
