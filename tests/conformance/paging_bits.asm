; Accessed and dirty bits, 4 MiB pages, and what becomes of translations the processor remembers:
; INVLPG, loads of CR3, global pages. SDM vol. 3, 4.3, 4.8, 4.10.

%include "suite.inc"
%include "paging.inc"

U equ PG_P | PG_W | PG_U

; After the instruction, page 0 has these of the bits A and D, and the directory's entry has A.
%macro leaves 3+                        ; "name", bits, instruction
        page 0, U
        mov dword [PLAY_PDE], PLAY_TABLE | U
        mov eax, cr3
        mov cr3, eax
        mov ebx, PLAYGROUND
        mov ecx, 1
        mov eax, 0
        %3
        flags_of ecx, 0
        equals {%1}, ecx, U | %2
        mov ecx, [PLAY_PDE]
        and ecx, 0xfff
  %if %2
        equals {%1, ": the directory's entry"}, ecx, U | PG_A
  %else
        equals {%1, ": the directory's entry"}, ecx, U
  %endif
%endmacro

start:
        mov eax, 1
        cpuid
        mov [features], edx
        call paging_on
        leaves "a read sets A", PG_A, mov al, [ebx]
        leaves "a write sets A and D", PG_A | PG_D, mov [ebx], al
        leaves "a read-modify-write", PG_A | PG_D, add [ebx], al
        leaves "a comparison", PG_A, cmp [ebx], al
        leaves "no access, no bit", 0, lea edx, [ebx]
        leaves "BT", PG_A, bt [ebx], ecx
        leaves "BTS", PG_A | PG_D, bts [ebx], ecx
        leaves "PUSH from there", PG_A, {push dword [ebx]}
        pop eax
        page 0, U
        mov byte [PLAYGROUND], 0xc3
        page 0, U
        mov eax, PLAYGROUND
        call eax
        flags_of ecx, 0
        equals "an instruction fetch sets A", ecx, U | PG_A
        page 0, PG_P | PG_W | PG_U | PG_A
        mov al, [PLAYGROUND]
        mov [PLAYGROUND], al
        flags_of ecx, 0
        equals "a write after a read sets D", ecx, U | PG_A | PG_D
        page 0, PG_P
        to_ring 3
        faults "a write that is refused", PF, 7, mov [PLAYGROUND], al
        to_ring_0
        flags_of ecx, 0
        and ecx, PG_D
        equals "  doesn't set D", ecx, 0
        page 0, U
        page 1, U
        mov [PLAYGROUND + 0xffe], eax
        flags_of ecx, 0
        flags_of edx, 1
        equals "a write across two pages: the first", ecx, U | PG_A | PG_D
        equals "a write across two pages: the second", edx, U | PG_A | PG_D
        page 0, U
        mov esi, PLAYGROUND
        mov edi, PLAYGROUND + 8
        mov ecx, 0
        rep movsb
        flags_of ecx, 0
        equals "REP MOVSB of nothing sets no bits", ecx, U

; INVLPG and CR3.
        page 0, U
        page 1, U
        mov dword [FRAME], 0x11111111
        mov dword [FRAME + 0x1000], 0x22222222
        mov eax, [PLAYGROUND]
        mov dword [PLAY_TABLE], FRAME + 0x1000 | U
        invlpg [PLAYGROUND + 0xfff]     ; any address in the page
        equals "INVLPG: the new frame", [PLAYGROUND], 0x22222222
        mov dword [PLAY_TABLE], FRAME | U
        mov eax, cr3
        mov cr3, eax
        equals "a load of CR3: the new frame", [PLAYGROUND], 0x11111111
        mov dword [PLAY_TABLE], 0
        invlpg [PLAYGROUND]
        faults "INVLPG after a page was taken away", PF, 0, mov al, [PLAYGROUND]
        mov dword [PLAY_TABLE], FRAME | U
        runs "a page that appears needs no INVLPG", mov al, [PLAYGROUND]
        page 0, PG_P | PG_U
        to_ring 3
        faults "a read-only page", PF, 7, mov [PLAYGROUND], al
        to_ring_0
        mov dword [PLAY_TABLE], FRAME | U
        to_ring 3
        runs "a page that becomes writable needs no INVLPG", mov [PLAYGROUND], al
        to_ring_0
        mov dword [FRAME], 0x11111111
        mov eax, cr0
        and eax, ~CR0_PG
        mov cr0, eax
        mov dword [PLAYGROUND], 0x33333333
        or eax, CR0_PG
        mov cr0, eax
        equals "paging off and on", [PLAYGROUND], 0x11111111
        runs "INVLPG of an address that isn't mapped", invlpg [0xf0000000]

; Two addresses, one frame: data and instructions are seen through both at once.
        page 0, U
        mov dword [PLAY_TABLE + 4], FRAME | U
        invlpg [PLAYGROUND + 0x1000]
        mov dword [PLAYGROUND + 0x1010], 0xcafe0001
        equals "one frame at two addresses", [PLAYGROUND + 0x10], 0xcafe0001
        mov dword [PLAYGROUND + 0x100], 0x9090c340              ; inc eax; ret
        mov eax, 0
        mov ecx, PLAYGROUND + 0x100
        call ecx
        mov byte [PLAYGROUND + 0x1100], 0x48                    ; dec eax
        jmp .serialize
.serialize:
        xor eax, eax
        cpuid
        mov eax, 10
        mov ecx, PLAYGROUND + 0x100
        call ecx
        equals "code changed through another address", eax, 9

; 4 MiB pages.
        test dword [features], 1 << 3
        jz .no_pse
        mov dword [0x800000], 0x44444444
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov dword [0x300000], 0x55555555
        mov dword [DIRECTORY + 4 * 16], 0x00000000 | PG_P | PG_W | PG_U | PG_PS
        mov eax, [64 * 0x100000 + 0x300000]
        equals "a 4 MiB page", eax, 0x55555555
        mov eax, [DIRECTORY + 4 * 16]
        equals "  a read sets A", eax, U | PG_PS | PG_A
        mov dword [64 * 0x100000 + 0x300004], 0x66666666
        mov eax, [DIRECTORY + 4 * 16]
        equals "  a write sets D", eax, U | PG_PS | PG_A | PG_D
        equals "  where it went", [0x300004], 0x66666666
        mov dword [DIRECTORY + 4 * 16], 0x00000000 | PG_P | PG_PS
        invlpg [64 * 0x100000 + 0x300000]
        to_ring 3
        faults "  a supervisor's", PF, 5, mov al, [64 * 0x100000 + 0x300000]
        to_ring_0
        mov dword [DIRECTORY + 4 * 16], 0x00200000 | U | PG_PS
        mov eax, cr3
        mov cr3, eax
        faults "  a reserved bit of the address", PF, 9, mov al, [64 * 0x100000]
        mov dword [DIRECTORY + 4 * 16], 0
        mov eax, cr4
        and eax, ~0x10
        mov cr4, eax
        mov dword [DIRECTORY + 4 * 16], PLAY_TABLE | U | PG_PS
        mov dword [FRAME], 0x11111111
        page 0, U
        equals "without CR4.PSE the bit is ignored", [64 * 0x100000], 0x11111111
        mov dword [DIRECTORY + 4 * 16], 0
        mov eax, cr3
        mov cr3, eax
.no_pse:

; Global pages outlive loads of CR3, not INVLPG or changes of CR4.PGE.
        test dword [features], 1 << 13
        jz .no_pge
        mov eax, cr4
        or eax, 0x80
        mov cr4, eax
        page 0, U | PG_G
        mov al, [PLAYGROUND]
        mov dword [PLAY_TABLE], 0
        invlpg [PLAYGROUND]
        faults "INVLPG ends a global page", PF, 0, mov al, [PLAYGROUND]
        page 0, U | PG_G
        mov al, [PLAYGROUND]
        mov dword [PLAY_TABLE], 0
        mov eax, cr4
        and eax, ~0x80
        mov cr4, eax
        faults "CR4.PGE ends a global page", PF, 0, mov al, [PLAYGROUND]
.no_pge:
        done

        section .bss
features: resd 1
