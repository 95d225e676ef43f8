; Integer instructions where they are odd: decimal arithmetic, shift counts, rotates through carry,
; bit strings, ENTER with levels, and their flags as far as the manual defines them. SDM vol. 2.

%include "suite.inc"

C equ EFLAGS_CF
P equ EFLAGS_PF
A equ EFLAGS_AF
Z equ EFLAGS_ZF
S equ EFLAGS_SF
O equ EFLAGS_OF

; EAX and flags before, the instruction, EAX and flags (those in the mask) after.
%macro gives 7+             ; "name", EAX, flags, EAX after, mask, flags after, instruction
        push dword (%3) | 2
        popfd
        mov eax, %2
        %7
        pushfd
        equals {%1}, eax, %4
        popfd
        flags_are {%1, ": flags"}, %5, %6
%endmacro

start:
; Decimal. OF is undefined after all of these, CF and AF after AAM and AAD.
D equ C | P | A | Z | S
        gives "DAA without correction", 0x12, 0, 0x12, D, P, daa
        gives "DAA of a low digit", 0x0b, 0, 0x11, D, A | P, daa
        gives "DAA of both digits", 0xae, 0, 0x14, D, A | C | P, daa
        gives "DAA with AF", 0x12, A, 0x18, D, A | P, daa
        gives "DAA with CF", 0x12, C, 0x72, D, C | P, daa
        gives "DAA of 0x9a", 0x9a, 0, 0x00, D, A | C | Z | P, daa
        gives "DAA of 0xfa", 0xfa, 0, 0x60, D, A | C | P, daa
        gives "DAS without correction", 0x35, 0, 0x35, D, P, das
        gives "DAS of a low digit", 0x3e, A, 0x38, D, A, das
        gives "DAS with CF", 0x8e, A | C, 0x28, D, A | C | P, das
        gives "DAS of 0x9a", 0x9a, 0, 0x34, D, A | C, das
        gives "DAS that borrows", 0x01, A, 0xfb, D, A | C | S, das
        gives "AAA without correction", 0x0105, 0, 0x0105, C | A, 0, aaa
        gives "AAA of 0x0f", 0x010f, 0, 0x0205, C | A, C | A, aaa
        gives "AAA with AF", 0x0102, A, 0x0208, C | A, C | A, aaa
        gives "AAA whose AL overflows", 0x00fc, 0, 0x0202, C | A, C | A, aaa
        gives "AAS without correction", 0x0205, C, 0x0205, C | A, 0, aas
        gives "AAS with AF", 0x0205, A, 0x000f, C | A, C | A, aas
        gives "AAM", 0x004f, 0, 0x0709, P | Z | S, P, aam
        gives "AAM 16", 0x00a5, 0, 0x0a05, P | Z | S, P, aam 16
        gives "AAM to zero", 0xff14, 0, 0x0200, P | Z | S, P | Z, aam
        gives "AAD", 0x0307, 0, 0x0025, P | Z | S, 0, aad
        gives "AAD 16", 0x0a0b, 0, 0x00ab, P | Z | S, S, aad 16

; Shifts: five bits of the count; count 0 leaves the flags. OF is defined for count 1 alone.
        mov ecx, 32
        gives "SHL by 32", 0x12345678, C | O | S, 0x12345678, ALL_STATUS, C | O | S, shl eax, cl
        mov ecx, 33
        gives "SHL by 33 is by 1", 0x80000001, 0, 2, C | Z | S | O | P, C | O, shl eax, cl
        mov ecx, 31
        gives "SHL by 31", 3, 0, 0x80000000, C | Z | S | P, C | S | P, shl eax, cl
        gives "SHR by 31", 0xc0000000, 0, 1, C | Z | S | P, C, shr eax, cl
        gives "SAR by 31", 0x80000000, 0, 0xffffffff, C | Z | S | P, S | P, sar eax, cl
        mov ecx, 32
        gives "SHR AL by 32", 0x80, C, 0x80, ALL_STATUS, C, shr al, cl
        mov ecx, 20
        gives "SHL AX by 20", 0x1234ffff, C, 0x12340000, Z | S | P, Z | P, shl ax, cl
        gives "SAR AL by 20", 0x80, 0, 0xff, Z | S | P, S | P, sar al, cl
        gives "SHR AX by 16", 0x12348000, 0, 0x12340000, C | Z | S | P, C | Z | P, shr ax, 16
        gives "SHR by 1: OF is the old sign", 0x80000000, 0, 0x40000000, C | O, O, shr eax, 1
        gives "SAR by 1: OF is clear", 0x80000001, O, 0xc0000000, C | O, C, sar eax, 1
        gives "SHL by 1: OF", 0x40000000, 0, 0x80000000, C | O, O, shl eax, 1

; Rotates change CF and OF alone.
        mov ecx, 32
        gives "ROL by 32", 0x80000001, Z, 0x80000001, ALL_STATUS, Z, rol eax, cl
        mov ecx, 8
        gives "ROL AL by 8: CF is bit 0", 0x81, Z | S | P | A, 0x81, C | Z | S | P | A, \
              C | Z | S | P | A, rol al, cl
        mov ecx, 16
        gives "ROR AX by 16: CF is the sign", 0x8000, 0, 0x8000, C | Z | S | P, C, ror ax, cl
        gives "ROL by 1: OF", 0x40000000, 0, 0x80000000, C | O, O, rol eax, 1
        gives "ROR by 1: OF", 1, 0, 0x80000000, C | O, C | O, ror eax, 1
        mov ecx, 9
        gives "RCL AL by 9 is by 0", 0xa5, C, 0xa5, C, C, rcl al, cl
        mov ecx, 8
        gives "RCL AL by 8", 0xa5, 0, 0x52, C, C, rcl al, cl
        mov ecx, 10
        gives "RCL AL by 10 is by 1", 0x80, C, 0x01, C, C, rcl al, cl
        mov ecx, 17
        gives "RCR AX by 17 is by 0", 0x1234, C, 0x1234, C, C, rcr ax, cl
        mov ecx, 16
        gives "RCR AX by 16", 0x8000, C, 0x0001, C, C, rcr ax, cl
        mov ecx, 31
        gives "RCL by 31", 0x80000001, C, 0xe0000000, C, 0, rcl eax, cl
        mov ecx, 32
        gives "RCR by 32 is by 0", 0x80000001, C, 0x80000001, ALL_STATUS, C, rcr eax, cl
        gives "RCR by 1: OF", 0, C, 0x80000000, C | O, O, rcr eax, 1
        gives "RCL by 1: OF", 0x80000000, 0, 0, C | O, C | O, rcl eax, 1

        mov edx, 0xc0000001
        gives "SHLD by 1", 0x40000000, 0, 0x80000001, C | O | S | Z | P, O | S, shld eax, edx, 1
        mov ecx, 32
        gives "SHLD by 32 is by 0", 0x40000000, C | Z, 0x40000000, ALL_STATUS, C | Z, \
              shld eax, edx, cl
        mov ecx, 4
        gives "SHRD by 4", 0x00000018, 0, 0x10000001, C | Z | S | P, C, shrd eax, edx, cl
        gives "SHRD of words by 4", 0xffff0018, 0, 0xffff1001, C | Z | S | P, C, shrd ax, dx, 4

; Multiplication, division: CF and OF alone are defined after the first.
        mov ecx, 0x10000
        gives "MUL that fits", 0xffff, C | O, 0xffff0000, C | O, 0, mul ecx
        gives "MUL that doesn't", 0x10000, 0, 0, C | O, C | O, mul ecx
        equals "  EDX", edx, 1
        mov ecx, -2
        gives "IMUL that fits", 3, C | O, -6, C | O, 0, imul ecx
        equals "  EDX", edx, -1
        gives "IMUL to one register that doesn't fit", 0x40000000, 0, 0x80000000, C | O, 0, \
              imul eax, ecx
        gives "IMUL of three operands that doesn't fit", 0, 0, 0x80000000, C | O, C | O, \
              imul eax, ecx, 0x40000000 + 0x80000000
        mov ecx, 7
        mov edx, -1
        gives "IDIV rounds toward zero", -20, 0, -2, 0, 0, idiv ecx
        equals "  the remainder has the dividend's sign", edx, -6
        gives "NEG of the least number", 0x80000000, 0, 0x80000000, ALL_STATUS, C | O | S | P, \
              neg eax
        gives "NEG of 0", 0, C, 0, ALL_STATUS, Z | P, neg eax
        gives "INC leaves CF", 0x7fffffff, C, 0x80000000, ALL_STATUS, C | O | S | A | P, inc eax
        gives "DEC leaves CF", 0, C, -1, ALL_STATUS, C | S | A | P, dec eax
        gives "ADC of the greatest number and CF", 0, C, 0, ALL_STATUS, C | Z | A | P, adc eax, -1
        gives "SBB of equals and CF", 5, C, -1, ALL_STATUS, C | S | A | P, sbb eax, 5
        gives "CMP of bytes", 0x80, 0, 0x80, ALL_STATUS, O | A, cmp al, 1
        gives "TEST clears CF and OF", 0x80, C | O, 0x80, C | O | Z | S | P, S, test al, al
        gives "NOT leaves the flags", 0, ALL_STATUS, -1, ALL_STATUS, ALL_STATUS, not eax
        gives "LAHF", 0, D, 0xd700, ALL_STATUS, D, lahf
        gives "SAHF", 0xff00, O, 0xff00, ALL_STATUS, ALL_STATUS, sahf
        gives "SALC", 0x11223344, C, 0x112233ff, C, C, db 0xd6
        gives "CWDE", 0x8000, 0, 0xffff8000, 0, 0, cwde
        gives "CBW", 0x12340080, 0, 0x1234ff80, 0, 0, cbw
        gives "BSWAP", 0x12345678, 0, 0x78563412, 0, 0, bswap eax
        mov ecx, 0
        bsf eax, ecx
        holds "BSF of 0", z
        mov ecx, 0x00100100
        gives "BSF", 0, Z, 8, Z, 0, bsf eax, ecx
        gives "BSR", 0, Z, 20, Z, 0, bsr eax, ecx

; Bit strings: a memory operand reaches as far as the offset says, a register doesn't.
        mov dword [scratch + 0x100], 0
        mov dword [scratch + 0x0fc], 0x80000000
        mov dword [scratch + 0x104], 0x00000002
        mov ecx, -1
        gives "BT with offset -1", 0, 0, 0, C, C, bt [scratch + 0x100], ecx
        mov ecx, 33
        gives "BT with offset 33", 0, 0, 0, C, C, bt [scratch + 0x100], ecx
        gives "BT of a register with offset 33", 2, 0, 2, C, C, bt eax, ecx
        gives "BT with the immediate 33", 0, C, 0, C, 0, bt dword [scratch + 0x100], 33
        mov ecx, -32 * 2
        gives "BTS with offset -64", 0, C, 0, C, 0, bts [scratch + 0x100], ecx
        equals "  what it sets", [scratch + 0xf8], 1
        mov ecx, -16
        gives "BTC of words with offset -16", 0, C, 0, C, 0, btc [scratch + 0xf8], cx
        movzx eax, word [scratch + 0xf6]
        equals "  what it changes", eax, 1
        mov ecx, 0x7fffffff
        gives "BTR of a register takes the offset modulo 32", -1, 0, 0x7fffffff, C, C, btr eax, ecx

; Exchanges.
        mov dword [scratch], 5
        mov ecx, 7
        gives "CMPXCHG of equals", 5, 0, 5, ALL_STATUS, Z | P, cmpxchg [scratch], ecx
        equals "  the destination", [scratch], 7
        gives "CMPXCHG of others", 5, 0, 7, ALL_STATUS, C | S | A, cmpxchg [scratch], ecx
        mov dword [scratch], 1
        mov dword [scratch + 4], 2
        mov edx, 2
        mov ebx, 0x33333333
        mov ecx, 0x44444444
        gives "CMPXCHG8B of equals", 1, C | O, 1, ALL_STATUS, C | O | Z, cmpxchg8b [scratch]
        equals "  the low half", [scratch], 0x33333333
        equals "  the high half", [scratch + 4], 0x44444444
        gives "CMPXCHG8B of others", 1, C | Z, 0x33333333, ALL_STATUS, C, cmpxchg8b [scratch]
        equals "  EDX", edx, 0x44444444
        mov ecx, 3
        gives "XADD", -1, 0, 2, ALL_STATUS, C | A, xadd eax, ecx
        equals "  the source", ecx, -1
        gives "XADD of a register with itself", 3, 0, 6, Z, 0, xadd eax, eax
        mov ecx, 9
        gives "CMOV whose condition is false", 5, 0, 5, 0, 0, cmovz eax, ecx
        gives "CMOV whose condition is true", 5, Z, 9, Z, Z, cmovz eax, ecx

; ENTER with levels, PUSHA, PUSH ESP, POP ESP.
        mov ecx, esp
        mov ebp, scratch + 0x40
        mov dword [ebp - 4], 0x11111111
        mov dword [ebp - 8], 0x22222222
        enter 16, 3
        lea esi, [ecx - 4]
        equals "ENTER: EBP", ebp, esi
        lea esi, [ecx - 4 - 12 - 16]
        equals "ENTER: ESP", esp, esi
        equals "ENTER: EBP pushed", [ecx - 4], scratch + 0x40
        equals "ENTER: the first frame pointer copied", [ecx - 8], 0x11111111
        equals "ENTER: the second frame pointer copied", [ecx - 12], 0x22222222
        lea esi, [ecx - 4]
        equals "ENTER: the new frame pointer", [ecx - 16], esi
        leave
        equals "LEAVE: ESP", esp, ecx
        equals "LEAVE: EBP", ebp, scratch + 0x40
        enter 0, 32
        lea esi, [ecx - 4]
        equals "ENTER with level 32 is level 0", esp, esi
        leave
        mov ecx, esp
        push esp
        pop eax
        equals "PUSH ESP pushes the value before", eax, ecx
        push dword 0x12345678
        mov ecx, esp
        mov dword [ecx], scratch + 0x80
        pop esp
        mov edx, esp
        lea esp, [ecx + 4]
        equals "POP ESP", edx, scratch + 0x80
        push dword 0
        push dword 0x77777777
        pop dword [esp]                 ; the address is of ESP after the increment
        pop eax
        equals "POP to [ESP]", eax, 0x77777777
        pushad
        mov eax, [esp + 12]
        lea ecx, [esp + 32]
        equals "PUSHAD: the ESP pushed", eax, ecx
        mov dword [esp + 12], 0
        popad
        push dword 0x12345678
        mov ecx, esp
        push word 0x99
        lea eax, [ecx - 2]
        equals "PUSH of a word", esp, eax
        pop ax
        pop eax
        mov edx, -1
        push dword -1
        push es
        pop edx
        pop eax
        movzx edx, dx
        equals "PUSH ES is the selector", edx, DATA0
        xor eax, eax
        mov eax, -1
        mov eax, es
        equals "MOV of a selector clears the upper half", eax, DATA0

; Strings, and loops with 16-bit counts.
        std
        mov esi, scratch + 8
        mov edi, scratch + 0x108
        mov ecx, 3
        mov dword [scratch + 8], 0x11111111
        mov dword [scratch], 0x33333333
        rep movsd
        cld
        equals "REP MOVSD with DF: EDI", edi, scratch + 0x108 - 12
        equals "  what is copied last", [scratch + 0x100], 0x33333333
        mov edi, scratch + 0x200
        mov dword [edi], 0
        mov eax, 0x12345678
        mov ecx, 0x10001
.again: a16 loop .again
        equals "LOOP with CX", ecx, 0x10000
        mov ecx, 0x00010000
        mov eax, 0
        a16 jcxz .zero
        inc eax
.zero:  equals "JCXZ looks at CX alone", eax, 0
        mov dword [0], 0x04030201
        mov ebx, 0xffff
        mov eax, 0
        a16 mov al, [bx + 2]
        equals "16-bit addresses wrap", eax, 2
        mov esi, 0x1ffff
        a16 lodsb
        equals "LODSB with SI", esi, 0x10000
        mov ecx, 5
        mov edi, text_a
        mov esi, text_b
        repe cmpsb
        holds "REPE CMPSB ends at a difference", nz
        equals "  ECX", ecx, 2
        mov ecx, 0
        cmp ecx, 0
        stc
        repne scasb
        holds "REP SCASB of nothing leaves CF", c
        holds "REP SCASB of nothing leaves ZF", z
        mov ebx, table
        mov eax, 3
        xlatb
        equals "XLATB", eax, 0x44
        done

        section .data
text_a: db "abcde"
text_b: db "abxde"
table:  db 0x11, 0x22, 0x33, 0x44
