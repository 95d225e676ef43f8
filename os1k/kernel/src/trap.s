# Entry to the kernel and return: 256 stubs and their common code. The layout is in frame.rs.

    .text
    .balign 16
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    push 0                      # where the CPU pushes no error code
    .endif
    .byte 0x68                  # push vector
    .long vector
    jmp trap_entry
    .set vector, vector + 1
    .endr

trap_entry:
    pushad
    sub esp, 532                # fpu to ds
    mov [esp + 516], gs
    mov [esp + 520], fs
    mov [esp + 524], es
    mov [esp + 528], ds
    cld
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    test byte ptr [esp + 576], 3    # cs: from ring 3?
    jz 2f
    xor ebp, ebp                # backtraces end here
    cmp byte ptr [has_fxsave], 0
    je 3f
    fxsave [esp]
    jmp 2f
3:  fnsave [esp]
2:  mov ebx, esp
    and esp, -16                # the ABI: 16-aligned at a call
    sub esp, 12
    push ebx
    call handle_trap
    mov esp, ebx

    .global trap_return
trap_return:
    test byte ptr [esp + 576], 3
    jz 2f
    cmp byte ptr [has_fxsave], 0
    je 3f
    fxrstor [esp]
    jmp 2f
3:  frstor [esp]
2:  mov gs, [esp + 516]
    mov fs, [esp + 520]
    mov es, [esp + 524]
    mov ds, [esp + 528]
    add esp, 532
    popad
    add esp, 8                  # vector, error code
    iretd
