; Page faults in the middle: fetches, accesses across two pages, stacks, strings, and what the
; processor does on its own. A fault leaves everything as before the instruction, which is done
; again after the handler has mapped the page. SDM vol. 3, 4.7, 6.5 and 6.15 (#PF).

%include "suite.inc"
%include "paging.inc"

U equ PG_P | PG_W | PG_U
P0 equ PLAYGROUND
P1 equ PLAYGROUND + 0x1000

; What a fault leaves in CR2.
%macro cr2_is 2                         ; "name", address
        equals {%1}, [got.cr2], %2
%endmacro

start:
        call paging_on
        page 0, U
        page 1, 0
        page 2, U
        mov dword [FRAME + 0xffc], 0x04030201

; Across the end of page 0, page 1 isn't there.
        mov eax, 0xaaaaaaaa
        faults "a doubleword read", PF, 0, mov eax, [P1 - 2]
        cr2_is "  CR2 is the second page", P1
        equals "  the register is as before", eax, 0xaaaaaaaa
        faults "a doubleword write", PF, 2, mov [P1 - 2], eax
        cr2_is "  CR2 is the second page", P1
        equals "  nothing is written", [FRAME + 0xffc], 0x04030201
        faults "a read-modify-write", PF, 2, xor [P1 - 1], eax
        equals "  nothing is written", [FRAME + 0xffc], 0x04030201
        stc
        faults "ADC", PF, 2, adc [P1 - 1], eax
        equals "  nothing is written", [FRAME + 0xffc], 0x04030201
        test dword [got.eflags], EFLAGS_CF
        holds "  CF is as before", nz
        faults "CMPXCHG8B", PF, 2, cmpxchg8b [P1 - 4]
        faults "XCHG", PF, 2, xchg [P1 - 2], eax
        equals "  the register is as before", eax, 0xaaaaaaaa
        fninit
        fldz
        faults "FSTP of a quadword", PF, 2, fstp qword [P1 - 4]
        page 0, 0
        page 1, U
        faults "a read, its first page missing", PF, 0, mov eax, [P1 - 2]
        cr2_is "  CR2 is the first byte", P1 - 2
        page 0, U
        page 1, PG_P | PG_U
        mov dword [FRAME + 0x1000], 0x08070605
        to_ring 3
        faults "a write, its second page read-only", PF, 7, mov [P1 - 2], eax
        to_ring_0
        equals "  nothing is written to the first", [FRAME + 0xffc], 0x04030201
        equals "  or the second", [FRAME + 0x1000], 0x08070605
        page 1, 0

; Instruction fetches.
        try
        mov eax, P1
.jmp:   jmp eax
        caught "a fetch from a missing page", PF, 0, P1
        cr2_is "  CR2 is EIP", P1
        mov byte [FRAME + 0xfff], 0xb8          ; mov eax, imm32
        mov eax, P1 - 1
        try
        jmp eax
        caught "an instruction across two pages", PF, 0, P1 - 1
        cr2_is "  CR2 is the second page", P1
        mov byte [FRAME + 0xfff], 0x90
        try
        jmp eax
        caught "an instruction, then a missing page", PF, 0, P1
        page 0, PG_P | PG_W
        try
        to_ring 3
        mov eax, P0
        jmp eax
        caught "ring 3: a fetch from a supervisor's page", PF, 5, P0
        page 0, U

; Stacks of ring 3: the handler has its own. Page 0 is there, page 1 isn't; the stack is around P1.
        page 1, 0
        mov dword [FRAME + 0xffc], 0x04030201
%macro on_stack 5+                      ; "name", ESP, error code, CR2, instruction
        to_ring 3
        try
        mov esp, %2
%%at:   %5
        caught {%1}, PF, %3, %%at
        to_ring_0
        cr2_is {%1, ": CR2"}, %4
        equals {%1, ": ESP is as before"}, [got.esp], %2
%endmacro
        mov eax, 0xaaaaaaaa
        mov ecx, 0xbbbbbbbb
        mov ebp, P1 + 0x20
        mov esi, P0 + 0x800
        on_stack "PUSH", P1 + 4, 6, P1, push eax
        on_stack "PUSH across two pages", P1 + 2, 6, P1, push eax
        equals "  nothing is written", [FRAME + 0xffc], 0x04030201
        on_stack "POP", P1, 4, P1, pop eax
        equals "  the register is as before", eax, 0xaaaaaaaa
        on_stack "POP to memory that is missing", P0 + 0x800, 6, P1, pop dword [P1]
        on_stack "PUSHAD", P1 + 4, 6, P1, pushad
        on_stack "POPAD", P1 - 16, 4, P1, popad
        equals "  no register is popped", ebp, P1 + 0x20
        mov ebp, P1 + 0x20
        on_stack "CALL", P1 + 4, 6, P1, call image
        on_stack "RET", P1, 4, P1, ret
        on_stack "ENTER", P1 + 4, 6, P1, {enter 8, 0}
        on_stack "LEAVE", P0 + 0x800, 4, P1 + 0x20, leave
        on_stack "IRET, its frame across two pages", P1 - 8, 4, P1, iretd
        on_stack "RETF, its frame across two pages", P1 - 4, 4, P1, retf
        on_stack "CALL through a missing pointer", P0 + 0x800, 4, P1, call [P1]
        on_stack "PUSHF", P1 + 4, 6, P1, pushfd

; String instructions stop where the fault is, and go on from there.
        page 0, U
        page 1, 0
        page 2, U
        page 3, U
        mov edi, FRAME
        mov ecx, 0x1000
        mov eax, 0x11
        rep stosd
        mov edi, P1 - 5
        mov ecx, 10
        mov eax, 0x77
        faults "REP STOSB", PF, 2, rep stosb
        equals "  EDI is where it failed", edi, P1
        equals "  ECX is what is left", ecx, 5
        equals "  the bytes before are written", [FRAME + 0xffc], 0x77777777
        page 1, U
        rep stosb
        equals "  it goes on from there", [FRAME + 0x1000], 0x77777777
        page 1, 0
        mov esi, P0 + 0xff0
        mov edi, P0 + 0x3000
        mov ecx, 10
        faults "REP MOVSD", PF, 0, rep movsd
        equals "  ESI", esi, P1
        equals "  EDI", edi, P0 + 0x3010
        equals "  ECX", ecx, 6
        mov esi, P0 + 0x100
        mov edi, P1 - 6
        mov ecx, 10
        faults "REP MOVSD, its destination across two pages", PF, 2, rep movsd
        equals "  ESI", esi, P0 + 0x104
        equals "  EDI", edi, P1 - 2
        equals "  ECX", ecx, 9
        page 1, 0
        std
        mov edi, P0 + 0x2000 + 8
        mov ecx, 10
        faults "REP STOSD downwards", PF, 2, rep stosd
        cld
        equals "  EDI", edi, P0 + 0x2000 - 4
        equals "  ECX", ecx, 7
        mov esi, P1 - 8
        mov edi, P0 + 0x3000
        mov dword [P1 - 8], 0x12345678
        mov dword [P0 + 0x3000], 0x12345678
        mov dword [P1 - 4], 0x12345678
        mov dword [P0 + 0x3004], 0x12345678
        mov ecx, 10
        faults "REPE CMPSD", PF, 0, repe cmpsd
        equals "  ESI", esi, P1
        equals "  ECX", ecx, 8
        mov edi, P1 - 8
        mov ecx, 10
        mov eax, 1
        faults "REPNE SCASB", PF, 0, repne scasb
        equals "  EDI", edi, P1
        mov esi, P1 - 2
        mov ecx, 10
        faults "REP LODSB", PF, 0, rep lodsb
        equals "  ECX", ecx, 8
        mov edi, P1 - 2
        mov edx, 0x80
        mov ecx, 10
        faults "REP INSB", PF, 2, rep insb
        equals "  ECX", ecx, 8
        mov esi, P1 - 2
        mov ecx, 10
        faults "REP OUTSB", PF, 0, rep outsb
        equals "  ECX", ecx, 8
        mov esi, P1
        faults "MOVSB: neither pointer moves", PF, 0, movsb
        equals "  ESI", esi, P1

; Others.
        mov eax, 0
        cmp eax, 1
        faults "CMOV reads even if the condition is false", PF, 0, cmove ecx, [P1]
        mov ecx, 8 * 0x1000
        faults "BTS with an offset into another page", PF, 2, bts [P0], ecx
        mov ecx, -1
        faults "BT with a negative offset", PF, 0, bt [P1 + 4], ecx
        cr2_is "  CR2", P1
        mov ecx, 0
        faults "DIV by zero in a missing page", PF, 0, div dword [P1]
        faults "BOUND", PF, 0, bound eax, [P1 - 4]
        faults "LES", PF, 0, les eax, [P1 - 4]
        mov ebx, P1
        faults "XLATB", PF, 0, xlatb
        runs "REP STOSB of nothing", rep stosb

; Descriptor tables: a fault in reading them is the instruction's.
        mov esi, gdt
        mov edi, P1 - 0x60              ; selectors from 0x60 on are in page 1
        mov ecx, 0x60
        rep movsb
        mov dword [gdt_far + 2], P1 - 0x60
        lgdt [gdt_far]
        mov eax, 0x60
        faults "a segment load, the GDT's page missing", PF, 0, mov es, ax
        cr2_is "  CR2", P1
        faults "LAR, the GDT's page missing", PF, 0, lar eax, eax
        faults "a far jump, the GDT's page missing", PF, 0, jmp 0x60:0
        lgdt [gdt_pointer]
        done

        section .data
gdt_far:
        dw 0xffff
        dd 0
