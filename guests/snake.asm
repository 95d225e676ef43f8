; A game in a boot sector. Arrows steer the snake to the food; walls and its own tail end it, and a key begins
; again. Escape leaves.
;   vmm run build/guests/snake.bin

        bits 16
        org 0x7c00

COLUMNS equ 80
ROWS    equ 25
BODY    equ 0x8000                      ; in segment 0: where the parts of the snake are on the screen, a ring
BODY_END equ BODY + 2048 * 2            ; of 2,048 words: more than there is room for on the screen

SNAKE   equ 0x2a02                      ; a face, black on green; the body is the same, blank
FOOD    equ 0x0c03                      ; a heart
WALL    equ 0x11b1

        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld

begin:
        mov ax, 0x0003                  ; mode 3 empties the screen
        int 0x10
        mov ah, 0x01                    ; no cursor
        mov cx, 0x2000
        int 0x10
        push 0xb800
        pop es

        mov ax, WALL                    ; around the screen
        xor di, di
        mov cx, COLUMNS
        rep stosw
        mov di, (ROWS - 1) * COLUMNS * 2
        mov cx, COLUMNS
        rep stosw
        mov di, COLUMNS * 2
        mov cx, ROWS - 2
.side:  mov [es:di], ax
        mov [es:di + (COLUMNS - 1) * 2], ax
        add di, COLUMNS * 2
        loop .side

        mov si, BODY                    ; SI: the tail's place in the ring
        mov bp, BODY                    ; BP: the head's
        mov word [bp], (12 * COLUMNS + 40) * 2
        mov word [step], 2
        mov word [grows], 4
        call put_food

turn:
        mov ah, 0x00                    ; two ticks of 55 ms a step
        int 0x1a
        add dx, 2
        mov [until], dx
.wait:  mov ah, 0x01
        int 0x16
        jz .no_key
        mov ah, 0x00
        int 0x16
        mov di, steps
        mov cx, 4
.which: cmp ah, [di]
        je .steer
        add di, 3
        loop .which
        cmp ah, 0x01
        jne .wait
        cli                             ; Escape
        hlt
.steer: mov ax, [di + 1]
        mov bx, ax
        add bx, [step]                  ; not back into itself
        jz .wait
        mov [step], ax
.no_key:
        hlt                             ; until the next interrupt
        mov ah, 0x00
        int 0x1a
        cmp dx, [until]
        js .wait

        mov di, [bp]                    ; the head becomes body, and goes on
        mov byte [es:di], ' '
        add di, [step]
        mov ax, [es:di]
        cmp al, FOOD & 0xff
        je .eats
        cmp ax, 0x0720                  ; anything else but a blank is the end
        jne lost
        jmp .moves
.eats:  add word [grows], 3
        call put_food
.moves: mov word [es:di], SNAKE
        add bp, 2
        cmp bp, BODY_END
        jb .head_good
        mov bp, BODY
.head_good:
        mov [bp], di
        cmp word [grows], 0
        je .tail
        dec word [grows]
        jmp turn
.tail:  mov di, [si]
        mov word [es:di], 0x0720
        add si, 2
        cmp si, BODY_END
        jb turn
        mov si, BODY
        jmp turn

lost:
        mov si, over
        mov di, (12 * COLUMNS + 31) * 2
        mov ah, 0x4f
.next:  lodsb
        test al, al
        jz .shown
        stosw
        jmp .next
.shown: mov ah, 0x00
        int 0x16
        cmp ah, 0x01
        jne begin
        cli
        hlt

; Food on a blank cell. The numbers are those of a linear congruential generator.
put_food:
        push di
.again: mov ax, [seed]
        mov dx, 25173
        mul dx
        add ax, 13849
        mov [seed], ax
        xor dx, dx
        mov cx, COLUMNS * ROWS
        div cx
        mov di, dx
        shl di, 1
        cmp word [es:di], 0x0720
        jne .again
        mov word [es:di], FOOD
        pop di
        ret

; Scan codes of the arrows, and how far they go in video memory.
steps:  db 0x48
        dw -COLUMNS * 2
        db 0x50
        dw COLUMNS * 2
        db 0x4b
        dw -2
        db 0x4d
        dw 2
over:   db " The end. Press a key ", 0
step:   dw 0
grows:  dw 0
until:  dw 0
seed:   dw 1

        times 510 - ($ - $$) db 0
        dw 0xaa55
