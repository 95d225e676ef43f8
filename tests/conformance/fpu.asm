; When x87 instructions are refused: EM, TS and MP of CR0, and their errors with NE. SDM vol. 3, 2.5
; and table 9-3; vol. 2, WAIT, FXSAVE.

%include "suite.inc"

%macro cr0_has 1                        ; these of EM, TS, MP
        mov eax, cr0
        and eax, ~(CR0_EM | CR0_TS | CR0_MP)
        or eax, %1
        mov cr0, eax
%endmacro

start:
        mov eax, cr0
        or eax, CR0_NE
        mov cr0, eax
        cr0_has 0
        runs "nothing set: FNINIT", fninit
        runs "nothing set: WAIT", fwait
        cr0_has CR0_MP
        runs "MP: FLD1", fld1
        runs "MP: WAIT", fwait
        cr0_has CR0_TS
        faults "TS: FLD1", NM, 0, fld1
        faults "TS: FNSTSW", NM, 0, fnstsw ax
        faults "TS: FNINIT", NM, 0, fninit
        faults "TS: FNCLEX", NM, 0, fnclex
        runs "TS: WAIT", fwait
        cr0_has CR0_TS | CR0_MP
        faults "TS, MP: FLD1", NM, 0, fld1
        faults "TS, MP: WAIT", NM, 0, fwait
        cr0_has CR0_EM
        faults "EM: FLD1", NM, 0, fld1
        faults "EM: FNSTCW", NM, 0, fnstcw [scratch]
        runs "EM: WAIT", fwait
        cr0_has CR0_EM | CR0_MP
        runs "EM, MP: WAIT", fwait
        cr0_has CR0_EM | CR0_TS
        runs "EM, TS: WAIT", fwait
        cr0_has CR0_EM | CR0_TS | CR0_MP
        faults "EM, TS, MP: WAIT", NM, 0, fwait
        faults "EM: #NM comes before #PF or #GP", NM, 0, fld qword [fs:-1]
        clts
        mov eax, cr0
        and eax, CR0_TS | CR0_EM | CR0_MP
        equals "CLTS clears TS alone", eax, CR0_EM | CR0_MP
        cr0_has 0

; Errors: the next x87 instruction or WAIT that looks reports one as #MF, not the one that made it.
        fninit
        mov word [scratch], 0x037b      ; division by zero unmasked
        fldcw [scratch]
        fld1
        fldz
        runs "a division by zero isn't reported at once", fdivp
        faults "  it is at the next instruction", MF, 0, fld1
        faults "  and at a WAIT", MF, 0, fwait
        runs "  FNSTSW doesn't look", fnstsw ax
        and eax, 0x80ff
        equals "  the status: ES, ZE and B", eax, 0x8084
        runs "  FNCLEX doesn't look", fnclex
        runs "  after it all is well", fld1
        fnstsw ax
        and eax, 0x80ff
        equals "  the status", eax, 0
        fninit
        fnstcw [scratch]
        movzx eax, word [scratch]
        equals "FNINIT: the control word", eax, 0x037f
        fnstsw ax
        movzx eax, ax
        equals "FNINIT: the status word", eax, 0
        runs "a masked division by zero", db 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9
        runs "  is never reported", fwait

; FXSAVE, if CPUID has it.
        mov eax, 1
        cpuid
        mov [features], edx
        bt edx, 24
        jnc .no_fxsr
        fninit
        fld1
        runs "FXSAVE", fxsave [scratch]
        movzx eax, word [scratch]
        equals "  the control word", eax, 0x037f
        movzx eax, byte [scratch + 4]
        equals "  the tags: one bit for each register", eax, 0x80
        equals "  ST0", [scratch + 32 + 4], 0x80000000
        movzx eax, word [scratch + 32 + 8]
        equals "  its exponent", eax, 0x3fff
        faults "FXSAVE to an address that isn't a multiple of 16", GP, 0, fxsave [scratch + 8]
        fninit
        runs "FXRSTOR", fxrstor [scratch]
        fxsave [scratch + 512]
        movzx eax, byte [scratch + 512 + 4]
        equals "  the tags are back", eax, 0x80
        cr0_has CR0_TS
        faults "TS: FXSAVE", NM, 0, fxsave [scratch]
        cr0_has CR0_EM
        faults "EM: FXSAVE", NM, 0, fxsave [scratch]
        cr0_has 0
.no_fxsr:
        bt dword [features], 25
        jnc .no_sse
        mov eax, cr4
        and eax, ~0x200
        mov cr4, eax
        faults "SSE without CR4.OSFXSR", UD, 0, xorps xmm0, xmm0
        or eax, 0x200
        mov cr4, eax
        runs "SSE with CR4.OSFXSR", xorps xmm0, xmm0
        cr0_has CR0_TS
        faults "SSE with TS", NM, 0, xorps xmm0, xmm0
        cr0_has CR0_EM
        faults "SSE with EM", UD, 0, xorps xmm0, xmm0
        cr0_has 0
        mov ebx, scratch
        faults "an SSE operand that isn't a multiple of 16", GP, 0, addps xmm0, [ebx + 8]
.no_sse:
        done

        section .bss
features: resd 1
