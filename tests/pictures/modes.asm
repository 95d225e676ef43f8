; A picture in each mode, the next one with a key: what the pixels are follows from addresses alone, so that
; they are the same on any VGA.   tests/pictures.sh
        bits 16
        cpu 386
        org 0x7c00
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov ax, 0x0200 + SECTORS
        mov cx, 0x0002
        mov dh, 0
        mov bx, 0x7e00
        int 0x13
        jc $
        jmp pictures
        times 510 - ($ - $$) db 0
        dw 0xaa55
SECTORS equ 4

; A register behind an index port.
%macro set 3                            ; port, register, value
        mov dx, %1
        mov ax, %2 | (%3) << 8
        out dx, ax
%endmacro

pictures:
        mov ax, 0x0013
        call mode
        call fill_linear
        call wait_key

        call mode_x
        call fill_planes
        call wait_key

        mov ax, 0x000d
        call mode
        call fill_planes
        call wait_key

        ; The same, 3 dots further right, from the third line on, and the planes' begin again at line 120: all but the
        ; shift is as QEMU 7.2 has it, which has no shift.
        set 0x3d4, 0x0d, 80
        set 0x3d4, 0x18, 240 - 1
        set 0x3d4, 0x07, 0x1f & ~0x10
        set 0x3d4, 0x09, 0xc0 & ~0x40
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, 0x33
        out dx, al
        mov al, 3
        out dx, al
        call wait_key

        mov ax, 0x000e
        call mode
        call fill_planes
        call wait_key

        mov ax, 0x0010
        call mode
        call fill_planes
        call wait_key

        mov ax, 0x0011
        call mode
        call fill_planes
        call wait_key

        mov ax, 0x0012
        call mode
        call fill_planes
        call wait_key

        mov ax, 0x0004
        call mode
        call fill_cga
        call wait_key

        mov ax, 0x0006
        call mode
        call fill_cga
        call wait_key

        ; Colours: other ones in the palette, others of 16, half of the planes.
        mov ax, 0x0012
        call mode
        call fill_planes
        mov ax, 0x1010
        mov bx, 0x3f
        mov cx, 0x1020
        mov dh, 0x05
        int 0x10
        mov ax, 0x1000
        mov bx, 0x3f05
        int 0x10
        mov ax, 0x1000
        mov bx, 0x0b12
        int 0x10
        call wait_key

        mov ax, 0x0003
        call mode
        mov si, text
.next:  lodsb
        test al, al
        jz .shown
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp .next
.shown: push 0xb800
        pop es
        mov di, 160 * 4
        xor ax, ax
.cell:  stosw                           ; all characters, in all colours
        add ax, 0x0101
        jnc .cell
        call wait_key

        mov ax, 0x1112                  ; 50 rows
        mov bl, 0
        int 0x10
        call wait_key
        cli
        hlt
text:   db "Text, 80 x 25", 13, 10, 0

mode:
        int 0x10
        ret

wait_key:
        mov dx, 0xe9
        mov al, '.'
        out dx, al
        mov ah, 0
        int 0x16
        ret

; Mode X, 320 x 240, by registers alone but for what mode 13h has set.
mode_x:
        mov ax, 0x0013
        int 0x10
        set 0x3c4, 4, 0x06
        set 0x3c4, 0, 0x01
        mov dx, 0x3c2
        mov al, 0xe3
        out dx, al
        set 0x3c4, 0, 0x03
        mov dx, 0x3d4
        mov al, 0x11
        out dx, al
        inc dx
        in al, dx
        and al, 0x7f
        out dx, al
        dec dx
        mov si, .crtc
        mov cx, 10
.next:  lodsw
        out dx, ax
        loop .next
        ret
.crtc:  dw 0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0x0014, 0xe715, 0x0616, 0xe317

fill_linear:
        push 0xa000
        pop es
        xor di, di
        xor dx, dx                      ; DX: the line
.line:  xor cx, cx
.dot:   mov al, cl
        xor al, dl
        add al, ch
        stosb
        inc cx
        cmp cx, 320
        jb .dot
        inc dx
        cmp dx, 200
        jb .line
        ret

; Each plane: bytes that are a function of where they are, and of the plane.
fill_planes:
        push 0xa000
        pop es
        mov bl, 0
.plane: mov cl, bl
        mov ah, 1
        shl ah, cl
        mov al, 2
        mov dx, 0x3c4
        out dx, ax
        xor di, di
.byte:  mov ax, di
        shr ax, cl
        add al, ah
        rol al, cl
        stosb
        cmp di, 0x0800                  ; the begin, and the end of the largest picture
        jne .there
        mov di, 0x9000
.there: test di, di
        jnz .byte
        inc bl
        cmp bl, 4
        jb .plane
        set 0x3c4, 2, 0x0f
        ret

fill_cga:
        push 0xb800
        pop es
        xor di, di
.byte:  mov ax, di
        add al, ah
        stosb
        cmp di, 0x4000
        jb .byte
        ret
        times 512 * (SECTORS + 1) - ($ - $$) db 0
