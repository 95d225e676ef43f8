; A call of the BIOS in protected mode.
; says: INT 0x10 \(AH 0x0e, teletype output\) PLACE: there is no BIOS in protected mode
; lacks: exception|#MF
%include "kit.inc"
        kernel
        mov eax, 0x0e41
die:    int 0x10
