; Loading segment registers: which descriptors each takes, and the exception for the others.
; SDM vol. 2, MOV and POP; vol. 3, 5.4.1 (null), 5.6 and 5.7 (privilege), 3.4.5.1 (types).

%include "suite.inc"

GOOD    equ SLOT
ABSENT_DATA equ SLOT + 8
NO_READ equ SLOT + 16
READABLE equ SLOT + 24
NO_WRITE equ SLOT + 32
CONFORM equ SLOT + 40
RING3   equ SLOT + 48
OUTSIDE equ (GDT_LIMIT + 1)
IN_LDT  equ 0 * 8 | LOCAL
CODE_RING1 equ SLOT + 56
PARTLY  equ SLOT + 64
ABSENT_CODE equ SLOT + 72
ABSENT_BAD equ SLOT + 80

%macro load 2                           ; register, selector
        mov eax, %2
        mov %1, ax
%endmacro

; A load that is refused, and leaves the register as it was.
%macro refused 5                        ; "name", register, selector, vector, error code
        load %2, DATA0
        mov eax, %3
        faults {%1}, %4, %5, mov %2, ax
%endmacro

start:
        descriptor GOOD, scratch, 0xfff, DATA, BIG
        descriptor ABSENT_DATA, scratch, 0xfff, DATA & ~ABSENT, BIG
        descriptor NO_READ, 0, 0xfffff, EXEC_ONLY, BIG | PAGES
        descriptor READABLE, scratch, 0xfff, CODE, BIG
        descriptor NO_WRITE, scratch, 0xfff, READ_ONLY, BIG
        descriptor CONFORM, scratch, 0xfff, CONFORMING, BIG
        descriptor RING3, scratch, 0xfff, DATA | DPL(3), BIG
        descriptor IN_LDT, scratch, 0xfff, DATA, BIG
        descriptor CODE_RING1, scratch, 0xfff, CODE | DPL(1), BIG
        descriptor ABSENT_CODE, scratch, 0xfff, CODE & ~ABSENT, BIG
        descriptor ABSENT_BAD, scratch, 0xfff, EXEC_ONLY & ~ABSENT, BIG
        mov dword [scratch], 0x12345678
        xor ebx, ebx

%macro data_register 2                  ; register, its name
        mov eax, 0
        runs {%2, ": null is taken"}, mov %1, ax
        faults {%2, ": a read through null"}, GP, 0, mov ecx, [%1:ebx]
        faults {%2, ": a write through null"}, GP, 0, mov [%1:ebx], ecx
        mov eax, 3
        runs {%2, ": null with RPL 3 is taken"}, mov %1, ax
        faults {%2, ": a read through null with RPL 3"}, GP, 0, mov ecx, [%1:ebx]
        refused {%2, ": beyond the GDT"}, %1, OUTSIDE, GP, OUTSIDE
        refused {%2, ": the error code has no RPL"}, %1, OUTSIDE | 3, GP, OUTSIDE
        refused {%2, ": beyond the LDT"}, %1, 8 * 8 | LOCAL, GP, 8 * 8 | LOCAL
        refused {%2, ": execute-only code"}, %1, NO_READ, GP, NO_READ
        refused {%2, ": a TSS"}, %1, TSS, GP, TSS
        refused {%2, ": an empty descriptor"}, %1, SLOT + 30 * 8, GP, SLOT + 30 * 8
        refused {%2, ": not present"}, %1, ABSENT_DATA, NP, ABSENT_DATA
        refused {%2, ": not present, readable code"}, %1, ABSENT_CODE, NP, ABSENT_CODE
        refused {%2, ": the type counts before presence"}, %1, ABSENT_BAD, GP, ABSENT_BAD
        refused {%2, ": RPL 3 for DPL 0"}, %1, GOOD | 3, GP, GOOD
        refused {%2, ": RPL 2 for code of DPL 1"}, %1, CODE_RING1 | 2, GP, CODE_RING1
        mov eax, %1
        equals {%2, ": a refused load changes nothing"}, eax, DATA0
        mov eax, CONFORM | 3
        runs {%2, ": conforming code with any RPL"}, mov %1, ax
        mov eax, READABLE
        runs {%2, ": readable code"}, mov %1, ax
        mov dword [scratch], 0x12345678
        equals {%2, ": it reads"}, [%1:ebx], 0x12345678
        faults {%2, ": a write to code"}, GP, 0, mov [%1:ebx], eax
        mov eax, NO_WRITE
        runs {%2, ": read-only data"}, mov %1, ax
        mov dword [scratch], 0x12345678
        equals {%2, ": it reads read-only data"}, [%1:ebx], 0x12345678
        faults {%2, ": a write to read-only data"}, GP, 0, mov [%1:ebx], eax
        faults {%2, ": a read-modify-write of read-only data"}, GP, 0, inc dword [%1:ebx]
        mov eax, IN_LDT
        runs {%2, ": data in the LDT"}, mov %1, ax
        mov dword [scratch], 0x12345678
        equals {%2, ": reads through the LDT"}, [%1:ebx], 0x12345678
        load %1, DATA0
%endmacro

        data_register es, "ES"
        data_register fs, "FS"
        data_register gs, "GS"

; DS, where that is not the macros' own.
        mov eax, ABSENT_DATA
        faults "DS: not present", NP, ABSENT_DATA, mov ds, ax
        mov eax, NO_READ
        faults "DS: execute-only code", GP, NO_READ, mov ds, ax
        try
        load ds, 0
.null:  mov ecx, [ebx]
        caught "DS: a read through null", GP, 0, .null
        mov dword [scratch], 0x12345678
        try
        load ds, GOOD
        mov eax, [0]
        caught "DS: data", NONE, 0, ANY
        equals "DS: it reads", eax, 0x12345678

; SS: only writable data of exactly the current privilege.
%macro refused_ss 4                     ; "name", selector, vector, error code
        mov eax, %2
        faults %1, %3, %4, mov ss, ax
%endmacro
        refused_ss "SS: null", 0, GP, 0
        refused_ss "SS: null with RPL 3", 3, GP, 0
        refused_ss "SS: beyond the GDT", OUTSIDE, GP, OUTSIDE
        refused_ss "SS: not present", ABSENT_DATA, SS_, ABSENT_DATA
        refused_ss "SS: read-only data", NO_WRITE, GP, NO_WRITE
        refused_ss "SS: readable code", READABLE, GP, READABLE
        refused_ss "SS: a TSS", TSS, GP, TSS
        refused_ss "SS: DPL 3 in ring 0", RING3 | 3, GP, RING3
        refused_ss "SS: RPL 3 in ring 0", GOOD | 3, GP, GOOD
        refused_ss "SS: DPL 3 with RPL 0", RING3, GP, RING3
        mov eax, DATA0
        runs "SS: data of ring 0", mov ss, ax

; Other instructions that load segment registers do so whole or not at all.
        try
        push dword ABSENT_DATA
.pop:   pop es
        caught "POP ES: not present", NP, ABSENT_DATA, .pop
        mov eax, esp
        sub eax, [got.esp]
        equals "POP ES: ESP is as before", eax, 4
        try
        push dword ABSENT_DATA
.popss: pop ss
        caught "POP SS: not present", SS_, ABSENT_DATA, .popss
        mov eax, esp
        sub eax, [got.esp]
        equals "POP SS: ESP is as before", eax, 4

        mov dword [scratch + 16], 0xabcdef01
        mov dword [scratch + 20], GOOD
        mov ecx, 0x11111111
        runs "LFS loads", lfs ecx, [scratch + 16]
        equals "LFS: the offset", ecx, 0xabcdef01
        mov eax, fs
        equals "LFS: the selector", eax, GOOD
        mov dword [scratch + 20], ABSENT_DATA
        mov ecx, 0x11111111
        faults "LFS: not present", NP, ABSENT_DATA, lfs ecx, [scratch + 16]
        equals "LFS: the register is as before", ecx, 0x11111111
        faults "LES: not present", NP, ABSENT_DATA, les ecx, [scratch + 16]
        faults "LDS: not present", NP, ABSENT_DATA, lds ecx, [scratch + 16]
        faults "LGS: not present", NP, ABSENT_DATA, lgs ecx, [scratch + 16]
        faults "LSS: not present", SS_, ABSENT_DATA, lss ecx, [scratch + 16]
        mov dword [scratch + 20], 0
        faults "LSS: null", GP, 0, lss ecx, [scratch + 16]
        runs "LGS: null", lgs ecx, [scratch + 16]

; The accessed bit. SDM vol. 3, 3.4.5.1
        descriptor GOOD, scratch, 0xfff, DATA, BIG
        load fs, GOOD
        movzx eax, byte [gdt + GOOD + 5]
        equals "loading sets the accessed bit", eax, DATA | ACCESSED
        descriptor RING3, scratch, 0xfff, DATA | DPL(3), BIG
        mov eax, RING3 | 3
        faults "a load into SS that fails", GP, RING3, mov ss, ax
        movzx eax, byte [gdt + RING3 + 5]
        equals "a refused load doesn't set the accessed bit", eax, DATA | DPL(3)

; A register keeps the old descriptor until it is loaded again. SDM vol. 3, 3.4.3
        load fs, GOOD
        descriptor GOOD, scratch + 16, 0xfff, DATA, BIG
        equals "a changed descriptor has no effect yet", [fs:ebx], 0x12345678
        load fs, GOOD
        equals "a changed descriptor, loaded", [fs:ebx], 0xabcdef01
        load fs, DATA0

; Ring 3.
        to_ring 3
        mov eax, GOOD
        faults "ring 3: data of ring 0", GP, GOOD, mov es, ax
        mov eax, GOOD | 3
        faults "ring 3: data of ring 0 with RPL 3", GP, GOOD, mov es, ax
        mov eax, READABLE
        faults "ring 3: code of ring 0", GP, READABLE, mov es, ax
        mov eax, CONFORM
        runs "ring 3: conforming code of ring 0", mov fs, ax
        mov eax, RING3
        runs "ring 3: data of ring 3 with RPL 0", mov fs, ax
        mov eax, 0
        faults "ring 3: SS null", GP, 0, mov ss, ax
        mov eax, 3
        faults "ring 3: SS null with RPL 3", GP, 0, mov ss, ax
        mov eax, RING3
        faults "ring 3: SS of RPL 0", GP, RING3, mov ss, ax
        mov eax, RING3 | 3
        runs "ring 3: SS of ring 3", mov ss, ax
        mov eax, TSS
        faults "ring 3: a TSS into DS", GP, TSS, mov ds, ax
        to_ring_0

; LLDT and LTR. SDM vol. 2
        equals "at the start there is no LDT", [local_at_start], 0
        mov ax, 0
        runs "LLDT: null", lldt ax
        mov eax, IN_LDT
        faults "without an LDT, local selectors", GP, IN_LDT, mov es, ax
        mov ax, LDT | LOCAL
        faults "LLDT: a local selector", GP, LDT | LOCAL, lldt ax
        mov ax, GOOD
        faults "LLDT: data", GP, GOOD, lldt ax
        mov ax, OUTSIDE
        faults "LLDT: beyond the GDT", GP, OUTSIDE, lldt ax
        descriptor SLOT + 30 * 8, ldt, 15, LDT_TYPE & ~ABSENT
        mov ax, SLOT + 30 * 8
        faults "LLDT: not present", NP, SLOT + 30 * 8, lldt ax
        mov ax, LDT
        runs "LLDT", lldt ax
        mov ax, TSS
        faults "LTR: a busy TSS", GP, TSS, ltr ax
        mov ax, 0
        faults "LTR: null", GP, 0, ltr ax
        mov ax, GOOD
        faults "LTR: data", GP, GOOD, ltr ax
        descriptor SLOT + 30 * 8, tss, 103, TSS_32 & ~ABSENT
        mov ax, SLOT + 30 * 8
        faults "LTR: not present", NP, SLOT + 30 * 8, ltr ax
        descriptor SLOT + 30 * 8, tss, 103, TSS_32
        runs "LTR", ltr ax
        movzx eax, byte [gdt + SLOT + 30 * 8 + 5]
        equals "LTR makes the TSS busy", eax, TSS_32 | BUSY
        xor eax, eax
        str eax
        equals "STR", eax, SLOT + 30 * 8
        xor eax, eax
        sldt eax
        equals "SLDT", eax, LDT
        done
