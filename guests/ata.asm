; ATA disks by PIO: the primary master, and a CD as the secondary master if there is one. A command is a
; few registers and a code; then the data is read or written as words at one port, a block at a time,
; each when the disk has it ready. That can be waited for (polling the status) or comes as an interrupt.
;
;       vmm run -hda FILE [-cdrom FILE] build/guests/ata.elf
;
; FILE has 16 sectors or more, each with a line of text at its beginning; sector 3 is written. A
; Multiboot kernel that expects no more than its specification promises.

%include "vmm.inc"

        bits 32

HEADER_MAGIC equ 0x1badb002

PRIMARY      equ 0x1f0
SECONDARY    equ 0x170
; Registers, from there.
DATA         equ 0
ERROR        equ 1                      ; read
FEATURES     equ 1                      ; written
COUNT        equ 2
LBA_LOW      equ 3                      ; or the sector, from 1 up
LBA_MID      equ 4                      ; or the cylinder
LBA_HIGH     equ 5
DEVICE       equ 6
STATUS       equ 7                      ; read; takes the interrupt back
COMMAND      equ 7                      ; written
CONTROL      equ 0x206                  ; read: the status, and the interrupt stays

BSY          equ 0x80
DRQ          equ 0x08
ERR          equ 0x01
NIEN         equ 2                      ; in CONTROL: no interrupts
SRST         equ 4                      ; ... reset
SLAVE        equ 0x10                   ; in DEVICE
LBA          equ 0xe0                   ; and CHS is 0xa0

IDENTIFY     equ 0xec
IDENTIFY_CD  equ 0xa1
READ         equ 0x20
READ_MULTIPLE equ 0xc4
SET_MULTIPLE equ 0xc6
WRITE        equ 0x30
FLUSH        equ 0xe7
PACKET       equ 0xa0

SECTOR       equ 512
CD_SECTOR    equ 2048

%macro put 2                            ; put REGISTER, VALUE: AL and EDX change
        mov al, %2
        lea edx, [ebp + %1]
        out dx, al
%endmacro
%macro get 1                            ; get REGISTER: AL
        lea edx, [ebp + %1]
        in al, dx
%endmacro

        section .multiboot
        align 4
        dd HEADER_MAGIC
        dd 0
        dd -HEADER_MAGIC

        section .text
        global start
start:
        mov esp, stack_top
        cld
        lgdt [gdt_pointer]              ; the boot loader's may be gone: then no gate leads anywhere
        jmp 0x08:.flat
.flat:  mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        call set_up_interrupts
        mov ebp, PRIMARY                ; EBP is the channel's first port everywhere
        put DEVICE, 0xa0
        get STATUS
        cmp al, 0xff                    ; nothing is there: no channel
        jne .channel
        say "no disk: vmm run -hda FILE ...", 10
        inc byte [failures]
        jmp finish
.channel:
        put CONTROL, SRST | NIEN
        put CONTROL, NIEN
        call ready
        get LBA_MID
        mov cl, al
        get LBA_HIGH
        or cl, al
        check "a hard disk by its signature", z
        put DEVICE, 0xa0 | SLAVE
        get STATUS
        test al, al
        check "no slave", z
        put DEVICE, 0xa0

        put COMMAND, IDENTIFY
        call read_block
        say "capacity: "
        mov eax, [data + 60 * 2]
        call print_number
        say " sectors", 10, "geometry: "
        movzx eax, word [data + 1 * 2]
        call print_number
        say " cylinders, "
        movzx eax, word [data + 3 * 2]
        call print_number
        say " heads, "
        movzx eax, word [data + 6 * 2]
        call print_number
        say " sectors a track", 10
        mov eax, [data + 60 * 2]
        mov [capacity], eax
        test word [data + 49 * 2], 1 << 9
        check "LBA", nz
        mov ax, [data + 83 * 2]
        and ax, 0xc000 | 1 << 10
        cmp ax, 0x4000 | 1 << 10
        check "48-bit addresses", e

        ; Polling.
        mov eax, 1
        mov cl, 1
        call address
        put COMMAND, READ
        call read_block
        call show
        mov eax, 2
        mov cl, 3
        call address
        put COMMAND, READ
        mov bl, 3
.next:  call read_block
        call show
        dec bl
        jnz .next
        get STATUS
        test al, BSY | DRQ | ERR
        check "three sectors, and no more", z

        put DEVICE, 0xa0                ; cylinder 0, head 0
        put COUNT, 1
        put LBA_LOW, 6                  ; sector 6, which is the fifth from 0
        put LBA_MID, 0
        put LBA_HIGH, 0
        put COMMAND, READ
        call read_block
        call show

        put COUNT, 4
        put COMMAND, SET_MULTIPLE
        call ready
        mov eax, 8
        mov cl, 4
        call address
        put COMMAND, READ_MULTIPLE
        call ready
        mov ecx, 4 * SECTOR / 2         ; in one block
        mov edi, data
        lea edx, [ebp + DATA]
        rep insw
        mov esi, data + 3 * SECTOR
        call show_at

        ; Interrupts. One that is pending would come at once.
        get STATUS
        put CONTROL, 0
        mov eax, 12
        mov cl, 2
        call address
        put COMMAND, READ
        mov bl, 2
.sleep: call wait_interrupt
        call read_words
        call show
        dec bl
        jnz .sleep
        cmp byte [interrupts], 2
        check "two interrupts for two sectors", e

        mov eax, 3
        mov cl, 2
        call address
        put COMMAND, WRITE
        call ready                      ; the first block has no interrupt
        test al, DRQ
        jz .read_only
        call write_words
        call wait_interrupt
        call write_words
        call wait_interrupt
        cmp byte [interrupts], 4
        check "two interrupts for two sectors that are written", e
        test al, ERR
        check "written", z
        put COMMAND, FLUSH
        call wait_interrupt
        test al, ERR
        check "flushed", z
        put CONTROL, NIEN
        mov eax, 4
        mov cl, 1
        call address
        put COMMAND, READ
        call read_block
        call show

        mov eax, [capacity]
        mov cl, 1
        call address
        put COMMAND, READ
        call ready
        test al, ERR
        check "behind the last sector: an error", nz
        get STATUS
        put COMMAND, 0xff
        call ready
        get ERROR
        cmp al, 4
        check "an unknown command: aborted", e
        cmp byte [interrupts], 5
        check "five interrupts", e

        ; The CD.
        mov ebp, SECONDARY
        put DEVICE, 0xa0
        get STATUS
        cmp al, 0xff
        je .no_cd
        put CONTROL, SRST | NIEN
        put CONTROL, NIEN
        call ready
        get LBA_MID
        cmp al, 0x14
        jne .no_cd
        get LBA_HIGH
        cmp al, 0xeb
        jne .no_cd
        put COMMAND, IDENTIFY_CD
        call read_block
        cmp word [data], 0x85c0
        check "a CD by its IDENTIFY", e
        mov esi, read_capacity
        call packet
        test al, ERR
        jnz .no_cd                      ; no disc
        call read_packet
        cmp ecx, 8
        check "eight bytes of capacity", e
        mov eax, [data]
        bswap eax
        inc eax
        say "the CD has "
        call print_number
        say " sectors", 10
        mov esi, read_cd
        call packet
        call read_packet
        cmp ecx, CD_SECTOR
        check "a block of 2048 bytes", e
        call show
        call ready
        call read_packet
        call show
        call ready
        test al, DRQ | ERR
        check "two sectors, and no more", z
        get COUNT
        and al, 7
        cmp al, 3
        check "the end, by its reason", e
        mov esi, no_packet
        call packet
        get ERROR
        shr al, 4
        cmp al, 5
        check "an unknown packet: an illegal request", e
        jmp finish
.no_cd: say "no CD", 10
        jmp finish
.read_only:
        say "written: FAILED", 10
        inc byte [failures]
        jmp finish

; Waits until the disk is not busy; AL is the status.
ready:
        push edx
        lea edx, [ebp + CONTROL]
.look:  in al, dx
        test al, BSY
        jnz .look
        pop edx
        ret

; The same, by sleeping until the interrupt comes; reading the status takes it back.
wait_interrupt:
        cli
        cmp byte [came], 0
        jne .came
        sti                             ; takes effect behind the next instruction: no interrupt can
        hlt                             ; come between the look and the sleep
        jmp wait_interrupt
.came:  mov byte [came], 0
        mov al, [status]
        ret

; Sectors from EAX on, CL of them.
address:
        push eax
        mov ch, al
        put COUNT, cl
        put LBA_LOW, ch
        pop eax
        shr eax, 8
        mov ch, al
        shr eax, 8
        mov cl, al
        shr eax, 8
        and al, 0x0f
        or al, LBA
        mov ah, al
        put LBA_MID, ch
        put LBA_HIGH, cl
        put DEVICE, ah
        ret

; Waits for a sector and reads it.
read_block:
        call ready
        test al, DRQ
        jz .none
        call read_words
        get STATUS
        ret
.none:  say "FAILED: no data", 10
        inc byte [failures]
        jmp finish

read_words:
        mov ecx, SECTOR / 2
        mov edi, data
        lea edx, [ebp + DATA]
        rep insw
        ret

write_words:
        mov ecx, SECTOR / 2
        mov esi, message
        lea edx, [ebp + DATA]
        rep outsw
        ret

; Gives the CD the twelve bytes at ESI; AL is the status after that. A block has one sector at most.
packet:
        put FEATURES, 0
        put LBA_MID, CD_SECTOR & 0xff
        put LBA_HIGH, CD_SECTOR >> 8
        put COMMAND, PACKET
        call ready
        mov ecx, 6
        lea edx, [ebp + DATA]
        rep outsw
        jmp ready

; Reads as many bytes as the CD says it has; ECX is how many.
read_packet:
        get LBA_HIGH
        mov ch, al
        get LBA_MID
        mov cl, al
        movzx ecx, cx
        push ecx
        shr ecx, 1
        mov edi, data
        lea edx, [ebp + DATA]
        rep insw
        pop ecx
        ret

; The first line of what was read.
show:
        mov esi, data
show_at:
        lodsb
        call print_char
        cmp al, 10
        jne show_at
        ret

; An interrupt controller that lets only the primary channel in, at vector 0x2e.
set_up_interrupts:
        lidt [idt_pointer]
        gate 0x2e, on_disk
        mov al, 0x11                    ; ICW1 to ICW4: vectors from 0x20 and 0x28
        out 0x20, al
        out 0xa0, al
        mov al, 0x20
        out 0x21, al
        mov al, 0x28
        out 0xa1, al
        mov al, 0x04
        out 0x21, al
        mov al, 0x02
        out 0xa1, al
        mov al, 0x01
        out 0x21, al
        out 0xa1, al
        mov al, ~(1 << 2) & 0xff
        out 0x21, al
        mov al, ~(1 << 6) & 0xff
        out 0xa1, al
        ret

on_disk:
        push eax
        push edx
        mov dx, PRIMARY + STATUS
        in al, dx
        mov [status], al
        inc byte [interrupts]
        mov byte [came], 1
        mov al, 0x20
        out 0xa0, al
        out 0x20, al
        pop edx
        pop eax
        iret

%include "lib32.inc"

        section .rodata
gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff    ; 0x08: code, 0x10: data, 4 GiB
gdt_pointer:
        dw 3 * 8 - 1
        dd gdt
idt_pointer:
        dw 48 * 8 - 1
        dd idt
message:
        db "written by the guest", 10
        times SECTOR - ($ - message) db ' '
read_capacity:
        db 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
read_cd:                                ; two sectors from 1 on
        db 0x28, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0
no_packet:
        db 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

        section .bss align=16
idt:    resb 48 * 8
data:   resb CD_SECTOR
        resb 4096
stack_top:
capacity:
        resd 1
interrupts:
        resb 1
came:   resb 1
status: resb 1
