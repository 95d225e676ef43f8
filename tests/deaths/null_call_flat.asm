; The same as null_call, in a flat guest without symbols.
; image: flat
; run: --mode pm32
; needs: cpu soft
; says: a call to address 0 from 0x10000[0-9a-f]: a null function pointer
        bits 32
        org 0x100000
        xor eax, eax
        call eax
        cli
        hlt
