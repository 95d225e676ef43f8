; A triple fault: an exception that finds no interrupt table, then the double fault for that, which
; finds none either. A PC resets itself (and some kernels reset it this way on purpose); the VMM
; reports it and ends the guest.
;
;       vmm run --mode pm32 build/guests/triple.bin
;
; Prints a line; status 6, the report on stderr.

%include "vmm.inc"

        bits 32
        org 0x100000

        say "an exception without an interrupt table", 10
        lidt [nothing]
        int3
        say "not reached", 10
        jmp finish

nothing:
        dw 0                            ; limit
        dd 0                            ; base

%include "lib32.inc"
