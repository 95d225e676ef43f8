; A call of a null pointer, by a kernel that has drawn a little: its screen is shown, and the caller's caller is
; nobody.
; says: a call to address 0 from 0x[0-9a-f]+ \(die .*: a null function pointer
; says: ^  \| Hi$
; lacks: run through it
; lacks: ^  #[0-9] +0x0000[1-3]
%include "kit.inc"
        kernel
        mov esp, 0x9f000 - 4            ; the stack that it was started with
        push ebp
        mov ebp, esp
        mov dword [0xb8000], 0x07690748
        xor eax, eax
die:    call eax
