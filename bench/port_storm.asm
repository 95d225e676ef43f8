; 20,000 writes to a port that does nothing, then the end: what a port exit costs. Flat 16-bit.

        bits 16
        org 0

        mov ecx, 20000
.next:  out 0x80, al
        dec ecx
        jnz .next

        mov dx, 0x500                   ; HC_EXIT
        mov al, 0
        out dx, al
