; What is no instruction: #UD, whatever the operands; LOCK where it may not be; and instructions
; longer than 15 bytes. SDM vol. 2, 2.3.11, LOCK, UD; appendix A; vol. 3, 6.15 (#UD).

%include "suite.inc"

%macro undefined 2+                     ; "name", bytes
        faults {%1}, UD, 0, db %2
%endmacro

start:
        mov ebx, scratch
        xor eax, eax
        undefined "UD2", 0x0f, 0x0b
        undefined "UD1", 0x0f, 0xb9, 0xc0
        undefined "UD0", 0x0f, 0xff, 0xc0
        undefined "0f 04", 0x0f, 0x04
        undefined "0f 0a", 0x0f, 0x0a
        undefined "0f 0c", 0x0f, 0x0c
        undefined "0f 24", 0x0f, 0x24, 0xc0
        undefined "0f a6", 0x0f, 0xa6, 0xc1
        undefined "c6 /1", 0xc6, 0xc8, 0
        undefined "c7 /7", 0xc7, 0xf9, 0, 0, 0, 0
        undefined "8f /1", 0x8f, 0xc9
        undefined "fe /2", 0xfe, 0xd0
        undefined "fe /7", 0xfe, 0xf8
        undefined "ff /7", 0xff, 0xf8
        undefined "0f 00 /6", 0x0f, 0x00, 0xf0
        undefined "0f 00 /7", 0x0f, 0x00, 0xf8
        undefined "0f 01 /5", 0x0f, 0x01, 0x28
        undefined "0f ba /0", 0x0f, 0xba, 0xc0, 0
        undefined "0f ba /3", 0x0f, 0xba, 0xd8, 0
        undefined "0f c7 /0", 0x0f, 0xc7, 0x03
        undefined "MOV to CS", 0x8e, 0xc8
        undefined "MOV to segment register 6", 0x8e, 0xf0
        undefined "MOV to segment register 7", 0x8e, 0xf8
        undefined "MOV from segment register 6", 0x8c, 0xf0
        undefined "MOV from CR1", 0x0f, 0x20, 0xc8
        undefined "MOV to CR5", 0x0f, 0x22, 0xe8
        undefined "MOV from CR7", 0x0f, 0x20, 0xf8
        undefined "LEA of a register", 0x8d, 0xc0
        undefined "LSS of a register", 0x0f, 0xb2, 0xc0
        undefined "LFS of a register", 0x0f, 0xb4, 0xc0
        undefined "LGS of a register", 0x0f, 0xb5, 0xc0
        undefined "far CALL of a register", 0xff, 0xd8
        undefined "far JMP of a register", 0xff, 0xe8
        undefined "CMPXCHG8B of a register", 0x0f, 0xc7, 0xc8
        undefined "LGDT of a register", 0x0f, 0x01, 0xd6
        undefined "LIDT of a register", 0x0f, 0x01, 0xdf
        undefined "INVLPG of a register", 0x0f, 0x01, 0xfd

; LOCK: only before instructions that read, modify and write memory.
        undefined "LOCK NOP", 0xf0, 0x90
        undefined "LOCK MOV", 0xf0, 0x89, 0x03
        undefined "LOCK ADD to a register", 0xf0, 0x01, 0xc0
        undefined "LOCK ADD from memory", 0xf0, 0x03, 0x03
        undefined "LOCK CMP", 0xf0, 0x39, 0x03
        undefined "LOCK CMP with an immediate", 0xf0, 0x83, 0x3b, 0
        undefined "LOCK TEST", 0xf0, 0x85, 0x03
        undefined "LOCK INC of a register", 0xf0, 0x40
        undefined "LOCK INC of a register, long form", 0xf0, 0xff, 0xc0
        undefined "LOCK PUSH", 0xf0, 0xff, 0x33
        undefined "LOCK SHL", 0xf0, 0xd1, 0x23
        undefined "LOCK BT", 0xf0, 0x0f, 0xa3, 0x03
        undefined "LOCK BT with an immediate", 0xf0, 0x0f, 0xba, 0x23, 0
        undefined "LOCK MUL", 0xf0, 0xf7, 0x23
        undefined "LOCK STOSB", 0xf0, 0xaa
        undefined "LOCK XCHG of registers", 0xf0, 0x87, 0xc1
        undefined "LOCK JMP", 0xf0, 0xeb, 0
        undefined "LOCK CLI", 0xf0, 0xfa
        runs "LOCK ADD to memory", lock add [ebx], eax
        runs "LOCK ADD of an immediate", lock add dword [ebx], 1
        runs "LOCK INC", lock inc dword [ebx]
        runs "LOCK NEG", lock neg dword [ebx]
        runs "LOCK NOT", lock not byte [ebx]
        runs "LOCK XADD", lock xadd [ebx], eax
        runs "LOCK CMPXCHG", lock cmpxchg [ebx], eax
        runs "LOCK CMPXCHG8B", lock cmpxchg8b [ebx]
        runs "LOCK BTS", lock bts [ebx], ecx
        runs "LOCK BTC with an immediate", lock btc dword [ebx], 1
        runs "LOCK XCHG", db 0xf0, 0x87, 0x03
        runs "LOCK XOR", lock xor [ebx], eax

; Prefixes: up to 15 bytes in all.
        try
        times 14 db 0x26
        nop
        caught "15 bytes", NONE, 0, ANY
        try
.long:  times 15 db 0x26
        nop
        caught "16 bytes", GP, 0, .long
        faults "16 bytes, prefixes of all kinds", GP, 0, \
               db 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3, \
               0x66, 0x67, 0x66, 0x67, 0x66, 0x90
        faults "an instruction of more than 15 bytes with an immediate", GP, 0, \
               db 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, \
               0xb8, 0, 0, 0, 0
        runs "segment prefixes: the last counts", db 0x2e, 0x26, 0x8b, 0x03
        runs "prefixes without a meaning", db 0x66, 0x90
        runs "PAUSE", pause
        runs "REP on an instruction that isn't a string one", db 0xf3, 0x40
        runs "a branch with a segment prefix", db 0x2e, 0xeb, 0

; Aliases and little-known encodings that do exist.
        mov eax, 0x01020304
        runs "TEST in its second form (f6 /1)", db 0xf6, 0xc8, 0xff
        runs "SHL in its second form (d1 /6)", db 0xd1, 0xf0
        equals "  the result", eax, 0x02040608
        mov eax, 5
        runs "82 is 80", db 0x82, 0xc0, 1
        equals "  the result", eax, 6
        runs "a NOP of several bytes (0f 1f)", db 0x0f, 0x1f, 0x44, 0, 0
        runs "MOV to CR ignores mod", db 0x0f, 0x20, 0x00
        mov ecx, cr0
        equals "  and reads the register", eax, ecx
        runs "SETcc ignores the register field", db 0x0f, 0x94, 0xf8
        done
