; The bench's guest, one Multiboot ELF for all emulators: disk.asm starts the same file from a BIOS.
; Parts are chosen on the kernel's command line (parts.inc). On port 0xE9: "start" with its first
; instructions, the lines of the parts, "done". Paged with 4 KiB pages; interrupts off but where a
; part is about them.

%include "parts.inc"

HEADER_MAGIC equ 0x1badb002
HEADER_FLAGS equ 0
INFO_CMDLINE equ 1 << 2                 ; of the Multiboot information's flags

CONSOLE      equ 0xe9
CLOCK_COUNT  equ 11932                  ; 10 ms of 1193182 Hz
IDLE_PORT    equ 0x80
ABSENT_PORT  equ 0xe0                   ; no device is there
MMIO         equ 0xfeb00000             ; registers of a device, or nothing: no RAM
REAL         equ 0x8000                 ; where the real-mode part is put
FAULT_AREA   equ 0x40000000             ; linear; not present until it faults
FAULT_PAGES  equ 64

STORM        equ 1000                   ; port writes, MMIO reads, system calls, products in real mode
FAULT_ROUNDS equ 16
HALTS        equ 10

; 8254 PIT, 8259A PIC, system control port B
PIT0         equ 0x40
PIT2         equ 0x42
PIT_COMMAND  equ 0x43
MODE0        equ 0x30                   ; of channel 0, low byte first
MODE2        equ 0x34
MODE3_CH2    equ 0xb6
PORT_B       equ 0x61
PIC          equ 0x20
PIC_IMR      equ 0x21
EOI          equ 0x20
READ_IRR     equ 0x0a

; Selectors
CODE0        equ 0x08
DATA0        equ 0x10
CODE3        equ 0x18 | 3
DATA3        equ 0x20 | 3
TSS          equ 0x28
CODE16       equ 0x30
DATA16       equ 0x38

        section .multiboot
        align 4
        dd HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)

        section .text
        global start
start:
        cli
        mov esp, stack_top
        push ebx
        mov esi, text_start
        call print
        pop ebx
        test dword [ebx], INFO_CMDLINE
        jz $                            ; nothing to do is a mistake
        mov esi, [ebx + 16]
        mov edi, command_line
        mov ecx, COMMAND_SIZE - 1
        rep movsb
        call set_tables
        call set_paging
        call set_chips
        mov eax, cr0
        and al, ~0x0c                   ; EM, TS
        mov cr0, eax
        fninit
        call touch
        mov esi, command_line
        call run_parts
        mov esi, text_done
        call print
.halt:  cli
        hlt
        jmp .halt

put_byte:
        out CONSOLE, al
        ret

; ---- storms: what makes an emulator leave its fast path ----

ports:
        xor eax, eax
.next:  out IDLE_PORT, al
        inc eax
        cmp eax, STORM
        jb .next
        ret

mmio:
        xor eax, eax
.next:  mov edx, [MMIO]
        inc eax
        cmp eax, STORM
        jb .next
        ret

; storm NAME, INSTRUCTION: that instruction STORM times, with all ones in AL.
%macro storm 2
        section .text
storm_%1:
        mov eax, 0xff
        mov ecx, STORM
.next:  %2
        dec ecx
        jnz .next
        mov eax, STORM
        ret
        part %str(%1), nothing, storm_%1, nothing, STORM
%endmacro

no_operation:                           ; #UD
        add dword [esp], 2              ; behind UD2
        iret

trap:   iret

; mix ROUNDS: the integer loop, with a port write after each so many rounds.
%macro mix 1
        section .text
mix_%1: mov eax, 1
        xor ebx, ebx
        mov esi, ROUNDS / %1
.next:  xorshift %1
        out IDLE_PORT, al
        dec esi
        jnz .next
        mov eax, ebx
        ret
        part %str(mix%1), nothing, mix_%1, nothing, RESULT_integer
%endmacro

; From ring 3 to ring 0 and back.
syscalls:
        mov [tss + 4], esp              ; ESP0: what both gates start with
        xor eax, eax
        mov ecx, STORM
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

; Pages that are not there: each access is a fault, whose handler puts the page there.
faults:
        mov ebx, [events]
        mov edx, FAULT_ROUNDS
.round: mov esi, FAULT_AREA
        mov ecx, FAULT_PAGES
.touch: mov eax, [esi]
        add esi, PAGE
        dec ecx
        jnz .touch
        mov edi, fault_table
        mov ecx, FAULT_PAGES
        xor eax, eax
        rep stosd
        mov eax, cr3                    ; and forgotten by the TLB
        mov cr3, eax
        dec edx
        jnz .round
        mov eax, [events]
        sub eax, ebx
        ret

page_fault:
        push eax
        mov eax, cr2
        shr eax, 12
        and eax, FAULT_PAGES - 1
        mov dword [fault_table + eax * 4], flags + 3
        inc dword [events]
        pop eax
        add esp, 4                      ; the error code
        iret

; one_shot CLOCKS: IRQ 0 once, after that many.
%macro one_shot 1
        mov al, MODE0
        out PIT_COMMAND, al
        mov al, %1
        out PIT0, al
        mov al, 0
        out PIT0, al
%endmacro

; Opens IRQ 0, with nothing pending and the timer still.
open_timer:
        mov al, READ_IRR
        out PIC, al
        mov al, 0xfe
        out PIC_IMR, al
        call take_interrupt
        one_shot 2
.wait:  in al, PIC
        test al, 1
        jz .wait
take_interrupt:
        sti
        nop
        nop
        cli
        ret

stop_timer:
        mov al, 0xff
        out PIC_IMR, al
        one_shot 2                      ; a mode alone does not stop every timer
        ret

timer:
        push eax
        inc dword [events]
        mov al, EOI
        out PIC, al
        pop eax
        iret

; The integer loop, while the timer interrupts it.
%macro ticks_at 1                       ; Hz
        part %str(tick%1), start_%1_hz, ticked, stop_timer, RESULT_integer
%endmacro

start_10000_hz:
        mov ecx, 1193182 / 10000
        jmp start_ticks
start_200_hz:
        mov ecx, 1193182 / 200
        jmp start_ticks
start_100_hz:
        mov ecx, 1193182 / 100

start_ticks:                            ; each ECX of the PIT's clocks
        call open_timer
        mov al, MODE2
        out PIT_COMMAND, al
        mov al, cl
        out PIT0, al
        mov al, ch
        out PIT0, al
        ret

ticked: sti
        call integer
        cli
        ret

; HLT, and a timer that ends it. The timer goes on, so that a wait that missed its tick has another: the
; lab's processor lets an interrupt in between STI and HLT now and then (tests/lab/README.md).
halts:
        xor ecx, ecx
.next:  mov edx, [events]
.wait:  sti
        hlt
        cli
        cmp edx, [events]
        je .wait
        inc ecx
        cmp ecx, HALTS
        jb .next
        mov eax, ecx
        ret

; An interrupt that has to wait for STI.
windows:
        mov ebx, [events]
        mov ecx, HALTS
.next:  mov edx, [events]
        one_shot 2
.wait:  in al, PIC
        test al, 1
        jz .wait
        sti
.taken: cmp edx, [events]
        je .taken
        cli
        dec ecx
        jnz .next
        mov eax, [events]
        sub eax, ebx
        ret

; ---- time ----

; The PIT's channel 2 as a square wave, whose next period is to begin.
start_wave:
        in al, PORT_B
        and al, 0xfc
        or al, 1                        ; the gate open, the speaker off
        out PORT_B, al
        mov al, MODE3_CH2
        out PIT_COMMAND, al
        mov al, CLOCK_COUNT & 0xff
        out PIT2, al
        mov al, CLOCK_COUNT >> 8
        out PIT2, al

; A period of it: what the guest takes for 10 ms.
wait_clock:
        in al, PORT_B
        test al, 0x20                   ; OUT of channel 2
        jnz wait_clock
.low:   in al, PORT_B
        test al, 0x20
        jz .low
        xor eax, eax
        ret

; ---- real mode ----

; STORM products of 10 x 10 words, in real mode; a checksum of them all.
real_products:
        mov esi, real_code
        mov edi, REAL
        mov ecx, real_end - real_code
        rep movsb
        mov [real_stack], esp
        mov eax, cr0
        and eax, ~0x80000000            ; paging off: these pages are where they are
        mov cr0, eax
        jmp CODE16:0
.back:  mov dx, DATA0
        mov ds, dx
        mov es, dx
        mov ss, dx
        mov esp, [real_stack]
        mov edx, cr0
        or edx, 0x80000000
        mov cr0, edx
        movzx eax, ax
        ret

        section .rodata
        bits 16
WORDS        equ 10
MATRIX       equ WORDS * WORDS * 2      ; bytes
A            equ 0x1000                 ; in the segment
B            equ A + MATRIX
C            equ B + MATRIX
real_code:
        mov ax, DATA16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov eax, cr0
        and al, ~1
        mov cr0, eax
        jmp REAL >> 4:real_start - real_code
real_start:
        mov ax, cs
        mov ds, ax
        mov ss, ax
        mov sp, A
        mov di, A
        xor ax, ax
.fill:  mov [di], ax
        lea bx, [di + B - A]
        mov [bx], ax
        add word [bx], 7
        add di, 2
        inc ax
        cmp ax, WORDS * WORDS
        jb .fill
        xor ax, ax                      ; the checksum
        mov cx, STORM
.product:
        push cx
        push ax
        mov di, C
        mov si, A
.row:   mov bx, B
.column:
        mov cx, WORDS
        xor bp, bp
.next:  mov ax, [si]
        imul word [bx]
        add bp, ax
        add si, 2
        add bx, WORDS * 2
        dec cx
        jnz .next
        mov [di], bp
        add di, 2
        sub si, WORDS * 2
        sub bx, MATRIX - 2
        cmp bx, B + WORDS * 2
        jb .column
        add si, WORDS * 2
        cmp si, A + MATRIX
        jb .row
        pop ax
        mov di, C
.sum:   rol ax, 1
        add ax, [di]
        add di, 2
        cmp di, C + MATRIX
        jb .sum
        pop cx
        dec cx
        jnz .product

        mov edx, cr0
        or dl, 1
        mov cr0, edx
        jmp dword CODE0:real_products.back
real_end:
        bits 32

; ---- setting up ----

        section .text
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
        mov esi, gates
.gate:  lodsd                           ; an interrupt gate for ring 3, too
        test eax, eax
        jz .done
        lea edi, [idt + eax * 8]
        lodsd
        mov edx, eax
        and eax, 0xffff
        or eax, CODE0 << 16
        stosd
        mov eax, edx
        mov ax, 0xee00
        stosd
        jmp .gate
.done:  lidt [idt_pointer]
        ret

; The first 4 MiB where they are, for everyone; MMIO; the pages that fault.
set_paging:
        mov edi, page_table
        mov eax, 7
.page:  stosd
        add eax, PAGE
        cmp eax, 0x400000
        jb .page
        mov dword [page_directory], page_table + 7
        mov dword [page_directory + (MMIO >> 22) * 4], mmio_table + 3
        mov dword [mmio_table + (MMIO >> 12 & 1023) * 4], MMIO + 0x13   ; not cached
        mov dword [page_directory + (FAULT_AREA >> 22) * 4], fault_table + 3
        mov eax, page_directory
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        ret

; Vectors 0x20 to 0x2F for the interrupt controllers, all masked; the timer stopped.
set_chips:
        mov esi, chips
.next:  lodsw
        movzx edx, al
        mov al, ah
        test edx, edx
        jz .done
        out dx, al
        jmp .next
.done:  jmp stop_timer

        section .rodata
text_start: db "start", 10, 0
text_done:  db "done", 10, 0

chips:  db 0x20, 0x11, 0x21, 0x20, 0x21, 4, 0x21, 1, 0x21, 0xff        ; port, value
        db 0xa0, 0x11, 0xa1, 0x28, 0xa1, 2, 0xa1, 1, 0xa1, 0xff
        db 0, 0

gates:  dd 0x06, no_operation, 0x0e, page_fault, 0x20, timer, 0x80, service, 0x81, leave_user, 0x82, trap, 0

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
        dq 0x00009a000000ffff | REAL << 16      ; 16 bits, 64 KiB
        dq 0x000092000000ffff
.end:

        align 16
tss:    dd 0, 0, DATA0
        times 22 dd 0
        dd 0x68 << 16                   ; no I/O bitmap

        align 4
parts:  computations
        part "clock", start_wave, wait_clock, nothing, 0
        part "real10", nothing, real_products, nothing, RESULT_real
        part "syscall", nothing, syscalls, nothing, STORM
        part "fault", nothing, faults, nothing, FAULT_ROUNDS * FAULT_PAGES
        part "port", nothing, ports, nothing, STORM
        part "mmio", nothing, mmio, nothing, STORM
        part "halt", start_200_hz, halts, stop_timer, HALTS
        part "window", open_timer, windows, stop_timer, HALTS
        ticks_at 10000
        ticks_at 100
        mix 10
        mix 100
        mix 1000
        mix 10000
        storm in, {in al, PORT_B}
        storm mask, {out PIC_IMR, al}
        storm absent, {out ABSENT_PORT, al}
        storm int, {int 0x82}
        storm ud, ud2
        section .data
        dd 0

        section .bss
        resb -($ - $$) & (PAGE - 1)     ; to a page's begin
page_directory: resb 4096
page_table:     resb 4096
mmio_table:     resb 4096
fault_table:    resb 4096
                resb 4096
stack_top:      resb 4096
user_stack_top:
idt:            resb 0x83 * 8
.end:
real_stack:     resd 1
COMMAND_SIZE    equ 1024
command_line:   resb COMMAND_SIZE
