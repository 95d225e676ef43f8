; A boot sector without the two bytes that make it one: it is taken for a flat image, and runs at 0000:0000.
; image: flat
; status: 0
; says: note: it is a flat image, loaded at 0000:0000, with no BIOS
; says: and is loaded at 0000:7c00, ends in 55 AA at offset 510
        bits 16
        org 0x7c00
        mov si, text
next:   lodsb
        test al, al
        jz done
        mov ah, 0x0e
        int 0x10
        jmp next
done:   hlt
        jmp done
text:   db "Hello", 0
        times 512 - ($ - $$) db 0
