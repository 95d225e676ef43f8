; Guests that die of one mistake each, for tests/deaths.sh. nasm -DNAME chooses one; each is an ELF with
; lines, started in protected mode with flat segments. `die` is where it happens.

        bits 32
        global start, die
        section .text
start:
        mov esp, 0x90000
%ifdef NO_IDT
        lidt [no_table]
%elifndef NO_IDT_OF_ITS_OWN
        lidt [table]
%endif
%ifdef SELECTOR
        lgdt [small_gdt]
        mov eax, 0x28
die:    mov ds, eax
%elifdef NOT_MAPPED
        mov eax, directory
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
die:    mov cr0, eax
        nop
%elifdef SOFTWARE
die:    int 0x80
%elifdef INTERRUPT
        mov al, 0xfe                    ; IRQ 0 alone
        out 0x21, al
        sti
die:    jmp die
%elifdef STACK
        mov eax, directory
        mov dword [directory], 0x83     ; 4 MiB of it, as they are
        mov cr3, eax
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov esp, 0x800000
die:    int3
%elifdef SPINS
die:    jmp die
%elifdef HALTS
        cli
        hlt
die:
%else
die:    ud2
%endif
        hlt

        section .data
        align 8
no_table:
        dw 0
        dd 0
table:
        dw 256 * 8 - 1
        dd gates
small_gdt:
        dw 3 * 8 - 1
        dd gdt
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
        align 8
gates:
%ifdef STACK
        times 3 dq 0
        dw 0                            ; gate 3, whose handler has no stack to begin on
        dw 0x08
        dw 0x8e00
        dw 0x0010
        times 252 dq 0
%else
        times 256 dq 0
%endif

        section .bss align=4096
directory:
        resb 4096
