; Far jumps, calls and returns: the code segments they accept, what is on the stack, and returns to
; an outer ring, which take the stack along and empty the registers that the outer ring may not
; have. SDM vol. 3, 5.8; vol. 2, JMP, CALL, RET, IRET.

%include "suite.inc"

CONFORM equ SLOT                        ; conforming, DPL 0
CONFORM3 equ SLOT + 8                   ; conforming, DPL 3
ABSENT_CODE equ SLOT + 16
NO_READ equ SLOT + 24
RING3_DATA equ SLOT + 32
RING0_DATA equ SLOT + 40
WORD_CODE equ SLOT + 48                 ; 16-bit, based at `code16`
OUTSIDE equ (GDT_LIMIT + 1)
ABSENT_STACK equ SLOT + 56
READ_ONLY3 equ SLOT + 64

%macro refused 4                        ; "name", selector, vector, error
        faults {%1, ": far jump"}, %3, %4, jmp %2:dword 0x100000
        try
        mov ecx, esp
%%call: call %2:dword 0x100000
        caught {%1, ": far call"}, %3, %4, %%call
        equals {%1, ": the call pushes nothing"}, [got.esp], ecx
        try
        push dword %2
        push dword 0x100000
        mov ecx, esp
%%ret:  retf
        caught {%1, ": far return"}, %3, %4, %%ret
        equals {%1, ": the return pops nothing"}, [got.esp], ecx
        try
        push dword 2
        push dword %2
        push dword 0x100000
        mov ecx, esp
%%iret: iretd
        caught {%1, ": IRET"}, %3, %4, %%iret
        equals {%1, ": the IRET pops nothing"}, [got.esp], ecx
%endmacro

start:
        descriptor CONFORM, 0, 0xfffff, CONFORMING, BIG | PAGES
        descriptor CONFORM3, 0, 0xfffff, CONFORMING | DPL(3), BIG | PAGES
        descriptor ABSENT_CODE, 0, 0xfffff, CODE & ~ABSENT, BIG | PAGES
        descriptor NO_READ, 0, 0xfffff, EXEC_ONLY, BIG | PAGES
        descriptor RING3_DATA, 0, 0xfffff, DATA | DPL(3), BIG | PAGES
        descriptor RING0_DATA, 0, 0xfffff, DATA, BIG | PAGES
        descriptor WORD_CODE, code16, 0xffff, CODE, 0
        descriptor ABSENT_STACK, 0, 0xfffff, (DATA | DPL(3)) & ~ABSENT, BIG | PAGES
        descriptor READ_ONLY3, 0, 0xfffff, READ_ONLY | DPL(3), BIG | PAGES

        refused "null", 0, GP, 0
        refused "beyond the GDT", OUTSIDE, GP, OUTSIDE
        refused "data", DATA0, GP, DATA0
        refused "not present", ABSENT_CODE, NP, ABSENT_CODE
        refused "an LDT", LDT, GP, LDT
        faults "a jump to code of an outer ring", GP, CODE3 & ~3, jmp CODE3:0x100000
        faults "a call to code of an outer ring", GP, CODE3 & ~3, call CODE3:0x100000
        faults "a jump to conforming code of an outer ring", GP, CONFORM3, jmp CONFORM3:0x100000
        faults "a jump with RPL 3 to code of ring 0", GP, CODE0, jmp CODE0 | 3:0x100000
        faults "a jump through a pointer", GP, DATA0, jmp far [.data]
        try
        jmp CODE0:.there
.there: int STOP
        caught "a jump within ring 0", STOP, 0, .there + 2
        try
        jmp NO_READ:.execute
.execute:
        mov eax, [cs:image]
        caught "execute-only code can't be read", GP, 0, .execute
        try
        jmp CONFORM:.conform
.conform:
        mov ecx, cs
        int STOP
        caught "a jump to conforming code", STOP, 0, .conform + 4
        equals "  CS", ecx, CONFORM
        movzx eax, byte [gdt + CONFORM + 5]
        equals "  it sets the accessed bit", eax, CONFORMING | ACCESSED

        mov ecx, esp
        try
        call CODE0:.called
.return:
.called:
        pop eax
        pop edx
        int STOP
        caught "a far call", STOP, 0, .called + 4
        equals "  the return address", eax, .return
        equals "  the return segment", edx, CODE0
        equals "  that is all", [got.esp], ecx
        mov ecx, esp
        try
        push dword 1
        push dword 2
        push dword CODE0
        push dword .returned
        retf 8
.returned:
        int STOP
        caught "RETF 8", STOP, 0, .returned + 2
        equals "  releases the parameters", [got.esp], ecx

; 16-bit operands: an offset of 16 bits, two words on the stack.
        try
        jmp WORD_CODE:0
        caught "a jump to 16-bit code", STOP, 0, 2
        mov ecx, esp
        try
        call WORD_CODE:word 0
        caught "a far call with 16-bit operands", STOP, 0, 2
        sub ecx, [got.esp]
        equals "  pushes two words", ecx, 4
        mov ecx, esp
        try
        push word WORD_CODE
        push word 0
        o16 retf
        caught "a far return with 16-bit operands", STOP, 0, 2
        equals "  pops two words", [got.esp], ecx
        try
        push word 2
        push word WORD_CODE
        push word 0
        o16 iret
        caught "an IRET with 16-bit operands", STOP, 0, 2
        equals "  pops three words", [got.esp], ecx

; From ring 3.
        to_ring 3
        try
        jmp CONFORM:.conform3
.conform3:
        mov ecx, cs
        int STOP
        caught "ring 3: conforming code of ring 0", STOP, 0, .conform3 + 4
        equals "ring 3:   the privilege stays", ecx, CONFORM | 3
        faults "ring 3: a jump to ring 0", GP, CODE0, jmp CODE0:0x100000
        faults "ring 3: a call to ring 0", GP, CODE0, call CODE0:0x100000
        try
        push dword CODE0
        push dword 0x100000
.ret:   retf
        caught "ring 3: a return to ring 0", GP, CODE0, .ret
        try
        push dword 2
        push dword CODE0
        push dword 0x100000
.iret:  iretd
        caught "ring 3: an IRET to ring 0", GP, CODE0, .iret
        to_ring_0

; Returns to an outer ring.
%macro returns_out 2                    ; "name", retf or iretd
        try
        mov eax, CONFORM
        mov fs, ax
        mov eax, RING0_DATA
        mov es, ax
        mov eax, RING3_DATA
        mov gs, ax
        push dword DATA3
        push dword stack3_top - 0x20
  %ifidn %2, iretd
        push dword 2
  %endif
        push dword CODE3
        push dword %%out
        %2
%%out:  int STOP
        caught {%1, ": to ring 3"}, STOP, 0, %%out + 2
        equals {%1, ": CS"}, [got.cs], CODE3
        equals {%1, ": SS"}, [got.ss], DATA3
        equals {%1, ": ESP"}, [got.esp], stack3_top - 0x20
        movzx eax, word [got.es]
        equals {%1, ": ES of ring 0 is emptied"}, eax, 0
        movzx eax, word [got.ds]
        equals {%1, ": DS of ring 0 is emptied"}, eax, 0
        movzx eax, word [got.fs]
        equals {%1, ": FS of conforming code stays"}, eax, CONFORM
        movzx eax, word [got.gs]
        equals {%1, ": GS of ring 3 stays"}, eax, RING3_DATA
%endmacro
        returns_out "RETF", retf
        returns_out "IRET", iretd
        try
        push dword DATA1
        push dword stack1_top - 0x40
        push dword 7
        push dword CODE1
        push dword .out1
        retf 4
.out1:  int STOP
        caught "RETF 4 to ring 1", STOP, 0, .out1 + 2
        equals "  releases parameters on both stacks", [got.esp], stack1_top - 0x40 + 4
        equals "  CS", [got.cs], CODE1

%macro bad_stack 4                      ; "name", SS, vector, error
        try
        push dword %2
        push dword stack3_top
        push dword CODE3
        push dword 0x100000
%%ret:  retf
        caught {%1, ": RETF"}, %3, %4, %%ret
        try
        push dword %2
        push dword stack3_top
        push dword 2
        push dword CODE3
        push dword 0x100000
%%iret: iretd
        caught {%1, ": IRET"}, %3, %4, %%iret
%endmacro
        bad_stack "to ring 3 with a null stack", 0, GP, 0
        bad_stack "to ring 3 with a stack of ring 0", DATA0 | 3, GP, DATA0
        bad_stack "to ring 3 with a stack of RPL 0", DATA3 & ~3, GP, DATA3 & ~3
        bad_stack "to ring 3 with a stack that isn't present", ABSENT_STACK | 3, SS_, ABSENT_STACK
        bad_stack "to ring 3 with a read-only stack", READ_ONLY3 | 3, GP, READ_ONLY3
        bad_stack "to ring 3 with code as stack", CODE3, GP, CODE3 & ~3

        faults "a near pointer in a register isn't a far one", UD, 0, db 0xff, 0xd8
        done

.data:  dd 0x100000
        dw DATA0

        bits 16
code16: int STOP
        bits 32
