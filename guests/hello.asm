; Hello, world: characters one by one through the HC_PUTCHAR hypercall.
;
;       vmm run build/guests/hello.bin
;
; Prints "Hello, KVM!".

%include "vmm.inc"

        bits 16
        org 0                           ; CS = the segment the image is loaded at

        begin
        mov si, text
        mov dx, HYPERCALL
.next:
        lodsb                           ; AL = [DS:SI++]
        test al, al
        jz .done
        mov bl, al                      ; the argument; AL takes the call's number
        mov al, HC_PUTCHAR
        out dx, al
        jmp .next
.done:
        mov al, HC_EXIT
        out dx, al

text:   db "Hello, KVM!", 10, 0
