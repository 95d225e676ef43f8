; A disk: the virtio block device, its registers in memory, its queue in the guest's RAM. A request is
; three descriptors in a chain (what is wanted, the data, a byte for how it went), whose first goes
; into the available ring; the device puts it into the used ring when it is done. That can be waited
; for (polling) or comes as an interrupt.
;
;       vmm run --disk FILE build/guests/disk.elf
;
; FILE has 4 sectors or more, each with a line of text at its beginning; sector 3 is written. A
; Multiboot kernel that expects no more than its specification promises.

%include "vmm.inc"

        bits 32

HEADER_MAGIC equ 0x1badb002
SLOTS        equ 0xfeb00000             ; four devices may be there, 0x200 bytes each
SLOT_SIZE    equ 0x200

; Registers, and which version has them.
VERSION      equ 0x004
DEVICE_ID    equ 0x008
FEATURES     equ 0x020                  ; which ones the driver wants
FEATURES_SEL equ 0x024
PAGE_SIZE    equ 0x028                  ; 1
QUEUE_SEL    equ 0x030
QUEUE_NUM    equ 0x038
QUEUE_ALIGN  equ 0x03c                  ; 1
QUEUE_PFN    equ 0x040                  ; 1
QUEUE_READY  equ 0x044                  ; 2
NOTIFY       equ 0x050
INT_STATUS   equ 0x060
INT_ACK      equ 0x064
STATUS       equ 0x070
QUEUE_DESC   equ 0x080                  ; 2, and these; the upper halves follow
QUEUE_DRIVER equ 0x090
QUEUE_DEVICE equ 0x0a0
CAPACITY     equ 0x100                  ; in sectors of 512 bytes

BLOCK        equ 2
ACKNOWLEDGE  equ 1
DRIVER       equ 2
DRIVER_OK    equ 4
FEATURES_OK  equ 8
WANT_FLUSH   equ 1 << 9

DESC_NEXT    equ 1
DESC_WRITE   equ 2
NO_INTERRUPT equ 1                      ; a flag of the available ring
ENTRIES      equ 8

READ         equ 0
WRITE        equ 1
FLUSH        equ 4

        section .multiboot
        align 4
        dd HEADER_MAGIC
        dd 0
        dd -HEADER_MAGIC

        section .text
        global start
start:
        mov esp, stack_top
        lgdt [gdt_pointer]              ; what a boot loader has in its own is not ours to use
        jmp 0x08:.reload
.reload:
        mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        cld
        call find_disk
        call set_up
        say "capacity: "
        mov eax, [ebp + CAPACITY]
        call print_number
        say " sectors", 10

        ; Look at the used ring until the request is in it.
        mov word [available], NO_INTERRUPT
        mov dword [sector], 1
        mov eax, READ
        call request
.poll:  mov ax, [used + 2]
        cmp ax, [asked]
        jne .poll
        cmp dword [ebp + INT_STATUS], 0
        check "polling: no interrupt, as it was asked", e
        call show

        ; Sleep until it interrupts.
        mov word [available], 0
        call set_up_interrupt
        mov dword [sector], 2
        mov eax, READ
        call transfer
        call show
        cmp byte [interrupts], 1
        check "one interrupt", e

        ; Write, make it safe, and read it again.
        mov edi, data
        mov esi, message
        mov ecx, 512 / 4
        rep movsd
        mov dword [sector], 3
        mov eax, WRITE
        call transfer
        check "written", e
        mov eax, FLUSH
        call transfer
        check "flushed", e
        mov edi, data
        mov ecx, 512 / 4
        xor eax, eax
        rep stosd
        mov eax, READ
        call transfer
        call show

        mov eax, [ebp + CAPACITY]
        mov [sector], eax
        mov eax, READ
        call transfer
        cmp al, 1
        check "behind the last sector: an I/O error", e
        mov eax, 99
        call transfer
        cmp al, 2
        check "an unknown request: not supported", e
        cmp byte [interrupts], 6
        check "six interrupts", e
        jmp finish

; EBP = the registers of the last slot with a disk, EBX = its number.
find_disk:
        mov ebx, 4
.slot:  dec ebx
        js .none
        imul ebp, ebx, SLOT_SIZE
        add ebp, SLOTS
        cmp dword [ebp], "virt"
        jne .slot
        cmp dword [ebp + DEVICE_ID], BLOCK
        jne .slot
        say "a disk in slot "
        mov eax, ebx
        call print_number
        say ", registers of version "
        mov eax, [ebp + VERSION]
        call print_number
        say 10
        ret
.none:  say "no disk: vmm run --disk FILE ...", 10
        inc byte [failures]
        jmp finish

set_up:
        mov dword [ebp + STATUS], 0
        mov dword [ebp + STATUS], ACKNOWLEDGE
        mov dword [ebp + STATUS], ACKNOWLEDGE | DRIVER
        mov dword [ebp + FEATURES_SEL], 0
        mov dword [ebp + FEATURES], WANT_FLUSH
        cmp dword [ebp + VERSION], 2
        je .version_2
        mov dword [ebp + PAGE_SIZE], 4096
        mov dword [ebp + QUEUE_SEL], 0
        mov dword [ebp + QUEUE_NUM], ENTRIES
        mov dword [ebp + QUEUE_ALIGN], 4096
        mov eax, descriptors
        shr eax, 12
        mov [ebp + QUEUE_PFN], eax
        mov dword [ebp + STATUS], ACKNOWLEDGE | DRIVER | DRIVER_OK
        ret
.version_2:
        mov dword [ebp + FEATURES_SEL], 1
        mov dword [ebp + FEATURES], 1   ; bit 32: version 1 of the specification
        mov dword [ebp + STATUS], ACKNOWLEDGE | DRIVER | FEATURES_OK
        test dword [ebp + STATUS], FEATURES_OK
        check "the features are accepted", nz
        mov dword [ebp + QUEUE_SEL], 0
        mov dword [ebp + QUEUE_NUM], ENTRIES
        mov dword [ebp + QUEUE_DESC], descriptors
        mov dword [ebp + QUEUE_DRIVER], available
        mov dword [ebp + QUEUE_DEVICE], used
        mov dword [ebp + QUEUE_DESC + 4], 0
        mov dword [ebp + QUEUE_DRIVER + 4], 0
        mov dword [ebp + QUEUE_DEVICE + 4], 0
        mov dword [ebp + QUEUE_READY], 1
        mov dword [ebp + STATUS], ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK
        ret

; A table of gates, and an interrupt controller that lets only the disk in.
set_up_interrupt:
        lidt [idt_pointer]
        movzx eax, byte [inputs + ebx]
        add eax, 0x20
        mov edx, on_disk
        mov cl, 0x8e
        call set_gate
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
        movzx ecx, byte [inputs + ebx]
        mov eax, 1 << 2                 ; the second controller's input
        bts eax, ecx
        not eax
        out 0x21, al
        mov al, ah
        out 0xa1, al
        ret

on_disk:
        push eax
        mov eax, [ebp + INT_STATUS]     ; EBP is the disk's everywhere
        mov [ebp + INT_ACK], eax
        inc byte [interrupts]
        mov al, 0x20
        out 0xa0, al
        out 0x20, al
        pop eax
        iret

; Asks for a request of type EAX, for [sector] and the data.
request:
        mov [type], eax
        mov byte [outcome], 0xff
        mov word [data_flags], DESC_NEXT | DESC_WRITE
        cmp eax, WRITE
        jne .flags
        mov word [data_flags], DESC_NEXT
.flags: mov word [first_next], 1
        cmp eax, FLUSH
        jne .next
        mov word [first_next], 2        ; no data
.next:  movzx eax, word [asked]
        and eax, ENTRIES - 1
        mov word [available + 4 + eax * 2], 0   ; the chain begins at descriptor 0
        inc word [asked]
        mov ax, [asked]
        mov [available + 2], ax
        mov dword [ebp + NOTIFY], 0
        ret

; The same, slept through to its end; AL is how it went, the zero flag that it went well.
transfer:
        mov ch, [interrupts]
        call request
.sleep: cli
        cmp ch, [interrupts]
        jne .done
        sti                             ; takes effect behind the next instruction: no interrupt can
        hlt                             ; come between the look and the sleep
        jmp .sleep
.done:  mov al, [outcome]
        test al, al
        ret

; The text of the sector that was read.
show:
        say "sector "
        mov eax, [sector]
        call print_number
        say ": "
        mov esi, data
.next:  lodsb
        cmp al, 10
        je .end
        call print_char
        cmp esi, data + 512
        jb .next
.end:   say 10
        ret

%include "lib32.inc"

        section .rodata
inputs: db 5, 9, 10, 11                 ; of the interrupt controllers, by slot
gdt_pointer:
        dw gdt.end - gdt - 1
        dd gdt
        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff           ; 0x08: ring 0 code, 0 to 4 GiB
        dq 0x00cf93000000ffff           ; 0x10: ring 0 data
.end:
idt_pointer:
        dw 48 * 8 - 1
        dd idt
message:
        db "written by the guest", 10
        times 512 - ($ - message) db ' '

        section .data
header: ; the first part of a request
type:   dd 0
        dd 0
sector: dq 0
asked:  dw 0                            ; requests so far
outcome:
        db 0
interrupts:
        db 0

        align 4096                      ; where version 1 wants the queue
descriptors:                            ; address, length, flags, the next one
        dd header, 0
        dd 16
        dw DESC_NEXT
first_next:
        dw 1
        dd data, 0
        dd 512
data_flags:
        dw 0, 2
        dd outcome, 0
        dd 1
        dw DESC_WRITE, 0
        times 16 * (ENTRIES - 3) db 0
available:                              ; flags, index, descriptors that begin a chain
        times 2 + ENTRIES dw 0
        align 4096
used:   dw 0, 0                         ; flags, index, pairs of descriptor and length
        times 2 * ENTRIES dd 0

        section .bss align=16
idt:    resb 48 * 8
data:   resb 512
        resb 4096
stack_top:
