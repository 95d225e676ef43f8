; The multiplication tables from 2 to 9: two nested loops, and output enough to watch.
;
;       vmm run build/guests/multiplication.bin
;
; Prints "2 x 1 = 2" to "9 x 9 = 81", a table after another.

%include "vmm.inc"

        bits 16
        org 0

        begin
        mov cl, 2                       ; CL x CH
table:
        mov ch, 1
row:
        movzx ax, cl
        call print_number
        say " x "
        movzx ax, ch
        call print_number
        say " = "
        mov al, cl
        mul ch                          ; AX = AL * CH
        call print_number
        say 10

        inc ch
        cmp ch, 9
        jbe row
        inc cl
        cmp cl, 9
        ja finish
        say 10                          ; an empty line between tables
        jmp table

%include "lib16.inc"
