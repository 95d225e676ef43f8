; What a guest in protected mode can count on: flat segments, 32-bit arithmetic and addresses, a
; stack, an interrupt table whose default handlers count and acknowledge IRQs.
;
;       vmm run --mode pm32 build/guests/pmode_test.bin
;
; Prints "PMODE" and a line for each check; status 0 if all hold, 3 if not.

%include "vmm.inc"

        bits 32
        org 0x100000

CR0_PE    equ 0x00000001
CR0_PG    equ 0x80000000
IRQ_COUNT equ 0x1020                    ; 16 counters of the default handlers

        say "PMODE", 10

        mov eax, cr0
        and eax, CR0_PE | CR0_PG
        cmp eax, CR0_PE
        check "protected mode, no paging", e

        mov eax, cs
        mov ebx, ds
        mov ecx, ss
        cmp eax, 0x08
        jne .segments
        cmp ebx, 0x10
        jne .segments
        cmp ecx, 0x10
.segments:
        check "segments: cs 08, ds 10, ss 10", e

        pushfd
        test dword [esp], 0x200         ; IF
        check "interrupts are off", z
        popfd

        mov eax, 100000                 ; 10^10 does not fit into 32 bits: EDX takes the rest
        mul eax
        cmp eax, 0x540be400
        jne .product
        cmp edx, 2
.product:
        check "100000 * 100000 = 2540be400 (hex)", e

        mov ebx, 100000
        div ebx
        cmp eax, ebx
        check "and divided again", e

        mov eax, 0x12345678             ; little end first
        mov [scratch], eax
        cmp byte [scratch], 0x78
        check "little endian", e

        mov ebp, esp                    ; what goes onto the stack comes back, last first
        push dword 1
        push dword 2
        push dword 3
        pop eax
        pop ebx
        pop ecx
        lea eax, [eax * 4 + ebx]
        lea eax, [eax * 4 + ecx]        ; 3, 2, 1 in base 4
        cmp eax, 3 * 16 + 2 * 4 + 1
        jne .stack
        cmp ebp, esp
.stack: check "stack", e

        ; Address bit 20 was held low on PCs until a gate was opened; then 2 MiB was 1 MiB.
        mov dword [0x200000], 0x55aa55aa
        mov dword [0x300000], 0xaa55aa55
        cmp dword [0x200000], 0x55aa55aa
        check "memory above 1 MiB, address line 20 open", e

        mov edi, 0x400000               ; 64 KiB at a stroke: REP works with 32-bit counts
        mov ecx, 0x10000
        mov al, 0x5a
        rep stosb
        mov edi, 0x400000
        mov ecx, 0x10001
        repe scasb
        cmp edi, 0x410001               ; one further than the first that differs
        check "rep stosb, repe scasb", e

        int 0x20                        ; the handler does not ask who called it
        cmp dword [IRQ_COUNT], 1
        check "int 0x20 reaches the default handler of IRQ 0", e

        mov al, 0x34                    ; the timer: channel 0, mode 2, 1000 Hz
        out 0x43, al
        mov al, 1193 & 0xff
        out 0x40, al
        mov al, 1193 >> 8
        out 0x40, al
        sti
.sleep: hlt
        cmp dword [IRQ_COUNT], 4
        jb .sleep
        cli
        cmp dword [IRQ_COUNT], 4
        check "three timer interrupts counted and acknowledged", ae
        jmp finish

scratch:
        dd 0

%include "lib32.inc"
