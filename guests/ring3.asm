; To ring 3 and back: the CPU's protection between a kernel and its programs. The kernel is entered
; by INT alone, at the gates it has opened; the TSS tells the CPU which stack it uses then. What is
; reserved to the kernel ends in a general protection fault.
;
;       vmm run build/guests/ring3.elf
;
; Prints the code segment on either side, and what became of each forbidden instruction.

%include "vmm.inc"

        bits 32

KERNEL_CODE equ 0x08
KERNEL_DATA equ 0x10
USER_CODE   equ 0x18 | 3                ; the two lowest bits: the privilege level asked for
USER_DATA   equ 0x20 | 3
TSS         equ 0x28

SYSTEM_CALL equ 0x80                    ; EAX: what to do
SYS_PRINT   equ 0                       ; the text at ESI
SYS_HEX     equ 1                       ; EBX in hexadecimal
SYS_EXIT    equ 2

        section .text
        global start
start:
        mov esp, kernel_stack_top
        mov eax, tss                    ; a descriptor has the base in three pieces
        mov [gdt.tss + 2], ax
        shr eax, 16
        mov [gdt.tss + 4], al
        mov [gdt.tss + 7], ah
        lgdt [gdt_pointer]
        jmp KERNEL_CODE:.reload         ; segment registers keep the old table's descriptors
.reload:
        mov ax, KERNEL_DATA
        mov ds, ax
        mov es, ax
        mov ss, ax

        mov dword [tss.esp0], kernel_stack_top
        mov dword [tss.ss0], KERNEL_DATA
        mov word [tss.io_map], tss_end - tss    ; beyond the limit: ring 3 has no port at all
        mov ax, TSS
        ltr ax

        lidt [idt_pointer]
        gate 13, on_protection_fault
        gate SYSTEM_CALL, on_system_call, 3

        say "kernel: cs "
        mov eax, cs
        call print_hex16
        say 10

        push dword USER_DATA            ; IRET to a lower privilege also takes SS and ESP from the
        push dword user_stack_top       ; stack; we make up what an INT in ring 3 would have pushed
        push dword 0x002                ; EFLAGS: interrupts off, I/O privilege level 0
        push dword USER_CODE
        push dword user
        iret

; ---- the program, in ring 3 ----

%macro system_call 1
        mov eax, %1
        int SYSTEM_CALL
%endmacro

%macro user_say 1
        mov esi, %1
        system_call SYS_PRINT
%endmacro

user:
        mov ax, USER_DATA               ; IRET has emptied these: they were the kernel's
        mov ds, ax
        mov es, ax
        user_say user_cs
        mov ebx, cs
        system_call SYS_HEX

        user_say trying_cli
        cli
        user_say trying_hlt
        hlt
        user_say trying_out
        out 0xe9, al
        user_say trying_cr3
        mov cr3, eax
        user_say trying_int
        int 0x21                        ; a gate of DPL 0

        user_say still_there
        system_call SYS_EXIT

; ---- the kernel's entries ----

on_system_call:
        cld                             ; a program may have left the direction flag set
        cmp eax, SYS_EXIT
        je .exit
        cmp eax, SYS_HEX
        je .hex
        call print
        iret
.hex:
        mov eax, ebx
        call print_hex16
        say 10
        iret
.exit:
        say "kernel: cs "
        mov eax, cs
        call print_hex16
        say ", called by cs "
        mov eax, [esp + 4]              ; on the stack: EIP, CS, EFLAGS, ESP, SS
        call print_hex16
        say 10
        jmp finish

on_protection_fault:                    ; on the stack: error code, EIP, CS, EFLAGS, ESP, SS
        say "#GP, error code "
        push eax
        mov eax, [esp + 4]
        call print_hex16
        say 10
        mov eax, [esp + 8]              ; go on behind the instruction: they all are of
        mov al, [eax]                   ; known length
        cmp al, 0x0f                    ; MOV CR3: 3 bytes
        je .three
        cmp al, 0xe6                    ; OUT: 2 bytes
        je .two
        cmp al, 0xcd                    ; INT: 2 bytes
        je .two
        add dword [esp + 8], 1
        jmp .done
.three: inc dword [esp + 8]
.two:   add dword [esp + 8], 2
.done:  pop eax
        add esp, 4                      ; the error code is the handler's to remove
        iret

%include "lib32.inc"

        section .rodata
user_cs:
        db "user:   cs ", 0
trying_cli:
        db "user:   cli: ", 0
trying_hlt:
        db "user:   hlt: ", 0
trying_out:
        db "user:   out 0xe9, al: ", 0
trying_cr3:
        db "user:   mov cr3, eax: ", 0
trying_int:
        db "user:   int 0x21: ", 0
still_there:
        db "user:   still there", 10, 0

gdt_pointer:
        dw gdt.end - gdt - 1
        dd gdt
idt_pointer:
        dw 256 * 8 - 1
        dd idt

        section .data
        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff           ; 0x08: ring 0 code, 0 to 4 GiB
        dq 0x00cf92000000ffff           ; 0x10: ring 0 data
        dq 0x00cffa000000ffff           ; 0x18: ring 3 code
        dq 0x00cff2000000ffff           ; 0x20: ring 3 data
.tss:   dw tss_end - tss - 1            ; 0x28: the TSS; its base is filled in
        dw 0
        db 0, 0x89, 0, 0
.end:

        section .bss align=16
tss:    resd 1
.esp0:  resd 1                          ; the stack for entries to ring 0
.ss0:   resd 1
        resb 102 - 12
.io_map:
        resw 1
tss_end:
idt:    resq 256
        resb 4096
kernel_stack_top:
        resb 4096
user_stack_top:
