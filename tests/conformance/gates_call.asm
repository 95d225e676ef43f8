; Call gates: which rings may call through them, the parameters copied to an inner stack, the far
; return from there, and what is refused. SDM vol. 3, 5.8.3 to 5.8.6; vol. 2, CALL.

%include "suite.inc"

G equ SLOT                              ; the gate
CONFORM equ SLOT + 8
ABSENT_CODE equ SLOT + 16
WORD_CODE equ SLOT + 24
RING1 equ SLOT + 32
OUTSIDE equ (GDT_LIMIT + 1)
LG equ 2 * 8 | LOCAL                    ; a gate in the LDT

%macro refused 4                        ; "name", selector, vector, error
        try
        mov ecx, esp
%%call: call %2:dword 0
        caught {%1}, %3, %4, %%call
        equals {%1, ": nothing is pushed"}, [got.esp], ecx
        faults {%1, ": by a jump"}, %3, %4, jmp %2:dword 0
%endmacro

start:
        descriptor CONFORM, 0, 0xfffff, CONFORMING, BIG | PAGES
        descriptor ABSENT_CODE, 0, 0xfffff, CODE & ~ABSENT, BIG | PAGES
        descriptor WORD_CODE, stop16, 0xffff, CODE, 0

        gate_descriptor G, CODE0, stop, CALL_32
        mov ecx, esp
        try
        call G:dword 0x12345678         ; the offset is not looked at
.next:  caught "a call within ring 0", STOP, 0, stopped
        equals "  pushes EIP", [seen], .next
        sub ecx, [got.esp]
        equals "  and CS", ecx, 8
        try
        jmp G:0
        caught "a jump within ring 0", STOP, 0, stopped
        gate_descriptor LG, CODE0, stop, CALL_32
        try
        call LG:0
        caught "a gate in the LDT", STOP, 0, stopped
        mov ecx, esp
        gate_descriptor G, CODE0, returns, CALL_32, 5
        runs "parameters aren't copied without a change of ring", call G:0
        equals "  and it returns", esp, ecx

; ---- refused ----

        gate_descriptor G, CODE0, stop, CALL_32 & ~ABSENT
        refused "a gate that isn't present", G, NP, G
        gate_descriptor G, 0, stop, CALL_32
        refused "a gate to null", G, GP, 0
        gate_descriptor G, OUTSIDE, stop, CALL_32
        refused "a gate beyond the GDT", G, GP, OUTSIDE
        gate_descriptor G, DATA0, stop, CALL_32
        refused "a gate to data", G, GP, DATA0
        gate_descriptor G, ABSENT_CODE, stop, CALL_32
        refused "a gate to code not present", G, NP, ABSENT_CODE
        gate_descriptor G, CODE3, stop, CALL_32
        refused "a gate to an outer ring", G, GP, CODE3 & ~3
        gate_descriptor G, CODE0, stop, INTERRUPT_32
        refused "an interrupt gate", G, GP, G
        gate_descriptor G, CODE0, stop, CALL_32 | DPL(0)
        faults "a gate of DPL 0 with RPL 3", GP, G, call G | 3:0
        descriptor WORD_CODE, stop - 0x1000, 0xfff, CODE, BIG
        gate_descriptor G, WORD_CODE, 0x1000, CALL_32
        faults "a gate beyond the code segment", GP, 0, call G:0
        descriptor WORD_CODE, stop16, 0xffff, CODE, 0
        gate_descriptor G, CODE0, stop, CALL_32
        to_ring 3
        refused "ring 3: a gate of DPL 0", G, GP, G
        to_ring_0
        gate_descriptor G, CODE0, stop, (CALL_32 | DPL(3)) & ~ABSENT
        to_ring 3
        refused "ring 3: a gate that isn't present", G, NP, G
        to_ring_0
        gate_descriptor G, CODE0, stop, CALL_32 | DPL(3)
        to_ring 3
        faults "ring 3: a jump to an inner ring", GP, CODE0, jmp G | 3:0

; ---- to an inner ring ----

        try
        push dword 0x11111111
        push dword 0x22222222
        push dword 0x33333333
        mov ecx, esp
        call G | 3:0
.next3: caught "ring 3: a call to ring 0", STOP, 0, stopped
        to_ring_0
        equals "  the new stack", [got.esp], entry_stack_top - 16
        equals "  CS", [got.cs], CODE0
        movzx eax, word [got.ss]
        equals "  SS", eax, DATA0
        equals "  SS pushed", [seen + 12], DATA3
        equals "  ESP pushed", [seen + 8], ecx
        equals "  CS pushed", [seen + 4], CODE3
        equals "  EIP pushed", [seen], .next3

        gate_descriptor G, CODE0, stop, CALL_32 | DPL(3), 2
        to_ring 3
        try
        push dword 0x11111111
        push dword 0x22222222
        push dword 0x33333333
        call G:0
        caught "ring 3: a call with 2 parameters", STOP, 0, stopped
        to_ring_0
        equals "  the new stack", [got.esp], entry_stack_top - 24
        equals "  the first", [seen + 12], 0x22222222
        equals "  the second", [seen + 8], 0x33333333
        gate_descriptor G, CODE0, stop, CALL_32 | DPL(3), 31
        to_ring 3
        try
        call G:0
        caught "ring 3: a call with 31 parameters", STOP, 0, stopped
        to_ring_0
        equals "  the new stack", [got.esp], entry_stack_top - 16 - 31 * 4

        gate_descriptor G, CODE1, stop, CALL_32 | DPL(3)
        to_ring 3
        try
        call G:0
        caught "ring 3: a call to ring 1", STOP, 0, stopped
        to_ring_0
        equals "  CS", [got.cs], CODE1
        equals "  the stack", [got.esp], entry1_stack_top - 16
        gate_descriptor G, CONFORM, stop, CALL_32 | DPL(3), 4
        to_ring 3
        try
        mov ecx, esp
        call G:0
        caught "ring 3: a call to conforming code", STOP, 0, stopped
        equals "  CS", [got.cs], CONFORM | 3
        sub ecx, [got.esp]
        equals "  on the same stack", ecx, 8
        try
        jmp G:0
        caught "ring 3: a jump to conforming code", STOP, 0, stopped
        equals "  CS", [got.cs], CONFORM | 3
        to_ring_0

; There and back: RETF releases the parameters on both stacks.
        gate_descriptor G, CODE0, service, CALL_32 | DPL(3), 2
        to_ring 3
        mov ecx, esp
        push dword 5
        push dword 7
        call G:0
        equals "ring 3: a service's result", eax, 12
        equals "ring 3:   ESP", esp, ecx
        mov eax, cs
        equals "ring 3:   CS", eax, CODE3
        mov eax, ds
        equals "ring 3:   DS of ring 0 was emptied", eax, 0
        mov eax, DATA3
        mov ds, ax
        to_ring_0

; ---- 16-bit gates ----

        gate_descriptor G, WORD_CODE, 0, CALL_16 | DPL(3), 2
        to_ring 3
        try
        push dword 0x22223333
        mov ecx, esp
        call G:0
.next16:
        caught "ring 3: a 16-bit call gate", STOP, 0, stopped
        to_ring_0
        equals "  the new stack", [got.esp], entry_stack_top - 12
        mov eax, stack3_top - 4
        movzx ecx, word [seen + 8]
        movzx eax, ax
        equals "  SP pushed", ecx, eax
        movzx ecx, word [seen + 10]
        equals "  SS pushed", ecx, DATA3
        equals "  words as parameters", [seen + 4], 0x22223333
        equals "  CS and IP pushed", [seen], CODE3 << 16 | (.next16 - image)

; ---- the new stack is wrong ----

%macro bad_stack 4
        mov dword [tss.ss1], %2
        to_ring 3
        faults {%1}, %3, %4, call G:0
        to_ring_0
%endmacro
        gate_descriptor G, CODE1, stop, CALL_32 | DPL(3)
        descriptor RING1, 0, 0xfffff, (DATA | DPL(1)) & ~ABSENT, BIG | PAGES
        bad_stack "a new stack that is null", 0, TS, 0
        bad_stack "a new stack beyond the GDT", OUTSIDE, TS, OUTSIDE
        bad_stack "a new stack with the wrong RPL", DATA1 & ~1, TS, DATA1 & ~1
        bad_stack "a new stack with the wrong DPL", DATA0 | 1, TS, DATA0
        bad_stack "a new stack that is code", CODE1, TS, CODE1 & ~1
        bad_stack "a new stack that isn't present", RING1 | 1, SS_, RING1
        mov dword [tss.esp1], 0x1008
        descriptor RING1, scratch - 0x1000, 0xfff, EXPAND_DOWN | DPL(1), BIG
        bad_stack "a new stack without room", RING1 | 1, SS_, RING1
        done

; What the gate pushed is copied: the checks' own interrupts use the same stack.
stop:   mov [ss:seen.esp], esp
%assign i 0
%rep 5
        push dword [esp + i * 4]
        pop dword [ss:seen + i * 4]
  %assign i i + 1
%endrep
        int STOP
stopped:
returns:
        retf

service:                                ; the sum of its two parameters
        push dword DATA0
        pop ds
        mov eax, [esp + 8]
        add eax, [esp + 12]
        retf 8

        bits 16
stop16: jmp dword CODE0:stop
        bits 32

        section .bss
seen:   resd 5
.esp:   resd 1
