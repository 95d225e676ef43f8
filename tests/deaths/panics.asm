; The kernel's own handlers only halt: what came is not lost.
; needs: cpu soft
; status: 0
; says: the guest halted at eip 0x[0-9a-f]+ \(panic
; says: ^  note: #DE divide error came before, at 0x[0-9a-f]+ die\+0x[0-9a-f]+ \(panics.asm:12\), and no IRET has come since
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 0, panic
die:    xor ecx, ecx
        div ecx
panic:  cli
        hlt
