# The kernel stacks, and the switch between them. See process.rs.

    .bss
    .balign 4096
    .global kernel_stacks
kernel_stacks:
    .skip 8 * (4096 + 8192)

    .text
    .global switch_context
switch_context:
    mov eax, [esp + 4]
    mov edx, [esp + 8]
    push ebp
    push ebx
    push esi
    push edi
    mov [eax], esp
    mov esp, [edx]
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret
