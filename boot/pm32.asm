; What the VMM places at 0x1000 for a 32-bit guest: the entry into protected mode with an interrupt
; controller ready to use, a flat GDT, an IDT whose handlers explain exceptions and acknowledge
; interrupts. A guest that loads its own tables leaves all this behind.

        bits 32
        org 0x1000

%define KERNEL_CODE 0x08
%define KERNEL_DATA 0x10
%define USER_CODE   0x18
%define USER_DATA   0x20

%define HYPERCALL 0x500
%define HC_FAULT    0x05
%define HC_RETURNED 0x06
%define HC_INT      0x07

%define PIC1 0x20
%define PIC2 0xa0
%define EOI  0x20

stack   equ 0x9f000 - 4             ; in low memory, far from what images use

; struct pm32_header of vmm/machine/boot.c
header:
        dd entry
guest_entry:
        dd 0                            ; filled in by the VMM
        dd stack                        ; the first ESP
        dd gdt, gdt_end - gdt
        dd idt, idt_end - idt
        dd returned                     ; what a return from the guest's entry finds on the stack

; How often each IRQ came to the default handlers, for a guest that wants to know: 16 dwords at
; 0x1020, counted since the start.
        times 0x20 - ($ - $$) db 0
irq_count:
        times 16 dd 0

; The CPU starts here: protected mode, flat segments, interrupts off.
entry:
        mov al, 0x11                    ; ICW1: edge triggered, cascade, ICW4 follows
        out PIC1, al
        out PIC2, al
        mov al, 0x20                    ; ICW2: IRQ 0-7 at vectors 0x20-0x27
        out PIC1 + 1, al
        mov al, 0x28                    ; IRQ 8-15 at 0x28-0x2f
        out PIC2 + 1, al
        mov al, 0x04                    ; ICW3: the slave is at input 2
        out PIC1 + 1, al
        mov al, 0x02
        out PIC2 + 1, al
        mov al, 0x01                    ; ICW4: 8086 mode
        out PIC1 + 1, al
        out PIC2 + 1, al
        xor eax, eax                    ; all inputs open: each has a handler
        out PIC1 + 1, al
        out PIC2 + 1, al
        jmp [guest_entry]

; A guest's entry that returns comes here.
returned:
        mov al, HC_RETURNED
        mov edx, HYPERCALL
        out dx, al
        cli
        hlt

; ---- interrupts: count, acknowledge, return ----

irq_common:                             ; on the stack: vector, EIP, CS, EFLAGS
        push eax
        push edx
        mov edx, [esp + 8]
        sub edx, 0x20
        inc dword [ss:irq_count + edx * 4]
        call show_int
        mov al, EOI
        cmp edx, 8
        jb .master
        out PIC2, al
.master:
        out PIC1, al
        pop edx
        pop eax
        add esp, 4
        iret

; An INT of a vector that is an IRQ's comes here, too. Where INT and this vector are before EIP the
; VMM is asked to say so. They are looked for only where that can't fault: without paging, in the
; handlers' own segment, if it may be read.
show_int:                               ; on the stack: back, EDX, EAX, vector, EIP, CS, EFLAGS
        mov eax, cr0
        test eax, eax
        js .out
        mov eax, cs
        cmp [esp + 20], ax
        jne .out
        verr ax
        jnz .out
        mov eax, [esp + 16]
        cmp eax, 2
        jb .out
        mov eax, [cs:eax - 2]
        cmp al, 0xcd
        jne .out
        cmp ah, [esp + 12]
        jne .out
        push ebx
        push edx
        lea ebx, [esp + 16]             ; struct int_frame of vmm/machine/end.c
        mov al, HC_INT
        mov edx, HYPERCALL
        out dx, al
        pop edx
        pop ebx
.out:   ret

; ---- exceptions: hand the frame to the VMM, which names it and ends the guest ----

exception_common:                       ; on the stack: vector, error code, EIP, CS, EFLAGS
        pushad
        mov ebx, esp                    ; struct fault_frame of vmm/machine/machine.c
        mov al, HC_FAULT
        mov edx, HYPERCALL
        out dx, al
.stay:  cli
        hlt
        jmp .stay

; ---- the stubs: one for each vector, so that the handler knows which it was ----

%define STUB_SIZE 16

        align STUB_SIZE
stubs:
%assign vector 0
%rep 256
        align STUB_SIZE, db 0xcc
  %if vector >= 0x20 && vector < 0x30
        push dword vector
        jmp strict near irq_common
  %else
    %if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 \
          || vector == 29 || vector == 30)
        push dword 0                    ; the CPU pushes no error code for these
    %endif
        push dword vector
        jmp strict near exception_common
  %endif
%assign vector vector + 1
%endrep

        align 8
gdt:
        dq 0
        dq 0x00cf9a000000ffff           ; 0x08: ring 0 code, 0 to 4 GiB
        dq 0x00cf92000000ffff           ; 0x10: ring 0 data
        dq 0x00cffa000000ffff           ; 0x18: ring 3 code
        dq 0x00cff2000000ffff           ; 0x20: ring 3 data
gdt_end:

; Interrupt gates, DPL 0, except that ring 3 may use INT3 and INTO.
idt:
%assign vector 0
%rep 256
  %assign handler 0x1000 + (stubs - $$) + vector * STUB_SIZE
        dw handler & 0xffff
        dw KERNEL_CODE
        db 0
  %if vector == 3 || vector == 4
        db 0xee
  %else
        db 0x8e
  %endif
        dw handler >> 16
%assign vector vector + 1
%endrep
idt_end:
