; The first sector of a disk with two partitions, of which the one with the boot flag is started: -DACTIVE=1 or 2.
; Its boot sector is read by cylinder, head and sector, or, with -DLBA, by its number. The disk has 16 heads of 63
; sectors a track; the first partition ends with cylinder 0, the second is the nine cylinders behind it.
        bits 16
        org 0x600
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov si, 0x7c00                  ; the place is the partition's
        mov di, 0x600
        mov cx, 256
        rep movsw
        jmp 0:moved
moved:  mov si, table
.next:  test byte [si], 0x80
        jnz .found
        add si, 16
        cmp si, table + 64
        jb .next
        int 0x18
.found: mov di, 3                       ; tries
%ifdef LBA
        mov eax, [si + 8]
        mov [packet.sector], eax
        push si
        mov ah, 0x42
        mov si, packet
        int 0x13
        pop si
        jc failed
%else
        mov dh, [si + 1]
        mov cx, [si + 2]
        mov bx, 0x7c00
        mov ax, 0x0201
        int 0x13
        jc failed
%endif
        cmp word [0x7dfe], 0xaa55
        jne failed
        jmp 0:0x7c00
failed: mov ax, 0x0e00 | "!"
        int 0x10
        cli
        hlt

        align 4
packet: db 16, 0
        dw 1, 0x7c00, 0
.sector: dd 0, 0

        times 446 - ($ - $$) db 0
table:  db 0x80 * (ACTIVE == 1), 1, 1, 0, 0x83, 15, 63, 0
        dd 63, 945
        db 0x80 * (ACTIVE == 2), 0, 1, 1, 0x83, 15, 63, 9
        dd 1008, 9072
        times 510 - ($ - $$) db 0
        dw 0xaa55
