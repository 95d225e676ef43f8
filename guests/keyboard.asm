; The keyboard by interrupts: the 8042 gives a scan code for a key that goes down and the same plus
; 0x80 when it comes up; what character that makes is up to the guest, which follows Shift itself.
;
;       vmm run --mode pm32 --input keyboard build/guests/keyboard.bin
;
; Prints each code in hexadecimal and what it means, such as "1e 'a'"; q or Escape ends it.

%include "vmm.inc"

        bits 32
        org 0x100000

KBD_DATA   equ 0x60
KBD_STATUS equ 0x64                     ; bit 0: a byte is there

UP         equ 0x80                     ; the bit of a key that comes up
ANSWER     equ 0xfa
PREFIX     equ 0xe0                     ; a second byte follows: arrows and their neighbours
ESCAPE     equ 0x01
LSHIFT     equ 0x2a
RSHIFT     equ 0x36

        gate 0x21, on_key               ; IRQ 1
        mov al, 0xfd                    ; and no other: the timer would wake us for nothing
        out 0x21, al
        say "type; q or Escape ends", 10
        ; A key pressed before we listened has left its byte but, since the PIC was set up after it,
        ; no interrupt; and until the byte is read there is not going to be one.
        call take_bytes
        sti
.sleep:
        hlt
        jmp .sleep

on_key:
        pushad
        call take_bytes
        mov al, 0x20                    ; end of interrupt
        out 0x20, al
        popad
        iret

take_bytes:
        in al, KBD_STATUS
        test al, 1
        jz .done
        in al, KBD_DATA
        call show
        jmp take_bytes
.done:
        ret

show:                                   ; the scan code in AL: prints it, and heeds it
        cmp al, ANSWER                  ; to a command that somebody gave before us
        je .ignore
        call print_hex8
        cmp al, PREFIX
        je .down
        mov ebx, eax
        and ebx, UP - 1                 ; which key
        test al, UP
        setz ah                         ; is it down now?

        cmp bl, LSHIFT
        je .shift
        cmp bl, RSHIFT
        jne .find
.shift: mov [shift], ah

.find:  mov esi, names                  ; has it a name?
.name:  lodsb
        cmp al, bl
        je .named
.skip:  lodsb                           ; over the name, to the next code
        test al, al
        jnz .skip
        cmp esi, names_end
        jb .name

        cmp ebx, plain_end - plain      ; or does it make a character?
        jae .end
        mov ecx, plain
        cmp byte [shift], 0
        je .look
        mov ecx, shifted
.look:  mov al, [ecx + ebx]
        cmp al, ' '
        je .end
        say " '"
        call print_char
        say "'"
        cmp al, 'q'
        je .quit
        jmp .end
.named:
        call print
        cmp bl, ESCAPE
        jne .end
.quit:  test ah, ah                     ; they end it when they go down
        jz .end
        say 10
        jmp finish
.end:
        test ah, ah
        jnz .down
        say " up"
.down:  say 10
.ignore:
        ret

shift:  db 0

names:  db 0x01, " escape", 0, 0x0e, " backspace", 0, 0x0f, " tab", 0, 0x1c, " enter", 0
        db 0x1d, " ctrl", 0, 0x2a, " shift", 0, 0x36, " shift", 0, 0x38, " alt", 0
        db 0x39, " space", 0
names_end:

; The characters of scan codes 0x00 to 0x35 on a US keyboard; a blank where there is none.
plain:  db "  1234567890-=  "
        db "qwertyuiop[]  as"
        db "dfghjkl;'` \zxcv"
        db "bnm,./"
plain_end:
shifted:
        db "  !@#$%^&*()_+  "
        db "QWERTYUIOP{}  AS"
        db 'DFGHJKL:"~ |ZXCV'
        db "BNM<>?"

%include "lib32.inc"
