; Interrupt and trap gates: who may use them, what becomes of the flags, what is on the stack, the
; change to an inner ring, and the error codes of gates that are wrong.
; SDM vol. 3, 6.10 to 6.13; vol. 2, INT n.

%include "suite.inc"

N equ 0x98                              ; the vector
LAST equ 0xff
CONFORM equ SLOT
ABSENT_CODE equ SLOT + 8
CODE_IN_1 equ SLOT + 16
SMALL equ SLOT + 24
RING1 equ SLOT + 32
OUTSIDE equ (GDT_LIMIT + 1)
ERROR equ N * 8 | IN_IDT

%macro bad_gate 6                       ; "name", gate's selector, offset, access, vector, error
        gate N, %2, %3, %4
        try
        mov ecx, esp
%%int:  int N
        caught {%1}, %5, %6, %%int
        equals {%1, ": nothing is pushed"}, [got.esp], ecx
%endmacro

start:
        descriptor CONFORM, 0, 0xfffff, CONFORMING, BIG | PAGES
        descriptor ABSENT_CODE, 0, 0xfffff, CODE & ~ABSENT, BIG | PAGES
        descriptor SMALL, stop - 0x1000, 0xfff, CODE, BIG

; ---- gates that are wrong ----

        bad_gate "a gate that is empty", 0, 0, 0, GP, ERROR
        bad_gate "a gate that isn't present", CODE0, handler, INTERRUPT_32 & ~ABSENT, NP, ERROR
        bad_gate "a call gate in the IDT", CODE0, handler, CALL_32, GP, ERROR
        bad_gate "a code segment in the IDT", CODE0, handler, CODE, GP, ERROR
        bad_gate "a gate to null", 0, handler, INTERRUPT_32, GP, 0
        bad_gate "a gate beyond the GDT", OUTSIDE, handler, INTERRUPT_32, GP, OUTSIDE
        bad_gate "a gate to data", DATA0, handler, INTERRUPT_32, GP, DATA0
        bad_gate "a gate to code not present", ABSENT_CODE, handler, INTERRUPT_32, NP, ABSENT_CODE
        bad_gate "a gate to an outer ring", CODE3, handler, INTERRUPT_32, GP, CODE3 & ~3
        bad_gate "a gate beyond the code segment", SMALL, 0x1000, INTERRUPT_32, GP, 0
        bad_gate "a task gate to data", DATA0, 0, TASK_GATE, GP, DATA0
        bad_gate "a task gate to the busy TSS", TSS, 0, TASK_GATE, GP, TSS

        lidt [short_idt]
        faults "a vector beyond the IDT", GP, LAST * 8 | IN_IDT, int LAST
        lidt [idt_pointer]

; The same for an exception: the EXT bit says that no INT was its cause.
        gate UD, 0, 0, 0
        faults "an exception without a gate", GP, UD * 8 | IN_IDT | EXT, ud2
        gate UD, CODE0, handler, INTERRUPT_32 & ~ABSENT
        faults "an exception, its gate not present", NP, UD * 8 | IN_IDT | EXT, ud2
        gate UD, DATA0, handler, INTERRUPT_32
        faults "an exception, its gate to data", GP, DATA0 | EXT, ud2
        gate UD, ABSENT_CODE, handler, INTERRUPT_32
        faults "an exception, its code not present", NP, ABSENT_CODE | EXT, ud2
        gate UD, 0, handler, INTERRUPT_32
        faults "an exception, its gate to null", GP, EXT, ud2
        default_gate UD
        gate BP_, 0, 0, 0
        faults "INT3 without a gate", GP, BP_ * 8 | IN_IDT, int3
        default_gate BP_

; ---- the flags, and the frame ----

%macro enters 5                         ; "name", access, EFLAGS before, EFLAGS inside, pushed
        gate N, CODE0, handler, %2
        push dword %3
        popfd
        try
        int N
%%next: caught {%1}, STOP, 0, stop + 2
        cld
        mov eax, [got.eflags]
        and eax, ALL_STATUS | EFLAGS_IF | EFLAGS_TF | EFLAGS_NT | EFLAGS_DF | EFLAGS_RF | EFLAGS_AC
        equals {%1, ": flags inside"}, eax, %4
        equals {%1, ": flags pushed"}, [seen.eflags], %5
        equals {%1, ": CS pushed"}, [seen.cs], CODE0
        equals {%1, ": EIP pushed"}, [seen.eip], %%next
        push dword 2
        popfd
%endmacro

A equ ALL_STATUS | 2
        enters "an interrupt gate", INTERRUPT_32, A | EFLAGS_IF | EFLAGS_AC | EFLAGS_DF, \
               ALL_STATUS | EFLAGS_AC | EFLAGS_DF, A | EFLAGS_IF | EFLAGS_AC | EFLAGS_DF
        enters "a trap gate", TRAP_32, A | EFLAGS_IF, ALL_STATUS | EFLAGS_IF, A | EFLAGS_IF
        enters "a trap gate with IF clear", TRAP_32, 2, 0, 2
        enters "an interrupt gate with NT and IOPL", INTERRUPT_32, 2 | EFLAGS_NT | EFLAGS_IOPL, 0, \
               2 | EFLAGS_NT | EFLAGS_IOPL

; IRET brings the flags back.
        gate N, CODE0, returns, INTERRUPT_32
        push dword A | EFLAGS_IF
        popfd
        int N
        flags_are "IRET brings the flags back", ALL_STATUS | EFLAGS_IF, ALL_STATUS | EFLAGS_IF
        cli
        mov ecx, esp
        int N
        equals "IRET brings ESP back", esp, ecx

; ---- 16-bit gates: three words ----

        descriptor SMALL, image - 0x8000, 0xfffff, CODE, BIG | PAGES
        gate N, SMALL, handler16 - image + 0x8000, INTERRUPT_16
        try
        mov ecx, esp
        int N
.after16:
        caught "a 16-bit interrupt gate", STOP, 0, stop + 2
        sub ecx, [seen.esp]
        equals "  pushes 6 bytes", ecx, 6
        movzx eax, word [seen.eip]
        equals "  IP", eax, .after16 - image
        movzx eax, word [seen.eip + 2]
        equals "  CS", eax, CODE0
        movzx eax, word [seen.eip + 4]
        equals "  FLAGS", eax, 2
        gate 0x99, 0, 0, 0
        gate GP, SMALL, handler16 - image + 0x8000, TRAP_16
        try
        mov ecx, esp
        int 0x99                        ; has no gate
        caught "a 16-bit gate for an exception", STOP, 0, stop + 2
        sub ecx, [seen.esp]
        equals "  pushes 8 bytes", ecx, 2 * 4
        movzx eax, word [seen.eip]
        equals "  the error code is a word", eax, 0x99 * 8 | IN_IDT
        default_gate GP

; ---- from outer rings ----

        gate N, CODE0, handler, INTERRUPT_32
        to_ring 3
        faults "ring 3: a gate of DPL 0", GP, ERROR, int N
        faults "ring 3: a gate of DPL 0, an exception's", GP, UD * 8 | IN_IDT, int UD
        faults "ring 3: an exception needs no DPL", UD, 0, ud2
        to_ring_0
        gate N, CODE0, handler, INTERRUPT_32 | DPL(2)
        to_ring 3
        faults "ring 3: a gate of DPL 2", GP, ERROR, int N
        to_ring_0
        gate N, CODE0, handler, INTERRUPT_32 | DPL(3)
        to_ring 3
        try
        mov ecx, esp
        int N
.after3:
        caught "ring 3: a gate of DPL 3", STOP, 0, stop + 2
        to_ring_0
        equals "  the new stack is the TSS's", [seen.esp], entry_stack_top - 20
        equals "  EIP pushed", [seen.eip], .after3
        equals "  CS pushed", [seen.cs], CODE3
        equals "  ESP pushed", [seen.user_esp], ecx
        equals "  SS pushed", [seen.user_ss], DATA3
        equals "  CS inside", [got.cs], CODE0
        movzx eax, word [got.ss]
        equals "  SS inside", eax, DATA0
        movzx eax, word [got.es]
        equals "  ES isn't changed", eax, DATA3
        gate N, CODE0, handler, (INTERRUPT_32 | DPL(3)) & ~ABSENT
        to_ring 3
        faults "ring 3: a gate that isn't present", NP, ERROR, int N
        to_ring_0
        gate N, CODE0, handler, INTERRUPT_32 & ~ABSENT
        to_ring 3
        faults "ring 3: privilege counts before presence", GP, ERROR, int N
        to_ring_0

; To ring 1: a gate's code segment names the ring, the TSS its stack.
        gate N, CODE1, in_ring1, INTERRUPT_32 | DPL(3)
        to_ring 3
        try
        int N
        caught "ring 3: a gate to ring 1", STOP, 0, stop_ring1 + 2
        to_ring_0
        equals "  CS inside", [got.cs], CODE1
        equals "  SS inside", [got.ss], DATA1
        equals "  ESP inside", [got.esp], entry1_stack_top - 20

; To conforming code: no change of ring, no change of stack.
        gate N, CONFORM, in_conforming, INTERRUPT_32 | DPL(3)
        to_ring 3
        try
        mov ecx, esp
        int N
        caught "ring 3: a gate to conforming code", STOP, 0, stop_conforming + 2
        to_ring_0
        equals "  CS inside", [got.cs], CONFORM | 3
        sub ecx, [got.esp]
        equals "  on the same stack", ecx, 12

; The new stack is wrong: #TS with its selector.
%macro bad_stack 4                      ; "name", SS, vector, error
        mov dword [tss.ss1], %2
        to_ring 3
        try
%%int:  int N
        caught {%1}, %3, %4, %%int
        to_ring_0
%endmacro
        gate N, CODE1, in_ring1, INTERRUPT_32 | DPL(3)
        descriptor RING1, 0, 0xfffff, (DATA | DPL(1)) & ~ABSENT, BIG | PAGES
        bad_stack "a new stack that is null", 0, TS, 0
        bad_stack "a new stack beyond the GDT", OUTSIDE, TS, OUTSIDE
        bad_stack "a new stack with the wrong RPL", DATA1 & ~1, TS, DATA1 & ~1
        bad_stack "a new stack with the wrong DPL", DATA0 | 1, TS, DATA0
        bad_stack "a new stack that is code", CODE1, TS, CODE1 & ~1
        bad_stack "a new stack that isn't present", RING1 | 1, SS_, RING1
        descriptor RING1, 0, 0xfffff, READ_ONLY | DPL(1), BIG | PAGES
        bad_stack "a new stack that is read-only", RING1 | 1, TS, RING1
        mov dword [tss.esp1], 0x1008
        descriptor RING1, scratch - 0x1000, 0xfff, EXPAND_DOWN | DPL(1), BIG
        bad_stack "a new stack without room", RING1 | 1, SS_, RING1
        mov dword [tss.esp1], entry1_stack_top
        mov dword [tss.ss1], DATA1
        descriptor SLOT + 64, tss, 15, TSS_32
        mov ax, SLOT + 64
        ltr ax
        to_ring 3
        faults "a TSS that ends before the stack's place", TS, SLOT + 64, int N
        to_ring_0
        and byte [gdt + TSS + 5], ~BUSY
        mov ax, TSS
        ltr ax

; A 16-bit gate to an inner ring has words, too.
        gate N, SMALL, handler16 - image + 0x8000, INTERRUPT_16 | DPL(3)
        to_ring 3
        try
        int N
.after163:
        caught "ring 3: a 16-bit gate", STOP, 0, stop + 2
        to_ring_0
        equals "  pushes 10 bytes", [seen.esp], entry_stack_top - 10
        movzx eax, word [seen.eip]
        equals "  IP", eax, .after163 - image
        movzx eax, word [seen.eip + 2]
        equals "  CS", eax, CODE3
        movzx eax, word [seen.eip + 8]
        equals "  SS", eax, DATA3
        done

; What the frame has is copied before the suite's own handler is called on top of it.
handler:
        push ds
        push dword DATA0
        pop ds
        pop dword [seen.ds]
        mov [seen.esp], esp
%assign i 0
%rep 5
        push dword [esp + i * 4]
        pop dword [seen.eip + i * 4]
  %assign i i + 1
%endrep
        push dword [seen.ds]
        pop ds
        jmp CODE0:stop
stop:   int STOP

handler16:                              ; at an offset below 64 KiB in its segment
        jmp handler

in_ring1:
stop_ring1:
        int STOP
in_conforming:
stop_conforming:
        int STOP
returns:
        xor eax, eax                    ; changes flags
        sti
        iretd

short_idt:
        dw LAST * 8 + 6
        dd idt

        section .bss
seen:
.ds:    resd 1
.esp:   resd 1
.eip:   resd 1
.cs:    resd 1
.eflags: resd 1
.user_esp: resd 1
.user_ss: resd 1
