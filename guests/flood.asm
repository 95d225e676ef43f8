; A guest that never ends and hardly lets the VMM rest: port writes without end. --timeout must stop
; it, and Ctrl-A X must too.
;
;       vmm run --timeout 300ms build/guests/flood.bin
;
; Prints a line; status 124.

%include "vmm.inc"

        bits 16
        org 0

        begin
        say "writing to port 0x80 for ever", 10
.again:
        out 0x80, al
        jmp .again

%include "lib16.inc"
