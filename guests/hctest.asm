; All four of the classic hypercalls: characters, numbers, line ends, the exit.
;
;       vmm run build/guests/hctest.bin
;
; Prints "Hello!", "42" and "1234", a line each.

%include "vmm.inc"

        bits 16
        org 0

; hypercall NUMBER [, ARGUMENT]
%macro hypercall 1-2
  %if %0 == 2
        mov bx, %2
  %endif
        mov al, %1
        out dx, al
%endmacro

        mov dx, HYPERCALL
        hypercall HC_PUTCHAR, 'H'
        hypercall HC_PUTCHAR, 'e'
        hypercall HC_PUTCHAR, 'l'
        hypercall HC_PUTCHAR, 'l'
        hypercall HC_PUTCHAR, 'o'
        hypercall HC_PUTCHAR, '!'
        hypercall HC_NEWLINE
        hypercall HC_PUTNUM, 42
        hypercall HC_NEWLINE
        hypercall HC_PUTNUM, 1234
        hypercall HC_NEWLINE
        hypercall HC_EXIT
