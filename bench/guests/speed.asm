; What the bench of the software CPU runs: an integer loop, an integer matrix product, recursive
; calls, a byte sieve, and system calls from ring 3. Multiboot ELF; disk.asm starts the same file from
; a BIOS. Paged with 4 KiB pages, interrupts off. On port 0xE9, a line before and after each:
;
;       begin NAME
;       end NAME ok TICKS
;
; "wrong" in the place of "ok" if the result isn't the known one; TICKS is how far the time-stamp
; counter went, in hexadecimal (on the software CPU, that counts instructions). Then "done".

        bits 32

CONSOLE      equ 0xe9
HEADER_MAGIC equ 0x1badb002

; How much of each, and what comes of it.
ROUNDS         equ 200_000_000          ; of the integer loop
INTEGER_RESULT equ 0x5dbc7d34
SIZE           equ 96                   ; rows and columns of a matrix
PRODUCTS       equ 250
MATMUL_RESULT  equ 0xd5db18ba
FIB            equ 37
FIB_RESULT     equ 24157817
LIMIT          equ 65536                ; of the sieve
PRIMES         equ 6542                 ; below it
SIEVES         equ 600
CALLS          equ 4_000_000            ; of the system

; Selectors
CODE0        equ 0x08
DATA0        equ 0x10
CODE3        equ 0x18 | 3
DATA3        equ 0x20 | 3
TSS          equ 0x28

        section .multiboot
        align 4
        dd HEADER_MAGIC, 0, -HEADER_MAGIC

; measure "name", routine, result: the routine returns its result in EAX.
%macro measure 3
        mov esi, %%name
        mov edi, %2
        mov ebx, %3
        call run
        section .rodata
%%name: db %1, 0
        section .text
%endmacro

        section .text
        global start
start:
        mov esp, stack_top
        call set_tables
        call set_paging
        measure "integer", integer, INTEGER_RESULT
        measure "matmul", matmul, MATMUL_RESULT
        measure "calls", calls, FIB_RESULT
        measure "sieve", sieve, PRIMES
        measure "syscall", syscalls, CALLS
        mov esi, text_done
        call print
.halt:  cli
        hlt
        jmp .halt

; Runs the routine EDI, named ESI, that should give EBX.
run:
        mov ebp, esi
        mov esi, text_begin
        call print
        mov esi, ebp
        call print
        mov al, 10
        out CONSOLE, al
        rdtsc
        push edx
        push eax
        push ebx
        push ebp
        call edi
        pop ebp
        pop ebx
        mov ecx, eax
        rdtsc
        sub eax, [esp]
        sbb edx, [esp + 4]
        add esp, 8
        push eax
        push edx
        mov esi, text_end
        call print
        mov esi, ebp
        call print
        mov esi, text_ok
        cmp ecx, ebx
        je .right
        mov esi, text_wrong
.right: call print
        pop eax
        call print_hex
        pop eax
        call print_hex
        mov al, 10
        out CONSOLE, al
        ret

; ---- the work ----

; Marsaglia's xorshift generator, and the sum of its numbers.
integer:
        mov eax, 1
        xor ebx, ebx
        mov ecx, ROUNDS
.next:  mov edx, eax
        shl edx, 13
        xor eax, edx
        mov edx, eax
        shr edx, 17
        xor eax, edx
        mov edx, eax
        shl edx, 5
        xor eax, edx
        add ebx, eax
        dec ecx
        jnz .next
        mov eax, ebx
        ret

; C = A x B, where A and B hold the numbers from 0 and from 7 up; a checksum of C.
matmul:
        mov edi, matrix_a
        xor eax, eax
.fill:  mov [edi], eax
        lea edx, [eax + 7]
        mov [edi + matrix_b - matrix_a], edx
        add edi, 4
        inc eax
        cmp eax, SIZE * SIZE
        jb .fill
        mov dword [left], PRODUCTS
.product:
        mov dword [element], matrix_c
        mov ebp, matrix_a               ; a row of A
.row:   mov ebx, matrix_b               ; a column of B
.column:
        mov esi, ebp
        mov edi, ebx
        mov ecx, SIZE
        xor eax, eax
.next:  mov edx, [esi]
        imul edx, [edi]
        add eax, edx
        add esi, 4
        add edi, SIZE * 4
        dec ecx
        jnz .next
        mov edx, [element]
        mov [edx], eax
        add dword [element], 4
        add ebx, 4
        cmp ebx, matrix_b + SIZE * 4
        jb .column
        add ebp, SIZE * 4
        cmp ebp, matrix_b
        jb .row
        dec dword [left]
        jnz .product
        mov esi, matrix_c
        xor eax, eax
.sum:   rol eax, 1
        add eax, [esi]
        add esi, 4
        cmp esi, matrix_c + SIZE * SIZE * 4
        jb .sum
        ret

; The Fibonacci number FIB the slow way.
calls:
        mov eax, FIB
fibonacci:
        push ebx
        mov ebx, eax
        cmp eax, 2
        jb .done
        lea eax, [ebx - 1]
        call fibonacci
        push eax
        lea eax, [ebx - 2]
        call fibonacci
        pop edx
        add eax, edx
.done:  pop ebx
        ret

; The number of primes below LIMIT, by Eratosthenes.
sieve:
        mov dword [left], SIEVES
.again: mov edi, flags
        mov ecx, LIMIT
.set:   mov byte [edi], 1
        inc edi
        dec ecx
        jnz .set
        xor eax, eax
        mov edx, 2
.number:
        cmp byte [flags + edx], 0
        je .composite
        inc eax
        lea ecx, [edx + edx]
        cmp ecx, LIMIT
        jae .composite
.strike:
        mov byte [flags + ecx], 0
        add ecx, edx
        cmp ecx, LIMIT
        jb .strike
.composite:
        inc edx
        cmp edx, LIMIT
        jb .number
        dec dword [left]
        jnz .again
        ret

; From ring 3 to ring 0 and back.
syscalls:
        mov [tss + 4], esp              ; ESP0: what both gates start with
        xor eax, eax
        mov ecx, CALLS
        mov edx, esp
        push dword DATA3
        push edx
        push dword 2                    ; EFLAGS
        push dword CODE3
        push dword .user
        mov dx, DATA3
        mov ds, dx
        mov es, dx
        iret
.user:  mov esp, user_stack_top
.call:  int 0x80
        dec ecx
        jnz .call
        int 0x81

service:
        inc eax
        iret

leave_user:
        add esp, 5 * 4                  ; ESP0 again
        mov dx, DATA0
        mov ds, dx
        mov es, dx
        ret

; ---- setting up ----

set_tables:
        mov eax, tss
        mov [gdt.tss + 2], ax
        shr eax, 16
        mov [gdt.tss + 4], al
        mov [gdt.tss + 7], ah
        lgdt [gdt_pointer]
        jmp CODE0:.reload
.reload:
        mov ax, DATA0
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov ax, TSS
        ltr ax
        mov edx, service
        mov edi, idt + 0x80 * 8
        call .gate
        mov edx, leave_user
        call .gate
        lidt [idt_pointer]
        ret

.gate:  mov eax, edx                    ; an interrupt gate for ring 3 at EDI
        and eax, 0xffff
        or eax, CODE0 << 16
        stosd
        mov eax, edx
        mov ax, 0xee00
        stosd
        ret

; The first 4 MiB where they are, for everyone.
set_paging:
        mov edi, page_table
        mov eax, 7
.page:  stosd
        add eax, 4096
        cmp eax, 0x400000
        jb .page
        mov dword [page_directory], page_table + 7
        mov eax, page_directory
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        ret

; ---- printing ----

print:
        lodsb
        test al, al
        jz .done
        out CONSOLE, al
        jmp print
.done:  ret

print_hex:                              ; EAX
        mov edx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        out CONSOLE, al
        pop eax
        dec edx
        jnz .digit
        ret

        section .rodata
text_begin: db "begin ", 0
text_end:   db "end ", 0
text_ok:    db " ok ", 0
text_wrong: db " wrong ", 0
text_done:  db "done", 10, 0

gdt_pointer:
        dw gdt.end - gdt - 1
        dd gdt
idt_pointer:
        dw idt.end - idt - 1
        dd idt

        section .data align=16
gdt:    dq 0
        dq 0x00cf9a000000ffff           ; flat, code and data, for ring 0 and for ring 3
        dq 0x00cf92000000ffff
        dq 0x00cffa000000ffff
        dq 0x00cff2000000ffff
.tss:   dq 0x0000890000000067
.end:

        align 16
tss:    dd 0, 0, DATA0
        times 22 dd 0
        dd 0x68 << 16                   ; no I/O bitmap

        section .bss align=4096
page_directory: resb 4096
page_table:     resb 4096
flags:          resb LIMIT
matrix_a:       resd SIZE * SIZE
matrix_b:       resd SIZE * SIZE
matrix_c:       resd SIZE * SIZE
                resb 4096
stack_top:      resb 4096
user_stack_top:
idt:            resb 0x82 * 8
.end:
left:           resd 1
element:        resd 1
