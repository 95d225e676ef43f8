; The handler of page faults returns without having mapped the page.
; needs: cpu soft
; status: 124
; says: why: it takes the same exception again and again, [0-9]+ times so far: #PF page fault at eip .*, cr2 0x800000: its handler returns
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        gate 14, handler
        own_paging
die:    mov eax, [0x800000]
handler:
        add esp, 4
        iret
