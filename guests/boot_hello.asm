; The first program of many tutorials: a boot sector that says hello by the BIOS, and waits for a key.
;   vmm run build/guests/boot_hello.bin

        bits 16
        org 0x7c00                      ; where the BIOS loads it, and starts it

        xor ax, ax                      ; the BIOS promises nothing of the segments
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00                  ; the stack grows down from the sector
        cld

        mov si, message
        call print
        mov ah, 0x00                    ; wait for a key: AH its scan code, AL its character
        int 0x16
        mov ah, 0x0e                    ; and show it
        int 0x10

        cli
        hlt

print:                                  ; the text at DS:SI, up to a 0
        lodsb
        test al, al
        jz .done
        mov ah, 0x0e                    ; teletype output of AL
        mov bx, 0x0007
        int 0x10
        jmp print
.done:  ret

message:
        db "Hello from a boot sector!", 13, 10, "Type a key: ", 0

        times 510 - ($ - $$) db 0
        dw 0xaa55                       ; without this it is no boot sector
