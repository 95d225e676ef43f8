; Real mode: segments of 64 KiB with their wrap-around and their limit, the vector table, exceptions
; without error codes, and instructions that exist in protected mode alone.
; SDM vol. 3, 20.1; vol. 2, IRET, PUSH.

%include "real_suite.inc"

AWAY     equ 0x3000                      ; a segment for the checks
TABLE   equ 0x4000                      ; and one for another vector table

start:
        mov ax, AWAY
        mov es, ax
        mov fs, ax

; Addresses.
        mov word [es:0x10], 0x1234
        mov ax, AWAY + 1
        mov gs, ax
        equals "a segment begins at 16 times its value", [gs:0], 0x1234
        mov bx, 0xffff
        mov si, 2
        mov word [es:1], 0x5678
        equals "addresses of 16 bits wrap", [es:bx + si], 0x5678
        runs "a byte at 0xffff", mov al, [es:bx]
        faults "a word at 0xffff", GP, mov ax, [es:bx]
        faults "a word written at 0xffff", GP, mov [es:bx], ax
        mov bx, 0xfffd
        faults "a doubleword at 0xfffd", GP, mov eax, [es:bx]
        mov bx, 0xfffc
        runs "a doubleword at 0xfffc", mov eax, [es:bx]
        mov ebx, 0x10000
        faults "a 32-bit address above 64 KiB", GP, mov al, [es:ebx]
        mov bp, 0xffff
        faults "a word on the stack at 0xffff", SS_, mov ax, [bp]
        mov ebp, 0x10000
        faults "a 32-bit address on the stack above 64 KiB", SS_, mov al, [ebp]
        mov cx, [got.sp]
        sub cx, [home.sp]
        equals "exceptions push three words, and no error code", cx, -8

; Strings wrap, too.
        mov byte [es:0xffff], 0xa1
        mov byte [es:0], 0xa2
        mov si, 0xffff
        mov di, 0x100
        mov cx, 2
        push ds
        push es
        pop ds
        rep movsb
        pop ds
        equals "REP MOVSB across 0xffff: SI", si, 1
        equals "REP MOVSB across 0xffff: the bytes", [es:0x100], 0xa2a1
        mov di, 0xffff
        faults "STOSW at 0xffff", GP, stosw
        equals "  DI", di, 0xffff
        mov di, 0xfffe
        mov cx, 3
        mov ax, 0x1111
        rep stosw
        equals "REP STOSW across the end: DI", di, 4
        mov edi, 0xfffe
        mov ecx, 3
        faults "REP STOSW with 32-bit addresses stops at the end", GP, a32 rep stosw
        equals "  ECX", cx, 2

; Code.
        push word TABLE                 ; what is behind the segment, for a CPU without limits
        pop gs
        mov word [gs:0], 0xcd | STOP << 8
        mov word [es:0], 0xcd | STOP << 8
        mov byte [es:0xfffe], 0x90
        mov byte [es:0xffff], 0x90
        try
        jmp AWAY:0xfffe
        caught "running over the end of a segment", GP, ANY
        mov byte [es:0xfffe], 0xeb      ; jmp $ + 2 + 0x20, to 0x20
        mov byte [es:0xffff], 0x20
        mov byte [es:0x20], 0xcd
        mov byte [es:0x21], STOP
        try
        jmp AWAY:0xfffe
        caught "a jump across the end wraps", STOP, 0x22
        mov byte [es:0x40], 0x66        ; jmp near, 32-bit, to 0x10046
        mov byte [es:0x41], 0xe9
        mov dword [es:0x42], 0x10000
        try
        jmp AWAY:0x40
        caught "a 32-bit jump above 64 KiB", GP, 0x40
        try
        call AWAY:0x20
        caught "a far call", STOP, 0x22
        equals "  CS", [got.cs], AWAY
        mov cx, sp
        mov byte [es:0x50], 0xca        ; retf 4
        mov word [es:0x51], 4
        try
        push word 1
        push word 2
        push cs
        push word .back
        jmp AWAY:0x50
.back:  int STOP
        caught "RETF 4", STOP, .back + 2
        mov ax, [got.sp]
        add ax, 8
        equals "  SP", ax, cx

; The vector table.
        push word FLAGS_IF | FLAGS_CF | 2
        popf
        try
        int 0x98
.int:   caught "INT n", 0x98, .int
        pushf
        pop ax
        cli
        and ax, FLAGS_IF
        equals "  IF is clear inside", ax, 0
        equals "  FLAGS pushed", [got.flags], FLAGS_IF | FLAGS_CF | 2
        mov ax, cs
        equals "  CS pushed", [got.cs], ax
        vector 0x98, returns
        mov cx, sp
        stc
        int 0x98
        holds "IRET brings the flags back", c
        equals "IRET: SP", sp, cx
        default_vector 0x98
        vector GP, far_handler
        push word AWAY
        pop es
        try
        int GP
.gp:    caught "INT 13 is like any other", STOP, far_handler + 2
        default_vector GP

        push word TABLE
        pop es
        xor si, si
        xor di, di
        mov cx, 512
        push ds
        push word 0
        pop ds
        rep movsw
        mov word [0x98 * 4], far_handler
        pop ds
        lidt [moved]
        try
        int 0x98
.moved: caught "the table can be moved", 0x98, .moved
        lidt [cut_short]
        try
.over:  int 0x98
        caught "a vector beyond its limit", GP, .over
        lidt [high_byte]
        try
        int 0x98
.high:  caught "LIDT with 16-bit operands takes 24 bits of the base", 0x98, .high
        lidt [usual]
        default_vector 0x98

; Exceptions.
        xor dx, dx
        mov ax, 1
        xor cx, cx
        faults "DIV by zero", DE, div cx
        traps "INT3", BP_, int3
        mov ax, 0x7fff
        inc ax
        traps "INTO", OF, into
        mov dword [scratch], 0x00050000
        mov ax, 6
        faults "BOUND", BR, bound ax, [scratch]
        faults "UD2", UD, ud2
        faults "LOCK where it may not be", UD, db 0xf0, 0x90
        faults "MOV to CS", UD, db 0x8e, 0xc8
        faults "LLDT", UD, lldt ax
        faults "SLDT", UD, sldt ax
        faults "LTR", UD, ltr ax
        faults "STR", UD, str ax
        faults "LAR", UD, lar ax, cx
        faults "LSL", UD, lsl ax, cx
        faults "VERR", UD, verr ax
        faults "VERW", UD, verw ax
        faults "ARPL", UD, arpl ax, cx
        runs "SMSW", smsw ax
        runs "MOV from CR0", mov eax, cr0
        runs "SGDT", sgdt [scratch]
        runs "CLTS", clts
        runs "CLI", cli
        try
.long:  times 15 db 0x26
        nop
        caught "an instruction of 16 bytes", GP, .long
        push word FLAGS_TF | 2
        try
        popf
        nop
.step:  nop
        caught "a step", DB_, .step
        add sp, 2

; The stack.
        mov cx, sp
        push sp
        pop ax
        equals "PUSH SP pushes the value before", ax, cx
        mov cx, sp
        mov bp, ss
        push es
        pop ss
        mov sp, 0
        push word 0x4321
        mov dx, sp
        mov ax, [es:0xfffe]
        mov ss, bp
        mov sp, cx
        equals "a push with SP 0 wraps", dx, 0xfffe
        equals "  it goes to the end", ax, 0x4321
        push dword 0x00ff0000 | 2
        popfd
        pushfd
        pop eax
        shr eax, 16
        and ax, 3
        equals "POPFD sets neither RF nor VM", ax, 0
        push word 0x7002
        popf
        pushf
        pop ax
        push word 2
        popf
        and ax, 0xf000
        equals "POPF sets NT and IOPL", ax, 0x7000
        push dword -1
        push es
        pop ax
        pop ecx
        equals "PUSH ES pushes a word", ax, TABLE

; PUSHA across offset 0 is #GP, where other pushes are #SS. SDM vol. 2, PUSHA. (At 1, 3 and 5 the
; processor shuts down.) The handlers of their own take no more of the stack.
%macro pusha_at 3                       ; "name", SP, instruction
        try
        push es
        pop ss
        mov sp, %2
        %3
        int STOP
        caught {%1}, STOP, pusha_handler.end
%endmacro
        vector GP, pusha_handler
        vector SS_, wrong_handler
        pusha_at "PUSHA with SP 7", 7, pushaw
        pusha_at "PUSHA with SP 9", 9, pushaw
        pusha_at "PUSHA with SP 11", 11, pushaw
        pusha_at "PUSHA with SP 13", 13, pushaw
        pusha_at "PUSHA with SP 15", 15, pushaw
        pusha_at "PUSHAD with SP 7", 7, pushad
        pusha_at "PUSHAD with SP 15", 15, pushad
        vector GP, wrong_handler
        vector SS_, pusha_handler
        pusha_at "PUSHAD with SP 10", 10, pushad
        pusha_at "PUSHAD with SP 17", 17, pushad
        default_vector GP
        try
        push es
        pop ss
        mov sp, 17
        pushaw
        mov cx, sp
        mov ss, [cs:home.ss]
        mov sp, [cs:home.sp]
        caught "PUSHA with SP 17", NONE, ANY
        equals "  SP", cx, 1
        try
        push es
        pop ss
        mov sp, 0xfff1
        popaw
        int STOP
        caught "POPA across the end", STOP, pusha_handler.end
        default_vector SS_

; Through protected mode: a segment keeps its limit. SDM vol. 3, 9.9.2
        mov eax, cs
        shl eax, 4
        add eax, gdt
        mov [gdt_pointer + 2], eax
        lgdt [gdt_pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp .protected
.protected:
        mov bx, 8
        mov fs, bx
        and al, ~1
        mov cr0, eax
        jmp .real
.real:  mov ebx, 0x28000
        mov word [fs:ebx], 0
        mov ax, 0x2800
        mov gs, ax
        mov word [gs:0], 0xbeef
        equals "a limit of 4 GiB outlives protected mode", [fs:ebx], 0xbeef
        mov eax, cr0
        and ax, 1
        equals "PE is clear", ax, 0
        done

returns:
        clc
        iret
pusha_handler:
        mov ss, [cs:home.ss]
        mov sp, [cs:home.sp]
        int STOP
.end:
wrong_handler:
        mov ss, [cs:home.ss]
        mov sp, [cs:home.sp]
        int STOP
far_handler:
        int STOP

        section .data
usual:  dw 0x3ff
        dd 0
moved:  dw 0x3ff
        dd TABLE << 4
cut_short:
        dw 0x98 * 4 + 2
        dd TABLE << 4
high_byte:
        dw 0x3ff
        dd TABLE << 4 | 0x5a000000
gdt:    dq 0
        dq 0x00cf92000000ffff
gdt_pointer:
        dw 15
        dd 0
