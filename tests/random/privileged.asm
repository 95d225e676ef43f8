; A program of random things that only ring 0 can prepare: descriptors of every kind loaded, asked for
; and called through, gates, returns, tasks, page tables, virtual-8086 mode. What became of eight of
; them it prints in a line, as a number that depends on all; from a given step on it prints each in
; full. There is nothing it expects; tests/random.sh compares two processors.
;
; What QEMU's processor is known to do otherwise is kept out, or out of the line: each such place says
; so with "QEMU:". Beside the gaps in tests/conformance/lab.list these are:
;   - the upper word of the offset counts in 16-bit gates (SDM vol. 3, 21.4: their offsets have 16 bits)
;   - a stack segment that IRET or RETF loads doesn't become accessed (SDM vol. 3, 3.4.5.1)
;   - writes through CS are allowed (SDM vol. 3, 3.4.5.1)

%include "suite.inc"
%include "paging.inc"

T equ SLOT                              ; the other task
RANDOM equ SLOT + 8                     ; descriptors made anew for each step: eight, ...
GATE equ SLOT + 80                      ; a call gate
TASKGATE equ SLOT + 88
N equ 0x98                              ; a vector
PAGES_IN_PLAY equ 8
RETURN_FAR equ (start.return_far - start.kinds) / 4
RETURN_INTERRUPT equ RETURN_FAR + 1

; A number below %1 in EAX.
%macro below 1
        push dword %1
        call random_below
%endmacro

; One of the doublewords of a list, in EAX.
%macro pick 1+
        below (%%end - %%list) / 4
        mov eax, [%%list + eax * 4]
        [section .data]
        align 4, db 0
%%list: dd %1
%%end:
        __?SECT?__
%endmacro

start:
        mov eax, [seed]
        imul eax, eax, 0x9e3779b1
        or eax, 1
        mov [state], eax
        mov edi, stop                   ; the same place for 16-bit gates and IP
        and edi, 0xffff
        mov dword [edi], 0x90cd90cd     ; INT STOP
        call paging_on
.step:
        call new_world
        below (.kinds_end - .kinds) / 4
        mov [kind], eax
        xor ecx, ecx
        mov [watched], ecx
        call [.kinds + eax * 4]         ; EAX: what to do, ECX: in which ring
        mov [action], eax
        test ecx, ecx
        jz .do
        pick 0x002, 0x002, 0x3002
        mov [flags_there], eax
        to_ring 3, [flags_there]
.do:    mov eax, [value]
        mov ecx, [value + 4]
        mov edx, [value + 8]
        xor ebx, ebx
        try
        jmp [ss:action]
%$after:
%pop
        mov ax, cs
        test al, 3
        jz .zero
        to_ring_0
.zero:  push ds
        pop es
        call report
        call tidy
        inc dword [step]
        mov eax, [step]
        cmp eax, [steps]
        jb .step
        done

        [section .data]
        align 4, db 0
.kinds: dd load_segment, load_stack, ask, load_system, call_gate, software_interrupt, switch_task
        dd touch_page, touch_page, touch_page, privileged, pop_flags, enter_v86, exception
.return_far:
        dd return_far, return_interrupt
.kinds_end:
        __?SECT?__

; ---- what is done: each prepares it, and returns the address of the instruction ----

; EAX: 0 or 3
random_ring:
        below 2
        imul eax, eax, 3
        ret

; EAX: a selector of anything, with any RPL.
random_selector:
        below 4
        test eax, eax
        jnz .random
        pick 0, CODE0, DATA0, CODE3, DATA3, CODE1, DATA1, TSS, LDT, T, GDT_LIMIT + 1, LOCAL, LOCAL + 64, GATE
        jmp .rpl
.random:
        below 8
        lea eax, [RANDOM + eax * 8]
.rpl:   and eax, ~3
        push eax
        below 4
        or eax, [esp]
        add esp, 4
        ret

load_segment:
        call random_selector
        mov [value], eax
        call random_ring
        mov ecx, eax
        pick .es, .ds, .fs, .gs, .pop_fs, .lgs
        ret
.es:    mov es, ax
        int STOP
.ds:    mov ds, ax
        int STOP
.fs:    mov fs, ax
        int STOP
.gs:    mov gs, ax
        int STOP
.pop_fs:
        push eax
        pop fs
        int STOP
.lgs:   push eax
        push ecx
        lgs ebx, [esp]
        int STOP

load_stack:                             ; in ring 0 what comes next needs the stack
        call random_selector
        mov [value], eax
        mov ecx, 3
        mov eax, .ss
        ret
.ss:    mov ss, ax
        int STOP

ask:
        call random_selector
        mov [value], eax
        call random_ring
        mov ecx, eax
        pick .lar, .lar16, .lsl, .lsl16, .verr, .verw, .arpl
        ret
; ZF and the register. LAR leaves four bits open; QEMU: a stack that IRET or RETF loads doesn't become
; accessed.
.lar:   lar ecx, eax
        lahf
        and ecx, 0xf0fe00
        int STOP
.lar16: lar cx, ax
        lahf
        and ch, ~ACCESSED
        int STOP
.lsl:   lsl ecx, eax
        lahf
        int STOP
.lsl16: lsl cx, ax
        lahf
        int STOP
.verr:  verr ax
        lahf
        int STOP
.verw:  verw ax
        lahf
        int STOP
.arpl:  arpl ax, cx
        setz bl
        int STOP

; LDTR and TR. QEMU: LTR of null.
load_system:
        call random_selector
        mov [value], eax
        and eax, 0xfff8
        jz load_system
        add eax, gdt + 5
        mov [watched], eax              ; the busy bit
        call random_ring
        mov ecx, eax
        pick .lldt, .ltr
        ret
.lldt:  lldt ax
        sldt ecx
        int STOP
.ltr:   ltr ax
        str ecx
        int STOP

random_call_gate:
        push dword GATE
        call random_selector
        push eax
        push dword stop
        below 32
        push eax
        pick CALL_32, CALL_32, CALL_32, CALL_32 & ~ABSENT, CALL_16
        mov ecx, eax
        test al, 8
        jnz .dpl
        mov word [esp + 6], 0           ; QEMU: counts for 16-bit gates, too
.dpl:
        pick DPL(0), DPL(1), DPL(3), DPL(3)
        or eax, ecx
        pop ecx
        shl eax, 8
        or eax, ecx
        push eax
        call set_gate_descriptor
        ret

call_gate:
        call random_call_gate
        mov ebx, gdt + RANDOM
.conforms:                              ; QEMU: conforming code changes the ring
        mov al, [ebx + 5]
        and al, 0x18
        cmp al, 0x18
        jne .data
        and byte [ebx + 5], ~4
.data:  add ebx, 8
        cmp ebx, gdt + RANDOM + 64
        jb .conforms
        below 4
        or eax, GATE
        mov [pointer + 4], ax
        call random_ring
        mov ecx, eax
        pick .call, .call, .jump
        cmp eax, .jump
        jne .end
        mov ebx, gdt + RANDOM           ; QEMU: a jump to code that isn't present is #GP
.jumped:
        or byte [ebx + 5], ABSENT
        add ebx, 8
        cmp ebx, gdt + RANDOM + 64
        jb .jumped
.end:   ret
.call:  call far dword [pointer]
.jump:  jmp far dword [pointer]

software_interrupt:
        push dword N
        call random_selector
        push eax
        push dword stop
        pick INTERRUPT_32, INTERRUPT_32, TRAP_32, INTERRUPT_16, TRAP_16, TASK_GATE, CALL_32, DATA, TSS_32, INTERRUPT_32 & ~ABSENT
        cmp eax, TASK_GATE
        jne .no_task
        mov dword [esp + 4], T          ; to a good task
.no_task:
        test al, 8
        jnz .dpl
        mov word [esp + 2], 0           ; as above
.dpl:   mov ecx, eax
        pick DPL(0), DPL(3), DPL(3)
        or eax, ecx
        shl eax, 8
        push eax
        call set_gate
        call random_ring
        mov ecx, eax
        mov eax, .int
        ret
.int:   int N

; RETF and IRET to random code and stacks. EFLAGS: any that are harmless; NT, TF and VM are not.
random_frame:
        call random_selector
        mov [frame_cs], eax
        call random_selector
        mov [frame_ss_], eax
        call random
        and eax, 0x00248ed5 | EFLAGS_IOPL       ; a processor without VME has neither VIF nor VIP
        and eax, ~(EFLAGS_RF | EFLAGS_AC)
        or eax, 2
        mov [frame_flags], eax
        mov dword [frame_eip], stop
        call random_ring
        mov ecx, eax
        ret

return_far:
        call random_frame
        mov eax, .retf
        ret
.retf:  push dword [frame_ss_]
        push dword stack3_top
        push dword [frame_cs]
        push dword [frame_eip]
        retf

return_interrupt:
        call random_frame
        mov eax, .iret
        ret
.iret:  push dword [frame_ss_]
        push dword stack3_top
        push dword [frame_flags]
        push dword [frame_cs]
        push dword [frame_eip]
        iretd

; To a task by a TSS descriptor or gate. What is wrong is so in the old task. (QEMU: faults in the
; new one.)
switch_task:
        pick TSS_32, TSS_32, TSS_32, TSS_32 | BUSY, TSS_32 & ~ABSENT, LDT_TYPE, TSS_32 | DPL(3)
        mov [gdt + T + 5], al
        pick 103, 103, 103, 102, 4095
        mov [gdt + T], ax
        mov ecx, 8
.register:
        call random
        mov [task + 40 - 4 + ecx * 4], eax
        loop .register
        mov dword [task + 56], task_stack_top
        call random
        and eax, 0x8d5
        or eax, 2
        mov [task + 36], eax
        pick DATA0, DATA3, 0
        mov [task + 88], eax
        push dword TASKGATE
        push dword T
        push dword 0
        pick TASK_GATE, TASK_GATE | DPL(3), TASK_GATE & ~ABSENT
        shl eax, 8
        push eax
        call set_gate_descriptor
        pick T, T, TASKGATE, T | 3, TASKGATE | 3
        mov [pointer + 4], ax
        call random_ring
        mov ecx, eax
        mov dword [watched], gdt + T + 5
        pick call_gate.call, call_gate.jump
        ret

; Some pages with other rights; the TLB is told as far as it must be: not when a page was absent.
touch_page:
        below 4
        lea ecx, [eax + 1]
.change:
        push ecx
        below PAGES_IN_PLAY
        mov edi, eax
        below PAGES_IN_PLAY
        shl eax, 12
        lea ebx, [FRAME + eax]
        pick PG_P | PG_W | PG_U, PG_P | PG_W | PG_U, PG_P | PG_U, PG_P | PG_W, PG_P, 0, PG_W | PG_U, PG_P | PG_W | PG_U | PG_A | PG_D
        or ebx, eax
        mov eax, [PLAY_TABLE + edi * 4]
        mov [PLAY_TABLE + edi * 4], ebx
        shl edi, 12
        test al, PG_P
        jz .next
        below 2
        test eax, eax
        jz .all
        invlpg [PLAYGROUND + edi]
        jmp .next
.all:   mov eax, cr3
        mov cr3, eax
.next:  pop ecx
        loop .change
        pick PG_P | PG_W | PG_U, PG_P | PG_W | PG_U, PG_P | PG_W | PG_U, PG_P | PG_U, PG_P | PG_W, PG_W | PG_U
        mov ecx, [PLAY_PDE]
        and ecx, PG_A | ~0xfff
        or eax, ecx
        mov [PLAY_PDE], eax
        mov eax, cr3
        mov cr3, eax
        mov eax, cr0
        and eax, ~CR0_WP
        mov ecx, eax
        below 2
        shl eax, 16
        or eax, ecx
        mov cr0, eax
        below PAGES_IN_PLAY
        mov [watched], eax
        shl eax, 12
        mov ecx, eax
        pick 0, 4, 0x7fc, 0xffc, 0xffe, 0xfff, 0xfff
        lea eax, [PLAYGROUND + eax + ecx]
        mov [value + 4], eax
        mov eax, [watched]
        lea eax, [PLAY_TABLE + eax * 4]
        mov [watched], eax
        call random
        mov [value], eax
        call random_ring
        mov ecx, eax
        pick .read, .write, .read_byte, .write_byte, .push, .pop, .movs, .stos
        cmp eax, .push                  ; in ring 0 the exception needs the stack
        jne .any
        mov ecx, 3
.any:   ret
.read:  mov edx, [ecx]
        int STOP
.write: mov [ecx], eax
        int STOP
.read_byte:
        mov dl, [ecx]
        int STOP
.write_byte:
        mov [ecx], al
        int STOP
.push:  lea ebx, [esp]
        lea esp, [ecx + 4]
        push eax
        mov esp, ebx
        int STOP
.pop:   push dword [ecx]
        pop edx
        int STOP
.movs:  mov esi, ecx
        mov edi, PLAYGROUND + 0x2ff0
        mov ecx, 8
        rep movsd
        int STOP
.stos:  mov edi, ecx
        mov ecx, 8
        rep stosd
        int STOP

; Instructions of ring 0, from either. (No loads that would end the program.)
privileged:
        call random_ring
        mov ecx, eax
        pick .hlt, .cli, .clts, .in, .out, .outs, .read_cr0, .read_cr4, .read_dr7, .write_cr2, .write_cr3, .bad_cr0, .bad_cr4, .rdmsr, .invlpg, .wbinvd, .smsw, .lmsw, .sgdt, .bad_cr0_2
        cmp eax, .hlt                   ; in ring 0 it would wait for ever
        je .other
        ret
.other: mov ecx, 3
        ret
.hlt:   hlt
        int STOP
.cli:   cli
        int STOP
.clts:  clts
        mov ecx, cr0
        int STOP
.in:    in al, 0x61
        xor eax, eax
        int STOP
.out:   out 0x80, al
        int STOP
.outs:  mov esi, gdt
        mov dx, 0x80
        outsb
        int STOP
.read_cr0:
        mov ecx, cr0
        and ecx, 0x8001002f
        int STOP
.read_cr4:
        mov ecx, cr4
        int STOP
.read_dr7:
        mov ecx, dr7
        int STOP
.write_cr2:
        mov cr2, eax
        mov ecx, cr2
        int STOP
.write_cr3:
        mov ecx, cr3
        mov cr3, ecx
        int STOP
.bad_cr0:
        mov eax, CR0_PG
        mov cr0, eax
        int STOP
.bad_cr0_2:
        mov eax, cr0
        or eax, 0x20000000              ; NW without CD
        and eax, ~0x40000000
        mov cr0, eax
        int STOP
.bad_cr4:
        mov eax, 0x80000000
        mov cr4, eax
        int STOP
.rdmsr: mov ecx, 0xdeadbeef
        rdmsr
        int STOP
.invlpg:
        invlpg [PLAYGROUND]
        int STOP
.wbinvd:
        wbinvd
        int STOP
.smsw:  smsw ecx
        and ecx, 0x2f
        int STOP
.lmsw:  mov eax, cr0
        or al, CR0_TS
        lmsw ax
        mov ecx, cr0
        and ecx, 0x2f
        clts
        int STOP
.sgdt:  sgdt [scratch]
        mov ecx, [scratch]
        int STOP

; Which flags can be changed. TF, NT and VM stay clear, and the interrupt controllers are masked.
pop_flags:
        call random
        and eax, ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_VM | EFLAGS_AC)
        mov [value], eax
        call random_ring
        mov ecx, eax
        pick .popfd, .popf
        ret
.popfd: push eax
        popfd
        pushfd
        pop ecx
        push dword 2
        popfd
        int STOP
.popf:  push ax
        popf
        pushfd
        pop ecx
        push dword 2
        popfd
        int STOP

; In low memory: a few instructions, with every IOPL.
enter_v86:
        mov edi, 0x8000
        pick 0x90cdfa90, 0x90cd9c90, 0x90cd9d50, 0x90cdcc90, 0x90cd98cd, 0x90cd80e6, 0x90cd80e4, 0x90cd0b0f, 0x90cdd88e, 0x90cdf4f4, 0x90cdfbfb, 0x90cdf6f7
        mov [edi], eax
        mov dword [edi + 4], 0x90cd90cd
        call random
        and eax, 0xffff
        mov [value], eax
        pick 0, 0x1000, 0x2000, 0x3000, 0x3000
        or eax, EFLAGS_VM | 2
        mov [frame_flags], eax
        push dword N                    ; for INT N: to ring 0, if it may
        push dword CODE0
        push dword stop
        pick INTERRUPT_32, TRAP_32, INTERRUPT_32 | DPL(3), TRAP_32 | DPL(3)
        shl eax, 8
        push eax
        call set_gate
        xor ecx, ecx
        mov eax, .go
        ret
.go:    push dword 0x4444               ; GS FS DS ES SS ESP
        push dword 0x3333
        push dword 0x2222
        push dword 0x1111
        push dword 0x0700
        push dword 0x0ff0
        push dword [frame_flags]
        push dword 0x0800
        push dword 0
        iretd

exception:
        call random
        mov [value], eax
        call random
        mov [value + 4], eax
        call random
        mov [value + 8], eax
        call random_ring
        mov ecx, eax
        pick .div, .idiv, .aam, .bound, .into, .int3, .ud2, .no_page, .no_page_write, .mov_cs
        ret
.div:   div ecx
        int STOP
.idiv:  idiv ecx
        int STOP
.aam:   aam 0
        int STOP
.bound: mov [scratch], ecx
        mov [scratch + 4], edx
        bound eax, [scratch]
        int STOP
.into:  add eax, ecx
        into
        int STOP
.int3:  int3
.ud2:   ud2
.no_page:
        and ecx, 0x3fffffff
        or ecx, 0x40000000
        mov al, [ecx]
        int STOP
.no_page_write:
        and ecx, 0x3fffffff
        or ecx, 0x40000000
        mov [ecx], al
        int STOP
.mov_cs:
        db 0x8e, 0xc8                   ; mov cs, ax
        int STOP

stop:   int STOP

; ---- before and after each ----

; Random descriptors, and the rest as it was.
new_world:
        mov ebx, gdt + RANDOM
.next:  call random
        mov [ebx], eax
        call random
        mov [ebx + 4], eax
        test byte [ebx + 5], 0x10
        jz .system
        mov dword [ebx], 0x0000ffff     ; QEMU: no limits on accesses; so flat
        and dword [ebx + 4], 0x0040ff00
        or dword [ebx + 4], 0x008f0000
        jmp .present
.system:
        mov dword [ebx], stop
        mov word [ebx + 2], CODE0
        mov word [ebx + 4], 0           ; keep the access byte
        mov eax, stop
        shr eax, 16
        mov [ebx + 6], ax
        call random
        and al, 0xef
        mov [ebx + 5], al
        and al, 0x1d                    ; a TSS: of the other task
        cmp al, TSS_16 & 0x1d
        je .none
        cmp al, TSS_32 & 0x1d
        je .tss
        test byte [ebx + 5], 8
        jnz .wide
        mov word [ebx + 6], 0           ; as above
.wide:  cmp al, TASK_GATE & 0x0d
        jne .present
        mov word [ebx + 2], T
        jmp .present
.none:  and byte [ebx + 5], ~0x0d       ; a 16-bit TSS would need another image: nothing
        jmp .present
.tss:   mov eax, task
        mov [ebx + 2], ax
        shr eax, 16
        mov [ebx + 4], al
        mov [ebx + 7], ah
        mov byte [ebx + 6], 0
        mov word [ebx], 103
.present:
        below 4
        test eax, eax
        jz .absent
        or byte [ebx + 5], ABSENT
.absent:
        add ebx, 8
        cmp ebx, gdt + RANDOM + 64
        jb .next

        mov edi, task
        xor eax, eax
        mov ecx, 26
        rep stosd
        mov dword [task + 4], task_stack_top - 256
        mov dword [task + 8], DATA0
        mov eax, cr3
        mov [task + 28], eax
        mov dword [task + 32], stop
        mov dword [task + 36], 2
        mov dword [task + 56], task_stack_top
        mov eax, DATA0
        mov [task + 72], eax
        mov dword [task + 76], CODE0
        mov [task + 80], eax
        mov [task + 84], eax
        mov word [task + 102], 104
        mov eax, cr3
        mov [tss + 28], eax
        descriptor T, task, 103, TSS_32
        descriptor LOCAL, 0, 0xfffff, DATA | DPL(3), BIG | PAGES
        mov edi, value
        xor eax, eax
        mov ecx, 3
        rep stosd
        mov dword [pointer], stop
        ret

; Back to the suite's task, table and rights.
tidy:
        mov ax, DATA0
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov word [tss], 0
        and byte [gdt + TSS + 5], ~BUSY
        mov ax, TSS
        ltr ax
        mov ax, LDT
        lldt ax
        clts
        mov eax, cr0
        and eax, ~CR0_WP
        mov cr0, eax
        push dword 2
        popfd
        ret

; ---- the line ----

report:
        mov edi, line
        mov eax, [step]
        call .field
        mov eax, [kind]
        call .field
        mov eax, [action]
        call .field
        mov eax, [got.vector]
        call .field
        mov eax, [got.error]
        and eax, ~1                     ; QEMU: EXT is missing
        call .field
        mov eax, [got.eip]
        call .field
        movzx eax, word [got.cs]
        call .field
        mov eax, [got.eflags]
        and eax, ~EFLAGS_RF             ; QEMU: it is clear
        call .field
        mov eax, [got.esp]
        call .field
        movzx eax, word [got.ss]
        call .field
        movzx eax, word [got.ds]
        call .field
        movzx eax, word [got.es]
        call .field
        movzx eax, word [got.fs]
        call .field
        movzx eax, word [got.gs]
        call .field
        mov eax, [got.eax]
        call .field
        mov eax, [got.ecx]
        call .field
        mov eax, [got.edx]
        call .field
        mov eax, [got.ebx]
        call .field
        xor eax, eax
        cmp dword [got.vector], PF
        jne .cr2
        mov eax, [got.cr2]
.cr2:   call .field
        xor eax, eax
        mov ecx, [watched]
        jecxz .extra
        mov eax, [ecx]
        and eax, 0xffe                  ; as below
.extra: call .field
        mov esi, gdt + RANDOM           ; accessed and busy bits
        xor ebx, ebx
        mov ecx, 8
.sum:   mov al, [esi + 5]
        test al, 0x10
        jz .bits
        test al, 8                      ; QEMU: code doesn't become accessed, nor what IRET loads
        jnz .clear
        mov edx, [kind]
        sub edx, RETURN_FAR
        cmp edx, RETURN_INTERRUPT - RETURN_FAR
        ja .bits
.clear: and al, ~ACCESSED
.bits:  rol ebx, 3
        xor bl, al
        add esi, 8
        loop .sum
        mov eax, ebx
        call .field
        mov eax, [step]
        cmp eax, [full_from]
        jae put_line
        and eax, 7
        cmp eax, 7
        jne .end
        mov edi, line
        mov eax, [hash]
        call put_hex
        jmp put_line

.field: push eax
        xor eax, [hash]
        imul eax, eax, 0x01000193
        rol eax, 7
        mov [hash], eax
        pop eax
        call put_hex
        mov al, ' '
        stosb
.end:   ret

random:                                 ; EAX; keeps the others
        push ecx
        mov eax, [state]
        mov ecx, eax
        shl ecx, 13
        xor eax, ecx
        mov ecx, eax
        shr ecx, 17
        xor eax, ecx
        mov ecx, eax
        shl ecx, 5
        xor eax, ecx
        mov [state], eax
        pop ecx
        ret

random_below:                           ; [esp + 4]: the limit
        push edx
        call random
        mul dword [esp + 8]
        mov eax, edx
        pop edx
        ret 4

        [section .bss]
state:  resd 1
hash:   resd 1
step:   resd 1
kind:   resd 1
action: resd 1
value:  resd 3
pointer: resd 2
watched: resd 1
flags_there: resd 1
frame_cs: resd 1
frame_ss_: resd 1
frame_flags: resd 1
frame_eip: resd 1
task:   resb 104
        resb 1024
task_stack_top:

        section .parameters progbits follows=.data align=4
seed:   dd 1                            ; the last bytes of the image: tests/random.sh sets them
steps:  dd 200
full_from: dd 0
