; The keyboard without interrupts: asks the 8042 again and again whether it has a byte. Simple, and
; the CPU does nothing else; compare keyboard.asm.
;
;       vmm run --input keyboard build/guests/keyboard16.bin
;
; Prints the scan codes of the keys that go down, a line each; q ends it.

%include "vmm.inc"

        bits 16
        org 0

KBD_DATA   equ 0x60
KBD_STATUS equ 0x64                     ; bit 0: a byte is there
KEY_Q      equ 0x10

        begin
        say "type; q ends", 10
wait_key:
        in al, KBD_STATUS
        test al, 0x01
        jz wait_key
        in al, KBD_DATA
        test al, 0x80                   ; a key that comes up
        jnz wait_key
        call print_hex8
        say 10
        cmp al, KEY_Q
        jne wait_key
        jmp finish

%include "lib16.inc"
