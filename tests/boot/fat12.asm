; The boot sector of a floppy disk with a FAT12 file system: looks for STAGE2.BIN in the root directory, loads its
; clusters, one after the other as the FAT has them, to 1000:0000, and starts it with DL as it was. What the
; numbers in the parameter block are, mformat fills in.
        bits 16
        org 0x7c00
        jmp short start
        nop
        db "TWOSTAGE"
bytes_a_sector:      dw 512
sectors_a_cluster:   db 1
reserved:            dw 1
fats:                db 2
root_entries:        dw 224
sectors:             dw 2880
media:               db 0xf0
sectors_a_fat:       dw 9
sectors_a_track:     dw 18
heads:               dw 2
                     times 0x3e - ($ - $$) db 0

FAT  equ 0x8000                         ; all of the first
ROOT equ 0xa000                         ; a sector of the directory at a time

start:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        cld
        mov ax, [reserved]
        mov bx, FAT
        mov cx, [sectors_a_fat]
.fat:   call read
        add bx, 512
        inc ax
        loop .fat

        mov al, [fats]                  ; AX: the first sector of the directory
        mul byte [sectors_a_fat]
        add ax, [reserved]
        mov dx, [root_entries]
        shr dx, 4                       ; sectors of the directory
        mov cx, ax
        add cx, dx
        mov [data], cx
.root:  mov bx, ROOT
        call read
        mov di, ROOT
.entry: push di
        mov si, name
        mov cx, 11
        repe cmpsb
        pop di
        je .found
        add di, 32
        cmp di, ROOT + 512
        jb .entry
        inc ax
        cmp ax, [data]
        jb .root
        jmp failed

.found: mov ax, [di + 26]               ; its first cluster
        mov di, 0x1000
.cluster:
        mov [cluster], ax
        sub ax, 2
        movzx cx, byte [sectors_a_cluster]
        mul cx
        add ax, [data]
.sector:
        mov es, di
        xor bx, bx
        call read
        add di, 512 / 16
        inc ax
        loop .sector
        mov ax, [cluster]               ; 12 bits at one and a half times its number
        mov si, ax
        shr si, 1
        add si, ax
        test al, 1
        mov ax, [FAT + si]
        jz .even
        shr ax, 4
.even:  and ax, 0xfff
        cmp ax, 0xff8
        jb .cluster
        mov dl, [drive]
        jmp 0x1000:0

; Sector AX to ES:BX. Keeps all registers.
read:   pusha
        xor dx, dx
        div word [sectors_a_track]
        mov cl, dl
        inc cl
        xor dx, dx
        div word [heads]
        mov ch, al
        mov dh, dl
        mov dl, [drive]
        mov ax, 0x0201
        int 0x13
        jc failed
        popa
        ret
failed: mov ax, 0x0e00 | "!"
        int 0x10
        cli
        hlt

name:    db "STAGE2  BIN"
drive:   db 0
data:    dw 0                           ; the first sector of clusters
cluster: dw 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
