; INT 10h in graphics modes: what is set, dots, characters, windows, colours; a sum over what is then to be
; seen. The letters themselves are each BIOS's own: only solid ones and where they are is compared.
SECTORS equ 40
%include "kit.inc"

; seen SEGMENT, BYTES: a sum of video memory as read mode 0 has it.
%macro seen 2
        mov ax, %1
        mov cx, %2
        call sum
%endmacro
sum:    push es
        mov es, ax
        xor si, si
        xor ax, ax
        xor dx, dx
.next:  mov bl, [es:si]
        mov bh, 0
        add ax, bx
        add dx, ax
        inc si
        loop .next
        call print_word
        mov ax, dx
        call print_word
        mov si, newline
        call print
        pop es
        ret

; planes BYTES: the sum of each plane.
%macro planes 1
        mov bp, 0
%%plane:
        mov dx, 0x3ce
        mov ax, bp
        mov ah, al
        mov al, 4
        out dx, ax
        seen 0xa000, %1
        inc bp
        cmp bp, 4
        jb %%plane
        mov ax, 0x0004
        out dx, ax
%endmacro

; What registers a mode has, as far as they say what is shown.
registers_of_mode:
        mov bx, banks
.bank:  mov dx, [bx]
        test dx, dx
        jz .attribute
        mov cl, [bx + 2]
        mov ch, 0
.next:  mov al, ch
        out dx, al
        inc dx
        in al, dx
        dec dx
        mov ah, 0
        call print_word
        inc ch
        dec cl
        jnz .next
        add bx, 3
        mov si, newline
        call print
        jmp .bank
.attribute:
        mov cx, 0
.next_attribute:
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, cl
        out dx, al
        inc dx
        in al, dx
        mov ah, 0
        call print_word
        inc cx
        cmp cl, 0x15
        jb .next_attribute
        mov dx, 0x3da
        in al, dx
        mov dx, 0x3c0
        mov al, 0x20
        out dx, al
        mov dx, 0x3cc
        in al, dx
        mov ah, 0
        call print_word
        mov si, newline
        call print
        mov dx, 0x3c7
        xor al, al
        out dx, al
        mov dx, 0x3c9
        xor bx, bx
        xor si, si
        mov cx, 768
.colour:
        in al, dx
        mov ah, 0
        add bx, ax
        add si, bx
        loop .colour
        mov ax, bx
        call print_word
        mov ax, si
        call print_word
        mov si, newline
        call print
        ret
banks:  dw 0x3c4
        db 5
        dw 0x3ce
        db 9
        dw 0x3d4
        db 10
        dw 0

%macro try_mode 1
        note %str(%1)
        call_bios 0x10, SHOW_AX, %1
        call_bios 0x10, SHOW_AX | SHOW_BX, 0x0f00
        dump 0x40, 0x49, 4
        dump 0x40, 0x62, 1
        dump 0x40, 0x63, 1
        dump 0x40, 0x84, 2
        call registers_of_mode
%endmacro

; Dots, read back, the last one XORed.
dots:
        call_bios 0x10, SHOW_ALL, 0x0c0b, 0, 0, 0
        call_bios 0x10, 0, 0x0c05, 0, 5, 0
        call_bios 0x10, 0, 0x0c07, 0, 130, 101
        call_bios 0x10, 0, 0x0c83, 0, 130, 101
        call_bios 0x10, 0, 0x0c09, 0, 319, 199
        call_bios 0x10, SHOW_ALL, 0x0d00, 0, 0, 0
        call_bios 0x10, SHOW_AX, 0x0d00, 0, 5, 0
        call_bios 0x10, SHOW_AX, 0x0d00, 0, 6, 0
        call_bios 0x10, SHOW_AX, 0x0d00, 0, 130, 101
        call_bios 0x10, SHOW_AX, 0x0d00, 0, 319, 199
        ret

; Blocks (character DB) and windows that move.
blocks:
        call_bios 0x10, 0, 0x0200, 0, 0, 0x0203
        call_bios 0x10, SHOW_ALL, 0x0edb, 0x000c
        call_bios 0x10, SHOW_DX, 0x0300, 0
        call_bios 0x10, 0, 0x0200, 0, 0, 0x0505
        call_bios 0x10, SHOW_ALL, 0x09db, 0x000a, 3
        call_bios 0x10, 0, 0x09db, 0x0083, 1
        call_bios 0x10, SHOW_DX, 0x0300, 0
        call_bios 0x10, SHOW_ALL, 0x0601, 0x0000, 0x0202, 0x060a
        call_bios 0x10, 0, 0x0702, 0x0000, 0x0000, 0x0827
        ret

last_line:
        call_bios 0x10, 0, 0x0200, 0, 0, 0x1800
        call_bios 0x10, 0, 0x0edb, 0x000e
        call_bios 0x10, 0, 0x0e0a, 0x000e
        call_bios 0x10, SHOW_DX, 0x0300, 0
        ret

tests:
        try_mode 0x13
        call dots
        seen 0xa000, 64000
        call blocks
        seen 0xa000, 64000
        call last_line
        seen 0xa000, 64000
        note "colours"
        call_bios 0x10, SHOW_ALL, 0x1015, 0x0020
        call_bios 0x10, SHOW_ALL, 0x1015, 0x0037
        call_bios 0x10, SHOW_ALL, 0x1010, 0x0037, 0x0102, 0x0300
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1015, 0x0037
        call_bios 0x10, SHOW_ALL, 0x1012, 0x0038, 2, some, 0, 0, 0, 0
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1015, 0x0039
        call_bios 0x10, SHOW_ALL, 0x1017, 0x0037, 3, there, 0, 0, 0, 0
        dump 0, there, 5
        call_bios 0x10, SHOW_ALL, 0x101b, 0x0037, 3
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1015, 0x0038
        call_bios 0x10, SHOW_ALL, 0x1018, 0x000f
        call_bios 0x10, 0, 0x1018, 0x00ff ; (QEMU's chip has no mask to be read)
        try_mode 0x0d
        call dots
        planes 8000
        call blocks
        planes 8000
        call last_line
        planes 8000
        try_mode 0x0e
        try_mode 0x10
        try_mode 0x12
        call dots
        planes 38400
        call blocks
        planes 38400
        note "colours"
        call_bios 0x10, SHOW_ALL, 0x1000, 0x2503
        call_bios 0x10, SHOW_BX, 0x1007, 0x0003
        call_bios 0x10, SHOW_ALL, 0x1001, 0x0900
        call_bios 0x10, SHOW_BX, 0x1008, 0
        call_bios 0x10, SHOW_ALL, 0x1002, 0, 0, all, 0, 0, 0, 0
        call_bios 0x10, SHOW_BX, 0x1007, 0x000f
        call_bios 0x10, SHOW_ALL, 0x1009, 0, 0, there, 0, 0, 0, 0
        dump 0, there, 8
        call_bios 0x10, SHOW_ALL, 0x101a, 0
        call_bios 0x10, SHOW_ALL, 0x1013, 0x0100
        call_bios 0x10, SHOW_ALL, 0x1013, 0x0301
        call_bios 0x10, SHOW_BX, 0x101a, 0
        try_mode 0x11
        try_mode 0x04
        call dots
        seen 0xb800, 16384
        call blocks
        seen 0xb800, 16384
        try_mode 0x06
        call dots
        seen 0xb800, 16384
        try_mode 0x01
        try_mode 0x03
        dump 0xb800, 0, 4
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1130, 0x0600
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1130, 0x0300
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1112, 0
        call_bios 0x10, SHOW_CX | SHOW_DX, 0x1130, 0x0300
        dump 0x40, 0x60, 1
        dump 0x40, 0x84, 2
        call registers_of_mode
        ret
some:   db 1, 2, 3, 4, 5, 6
all:    db 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 3
there:  times 20 db 0
        the_end
