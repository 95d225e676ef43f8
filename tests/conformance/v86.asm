; Virtual-8086 mode: real-mode addressing inside a task, every interrupt to ring 0, and what IOPL,
; the I/O bitmap and privilege forbid. SDM vol. 3, 20.2 and 20.3.

%include "suite.inc"

PLACE   equ 0x20000                     ; where the fragments are copied to
BASE     equ PLACE >> 4
N equ 0x98
CONFORM equ SLOT
IN_BITMAP equ 0x80                      ; a port whose bit is clear

; Between `try` and `caught`: to a fragment. What it is left with: STOP, or an exception.
%macro enter_v86 1-3 0, BASE             ; fragment, EFLAGS, SS
        push dword 0x5678               ; GS
        push dword 0x1234               ; FS
        push dword BASE + 0x100          ; DS
        push dword BASE                  ; ES
        push dword %3
        push dword 0xfff0
        push dword EFLAGS_VM | 2 | (%2)
        push dword BASE
        push dword %1 - fragments
        iretd
%endmacro

; One instruction there.
%macro in_v86 5+                        ; "name", EFLAGS, vector, error, instruction
        jmp %%try
        bits 16
%%at:   %5
%%end:  int STOP
        bits 32
%%try:  try
        enter_v86 %%at, %2
  %if %3 == STOP
        caught {%1}, STOP, 0, %%end + 2 - fragments
  %else
        caught {%1}, %3, %4, %%at - fragments
  %endif
%endmacro

IOPL3 equ EFLAGS_IOPL

start:
        mov esi, fragments
        mov edi, PLACE
        mov ecx, fragments_end - fragments
        rep movsb
        mov word [tss.io_map], tss.end - tss
        mov edi, tss.end
        mov ecx, 0x2001
        mov al, 0xff
        rep stosb
        and byte [tss.end + IN_BITMAP / 8], 0xfe
        descriptor TSS, tss, tss.end - tss + 0x2000, TSS_32
        mov ax, TSS
        ltr ax
        descriptor CONFORM, 0, 0xfffff, CONFORMING, BIG | PAGES
        jmp fragments

; All up to `fragments_end` is copied below 1 MiB as well, for the fragments in it.
fragments:
        jmp .begin
.begin: try
        enter_v86 stop16, IOPL3 | EFLAGS_CF | EFLAGS_IF
        caught "IRET to virtual-8086 mode", STOP, 0, stop16 + 2 - fragments
        equals "  EFLAGS pushed by its INT", [got.eflags], \
               EFLAGS_VM | 2 | IOPL3 | EFLAGS_CF | EFLAGS_IF
        equals "  CS", [got.cs], BASE
        equals "  SS", [got.ss], BASE
        equals "  ESP", [got.esp], 0xfff0
        equals "  ES", [got.v86_es], BASE
        equals "  DS", [got.v86_ds], BASE + 0x100
        equals "  FS", [got.v86_fs], 0x1234
        equals "  GS", [got.v86_gs], 0x5678
        movzx eax, word [got.ds]
        equals "  inside the handler DS is emptied", eax, 0
        movzx eax, word [got.gs]
        equals "  and GS", eax, 0

; Addresses, and the limit of 64 KiB.
        mov dword [PLACE + 0x1100], 0x89abcdef
        mov eax, 0
        in_v86 "a segment's base is 16 times the selector", IOPL3, STOP, 0, mov eax, [0x100]
        equals "  what is there", eax, 0x89abcdef
        mov eax, 0xfffc
        in_v86 "any value may be loaded", IOPL3, STOP, 0, mov ds, ax
        equals "  and is there", [got.v86_ds], 0xfffc
        in_v86 "a byte at 0xffff", IOPL3, STOP, 0, mov al, [0xffff]
        in_v86 "a word at 0xffff", IOPL3, GP, 0, mov ax, [0xffff]
        mov ebx, 0x10000
        in_v86 "a 32-bit address above 64 KiB", IOPL3, GP, 0, a32 mov al, [ebx]
        mov ebp, 0x10000
        in_v86 "  the same on the stack", IOPL3, SS_, 0, a32 mov al, [ebp]
%macro pusha_at 4                       ; "name", SP, vector, instruction
        jmp %%try
        bits 16
%%from: mov sp, %2
%%at:   %4
        int STOP
        bits 32
%%try:  try
        enter_v86 %%from, IOPL3
        caught {%1}, %3, 0, %%at - fragments
%endmacro
        pusha_at "PUSHA with SP 7 is #GP", 7, GP, pushaw
        pusha_at "PUSHA with SP 9", 9, GP, pushaw
        pusha_at "PUSHA with SP 11", 11, GP, pushaw
        pusha_at "PUSHA with SP 13", 13, GP, pushaw
        pusha_at "PUSHA with SP 15", 15, GP, pushaw
        pusha_at "PUSHAD with SP 7", 7, GP, pushad
        pusha_at "PUSHA with SP 1 is #SS", 1, SS_, pushaw
        pusha_at "PUSHA with SP 5", 5, SS_, pushaw
        pusha_at "PUSHAD with SP 10", 10, SS_, pushad
        pusha_at "PUSH with SP 1", 1, SS_, push ax
        try
        enter_v86 far16, IOPL3
        caught "a far jump", STOP, 0, far16_there + 2 - fragments
        equals "  CS", [got.cs], BASE
        try
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword BASE
        push dword 0
        push dword EFLAGS_VM | 2
        push dword BASE
        push dword 0x10000
        iretd
        caught "IRET to EIP above 64 KiB", GP, 0, ANY

; Instructions that IOPL decides about.
        in_v86 "IOPL 3: CLI", IOPL3, STOP, 0, cli
        in_v86 "IOPL 3: STI", IOPL3, STOP, 0, sti
        mov eax, [got.eflags]
        and eax, EFLAGS_IF
        equals "  IF", eax, EFLAGS_IF
        in_v86 "IOPL 3: PUSHF", IOPL3, STOP, 0, pushf
        movzx eax, word [PLACE + 0xffee]
        equals "  what is pushed", eax, 2 | IOPL3
        in_v86 "IOPL 3: PUSHFD", IOPL3, STOP, 0, o32 pushf
        mov eax, [PLACE + 0xffec]
        equals "  what is pushed: VM is clear", eax, 2 | IOPL3
        mov dword [PLACE + 0xfff0], EFLAGS_IF | EFLAGS_CF
        in_v86 "IOPL 3: POPF", IOPL3, STOP, 0, popf
        mov eax, [got.eflags]
        equals "  IF changes, IOPL and VM don't", eax, \
               EFLAGS_VM | IOPL3 | EFLAGS_IF | EFLAGS_CF | 2
        mov dword [PLACE + 0xfff0], EFLAGS_AC | EFLAGS_CF
        in_v86 "IOPL 3: POPFD", IOPL3, STOP, 0, o32 popf
        equals "  the flags", [got.eflags], EFLAGS_VM | IOPL3 | EFLAGS_AC | EFLAGS_CF | 2
        mov word [PLACE + 0xfff0], stop16 - fragments
        mov word [PLACE + 0xfff2], BASE
        mov word [PLACE + 0xfff4], EFLAGS_IF
        try
        enter_v86 iret16, IOPL3
        caught "IOPL 3: IRET", STOP, 0, stop16 + 2 - fragments
        equals "  the flags", [got.eflags], EFLAGS_VM | IOPL3 | EFLAGS_IF | 2
        in_v86 "IOPL 0: CLI", 0, GP, 0, cli
        in_v86 "IOPL 0: STI", 0, GP, 0, sti
        in_v86 "IOPL 0: PUSHF", 0, GP, 0, pushf
        in_v86 "IOPL 0: POPF", 0, GP, 0, popf
        in_v86 "IOPL 0: INT n", 0, GP, 0, int STOP
        in_v86 "IOPL 0: IRET", 0, GP, 0, iret
        in_v86 "IOPL 2: CLI", 2 << 12, GP, 0, cli
        try
        enter_v86 int3_16, 0
        caught "IOPL 0: INT3 is not affected", BP_, 0, int3_16 + 1 - fragments
        mov eax, 0x7fffffff
        try
        enter_v86 into_16, 0
        caught "IOPL 0: INTO is not affected", OF, 0, into_16_at + 1 - fragments

; Interrupts: CPL is 3, and the handler must be in ring 0.
        in_v86 "INT n through a gate of DPL 0", IOPL3, GP, N * 8 | IN_IDT, int N
        gate N, CODE1, stop, INTERRUPT_32 | DPL(3)
        in_v86 "INT n to ring 1", IOPL3, GP, CODE1 & ~1, int N
        gate N, CONFORM, stop, INTERRUPT_32 | DPL(3)
        in_v86 "INT n to conforming code", IOPL3, GP, CONFORM, int N
        gate UD, CODE1, stop, INTERRUPT_32
        in_v86 "an exception to ring 1", IOPL3, GP, (CODE1 & ~1) | EXT, ud2
        default_gate UD
        gate N, CODE0, service, TRAP_32 | DPL(3)
        mov ecx, 1
        try
        enter_v86 calls16, IOPL3
        caught "a handler may return to virtual-8086 mode", STOP, 0, calls16_end + 2 - fragments
        equals "  it was called", ecx, 2
        equals "  its stack began below the segment registers", [service_esp], entry_stack_top - 36
        equals "  DS is as before", [got.v86_ds], BASE + 0x100

; Privileged instructions, and those that virtual-8086 mode doesn't know.
        in_v86 "HLT", IOPL3, GP, 0, hlt
        in_v86 "CLTS", IOPL3, GP, 0, clts
        in_v86 "MOV from CR0", IOPL3, GP, 0, mov eax, cr0
        in_v86 "MOV to CR3", IOPL3, GP, 0, mov cr3, eax
        in_v86 "MOV from DR7", IOPL3, GP, 0, mov eax, dr7
        in_v86 "LGDT", IOPL3, GP, 0, lgdt [0]
        in_v86 "LIDT", IOPL3, GP, 0, lidt [0]
        in_v86 "LMSW", IOPL3, GP, 0, lmsw ax
        in_v86 "INVLPG", IOPL3, GP, 0, invlpg [0]
        in_v86 "SMSW", IOPL3, STOP, 0, smsw ax
        in_v86 "SGDT", IOPL3, STOP, 0, sgdt [0x2000]
        in_v86 "LLDT", IOPL3, UD, 0, lldt ax
        in_v86 "SLDT", IOPL3, UD, 0, sldt ax
        in_v86 "LTR", IOPL3, UD, 0, ltr ax
        in_v86 "STR", IOPL3, UD, 0, str ax
        in_v86 "LAR", IOPL3, UD, 0, lar ax, cx
        in_v86 "LSL", IOPL3, UD, 0, lsl ax, cx
        in_v86 "VERR", IOPL3, UD, 0, verr ax
        in_v86 "VERW", IOPL3, UD, 0, verw ax
        in_v86 "ARPL", IOPL3, UD, 0, arpl ax, cx

; I/O: the bitmap alone counts, not IOPL.
        try
        enter_v86 in16, 0
        caught "IN and OUT with the port's bit clear, IOPL 0", BP_, 0, in16_end + 1 - fragments
        in_v86 "IN with the port's bit set, IOPL 3", IOPL3, GP, 0, in al, IN_BITMAP + 1
        in_v86 "OUT with the port's bit set, IOPL 3", IOPL3, GP, 0, out IN_BITMAP + 1, al
        in_v86 "a word with the second bit set", IOPL3, GP, 0, in ax, IN_BITMAP
        mov edx, IN_BITMAP + 1
        in_v86 "OUTSB with the port's bit set", IOPL3, GP, 0, outsb
        jmp end

        bits 16
stop16: int STOP
far16:  jmp BASE:far16_there - fragments
far16_there:
        int STOP
iret16: iret
int3_16:
        int3
into_16:
        add eax, 1
into_16_at:
        into
calls16:
        int N
calls16_end:
        int STOP
in16:   in al, IN_BITMAP
        out IN_BITMAP, al
in16_end:
        int3
        bits 32
fragments_end:

end:    done

service:                                ; ring 0, called from virtual-8086 mode: DS is empty
        inc ecx
        mov [ss:service_esp], esp
        iretd

stop:   int STOP

        section .bss
service_esp: resd 1
