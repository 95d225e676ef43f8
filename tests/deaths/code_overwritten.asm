; The screen is cleared with far too great a count: through the ROM, up to the code that does it.
; needs: cpu soft
; says: execution went on behind 0x10004. \(die.*; the code at 0x1000[34]. was overwritten: it is not what was loaded
; lacks: no JMP, RET or HLT ended the code
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov edi, 0xb8000
        mov ecx, 0x100000
        mov eax, 0x07200720
die:    rep stosd
        jmp $
