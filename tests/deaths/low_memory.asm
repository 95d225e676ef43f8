; No mistake: a kernel that puts code of its own into low memory, at address 0 as well, and into video
; memory, and runs it.
; status: 0
; says: halted PLACE
; lacks: address 0|zeros
%include "kit.inc"
        kernel
        own_gdt
        own_idt
%macro runs_at 1
        mov esi, code
        mov edi, %1
        mov ecx, code_size
        rep movsb
        mov eax, %1
        call eax
%endmacro
        runs_at 0
        runs_at 0x400
        runs_at 0x1000
        runs_at 0x2100
        runs_at 0x7c00
        runs_at 0x8000
        runs_at 0x9f000
        runs_at 0xb8000
        mov dword [0], 0x00c30000       ; ADD [EAX],AL; RET
        mov eax, 0
        call eax
die:    hlt
        nop
        section .rodata
code:   add [eax], al
        times 12 db 0                   ; shorter than any run of zeros that is no code
        ret
code_size equ $ - code
