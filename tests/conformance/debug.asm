; Single-stepping, and the breakpoints of the debug registers. SDM vol. 3, 17.2 and 17.3.

%include "suite.inc"

STEPPED equ 0x4000                      ; bits of DR6
BREAKS  equ 0xe00f

; DR6, of the bits that say what happened, and clears it.
%macro dr6_is 2                         ; "name", bits
        mov eax, dr6
        and eax, BREAKS
        equals {%1, ": DR6"}, eax, %2
        mov eax, 0xffff0ff0
        mov dr6, eax
%endmacro

; The instruction with TF set by the POPF before it: one #DB behind it.
%macro steps 2+                         ; "name", instruction
        try
        push dword 2 | EFLAGS_TF
        popfd
        %2
%%next: nop
        caught {%1}, DB_, 0, %%next
        dr6_is {%1}, STEPPED
%endmacro

%macro breakpoint 3                     ; number, linear address, R/W | LEN << 2
        mov eax, %2
        mov dr%1, eax
        mov eax, dr7
        and eax, ~(0xf << (16 + 4 * %1))
        or eax, (%3) << (16 + 4 * %1) | 2 << (2 * %1)
        mov dr7, eax
%endmacro
%macro no_breakpoints 0
        mov eax, 0x400
        mov dr7, eax
%endmacro
ON_EXEC  equ 0
ON_WRITE equ 1
ON_IO    equ 2
ON_ACCESS equ 3
BYTE_    equ 0 << 2
WORD_    equ 1 << 2
DWORD_   equ 3 << 2

start:
        mov eax, 0xffff0ff0
        mov dr6, eax
        steps "a step", inc eax
        mov eax, [got.eflags]
        and eax, EFLAGS_TF | EFLAGS_RF
        equals "  the flags pushed: TF, not RF", eax, EFLAGS_TF
        steps "a step over a write", mov [scratch], eax
        steps "a step over PUSHF", pushfd
        try
        push dword 2 | EFLAGS_TF
        popfd
        jmp .jumped
        nop
.jumped:
        nop
        caught "a step over a jump", DB_, 0, .jumped
        dr6_is "a step over a jump", STEPPED
        try
        push dword 2 | EFLAGS_TF
        popfd
        call .called
        nop
.called:
        nop
        caught "a step over a call", DB_, 0, .called
        dr6_is "a step over a call", STEPPED
        mov ecx, 5
        mov edi, scratch
        try
        push dword 2 | EFLAGS_TF
        popfd
.rep:   rep stosb
        nop
        caught "a step into REP STOSB: each round is one", DB_, 0, .rep
        dr6_is "a step into REP STOSB", STEPPED
        equals "  ECX", ecx, 4
        mov ecx, 1
        steps "a step over the last round of REP STOSB", rep stosb
        mov ecx, 0
        steps "a step over REP STOSB of nothing", rep stosb

; POPF that clears TF is still followed by the trap; the one that sets it isn't.
        try
        push dword 2
        push dword 2 | EFLAGS_TF
        popfd
        popfd
.popf:  nop
        caught "the POPF that clears TF", DB_, 0, .popf
        dr6_is "the POPF that clears TF", STEPPED
        mov eax, [got.eflags]
        and eax, EFLAGS_TF
        equals "  TF pushed", eax, 0

; IRET that sets TF: the trap is behind the first instruction there.
        try
        push dword 2 | EFLAGS_TF
        push dword CODE0
        push dword .iret
        iretd
.iret:  inc eax
.behind:
        nop
        caught "IRET that sets TF", DB_, 0, .behind
        dr6_is "IRET that sets TF", STEPPED

; INT clears TF: no trap at the handler, and after its IRET one behind the next instruction.
        gate 0x98, CODE0, returns, TRAP_32
        mov edx, 0
        try
        push dword 2 | EFLAGS_TF
        popfd
        int 0x98
.int:   nop
.int2:  nop
        caught "a step over INT", DB_, 0, .int2
        dr6_is "a step over INT", STEPPED
        equals "  its handler has run", edx, 1
        try
        push dword 2 | EFLAGS_TF
        popfd
        db 0xf1
.icebp: nop
        caught "ICEBP with TF: one #DB", DB_, 0, .icebp
        dr6_is "ICEBP with TF", 0
        mov eax, [got.eflags]
        and eax, EFLAGS_TF
        equals "  TF pushed", eax, EFLAGS_TF
        try
        push dword 2 | EFLAGS_TF
        popfd
.ud:    ud2
        caught "a fault comes before the step", UD, 0, .ud
        dr6_is "a fault comes before the step", 0
        mov eax, [got.eflags]
        and eax, EFLAGS_TF
        equals "  TF pushed", eax, EFLAGS_TF

; MOV SS and POP SS put the trap off. SDM vol. 3, 6.8.3
        mov eax, ss
        try
        push dword 2 | EFLAGS_TF
        popfd
        mov ss, eax
        nop
.ss:    nop
        caught "a step over MOV SS takes in the next instruction", DB_, 0, .ss
        dr6_is "a step over MOV SS", STEPPED
        mov eax, ss
        try
        push eax
        push dword 2 | EFLAGS_TF
        popfd
        pop ss
        nop
.popss: nop
        caught "a step over POP SS takes in the next instruction", DB_, 0, .popss
        dr6_is "a step over POP SS", STEPPED
        mov eax, ds
        steps "a step over MOV DS", mov ds, eax
        steps "a step over CPUID", cpuid
        steps "a step over STI", sti
        cli
        steps "a step over an IN", in al, 0x80
        mov eax, ss
        to_ring 3
        try
        push dword 2 | EFLAGS_TF
        popfd
        nop
.ring3: nop
        caught "ring 3: a step", DB_, 0, .ring3
        to_ring_0
        equals "  CS", [got.cs], CODE3
        dr6_is "ring 3: a step", STEPPED

; ---- breakpoints on instructions: faults ----

        breakpoint 0, .exec, ON_EXEC
        mov ebx, 0
        try
        nop
.exec:  inc ebx
        caught "a breakpoint on an instruction", DB_, 0, .exec
        dr6_is "a breakpoint on an instruction", 1
        equals "  it isn't executed", ebx, 0
        mov eax, [got.eflags]
        and eax, EFLAGS_RF
        equals "  RF pushed", eax, 0
        breakpoint 0, .past, ON_EXEC
        try
        push dword 2 | EFLAGS_RF
        push dword CODE0
        push dword .past
        iretd
.past:  inc ebx
        caught "IRET with RF goes past it", NONE, 0, ANY
        equals "  it is executed", ebx, 1
        no_breakpoints
        breakpoint 1, .second, ON_EXEC
        try
        push dword 2 | EFLAGS_RF
        push dword CODE0
        push dword .first
        iretd
.first: nop
.second:
        nop
        caught "RF is good for one instruction", DB_, 0, .second
        dr6_is "RF is good for one instruction", 2
        no_breakpoints
        mov eax, .off
        mov dr0, eax
        try
.off:   nop
        caught "a breakpoint that isn't enabled", NONE, 0, ANY
        breakpoint 0, .prefixed + 1, ON_EXEC
        try
.prefixed:
        mov eax, [es:scratch]
        caught "a breakpoint behind a prefix", NONE, 0, ANY
        no_breakpoints

; ---- on data: traps ----

        breakpoint 0, scratch + 4, ON_WRITE | DWORD_
        traps "a write", DB_, 0, mov [scratch + 4], eax
        dr6_is "a write", 1
        traps "a write to its last byte", DB_, 0, mov [scratch + 7], al
        dr6_is "a write to its last byte", 1
        traps "a write that overlaps", DB_, 0, mov [scratch + 1], eax
        dr6_is "a write that overlaps", 1
        traps "a write of the same value", DB_, 0, and dword [scratch + 4], -1
        dr6_is "a write of the same value", 1
        runs "a read, as writes alone are watched", mov eax, [scratch + 4]
        runs "a write behind", mov [scratch + 8], eax
        runs "a write before", mov [scratch], eax
        no_breakpoints
        breakpoint 2, scratch + 4, ON_ACCESS | WORD_
        traps "a read", DB_, 0, mov al, [scratch + 5]
        dr6_is "a read", 4
        traps "a write, as accesses are watched", DB_, 0, mov [scratch + 4], ax
        dr6_is "a write, as accesses are watched", 4
        runs "a read behind", mov ax, [scratch + 6]
        mov esi, scratch
        mov edi, scratch + 0x100
        mov ecx, 10
        try
.movs:  rep movsb
        nop
        caught "REP MOVSB stops behind the round", DB_, 0, .movs
        dr6_is "REP MOVSB", 4
        equals "  ESI", esi, scratch + 5
        no_breakpoints
        breakpoint 0, scratch + 4, ON_WRITE | BYTE_
        breakpoint 3, scratch + 5, ON_WRITE | BYTE_
        traps "two at once", DB_, 0, mov [scratch + 4], ax
        dr6_is "two at once", 9
        no_breakpoints

; MOV SS and POP SS put such a trap off, too. SDM vol. 3, 6.8.3
        mov eax, ss
        mov [scratch + 4], eax
        breakpoint 0, scratch + 4, ON_ACCESS | WORD_
        try
        mov ss, [scratch + 4]
        inc ebx
.late:  nop
        caught "a read by MOV SS: behind the next instruction", DB_, 0, .late
        dr6_is "a read by MOV SS", 1
        try
        mov ss, [scratch + 4]
        db 0xf1
.both:  nop
        caught "a read by MOV SS, then ICEBP: one #DB", DB_, 0, .both
        dr6_is "a read by MOV SS, then ICEBP", 1
        try
        mov ss, [scratch + 4]
.fault: ud2
        caught "a read by MOV SS, then a fault: no #DB", UD, 0, .fault
        dr6_is "a read by MOV SS, then a fault", 0
        no_breakpoints

; ---- on ports: with CR4.DE ----

        mov eax, 1
        cpuid
        test edx, 4
        jz .no_de
        mov eax, cr4
        or eax, 8
        mov cr4, eax
        breakpoint 0, 0x80, ON_IO | BYTE_
        traps "an OUT", DB_, 0, out 0x80, al
        dr6_is "an OUT", 1
        traps "an IN", DB_, 0, in al, 0x80
        dr6_is "an IN", 1
        runs "another port", out 0x84, al
        no_breakpoints
        mov eax, cr4
        or eax, 8
        mov cr4, eax
        faults "CR4.DE: DR4", UD, 0, mov eax, dr4
        faults "CR4.DE: DR5", UD, 0, mov eax, dr5
        mov eax, cr4
        and eax, ~8
        mov cr4, eax
        mov eax, dr7
        mov ecx, dr5
        equals "without CR4.DE DR5 is DR7", ecx, eax
.no_de:

; DR7.GD: an access to the debug registers is a fault.
        mov eax, 0x2400
        mov dr7, eax
        faults "DR7.GD: an access", DB_, 0, mov eax, dr0
        dr6_is "DR7.GD: an access", 0x2000
        mov eax, dr7
        and eax, 0x2000
        equals "  the exception clears GD", eax, 0
        no_breakpoints
        done

returns:
        inc edx
        iretd
