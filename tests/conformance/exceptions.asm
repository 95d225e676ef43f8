; Exceptions one by one: fault or trap, which EIP is pushed, RF in the flags pushed; and the
; alignment check. SDM vol. 3, 6.5, 6.15 and 17.3.1.1.

%include "suite.inc"

%macro rf_is 2                          ; "name", 0 or EFLAGS_RF
        mov eax, [got.eflags]
        and eax, EFLAGS_RF
        equals {%1, ": RF pushed"}, eax, %2
%endmacro

; An instruction with the AC flag.
%macro aligned 3+                       ; "name", AC or NONE, instruction
        try
        push dword 2 | EFLAGS_AC
        popfd
%%at:   %3
  %if %2 == AC
        caught {%1}, AC, 0, %%at
  %else
        caught {%1}, NONE, 0, ANY
  %endif
%endmacro

start:
        mov dword [scratch], 0
; #DE: a fault, and the registers are as before.
        mov eax, 0x12345678
        mov edx, 0x9abcdef0
        xor ecx, ecx
        faults "DIV by zero", DE, 0, div ecx
        rf_is "DIV by zero", EFLAGS_RF
        mov eax, 0x12345678
        faults "DIV by zero in memory", DE, 0, div dword [scratch]
        equals "DIV by zero in memory: EAX", eax, 0x12345678
        equals "DIV by zero in memory: EDX", edx, 0x9abcdef0
        mov ecx, 0x9abcdef0
        faults "DIV whose quotient doesn't fit", DE, 0, div ecx
        mov edx, 0
        mov eax, 0x1ff
        mov cl, 1
        faults "DIV of bytes, its quotient too large", DE, 0, div cl
        mov eax, 0x80000000
        cdq
        mov ecx, -1
        faults "IDIV of the least number by -1", DE, 0, idiv ecx
        mov ax, 0xff80                  ; -128
        mov cl, -1
        faults "IDIV of -128 by -1", DE, 0, idiv cl
        mov ax, 0x8000
        cwd
        mov cx, -1
        faults "IDIV of -32768 by -1", DE, 0, idiv cx
        mov ax, -128
        mov cl, 1
        runs "IDIV to -128", idiv cl
        mov eax, 1
        faults "AAM 0", DE, 0, db 0xd4, 0

; #BP and #OF: traps.
        traps "INT3", BP_, 0, int3
        rf_is "INT3", 0
        traps "INT 3 in two bytes", BP_, 0, db 0xcd, 3
        mov eax, 0x7fffffff
        inc eax
        traps "INTO with OF", OF, 0, into
        rf_is "INTO", 0
        xor eax, eax
        runs "INTO without OF", into
        traps "INT 6 has no error code and is no fault", UD, 0, int 6
        rf_is "INT 6", 0
        traps "ICEBP", DB_, 0, db 0xf1
        try
        gate GP, CODE0, no_error, INTERRUPT_32
        int GP
.gp:    caught "INT 13 pushes no error code", STOP, 0, stop + 2
        default_gate GP
        equals "  the lowest in the frame is EIP", [seen], .gp

; #BR, #UD, #NM, #GP: faults.
        mov dword [scratch], -5
        mov dword [scratch + 4], 5
        mov eax, 6
        faults "BOUND above", BR, 0, bound eax, [scratch]
        rf_is "BOUND", EFLAGS_RF
        mov eax, -6
        faults "BOUND below", BR, 0, bound eax, [scratch]
        mov eax, 5
        runs "BOUND at the upper bound", bound eax, [scratch]
        mov eax, -5
        runs "BOUND at the lower bound", bound eax, [scratch]
        mov dword [scratch], 0x0005fffb
        mov eax, 0x10000
        runs "BOUND of words", bound ax, [scratch]
        mov ax, 6
        faults "BOUND of words, above", BR, 0, bound ax, [scratch]
        faults "UD2", UD, 0, ud2
        rf_is "UD2", EFLAGS_RF
        mov ecx, 0
        mov fs, cx
        faults "#GP", GP, 0, mov al, [fs:0]
        rf_is "#GP", EFLAGS_RF

; #AC: in ring 3 alone, with CR0.AM and EFLAGS.AC. SDM vol. 3, 6.15 (#AC) and table 6-7
        mov eax, cr0
        or eax, CR0_AM
        mov cr0, eax
        mov ebx, scratch
        push dword 2 | EFLAGS_AC
        popfd
        runs "ring 0 with AM and AC", mov eax, [ebx + 1]
        push dword 2
        popfd
        to_ring 3
        runs "ring 3 with AM, without AC", mov eax, [ebx + 1]
        to_ring_0
        to_ring 3
        aligned "a doubleword at an odd address", AC, mov eax, [ebx + 1]
        rf_is "#AC", EFLAGS_RF
        aligned "a doubleword at an even address", AC, mov eax, [ebx + 2]
        aligned "a doubleword at a multiple of 4", NONE, mov eax, [ebx + 4]
        aligned "a word at an odd address", AC, mov ax, [ebx + 3]
        aligned "a word at an even address", NONE, mov ax, [ebx + 2]
        aligned "a byte", NONE, mov al, [ebx + 3]
        aligned "a write", AC, mov [ebx + 1], eax
        aligned "a read-modify-write", AC, inc dword [ebx + 1]
        aligned "CMPXCHG8B at a multiple of 4", AC, cmpxchg8b [ebx + 4]
        mov esi, scratch + 1
        aligned "LODSD", AC, lodsd
        to_ring_0
        mov eax, cr0
        and eax, ~CR0_AM
        mov cr0, eax
        to_ring 3
        aligned "AC, without CR0.AM", NONE, mov eax, [ebx + 1]
        to_ring_0

; STI, MOV SS and POP SS put off what comes next by one instruction. SDM vol. 3, 6.8
; An interrupt is pending: the timer's.
        mov al, 0x30
        out 0x43, al                    ; channel 0, mode 0: once
        mov al, 0x01
        out 0x40, al
        mov al, 0
        out 0x40, al
        mov al, 0xfe
        out 0x21, al
        call wait_for_timer
        try
        sti
        nop
.sti:   nop
        nop
        cli
        caught "STI: one instruction is executed first", 0x20, 0, .sti
        call raise_timer
        try
        sti
        cli
        nop
        caught "STI, CLI: no interrupt", NONE, 0, ANY
        try
        sti
.hlt:   hlt
        nop
        cli
        caught "STI, HLT: the interrupt ends HLT", 0x20, 0, .hlt + 1
        call raise_timer
        push dword 2 | EFLAGS_IF
        try
        popfd
.popf:  nop
        nop
        cli
        caught "POPF: the interrupt comes at once", 0x20, 0, .popf
        add esp, 4
        call raise_timer
        try
        push dword 2 | EFLAGS_IF
        push dword CODE0
        push dword .iret
        iretd
.iret:  nop
        nop
        cli
        caught "IRET: the interrupt comes at once", 0x20, 0, .iret
        call raise_timer
        mov eax, ss
        try
        sti
        mov ss, eax                     ; whether its shadow follows STI's is the model's choice
        nop
        nop
        cli
        caught "STI, MOV SS: the interrupt comes, sooner or later", 0x20, 0, ANY
        mov al, 0xff
        out 0x21, al
        done

no_error:
        pop dword [seen]
stop:   int STOP

raise_timer:
        mov al, 0x30
        out 0x43, al
        mov al, 0x01
        out 0x40, al
        mov al, 0
        out 0x40, al
wait_for_timer:                         ; until the controller has the request
        push ecx
.wait:  mov al, 0x0a
        out 0x20, al
        in al, 0x20
        test al, 1
        jz .wait
        pop ecx
        ret

        section .bss
seen:   resd 1
