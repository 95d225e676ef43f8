; The handler of the timer is a function: it ends with RET, and interrupts stay off.
; needs: cpu soft
; says: hint: at eip 0x[0-9a-f]+, handler\+0x[0-9a-f]+ \(handler_rets.asm:20\): the handler of the interrupt at vector 0x20 returns by RET: only IRET restores the flags
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        own_pics
        gate 0x20, handler
        port 0x21, 0xfe
        sti
die:    hlt
        jmp die
handler:
        push eax
        push edx
        port 0x20, 0x20
        pop edx
        pop eax
        ret
