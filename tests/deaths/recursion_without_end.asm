; A function that calls itself for ever: the stack grows down through all of memory and wraps at 0.
; status: 124
; says: timed out \(--timeout\); the guest was running at eip 0x[0-9a-f]+ \(die
; says: ^  note: (the stack has left the guest's memory: esp is 0x[0-9a-f]+; die calls itself|die calls itself: [0-9]+ return addresses)
%include "kit.inc"
        kernel
die:    sub esp, 4092
        mov dword [esp], 0
        call die
        ret
