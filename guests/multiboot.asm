; A kernel for any Multiboot boot loader: a header that says so within the first 8 KiB of the file,
; and a start with EAX = 0x2BADB002 and EBX = the address of what the boot loader knows.
;
;       vmm run --append "hello there" build/guests/multiboot.elf
;
; Prints the boot loader's name, the command line, the memory and the modules.

%include "vmm.inc"

        bits 32

HEADER_MAGIC equ 0x1badb002
BOOT_MAGIC   equ 0x2badb002
WANT_MEMORY  equ 0x2                    ; a flag of the header

; The information: flags that say which fields are there, and the fields.
FLAG_MEMORY  equ 0x001
FLAG_CMDLINE equ 0x004
FLAG_MODULES equ 0x008
FLAG_MAP     equ 0x040
FLAG_NAME    equ 0x200
INFO_LOWER   equ 4                      ; KiB from 0 up
INFO_UPPER   equ 8                      ; KiB from 1 MiB up
INFO_CMDLINE equ 16
INFO_COUNT   equ 20                     ; of modules
INFO_MODULES equ 24
INFO_MAP_LENGTH equ 44
INFO_MAP     equ 48
INFO_NAME    equ 64

        section .multiboot
        align 4
        dd HEADER_MAGIC
        dd WANT_MEMORY
        dd -(HEADER_MAGIC + WANT_MEMORY)

        section .text
        global start
start:
        mov esp, stack_top              ; the boot loader's stack, if any, is not ours
        cld                             ; nor is this promised
        mov ebp, ebx
        cmp eax, BOOT_MAGIC
        check "started by a Multiboot boot loader", e

        test dword [ebp], FLAG_NAME
        jz .no_name
        say "boot loader: "
        mov esi, [ebp + INFO_NAME]
        call print
        say 10
.no_name:
        test dword [ebp], FLAG_CMDLINE
        jz .no_cmdline
        say "command line: "
        mov esi, [ebp + INFO_CMDLINE]
        call print
        say 10
.no_cmdline:
        test dword [ebp], FLAG_MEMORY
        jz .no_memory
        say "memory: "
        mov eax, [ebp + INFO_LOWER]
        call print_number
        say " KiB low, "
        mov eax, [ebp + INFO_UPPER]
        call print_number
        say " KiB from 1 MiB", 10
.no_memory:
        test dword [ebp], FLAG_MAP
        jz .no_map
        mov edi, [ebp + INFO_MAP]
        mov ecx, [ebp + INFO_MAP_LENGTH]
        add ecx, edi
.area:
        cmp edi, ecx                    ; size of the rest, base, length (64 bits each), type
        jae .no_map
        say "  "
        mov eax, [edi + 4]
        call print_hex
        say " + "
        mov eax, [edi + 12]
        call print_hex
        cmp dword [edi + 20], 1
        jne .reserved
        say " free", 10
        jmp .next_area
.reserved:
        say " reserved", 10
.next_area:
        add edi, [edi]                  ; the size does not count itself
        add edi, 4
        jmp .area
.no_map:
        test dword [ebp], FLAG_MODULES
        jz .no_modules
        mov edi, [ebp + INFO_MODULES]   ; start, end, command line, 0
        mov ecx, [ebp + INFO_COUNT]
        jecxz .no_modules
.module:
        say "module: "
        mov esi, [edi + 8]
        call print
        say 10
        say "  begins: "
        mov esi, [edi]
.line:                                  ; its first line
        cmp esi, [edi + 4]
        je .module_done
        lodsb
        cmp al, 10
        je .module_done
        call print_char
        jmp .line
.module_done:
        say 10
        add edi, 16
        loop .module
.no_modules:
        jmp finish

%include "lib32.inc"

        section .bss align=16
        resb 4096
stack_top:
