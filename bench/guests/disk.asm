; A disk for a BIOS: a boot sector that does what a Multiboot boot loader does with a file; two sectors
; for the kernel's command line, to be written there; and the file, ELF, which is PAYLOAD on nasm's command
; line. Entered at 0000:7C00, DL the drive.

        org 0x7c00

FILE         equ 0x10000                ; where the file is put
COMMAND_SIZE equ 1024
COMMAND_LINE equ FILE - COMMAND_SIZE    ; and what is before it
BOOT_MAGIC   equ 0x2badb002
INFO_CMDLINE equ 1 << 2                 ; of the Multiboot information's flags
CYLINDER     equ 16 * 63 * 512          ; a disk is some of these

; ELF32 (System V ABI, chapters 4 and 5): of the file, of a program header
E_ENTRY      equ 0x18
E_PHOFF      equ 0x1c
E_PHNUM      equ 0x2c
P_OFFSET     equ 0x04
P_PADDR      equ 0x0c
P_FILESZ     equ 0x10
P_MEMSZ      equ 0x14
P_SIZE       equ 0x20

        bits 16
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov si, packet
        mov ah, 0x42                    ; INT 13h extensions: read by block number
        int 0x13
        jc $
        cli
        in al, 0x92                     ; A20 open
        or al, 2
        out 0x92, al
        lgdt [gdt_pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:start32

        bits 32
start32:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        movzx ebx, word [FILE + E_PHNUM]
        mov ebp, [FILE + E_PHOFF]
        add ebp, FILE
.segment:
        cmp dword [ebp], 1              ; PT_LOAD
        jne .next
        mov esi, [ebp + P_OFFSET]
        add esi, FILE
        mov edi, [ebp + P_PADDR]
        mov ecx, [ebp + P_FILESZ]
        rep movsb
        mov ecx, [ebp + P_MEMSZ]
        sub ecx, [ebp + P_FILESZ]
        xor eax, eax
        rep stosb
.next:  add ebp, P_SIZE
        dec ebx
        jnz .segment
        mov eax, BOOT_MAGIC
        mov ebx, info
        jmp [FILE + E_ENTRY]

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
gdt_pointer:
        dw 23
        dd gdt

packet: db 16, 0
        dw (file_end - file + COMMAND_SIZE + 511) / 512
        dw 0, COMMAND_LINE >> 4
        dq 1

info:   dd INFO_CMDLINE, 0, 0, 0, COMMAND_LINE

        times 446 - ($ - $$) db 0
        db 0x80                         ; a partition, for BIOSes that want one: the whole disk
        times 510 - ($ - $$) db 0
        dw 0xaa55

        times COMMAND_SIZE db 0
file:   incbin PAYLOAD
file_end:
        times CYLINDER - ($ - $$) db 0
