; The page directory maps the kernel where it is to run, at 0xC0000000, but not where it is running.
; says: triple fault: #PF
; says: 0x1000[0-9a-f]{2}.*not (mapped|present)
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        mov dword [directory + 0xc0000000 / 0x400000 * 4], 0x83
        mov eax, directory
        mov cr3, eax
        mov eax, cr4
        or eax, 0x10                    ; PSE: pages of 4 MiB
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
die:    nop
        section .bss
        alignb 4096
directory: resb 4096
