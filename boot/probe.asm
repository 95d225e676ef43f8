; A guest that does, one after another, what guests need of a processor, and says so: each step
; ends with its number written to port 0x80. `vmm probe` runs it to learn whether a CPU engine works.
; Loaded at 0x10000 and started there in real mode (1000:0000), with everything above free.

%define BASE   0x10000
%define REPORT 0x80
%define SPUN   0x81
%define SPIN   5000                     ; instructions in a round of the loop at the end

        org 0
        bits 16

%macro step 1
        mov al, %1
        out REPORT, al
%endmacro

start:
        xor ax, ax                      ; 1: a real-mode interrupt through the table at 0
        mov es, ax
        mov word [es:0x40 * 4], real_handler
        mov [es:0x40 * 4 + 2], cs
        mov ax, cs
        mov ds, ax
        mov ss, ax
        mov sp, 0xfff0
        step 0                          ; the first instructions ran
        int 0x40
        step 1

        lgdt [gdt_pointer]              ; 2: protected mode, segments and task register loaded
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:BASE + protected

real_handler:
        iret

        bits 32
protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, BASE + 0xfff0
        mov ax, 0x28
        ltr ax
        lidt [BASE + idt_pointer]
        step 2

        int 0x30                        ; 3: an interrupt and its return
        step 3

        fninit                          ; 4: the FPU: 1 + 1 = 2
        fld1
        fld1
        faddp
        fistp dword [BASE + scratch]
        cmp dword [BASE + scratch], 2
        jne failed
        step 4

        mov edi, BASE + 0x20000         ; 5: paging: the first 4 MiB mapped onto themselves, and
        mov eax, 0x007                  ;    again at 4 MiB
        mov ecx, 1024
.page:  stosd
        add eax, 0x1000
        loop .page
        mov dword [BASE + 0x21000], BASE + 0x20000 + 7
        mov dword [BASE + 0x21004], BASE + 0x20000 + 7
        mov eax, BASE + 0x21000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov dword [BASE + scratch + 0x400000], 0x12345678
        cmp dword [BASE + scratch], 0x12345678
        jne failed
        step 5

        push dword 0x23                 ; 6: to ring 3 by IRET, and back by an interrupt
        push dword BASE + 0xe000
        push dword 0x3002               ; IOPL 3, so that ring 3 may reach the ports
        push dword 0x1b
        push dword BASE + user
        iret
user:
        mov ax, 0x23
        mov ds, ax
        int 0x31
back:                                   ; handler of 0x31: ring 0 again
        mov ax, 0x10
        mov ds, ax
        step 6

        step 7                          ; 7: the VMM now wants a window and injects 0x32
        sti
.wait:  cmp byte [BASE + arrived], 1
        jne .wait
        step 8                          ; 8: HLT, woken by 0x32 once more
        hlt
        cmp byte [BASE + arrived], 2
        jne failed
        cli
        step 9

.round: mov ecx, SPIN / 2               ; from now on: a plain loop, again and again; the VMM
.spin:  dec ecx                         ; takes the time between two writes
        jnz .spin
        out SPUN, al
        jmp .round
failed:
        hlt                             ; with interrupts off: no further step will come

handler:
        iret
counter:
        inc byte [BASE + arrived]
        iret

scratch: dd 0
arrived: db 0

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
        dq 0x00cffa000000ffff
        dq 0x00cff2000000ffff
        dw tss_end - tss - 1, tss, 0x8900 | BASE >> 16, 0
gdt_end:
gdt_pointer:
        dw gdt_end - gdt - 1
        dd BASE + gdt

%macro gate 2
        dw %1, 0x08, %2, BASE >> 16
%endmacro
idt:    times 0x30 dq 0
        gate handler, 0x8e00            ; 0x30
        gate back, 0xee00               ; 0x31, open to ring 3
        gate counter, 0x8e00            ; 0x32
idt_end:
idt_pointer:
        dw idt_end - idt - 1
        dd BASE + idt

        align 4
tss:    dd 0, BASE + 0xd000, 0x10       ; ESP0, SS0
        times 22 dd 0
        dd 104 << 16                    ; no I/O bitmap
tss_end:
