; Counts: a loop with a number in a register, printed by HC_PUTNUM.
;
;       vmm run build/guests/counter.bin
;
; Prints "0123456789".

%include "vmm.inc"

        bits 16
        org 0

        mov dx, HYPERCALL
        xor bx, bx
.next:
        mov al, HC_PUTNUM               ; prints BX
        out dx, al
        inc bx
        cmp bx, 10
        jb .next

        mov al, HC_NEWLINE
        out dx, al
        mov al, HC_EXIT
        out dx, al
