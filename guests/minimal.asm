; The smallest guest that ends itself: one hypercall. (A single HLT would end it too, but that is an
; accident a VMM reports: see halt_forever.asm.)
;
;       vmm run build/guests/minimal.bin
;
; Prints nothing; status 0.

        bits 16
        org 0

        mov al, 0                       ; HC_EXIT
        mov dx, 0x500                   ; the hypercall port
        out dx, al
