; Ends with a status of the guest's choice: a value written to the debug-exit port, 0xF4, becomes
; (value << 1) | 1, so that it is odd and can't be mistaken for one of the VMM's own. Test programs
; tell their result this way.
;
;       vmm run build/guests/exit_status.bin; echo $?
;
; Prints nothing; status 43, which is 21 << 1 | 1.

        bits 16
        org 0

        mov al, 21
        out 0xf4, al
