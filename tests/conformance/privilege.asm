; What rings may do: the instructions of ring 0, those that IOPL decides about, and what POPF and
; IRET change of the flags in each ring. SDM vol. 3, 5.9 and 2.3; vol. 2, POPF.

%include "suite.inc"

%macro forbidden 2+                     ; "name", instruction
        faults {"ring 3: ", %1}, GP, 0, %2
%endmacro

; EFLAGS after POPF of %4 in ring %2 with EFLAGS %3 before; of the bits in %5, %6 are set.
%macro pops 6
        to_ring %2, %3
        try
        push dword %4
        popfd
        pushfd
        pop ecx
        int STOP
%%end:  caught {%1}, STOP, 0, %%end
        to_ring_0
        and ecx, %5
        equals {%1, ": the flags"}, ecx, %6
%endmacro

FREE equ ALL_STATUS | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | EFLAGS_ID

start:
        to_ring 3
        forbidden "HLT", hlt
        forbidden "CLTS", clts
        forbidden "LGDT", lgdt [ss:gdt_pointer]
        forbidden "LIDT", lidt [ss:idt_pointer]
        forbidden "LLDT", lldt ax
        forbidden "LTR", ltr ax
        forbidden "LMSW", lmsw ax
        forbidden "MOV to CR0", mov cr0, eax
        forbidden "MOV from CR0", mov eax, cr0
        forbidden "MOV from CR2", mov eax, cr2
        forbidden "MOV to CR3", mov cr3, eax
        forbidden "MOV from CR3", mov eax, cr3
        forbidden "MOV to CR4", mov cr4, eax
        forbidden "MOV from CR4", mov eax, cr4
        forbidden "MOV to DR7", mov dr7, eax
        forbidden "MOV from DR0", mov eax, dr0
        forbidden "INVD", invd
        forbidden "WBINVD", wbinvd
        forbidden "INVLPG", invlpg [eax]
        forbidden "RDMSR", rdmsr
        forbidden "WRMSR", wrmsr
        forbidden "CLI", cli
        forbidden "STI", sti
        forbidden "IN AL, imm", in al, 0x80
        forbidden "IN EAX, DX", in eax, dx
        forbidden "OUT imm, AL", out 0x80, al
        forbidden "OUT DX, EAX", out dx, eax
        forbidden "INSB", insb
        forbidden "OUTSB", outsb
        runs "ring 3: SMSW", smsw ax
        runs "ring 3: SGDT", sgdt [scratch]
        runs "ring 3: SIDT", sidt [scratch]
        runs "ring 3: SLDT", sldt ax
        runs "ring 3: STR", str ax
        runs "ring 3: RDTSC", rdtsc
        to_ring_0
        to_ring 1
        faults "ring 1: HLT", GP, 0, hlt
        faults "ring 1: MOV to CR3", GP, 0, mov cr3, eax
        faults "ring 1: CLI", GP, 0, cli
        to_ring_0
        to_ring 2
        faults "ring 2: MOV to CR0", GP, 0, mov cr0, eax
        to_ring_0
        mov eax, cr4
        or eax, 4
        mov cr4, eax
        runs "ring 0: RDTSC with CR4.TSD", rdtsc
        to_ring 3
        forbidden "RDTSC with CR4.TSD", rdtsc
        to_ring_0
        mov eax, cr4
        and eax, ~4
        mov cr4, eax

; Values that control registers refuse. SDM vol. 2, MOV to control registers
        mov eax, cr0
        or eax, CR0_PG
        and eax, ~CR0_PE
        faults "CR0: PG without PE", GP, 0, mov cr0, eax
        mov eax, cr0
        or eax, 0x20000000
        and eax, ~0x40000000
        faults "CR0: NW without CD", GP, 0, mov cr0, eax
        mov eax, cr4
        or eax, 0x80000000
        faults "CR4: a reserved bit", GP, 0, mov cr4, eax
        mov eax, cr0
        mov ecx, eax
        mov eax, 0
        lmsw ax
        mov eax, cr0
        equals "LMSW can't clear PE", eax, ecx
        smsw eax
        and eax, 0xffff
        and ecx, 0xffff
        equals "SMSW is the low half of CR0", eax, ecx

; IOPL. Rings up to it have CLI, STI and I/O.
        to_ring 3, 2 | EFLAGS_IOPL
        try
        sti
        pushfd
        pop ecx
        cli
        int STOP
.iopl:  caught "ring 3, IOPL 3: STI, CLI", STOP, 0, .iopl
        and ecx, EFLAGS_IF
        equals "  STI sets IF", ecx, EFLAGS_IF
        runs "ring 3, IOPL 3: IN", in al, 0x80
        runs "ring 3, IOPL 3: OUT", out 0x80, al
        forbidden "HLT, though IOPL is 3", hlt
        to_ring_0
        to_ring 2, 2 | 1 << 12
        faults "ring 2, IOPL 1: CLI", GP, 0, cli
        faults "ring 2, IOPL 1: OUT", GP, 0, out 0x80, al
        to_ring_0
        to_ring 1, 2 | 1 << 12
        runs "ring 1, IOPL 1: CLI", cli
        runs "ring 1, IOPL 1: OUT", out 0x80, al
        to_ring_0

; POPF: IOPL changes in ring 0 alone, IF up to IOPL; neither faults.
        push dword FREE | 2 | EFLAGS_IOPL
        popfd
        pushfd
        pop ecx
        push dword 2
        popfd
        and ecx, FREE | EFLAGS_IOPL
        equals "ring 0: POPF changes IOPL and all others", ecx, FREE | EFLAGS_IOPL
        push dword 2 | EFLAGS_RF | EFLAGS_VM
        popfd
        pushfd
        pop ecx
        equals "ring 0: POPF clears RF and leaves VM", ecx, 2
        pops "ring 3, IOPL 0: POPF", 3, 2, FREE | EFLAGS_IF | EFLAGS_IOPL, -1, FREE | 2
        pops "ring 3, IOPL 0: POPF to clear IF", 3, 2 | EFLAGS_IF, 2, -1, 2 | EFLAGS_IF
        pops "ring 3, IOPL 3: POPF", 3, 2 | EFLAGS_IOPL, EFLAGS_IF, -1, 2 | EFLAGS_IF | EFLAGS_IOPL
        pops "ring 1, IOPL 1: POPF", 1, 2 | 1 << 12, EFLAGS_IF | EFLAGS_IOPL, -1, \
             2 | EFLAGS_IF | 1 << 12
        pops "ring 2, IOPL 1: POPF", 2, 2 | 1 << 12, EFLAGS_IF | EFLAGS_IOPL, -1, 2 | 1 << 12
        to_ring 3, 2 | EFLAGS_AC | EFLAGS_ID
        try
        o16 push word ALL_STATUS
        o16 popf
        pushfd
        pop ecx
        int STOP
.popf16:
        caught "POPF with 16-bit operand", STOP, 0, .popf16
        to_ring_0
        equals "  leaves the upper half", ecx, 2 | EFLAGS_AC | EFLAGS_ID | ALL_STATUS

; IRET goes by the ring it is executed in.
%macro irets 5                          ; "name", ring, EFLAGS before, popped, after
        to_ring %2, %3
        try
        push dword %4
        push dword CODE%2
        push dword %%on
        iretd
%%on:   pushfd
        pop ecx
        int STOP
%%end:  caught {%1}, STOP, 0, %%end
        to_ring_0
        equals {%1, ": the flags"}, ecx, %5
%endmacro
        irets "ring 3, IOPL 0: IRET", 3, 2, EFLAGS_IF | EFLAGS_IOPL | FREE & ~EFLAGS_NT, \
              2 | FREE & ~EFLAGS_NT
        irets "ring 3, IOPL 3: IRET", 3, 2 | EFLAGS_IOPL, EFLAGS_IF, 2 | EFLAGS_IOPL | EFLAGS_IF
        irets "ring 3: IRET can't set VM", 3, 2, 2 | EFLAGS_VM, 2
        to_ring 3, 2 | EFLAGS_IF | EFLAGS_IOPL | FREE & ~EFLAGS_NT
        try
        pushfd
        pop ecx
        int STOP
.from0: caught "ring 0: IRET to ring 3", STOP, 0, .from0
        to_ring_0
        equals "  sets them all", ecx, 2 | EFLAGS_IF | EFLAGS_IOPL | FREE & ~EFLAGS_NT

; IRETD sets VIF and VIP in ring 0, POPFD never. A processor without VME (CPUID.1:EDX.1) has
; neither. SDM vol. 2, IRET and POPF; vol. 1, 3.4.3.3.
        mov eax, 1
        cpuid
        xor ebx, ebx
        test dl, 2
        jz .no_vme
        or ebx, EFLAGS_VIF | EFLAGS_VIP
.no_vme:
        push dword 2 | EFLAGS_VIF | EFLAGS_VIP
        push cs
        push dword .vif
        iretd
.vif:   pushfd
        pop ecx
        and ecx, EFLAGS_VIF | EFLAGS_VIP
        equals "ring 0: IRETD sets VIF and VIP, if there is VME", ecx, ebx
        push dword 2
        push cs
        push dword .none
        iretd
.none:  pushfd
        pop ecx
        equals "  and clears them", ecx, 2
        push dword 2 | EFLAGS_VIF | EFLAGS_VIP
        popfd
        pushfd
        pop ecx
        equals "ring 0: POPFD sets neither", ecx, 2
        done
