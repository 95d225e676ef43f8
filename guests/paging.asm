; Paging: a page directory, a page table, and a page that is not there. The write to it faults; the
; handler finds out where (CR2) and why (the error code), maps the page, returns; and the CPU does
; the same instruction again as if nothing had happened. Demand paging in every system is this.
;
;       vmm run build/guests/paging.elf
;
; Prints each fault and what came of it.

%include "vmm.inc"

        bits 32

PRESENT  equ 1
WRITABLE equ 2
CR0_PG   equ 0x80000000
CR0_WP   equ 0x00010000                 ; read-only pages are so for the kernel, too
MIB4     equ 0x400000

FRAME    equ 0x200000                   ; a free page of RAM, within the 4 MiB mapped
MISSING  equ MIB4 + 0x3000              ; the address that gets it

        section .text
        global start
start:
        mov esp, stack_top
        gate 14, on_page_fault

        ; The first table maps the lowest 4 MiB to where they are: when paging begins, EIP and ESP
        ; must go on meaning the same. The second table, for the next 4 MiB, is empty.
        mov edi, table0
        mov eax, PRESENT | WRITABLE
        mov ecx, 1024
.map:
        stosd
        add eax, 4096
        loop .map
        mov dword [directory], table0 + (PRESENT | WRITABLE)
        mov dword [directory + 4], table1 + (PRESENT | WRITABLE)

        mov eax, directory
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG | CR0_WP
        mov cr0, eax
        say "paging is on", 10

        say "writing to 00403abc", 10
        mov dword [MISSING + 0xabc], 0x12345678
        cmp dword [MISSING + 0xabc], 0x12345678
        check "  the write was done again, and is there", e
        cmp dword [FRAME + 0xabc], 0x12345678
        check "  and is in the frame that was mapped", e

        ; The CPU remembers translations: a page that loses a right must be told of by INVLPG.
        say "writing to it when it is read-only", 10
        and dword [table1 + 3 * 4], ~WRITABLE
        invlpg [MISSING]
        mov dword [MISSING + 0xabc], 0x9abcdef0
        cmp dword [FRAME + 0xabc], 0x9abcdef0
        check "  the write was done again, and is there", e

        say "reading from 00400000", 10
        mov eax, [MIB4]
        cmp eax, [FRAME]
        check "  two addresses now mean the same frame", e

        mov eax, [faults]
        call print_number
        say " page faults", 10
        jmp finish

on_page_fault:                          ; on the stack: error code, EIP, CS, EFLAGS
        pushad
        inc dword [faults]
        say "  page fault: cr2 "
        mov eax, cr2
        call print_hex
        say ", error code "
        mov ebx, [esp + 32]
        mov eax, ebx
        call print_hex8
        say ": "
        test ebx, 2
        jnz .write
        say "read"
        jmp .cause
.write: say "write"
.cause: test ebx, 1
        jnz .protected
        say ", not present", 10
        jmp .map
.protected:
        say ", not allowed", 10
.map:
        mov eax, cr2                    ; all of this guest's faults are in the second table
        shr eax, 12
        and eax, 1023
        mov dword [table1 + eax * 4], FRAME + (PRESENT | WRITABLE)
        mov eax, cr2
        invlpg [eax]
        popad
        add esp, 4                      ; the error code
        iret

%include "lib32.inc"

        section .data
faults: dd 0

        section .bss align=4096
directory:
        resd 1024
table0: resd 1024
table1: resd 1024
        resb 4096
stack_top:
