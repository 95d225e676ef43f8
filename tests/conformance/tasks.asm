; Hardware tasks: switching by JMP, CALL, IRET, INT and exceptions; what is saved and loaded; busy
; bit, NT and link; and tasks that are wrong. SDM vol. 3, chapter 7.

%include "suite.inc"
%include "paging.inc"

T equ SLOT                              ; the other task
GATE equ SLOT + 8                       ; a task gate to it
ABSENT_DATA equ SLOT + 16
T16 equ SLOT + 24
OUTSIDE equ (GDT_LIMIT + 1)
LOCAL_T equ 3 * 8 | LOCAL
DIRECTORY_2 equ 0x310000
TABLE_2 equ 0x311000
RESCUE equ SLOT + 48
N equ 0x98

; The other task is as new: it begins at %1. The present one is the suite's TSS.
%macro new_task 1
        push dword %1
        call prepare
%endmacro

start:
        descriptor ABSENT_DATA, 0, 0xfffff, DATA & ~ABSENT, BIG | PAGES
        descriptor LOCAL_T, task, 103, TSS_32

; ---- JMP ----

        new_task stop
        clts
        push dword EFLAGS_CF | EFLAGS_DF | EFLAGS_OF | EFLAGS_IOPL | 2
        popfd
        mov eax, 0x11111111
        mov ecx, 0x22222222
        mov edx, 0x33333333
        mov ebx, 0x44444444
        mov ebp, 0x55555555
        mov esi, 0x66666666
        mov edi, 0x77777777
        try
        jmp T:dword 0x12345678          ; the offset is not looked at
.jumped:
        caught "JMP to a TSS", STOP, 0, stop + 2
        cld
        equals "  EAX", [got.eax], 0xa0a0a0a0
        equals "  ECX", [got.ecx], 0xa1a1a1a1
        equals "  EDX", [got.edx], 0xa2a2a2a2
        equals "  EBX", [got.ebx], 0xa3a3a3a3
        equals "  ESP", [got.esp], task_stack_top
        equals "  EBP", [got.ebp], 0xa5a5a5a5
        equals "  ESI", [got.esi], 0xa6a6a6a6
        equals "  EDI", [got.edi], 0xa7a7a7a7
        equals "  EFLAGS", [got.eflags], 2 | EFLAGS_CF | EFLAGS_SF
        movzx eax, word [got.fs]
        equals "  FS", eax, DATA3
        str eax
        equals "  TR", eax, T
        sldt eax
        equals "  LDTR", eax, 0
        mov eax, cr0
        and eax, CR0_TS
        equals "  CR0.TS is set", eax, CR0_TS
        movzx eax, byte [gdt + T + 5]
        equals "  the new TSS is busy", eax, TSS_32 | BUSY
        movzx eax, byte [gdt + TSS + 5]
        equals "  the old one isn't", eax, TSS_32
        equals "  saved: EIP", [tss + 32], .jumped
        equals "  saved: EFLAGS", [tss + 36], EFLAGS_CF | EFLAGS_DF | EFLAGS_OF | EFLAGS_IOPL | 2
        equals "  saved: EAX", [tss + 40], 0x11111111
        equals "  saved: ECX", [tss + 44], 0x22222222
        equals "  saved: EDX", [tss + 48], 0x33333333
        equals "  saved: EBX", [tss + 52], 0x44444444
        equals "  saved: ESP", [tss + 56], esp
        equals "  saved: EBP", [tss + 60], 0x55555555
        equals "  saved: ESI", [tss + 64], 0x66666666
        equals "  saved: EDI", [tss + 68], 0x77777777
        movzx eax, word [tss + 72]
        equals "  saved: ES", eax, DATA0
        movzx eax, word [tss + 76]
        equals "  saved: CS", eax, CODE0
        movzx eax, word [tss + 80]
        equals "  saved: SS", eax, DATA0
        equals "  saved: nothing in the field of CR3", [tss + 28], 0
        equals "  saved: nothing in the field of ESP0", [tss + 4], entry_stack_top
        movzx eax, word [tss + 96]
        equals "  saved: nothing in the field of LDTR", eax, 0
        equals "  no link", [task], 0
        push dword 2
        popfd

; ---- CALL and IRET ----

        new_task stop
        try
        call T:0
        caught "CALL of a TSS", STOP, 0, stop + 2
        mov eax, [got.eflags]
        equals "  NT is set", eax, 2 | EFLAGS_CF | EFLAGS_SF | EFLAGS_NT
        movzx eax, word [task]
        equals "  the link to the caller", eax, TSS
        movzx eax, byte [gdt + T + 5]
        equals "  the new TSS is busy", eax, TSS_32 | BUSY
        movzx eax, byte [gdt + TSS + 5]
        equals "  the old one, too", eax, TSS_32 | BUSY
        new_task returns
        mov ecx, esp
        runs "CALL of a task that returns", call T:0
        equals "  ESP", esp, ecx
        str eax
        equals "  TR", eax, TSS
        movzx eax, byte [gdt + T + 5]
        equals "  the other TSS isn't busy", eax, TSS_32
        movzx eax, byte [gdt + TSS + 5]
        equals "  this one is", eax, TSS_32 | BUSY
        equals "  saved: EIP behind its IRET", [task + 32], returned
        mov eax, [task + 36]
        and eax, EFLAGS_NT
        equals "  saved: NT is clear", eax, 0
        equals "  saved: a register changed there", [task + 44], 0xa1a1a1a2
        runs "  it can be called again", call T:0
        equals "  and goes on with its registers", [task + 44], 0xa1a1a1a3
        push dword 2 | EFLAGS_NT
        popfd
        mov word [tss], T
        faults "IRET with NT, the link to a TSS not busy", TS, T, iretd
        push dword 2 | EFLAGS_NT
        popfd
        mov word [tss], DATA0
        faults "IRET with NT, the link to data", TS, DATA0, iretd
        push dword 2 | EFLAGS_NT
        popfd
        mov word [tss], LOCAL_T
        faults "IRET with NT, the link into the LDT", TS, LOCAL_T, iretd
        push dword 2
        popfd
        mov word [tss], 0

; ---- gates ----

        gate_descriptor GATE, T, 0, TASK_GATE
        new_task stop
        try
        jmp GATE:0
        caught "JMP to a task gate", STOP, 0, stop + 2
        new_task returns
        runs "CALL of a task gate", call GATE:0
        new_task returns
        gate N, T, 0, TASK_GATE
        runs "INT through a task gate", int N
        new_task stop
        gate N, T, 0, TASK_GATE | DPL(3)
        to_ring 3
        try
        int N
.int3:  caught "ring 3: INT through a task gate", STOP, 0, stop + 2
        to_ring_0
        equals "  saved: EIP", [tss + 32], .int3
        movzx eax, word [tss + 76]
        equals "  saved: CS", eax, CODE3
        movzx eax, word [task]
        equals "  the link", eax, TSS
        new_task stop
        to_ring 3
        faults "ring 3: JMP to a TSS of DPL 0", GP, T, jmp T:0
        faults "ring 3: JMP to a task gate of DPL 0", GP, GATE, jmp GATE:0
        to_ring_0
        gate_descriptor GATE, T, 0, TASK_GATE | DPL(3)
        to_ring 3
        try
        jmp GATE:0
        caught "ring 3: a task gate of DPL 3 to a TSS of DPL 0", STOP, 0, stop + 2
        to_ring_0
        new_task stop
        gate GP, T, 0, TASK_GATE
        mov eax, OUTSIDE
        try
.fault: mov es, ax
        caught "#GP through a task gate", STOP, 0, stop + 2
        equals "  the error code is on the new stack", [got.esp], task_stack_top - 4
        equals "  it is", [task_stack_top - 4], OUTSIDE
        equals "  saved: EIP of the instruction", [tss + 32], .fault
        mov eax, [tss + 36]
        and eax, EFLAGS_RF
        equals "  saved: RF is set", eax, EFLAGS_RF
        default_gate GP

; ---- refused, in the old task ----

%macro refused 4                        ; "name", selector, vector, error
        faults {%1, ": JMP"}, %3, %4, jmp %2:0
        faults {%1, ": CALL"}, %3, %4, call %2:0
%endmacro
        new_task stop
        refused "a busy TSS", TSS, GP, TSS
        refused "a TSS in the LDT", LOCAL_T, GP, LOCAL_T
        and byte [gdt + T + 5], ~ABSENT
        refused "a TSS that isn't present", T, NP, T
        descriptor T, task, 102, TSS_32
        refused "a TSS that is too short", T, TS, T
        descriptor T, task, 103, TSS_32
        gate_descriptor GATE, T, 0, TASK_GATE & ~ABSENT
        refused "a task gate that isn't present", GATE, NP, GATE
        gate_descriptor GATE, DATA0, 0, TASK_GATE
        refused "a task gate to data", GATE, GP, DATA0
        gate_descriptor GATE, LOCAL_T, 0, TASK_GATE
        refused "a task gate into the LDT", GATE, GP, LOCAL_T
        gate_descriptor GATE, T, 0, TASK_GATE

; ---- refused, in the new task ----

; These have no stack or no code to handle the exception with, so a third task does (6.15, #TS).

%macro bad_field 6                      ; "name", offset in the TSS, value, vector, error, width
        new_task stop
        mov %6 [task + %2], %3
        call prepare_rescue
        gate %4, RESCUE, 0, TASK_GATE
        try
        jmp T:0
        caught {%1}, STOP, 0, stop + 2
        equals {%1, ": the error code"}, [rescue_stack_top - 4], %5
        equals {%1, ": it is the new task that faults"}, [rescue], T
        equals {%1, ": where it begins"}, [task + 32], stop
        default_gate %4
%endmacro
        bad_field "a task with CS null", 76, 0, TS, 0, dword
        bad_field "a task with CS of data", 76, DATA0, TS, DATA0, dword
        bad_field "a task with CS beyond the GDT", 76, OUTSIDE, TS, OUTSIDE, dword
        bad_field "a task with SS null", 80, 0, TS, 0, dword
        bad_field "a task with SS of another ring", 80, DATA3, TS, DATA3 & ~3, dword
        bad_field "a task with DS not present", 84, ABSENT_DATA, NP, ABSENT_DATA, dword
        bad_field "a task with ES of a TSS", 72, T, TS, T, dword
        bad_field "a task with an LDT that is none", 96, DATA0, TS, DATA0, dword
        bad_field "a task with an LDT in the LDT", 96, LOCAL_T, TS, LOCAL_T, dword

; ---- other kinds of tasks ----

        new_task .there
        mov dword [task + 76], CODE3
        mov dword [task + 80], DATA3
        mov dword [task + 72], DATA3
        mov dword [task + 84], DATA3
        mov dword [task + 92], DATA3
        try
        jmp T:0
.there: int STOP
        caught "a task in ring 3", STOP, 0, .there + 2
        equals "  CS", [got.cs], CODE3
        equals "  ESP", [got.esp], task_stack_top
        equals "  ring 0's stack is the new TSS's", [task_stack_top - 256 - 20], .there + 2

        new_task stop
        mov word [task + 96], LDT
        descriptor 0 | LOCAL, 0, 0xfffff, DATA, BIG | PAGES
        mov dword [task + 84], 0 | LOCAL
        try
        jmp T:0
        caught "a task with an LDT and a segment from it", STOP, 0, stop + 2
        sldt eax
        equals "  LDTR", eax, LDT

        new_task stop
        mov byte [task + 100], 1
        xor eax, eax
        mov dr6, eax
        try
        jmp T:0
        caught "a task with the T bit", DB_, 0, stop
        mov eax, dr6
        and eax, 0x8000
        equals "  DR6.BT", eax, 0x8000
        mov eax, 0xffff0ff0
        mov dr6, eax

        new_task stop
        mov eax, 0x155
        mov dr7, eax
        try
        jmp T:0
        caught "local breakpoints are enabled", STOP, 0, stop + 2
        mov eax, dr7
        and eax, 0x55
        equals "  a task switch disables them", eax, 0
        mov eax, 0x400
        mov dr7, eax

; CR3 belongs to the task.
        call paging_on
        page 0, PG_P | PG_W
        mov esi, DIRECTORY
        mov edi, DIRECTORY_2
        mov ecx, 1024
        rep movsd
        mov esi, PLAY_TABLE
        mov edi, TABLE_2
        mov ecx, 1024
        rep movsd
        mov dword [DIRECTORY_2 + (PLAY_PDE - DIRECTORY)], TABLE_2 | PG_P | PG_W
        mov dword [TABLE_2], FRAME + 0x1000 | PG_P | PG_W
        mov dword [FRAME], 0x11111111
        mov dword [FRAME + 0x1000], 0x22222222
        mov eax, [PLAYGROUND]           ; the translation is remembered
        mov eax, cr3
        mov [tss + 28], eax
        new_task .other_cr3
        mov dword [task + 28], DIRECTORY_2
        mov dword [task + 44], 0
        runs "CALL of a task with another CR3", call T:0
        equals "  what it reads", [task + 44], 0x22222222
        equals "  what this one reads", [PLAYGROUND], 0x11111111
        mov eax, cr3
        equals "  CR3 is back", eax, DIRECTORY
        equals "  the other's field is as it was", [task + 28], DIRECTORY_2
        jmp .after_cr3
.other_cr3:
        mov ecx, [PLAYGROUND]
        iretd
.after_cr3:
        mov eax, cr0
        and eax, ~CR0_PG
        mov cr0, eax

; A 16-bit TSS: words, no FS and GS.
        mov edi, task
        mov ecx, 26
        xor eax, eax
        rep stosd
        mov word [task + 14], 0         ; IP
        mov word [task + 16], 2 | EFLAGS_CF
        mov word [task + 18], 0xa0a0
        mov word [task + 20], 0xa1a1
        mov word [task + 26], 0x80      ; SP
        mov word [task + 34], DATA0
        mov word [task + 36], SLOT + 32 ; CS
        mov word [task + 38], SLOT + 40 ; SS
        mov word [task + 40], DATA0
        descriptor SLOT + 32, stop, 0xffff, CODE, BIG
        descriptor SLOT + 40, scratch, 0xffff, DATA
        descriptor T16, task, 43, TSS_16
        mov eax, 0
        mov fs, ax
        try
        jmp T16:0
        caught "a 16-bit TSS", STOP, 0, 2
        mov eax, [got.eax]
        and eax, 0xffff
        equals "  AX", eax, 0xa0a0
        mov eax, [got.eflags]
        and eax, 0xffff
        equals "  FLAGS", eax, 2 | EFLAGS_CF
        equals "  CS", [got.cs], SLOT + 32
        movzx eax, byte [gdt + T16 + 5]
        equals "  it is busy", eax, TSS_16 | BUSY
        movzx eax, byte [gdt + TSS + 5]
        equals "  the old one isn't", eax, TSS_32
        done

stop:   int STOP
returns:
        inc ecx
        iretd
returned:
        jmp returns

prepare_rescue:
        pushad
        mov edi, rescue
        xor eax, eax
        mov ecx, 26
        rep stosd
        mov dword [rescue + 32], stop
        mov dword [rescue + 36], 2
        mov dword [rescue + 56], rescue_stack_top
        mov dword [rescue + 76], CODE0
        mov eax, DATA0
        mov [rescue + 72], eax
        mov [rescue + 80], eax
        mov [rescue + 84], eax
        mov dword [rescue_stack_top - 4], -1
        descriptor RESCUE, rescue, 103, TSS_32
        popad
        ret

prepare:                                ; [esp + 4]: EIP
        pushad
        pushfd
        mov edi, task
        xor eax, eax
        mov ecx, 26
        rep stosd
        mov eax, [esp + 40]
        mov [task + 32], eax
        mov dword [task + 4], task_stack_top - 256
        mov dword [task + 8], DATA0
        mov dword [task + 36], 2 | EFLAGS_CF | EFLAGS_SF
        mov dword [task + 40], 0xa0a0a0a0
        mov dword [task + 44], 0xa1a1a1a1
        mov dword [task + 48], 0xa2a2a2a2
        mov dword [task + 52], 0xa3a3a3a3
        mov dword [task + 56], task_stack_top
        mov dword [task + 60], 0xa5a5a5a5
        mov dword [task + 64], 0xa6a6a6a6
        mov dword [task + 68], 0xa7a7a7a7
        mov eax, DATA0
        mov [task + 72], eax
        mov dword [task + 76], CODE0
        mov [task + 80], eax
        mov [task + 84], eax
        mov dword [task + 88], DATA3
        mov [task + 92], eax
        mov word [task + 102], 104
        descriptor T, task, 103, TSS_32
        and byte [gdt + TSS + 5], ~BUSY
        mov ax, TSS
        ltr ax
        mov ax, LDT
        lldt ax
        popfd
        popad
        ret 4

        section .bss
task:   resb 104
        resb 1024
task_stack_top:
rescue: resb 104
        resb 256
rescue_stack_top:
