; LAR, LSL, VERR, VERW, ARPL: what a selector would be good for. They ask without faulting.
; SDM vol. 2; vol. 3, 5.10.

%include "suite.inc"

BYTES   equ SLOT
PAGED   equ SLOT + 8
CONFORM equ SLOT + 16
NO_READ equ SLOT + 24
NO_WRITE equ SLOT + 32
GATE    equ SLOT + 40
TASK    equ SLOT + 48
RING3   equ SLOT + 56
ABSENT_DATA equ SLOT + 64
GATE_286 equ SLOT + 72
INT_GATE equ SLOT + 80
RESERVED equ SLOT + 88
OUTSIDE equ (GDT_LIMIT + 1)

; The values of LAR and LSL; -1 where they clear ZF and leave the register.
%macro lar_lsl 4                        ; "name", selector, LAR, LSL
        mov ecx, %2
        mov eax, -1
        lar eax, ecx
        pushfd
  %if %3 != -1
        and eax, 0x00f0ff00             ; bits 16-19 are undefined
  %endif
        equals {%1, ": LAR"}, eax, %3
        popfd
  %if %3 == -1
        holds {%1, ": LAR says no"}, nz
  %else
        holds {%1, ": LAR says yes"}, z
  %endif
        mov eax, -1
        lsl eax, ecx
        pushfd
        equals {%1, ": LSL"}, eax, %4
        popfd
  %if %4 == -1
        holds {%1, ": LSL says no"}, nz
  %else
        holds {%1, ": LSL says yes"}, z
  %endif
%endmacro

%macro may 4                            ; "name", selector, z or nz for VERR, for VERW
        mov ecx, %2
        verr cx
        holds {%1, ": VERR"}, %3
        verw cx
        holds {%1, ": VERW"}, %4
%endmacro

start:
        descriptor BYTES, 0x12345678, 0xabcde, DATA, BIG
        descriptor PAGED, 0, 0xabcde, DATA, BIG | PAGES
        descriptor CONFORM, 0, 0xfffff, CONFORMING, BIG | PAGES
        descriptor NO_READ, 0, 0xfff, EXEC_ONLY, BIG
        descriptor NO_WRITE, 0, 0xfff, READ_ONLY, BIG
        gate_descriptor GATE, CODE0, 0, CALL_32
        gate_descriptor GATE_286, CODE0, 0, CALL_16
        gate_descriptor INT_GATE, CODE0, 0, INTERRUPT_32
        descriptor TASK, 0, 0x67, TSS_32
        descriptor RING3, 0, 0x1234, DATA | DPL(3), BIG
        descriptor ABSENT_DATA, 0, 0x1234, DATA & ~ABSENT, BIG
        descriptor RESERVED, 0, 0x1234, 0x88, 0
        gate_descriptor SLOT + 96, TSS, 0, TASK_GATE

        lar_lsl "data", BYTES, 0x00409200, 0xabcde
        lar_lsl "data in pages", PAGED, 0x00c09200, 0xabcdefff
        lar_lsl "null", 0, -1, -1
        lar_lsl "beyond the GDT", OUTSIDE, -1, -1
        lar_lsl "data with RPL 3", BYTES | 3, -1, -1
        lar_lsl "conforming code with RPL 3", CONFORM | 3, 0x00c09e00, 0xffffffff
        lar_lsl "a 32-bit TSS", TASK, 0x00008900, 0x67
        lar_lsl "an LDT", LDT, 0x00008200, 0x3f
        lar_lsl "a call gate", GATE, 0x00008c00, -1
        lar_lsl "a 16-bit call gate", GATE_286, 0x00008400, -1
        lar_lsl "a task gate", SLOT + 96, 0x00008500, -1
        lar_lsl "an interrupt gate", INT_GATE, -1, -1
        lar_lsl "a reserved type", RESERVED, -1, -1
        lar_lsl "data that isn't present", ABSENT_DATA, 0x00401200, 0x1234
        mov ecx, BYTES
        mov eax, -1
        lar ax, cx
        equals "LAR with 16-bit operands", eax, 0xffff9200
        mov eax, -1
        lsl ax, cx
        equals "LSL with 16-bit operands", eax, 0xffffbcde

        may "data", BYTES, z, z
        may "read-only data", NO_WRITE, z, nz
        may "code", CODE0, z, nz
        may "execute-only code", NO_READ, nz, nz
        may "conforming code with RPL 3", CONFORM | 3, z, nz
        may "data with RPL 3", BYTES | 3, nz, nz
        may "data of ring 3", RING3 | 3, z, z
        may "null", 0, nz, nz
        may "beyond the GDT", OUTSIDE, nz, nz
        may "a TSS", TSS, nz, nz
        may "a call gate", GATE, nz, nz

        to_ring 3
        lar_lsl "ring 3: data of ring 0", BYTES, -1, -1
        lar_lsl "ring 3: data of ring 3 with RPL 0", RING3, 0x0040f200, 0x1234
        lar_lsl "ring 3: conforming code", CONFORM, 0x00c09e00, 0xffffffff
        lar_lsl "ring 3: a TSS of ring 0", TASK, -1, -1
        may "ring 3: data of ring 0", BYTES, nz, nz
        may "ring 3: data of ring 3 with RPL 0", RING3, z, z
        to_ring_0

        mov eax, 0x11110010
        mov ecx, 0x22220003
        arpl ax, cx
        holds "ARPL raises the RPL", z
        equals "  to that of the second operand", eax, 0x11110013
        arpl ax, cx
        holds "ARPL leaves an RPL that is high enough", nz
        equals "  as it is", eax, 0x11110013
        mov word [scratch], 0x20
        mov ecx, 2
        arpl [scratch], cx
        holds "ARPL in memory", z
        movzx eax, word [scratch]
        equals "  the result", eax, 0x22
        done
