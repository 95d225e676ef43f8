; Segment limits: the last byte of an access counts, expand-down segments are valid above their
; limit, and a stack has the width that B says. SDM vol. 3, 5.3, 3.4.5.1.

%include "suite.inc"

S equ SLOT                              ; of limit 0x0fff, DPL 0
D equ SLOT + 8                          ; expand-down, limit 0x0fff
D16 equ SLOT + 16                       ; the same, 16-bit
P equ SLOT + 24                         ; page-granular: limit 1 is 0x1fff
STACK equ SLOT + 32
C equ SLOT + 40
Z equ SLOT + 48

%macro load 2
        mov eax, %2
        mov %1, ax
%endmacro

start:
        descriptor S, scratch, 0xfff, DATA, BIG
        descriptor D, scratch - 0x1000, 0xfff, EXPAND_DOWN, BIG
        descriptor D16, scratch - 0x1000, 0xfff, EXPAND_DOWN, 0
        descriptor P, scratch, 1, DATA, BIG | PAGES
        descriptor Z, scratch, 0, DATA, BIG
        load es, S
        load fs, D
        load gs, D16

        mov ebx, 0xfff
        runs "a byte at the limit", mov al, [es:ebx]
        inc ebx
        faults "a byte above the limit", GP, 0, mov al, [es:ebx]
        mov ebx, 0xffe
        runs "a word that ends at the limit", mov ax, [es:ebx]
        inc ebx
        faults "a word across the limit", GP, 0, mov ax, [es:ebx]
        mov ebx, 0xffc
        runs "a doubleword that ends at the limit", mov eax, [es:ebx]
        inc ebx
        faults "a doubleword across the limit", GP, 0, mov eax, [es:ebx]
        faults "the limit counts for writes", GP, 0, mov [es:ebx], eax
        mov dword [scratch + 0xffc], 0x04030201
        faults "a write across the limit", GP, 0, mov [es:ebx], eax
        equals "  writes no byte of it", [scratch + 0xffc], 0x04030201
        faults "a read-modify-write across the limit", GP, 0, add [es:ebx], eax
        equals "  writes nothing, either", [scratch + 0xffc], 0x04030201
        mov ebx, 0xffffffff
        faults "a doubleword across the end of the address space", GP, 0, mov eax, [es:ebx]
        faults "a quadword (CMPXCHG8B) across the limit", GP, 0, cmpxchg8b [es:0xff9]
        runs "a quadword that ends at the limit", cmpxchg8b [es:0xff8]
        faults "a far pointer across the limit", GP, 0, lfs ecx, [es:0xffb]
        faults "XLATB beyond the limit", GP, 0, es xlatb
        load es, P
        mov ebx, 0x1fff
        runs "G: the last byte of the last page", mov al, [es:ebx]
        inc ebx
        faults "G: the byte behind it", GP, 0, mov al, [es:ebx]
        load es, Z
        runs "limit 0: its byte", mov al, [es:0]
        faults "limit 0: the next", GP, 0, mov al, [es:1]
        faults "limit 0: a word", GP, 0, mov ax, [es:0]

        mov ebx, 0xfff
        faults "expand-down: a byte at the limit", GP, 0, mov al, [fs:ebx]
        inc ebx
        runs "expand-down: a byte above the limit", mov al, [fs:ebx]
        mov ebx, 0xffd
        faults "expand-down: a doubleword across the limit", GP, 0, mov eax, [fs:ebx]
        mov ebx, 0xffc
        faults "expand-down: below the limit", GP, 0, mov eax, [fs:ebx]
        mov ebx, 0x10000
        runs "expand-down, 32-bit: reaches above 64 KiB", mov al, [fs:ebx]
        faults "expand-down, 16-bit: doesn't", GP, 0, mov al, [gs:ebx]
        dec ebx
        runs "expand-down, 16-bit: the byte at 0xffff", mov al, [gs:ebx]
        faults "expand-down, 16-bit: a word at 0xffff", GP, 0, mov ax, [gs:ebx]
        descriptor D, 0, 0xfffff, EXPAND_DOWN, BIG | PAGES
        load fs, D
        faults "expand-down with the greatest limit: nothing is inside", GP, 0, mov al, [fs:ebx]

; Stacks. What goes beyond the limit is #SS. SDM vol. 3, 6.15 (#SS)
        descriptor STACK, stack, 0xff, DATA, BIG
        try
        load ss, STACK
        mov esp, 0x100
        push eax
        mov ecx, esp
.over:  mov eax, [ss:0xfd]
        caught "a read through SS across the limit", SS_, 0, .over
        equals "a push below the limit", ecx, 0xfc
        try
        load ss, STACK
        mov ebp, 0x100
        mov esp, 0x80
.bp:    mov eax, [ebp]
        caught "EBP is through SS", SS_, 0, .bp
        try
        load ss, STACK
        mov esp, 0x80
        mov ebx, 0x100
.es:    mov eax, [esp + ebx]
        caught "ESP as base is through SS", SS_, 0, .es
        try
        load ss, STACK
        mov esp, 0x80
        mov ebp, 0x100
.other: mov eax, [es:ebp]
        caught "EBP with ES is #GP", GP, 0, .other
        load es, DATA0

; #SS in pushes: ESP must have room for the handler, so the stack is left just for the push.
        descriptor STACK, stack, 0xfff, EXPAND_DOWN, BIG
        try
        load ss, STACK
        mov esp, 0x1100                 ; the frame is in 0x1000-0x10ff: enough for the handler
        mov ebp, esp
        mov ecx, 0x400
        lea ebp, [0xffe]
.leave: leave
        caught "LEAVE: EBP outside the stack", SS_, 0, .leave
        equals "  ESP is as before", [got.esp], 0x1100
        equals "  and EBP", ebp, 0xffe

; A 16-bit stack: SP alone counts, the upper half of ESP stays. SDM vol. 1, 6.2.3
        descriptor STACK, stack, 0xffff, DATA, 0
        mov edx, esp
        load ss, STACK
        mov esp, 0x00050100
        push dword 0x11223344
        mov ecx, esp
        mov eax, DATA0
        mov ss, ax
        mov esp, edx
        equals "16-bit stack: the upper half of ESP stays", ecx, 0x000500fc
        equals "16-bit stack: where the push went", [stack + 0xfc], 0x11223344
        load ss, STACK
        mov esp, 0x00050000
        push word 0x5566
        mov ecx, esp
        mov eax, DATA0
        mov ss, ax
        mov esp, edx
        equals "16-bit stack: SP wraps", ecx, 0x0005fffe
        movzx eax, word [stack + 0xfffe]
        equals "16-bit stack: at the segment's end", eax, 0x5566
        mov dword [stack + 0x200], 0xaabbccdd
        load ss, STACK
        mov esp, 0x00050200
        pop ebx
        mov ecx, esp
        mov ebp, 0x00060200
        leave
        mov esi, esp
        mov eax, DATA0
        mov ss, ax
        mov esp, edx
        equals "16-bit stack: POP reads at SP", ebx, 0xaabbccdd
        equals "16-bit stack: POP adds to SP alone", ecx, 0x00050204
        equals "16-bit stack: LEAVE takes BP into SP", esi, 0x00050204
        equals "16-bit stack: LEAVE pops EBP", ebp, 0xaabbccdd
        load ss, STACK
        mov esp, 0x00050200
        mov ebp, 0x00070300
        enter 8, 0
        mov ecx, esp
        mov esi, ebp
        mov eax, DATA0
        mov ss, ax
        mov esp, edx
        equals "16-bit stack: ENTER's SP", ecx, 0x000501f4
        equals "16-bit stack: ENTER pushes EBP", [stack + 0x1fc], 0x00070300
        movzx eax, si
        equals "16-bit stack: ENTER's BP", eax, 0x01fc

; The code segment. An instruction across its limit is #GP; so is a jump beyond it, at the jump.
        mov byte [scratch + 0xffd], 0x90
        mov byte [scratch + 0xffe], 0x90
        mov byte [scratch + 0xfff], 0x90
        descriptor C, scratch, 0xfff, CODE, BIG
        try
        jmp C:0xffe
        caught "running over the end of a code segment", GP, 0, 0x1000
        mov byte [scratch + 0xffe], 0xb8        ; mov eax, imm32
        try
        jmp C:0xffe
        caught "an instruction across the end of a code segment", GP, 0, 0xffe
        mov dword [scratch + 0xffb], 0x04ebc033 ; xor eax, eax; jmp $ + 6
        mov byte [scratch + 0xfff], 0x90
        try
        jmp C:0xffb
        caught "a jump beyond the code segment", GP, 0, 0xffd
        mov dword [scratch + 0xff0], 0x000010e8 ; call
        mov byte [scratch + 0xff4], 0
        try
        mov ecx, esp
        jmp C:0xff0
        caught "a call beyond the code segment", GP, 0, 0xff0
        equals "  pushes nothing", [got.esp], ecx
        mov byte [scratch + 0xff0], 0xc3        ; ret
        try
        push dword 0x1000
        mov ecx, esp
        jmp C:0xff0
        caught "a return beyond the code segment", GP, 0, 0xff0
        equals "  pops nothing", [got.esp], ecx
        faults "a far jump beyond the code segment", GP, 0, jmp C:0x1000
        mov word [scratch + 0xff0], 0xe0ff      ; jmp eax
        mov eax, 0x1000
        try
        jmp C:0xff0
        caught "an indirect jump beyond the code segment", GP, 0, 0xff0
        mov word [scratch + 0xff0], 0x0e72      ; jc 0x1000
        mov byte [scratch + 0xff2], 0xcc
        try
        clc
        jmp C:0xff0
        caught "a branch not taken may lead anywhere", BP_, 0, 0xff3
        try
        stc
        jmp C:0xff0
        caught "a branch taken may not", GP, 0, 0xff0

; A 16-bit code segment truncates EIP, and has 16-bit operands.
        descriptor C, scratch, 0xffff, CODE, 0
        mov dword [scratch + 0x10], 0xcc1234b8  ; mov ax, 0x1234; int3
        mov eax, 0x55555555
        try
        jmp C:0x10
        caught "a 16-bit code segment", BP_, 0, 0x14
        equals "  has 16-bit operands", eax, 0x55551234
        mov dword [scratch + 0x10], 0x8000e966  ; jmp near +0x8000 (32-bit), to 0x8016
        mov dword [scratch + 0x14], 0xcccc0000
        mov byte [scratch + 0x8016], 0xcc
        try
        jmp C:0x10
        caught "a 32-bit jump in 16-bit code", BP_, 0, 0x8017
        mov dword [scratch + 0x10], 0x8000e990  ; nop; jmp near -0x8000, to 0x8014
        mov byte [scratch + 0x8014], 0xcc
        try
        jmp C:0x10
        caught "a 16-bit jump wraps at 64 KiB", BP_, 0, 0x8015
        done

        section .bss
stack:  resb 0x10000
        resb 0x10000                    ; behind `scratch` in the 16-bit segments
