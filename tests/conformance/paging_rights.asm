; Access rights of pages: present, writable and user, in both levels of tables, in ring 3 and in
; ring 0 with and without CR0.WP; and the error code of each refusal. SDM vol. 3, 4.6 and 4.7.

%include "suite.inc"
%include "paging.inc"

NOT_THERE equ 0                         ; bits of the error code
RIGHTS    equ 1
WRITING   equ 2
USER      equ 4

%macro set_wp 1                         ; 0 or 1
        mov eax, cr0
        and eax, ~CR0_WP
        or eax, %1 * CR0_WP
        mov cr0, eax
%endmacro

; Reads and writes page 0 with what the rights in %3, W and U, allow; %2 is the ring.
%macro probe 5                          ; "name", ring, rights, read allowed, write allowed
  %if %4
        runs {%1, ": read"}, mov al, [PLAYGROUND + 0x123]
  %else
        faults {%1, ": read"}, PF, RIGHTS | (%2 & 1) * USER, mov al, [PLAYGROUND + 0x123]
        mov eax, [got.cr2]
        equals {%1, ": read: CR2"}, eax, PLAYGROUND + 0x123
  %endif
  %if %5
        runs {%1, ": write"}, mov [PLAYGROUND + 0x124], al
        runs {%1, ": read-modify-write"}, inc byte [PLAYGROUND + 0x124]
  %else
        faults {%1, ": write"}, PF, RIGHTS | WRITING | (%2 & 1) * USER, mov [PLAYGROUND + 0x124], al
        mov eax, [got.cr2]
        equals {%1, ": write: CR2"}, eax, PLAYGROUND + 0x124
    %if %4
        faults {%1, ": read-modify-write"}, PF, RIGHTS | WRITING | (%2 & 1) * USER, \
               inc byte [PLAYGROUND + 0x124]
    %endif
  %endif
%endmacro

start:
        call paging_on
%assign rights 0
%rep 16
  %assign pde rights / 4 * 2            ; W is bit 1, U bit 2
  %assign pte rights % 4 * 2
  %assign both pde & pte
  %substr pde_text "-- W- -U WU " rights / 4 * 3 + 1, 2
  %substr pte_text "-- W- -U WU " rights % 4 * 3 + 1, 2
  %strcat what "PDE ", pde_text, ", PTE ", pte_text, ", "
        mov dword [PLAY_PDE], PLAY_TABLE | PG_P | pde
        mov dword [PLAY_TABLE], FRAME | PG_P | pte
        mov eax, cr3
        mov cr3, eax
        set_wp 0
        to_ring 3
        probe {what, "ring 3"}, 3, both, (both >> 2 & 1), (both == 6)
        to_ring_0
        probe {what, "ring 0"}, 0, both, 1, 1
        set_wp 1
        probe {what, "ring 0, WP"}, 0, both, 1, (both >> 1 & 1)
  %assign rights rights + 1
%endrep

; WP has no say in ring 3, and rings 1 and 2 are supervisors.
        set_wp 1
        mov dword [PLAY_PDE], PLAY_TABLE | PG_P | PG_W | PG_U
        page 0, PG_P | PG_W
        to_ring 3
        faults "ring 3, WP: a supervisor's page", PF, RIGHTS | USER, mov al, [PLAYGROUND]
        to_ring_0
        to_ring 2
        runs "ring 2: a supervisor's page", mov [PLAYGROUND], al
        to_ring_0
        to_ring 1
        runs "ring 1: a supervisor's page", mov [PLAYGROUND], al
        to_ring_0
        set_wp 0

; Not present, at either level: rights don't matter.
        mov dword [PLAY_TABLE], 0xfffff000 | PG_W | PG_U
        invlpg [PLAYGROUND]
        faults "PTE not present: read", PF, NOT_THERE, mov al, [PLAYGROUND]
        faults "PTE not present: write", PF, WRITING, mov [PLAYGROUND], al
        to_ring 3
        faults "PTE not present: read in ring 3", PF, USER, mov al, [PLAYGROUND]
        faults "PTE not present: write in ring 3", PF, USER | WRITING, mov [PLAYGROUND], al
        to_ring_0
        mov dword [PLAY_PDE], 0xfffff000 | PG_W | PG_U
        mov eax, cr3
        mov cr3, eax
        faults "PDE not present: read", PF, NOT_THERE, mov al, [PLAYGROUND]
        faults "PDE not present: write", PF, WRITING, mov [PLAYGROUND], al
        mov dword [PLAY_PDE], PLAY_TABLE | PG_P
        mov dword [PLAY_TABLE], 0
        mov eax, cr3
        mov cr3, eax
        to_ring 3
        faults "PTE not present behind a supervisor's PDE", PF, USER, mov al, [PLAYGROUND]
        to_ring_0
        mov dword [PLAY_PDE], PLAY_TABLE | PG_P | PG_W | PG_U

; The processor's own accesses are a supervisor's even in ring 3: descriptor tables, TSS, stacks.
        mov eax, gdt
        shr eax, 12
        and dword [TABLES + eax * 4], ~PG_U
        mov edx, idt
        shr edx, 12
        and dword [TABLES + edx * 4], ~PG_U
        mov ebx, cr3
        mov cr3, ebx
        to_ring 3
        mov eax, DATA3
        runs "a segment load reads the GDT as a supervisor", mov gs, ax
        faults "an interrupt reads the IDT as a supervisor", UD, 0, ud2
        try
.read:  mov al, [idt]
        caught "  what ring 3 itself may not", PF, RIGHTS | USER, .read
        to_ring_0
        done
