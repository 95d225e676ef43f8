; Text is written behind the 25th line.
; status: 0
; run: --strict
; says: text was written behind the screen's line 25, its last \(0xb8fa0\): at 0xb8fa0 is a character 0x41
%include "kit.inc"
        kernel
        mov edi, 0xb8000 + 4000
        mov ecx, 80
        mov ax, 0x0741
        rep stosw
        cli
die:    hlt
