; A system call in a kernel that has no IDT.
; says: INT 0x80 PLACE: the guest has loaded no IDT of its own
%include "kit.inc"
        kernel
die:    int 0x80
