; Exceptions during the delivery of exceptions: which pairs are a double fault, and which come one
; after the other. SDM vol. 3, 6.15 (#DF) and table 6-5.

%include "suite.inc"
%include "paging.inc"

ABSENT_CODE equ SLOT
T equ SLOT + 8
ABSENT_STACK equ SLOT + 16
U equ PG_P | PG_W | PG_U

%macro broken 1                         ; a vector whose handler can't be called: #NP
        gate %1, ABSENT_CODE, 0, INTERRUPT_32
%endmacro

start:
        call paging_on
        descriptor ABSENT_CODE, 0, 0xfffff, CODE & ~ABSENT, BIG | PAGES
        page 0, U
        page 1, 0
        xor ecx, ecx
        mov eax, GDT_LIMIT + 1          ; no selector

; Contributory (#DE #TS #NP #SS #GP), then contributory.
        broken GP
        faults "#GP, then #NP", DF, 0, mov fs, ax
        gate GP, DATA0, 0, INTERRUPT_32
        faults "#GP, then #GP", DF, 0, mov fs, ax
        default_gate GP
        broken DE
        faults "#DE, then #NP", DF, 0, div ecx
        default_gate DE
        broken NP
        mov eax, ABSENT_CODE
        faults "#NP, then #NP", DF, 0, jmp ABSENT_CODE:0
        default_gate NP
        broken SS_
        descriptor ABSENT_STACK, 0, 0xfffff, DATA & ~ABSENT, BIG | PAGES
        mov eax, ABSENT_STACK
        faults "#SS, then #NP", DF, 0, mov ss, ax
        default_gate SS_

; Benign, then anything: the second is delivered.
        broken UD
        faults "#UD, then #NP", NP, ABSENT_CODE | EXT, ud2
        gate UD, DATA0, 0, INTERRUPT_32
        faults "#UD, then #GP", GP, DATA0 | EXT, ud2
        default_gate UD
        broken BP_
        faults "#BP, then #NP", NP, ABSENT_CODE, int3
        default_gate BP_
        broken 0x98
        faults "INT n, then #NP", NP, ABSENT_CODE, int 0x98
        broken NP
        faults "INT n, then #NP, then #NP", DF, 0, int 0x98
        default_gate NP
        broken UD
        broken NP
        faults "#UD, then #NP, then #NP", DF, 0, ud2
        default_gate UD
        default_gate NP

; #PF, then contributory or #PF.
        broken PF
        faults "#PF, then #NP", DF, 0, mov al, [PLAYGROUND + 0x1000]
        default_gate PF
        mov dword [tss.esp0], PLAYGROUND + 0x1000 + 0x100
        gate DF, T, 0, TASK_GATE
        call prepare
        to_ring 3
        try
.pf:    mov al, [PLAYGROUND + 0x1000]
        caught "#PF, then #PF as the stack is missing: a task gate", STOP, 0, stop + 2
        to_ring_0
        equals "  the error code", [task_stack_top - 4], 0
        equals "  saved: EIP", [tss + 32], .pf
        movzx eax, word [tss + 76]
        equals "  saved: CS", eax, CODE3
        movzx eax, word [task]
        equals "  the link", eax, TSS

; Benign, then #PF: the second is delivered, and that can't be, either.
        call prepare
        to_ring 3
        try
.ud:    ud2
        caught "#UD, then #PF, then #PF", STOP, 0, stop + 2
        to_ring_0
        equals "  saved: EIP", [tss + 32], .ud
        mov dword [tss.esp0], entry_stack_top
        call prepare
        default_gate DF

; Contributory, then #PF: the second is delivered. #GP's gate is in a missing page, #PF's isn't.
        gate 0x98, 0, 0, 0              ; #GP
        mov esi, idt
        mov ecx, 0x800
        mov edi, PLAYGROUND + 0x3000 - 14 * 8
        page 2, U
        page 3, U
        rep movsb
        lidt [far_idt]
        page 2, 0
        try
.gp:    int 0x98
        caught "#GP, then #PF", PF, 0, .gp
        equals "  CR2", [got.cr2], PLAYGROUND + 0x3000 - 14 * 8 + GP * 8
        lidt [idt_pointer]
        done

stop:   int STOP

prepare:
        pushad
        mov edi, task
        xor eax, eax
        mov ecx, 26
        rep stosd
        mov dword [task + 4], task_stack_top - 256
        mov dword [task + 8], DATA0
        mov eax, cr3
        mov [task + 28], eax
        mov dword [task + 32], stop
        mov dword [task + 36], 2
        mov dword [task + 56], task_stack_top
        mov eax, DATA0
        mov [task + 72], eax
        mov dword [task + 76], CODE0
        mov [task + 80], eax
        mov [task + 84], eax
        mov dword [task_stack_top - 4], -1
        descriptor T, task, 103, TSS_32
        and byte [gdt + TSS + 5], ~BUSY
        mov ax, TSS
        ltr ax
        popad
        ret

        section .data
far_idt:
        dw 0x7ff
        dd PLAYGROUND + 0x3000 - 14 * 8

        section .bss
task:   resb 104
        resb 1024
task_stack_top:
