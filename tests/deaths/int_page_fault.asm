; The same with the number of a page fault.
; says: INT 0xe PLACE: an instruction, not the exception #PF
; lacks: cr2 0:|user code
%include "kit.inc"
        kernel
die:    int 0x0e
