; Divides by zero and has no handler for it: the default one hands the exception to the VMM, which
; names it, shows the registers and ends the guest.
;
;       vmm run --mode pm32 build/guests/divide.bin
;
; Prints a line; status 6, the report on stderr.

%include "vmm.inc"

        bits 32
        org 0x100000

        say "dividing by zero", 10
        mov eax, 1
        xor edx, edx
        xor ecx, ecx
        div ecx                         ; #DE, exception 0
        say "not reached", 10
        jmp finish

%include "lib32.inc"
