; PE is set, CS not loaded anew, and the code happens to reach a HLT.
; image: flat
; run: --mode real --load 0x10000
; status: 0
; says: halted .*; CS is still real mode's 16-bit segment
        bits 16
        org 0
        mov eax, cr0
        or al, 1
        mov cr0, eax
        hlt
