; ESP is cleared: the first push is at 0xFFFFFFFC, where no memory is, and what RET takes is not what CALL has put.
; says: a RET to 0xffffffff from 0x10004. \(f \(stack_at_0.asm:12\)\): .*: the stack is not in RAM \(esp was 0xfffffffc\)
; lacks: no return address was on the stack
; needs: cpu soft
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        xor esp, esp
die:    call f
        jmp $
f:      ret
