; Paging is switched on with an empty page directory: not even the next instruction is mapped.
; says: #PF page fault at eip.*, cr2 0x1000[0-9a-f]+: EIP.s own page has no entry in the directory just loaded \(CR3 0x[0-9a-f]+\): PDE 0 at 0x[0-9a-f]+ is not present.*the IDT at 0x[0-9a-f]+ is not mapped
; lacks: note: the stack
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        section .bss
        alignb 4096
directory: resb 4096
        section .text
        mov eax, directory
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
die:    mov cr0, eax
        nop
