; Who called is known by frame pointers.
; says: ^  #0 +0x[0-9a-f]+ inner\+0x
; says: ^  #1 +0x[0-9a-f]+ outer\+0x[0-9a-f]+ \(backtrace\.asm
; says: ^  #2 +0x[0-9a-f]+ start\+0x[0-9a-f]+ \(backtrace\.asm
%include "kit.inc"
        kernel
        xor ebp, ebp
        call outer
outer:  push ebp
        mov ebp, esp
        call inner
inner:  push ebp
        mov ebp, esp
        ud2
