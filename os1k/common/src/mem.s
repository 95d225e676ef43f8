# memcpy, memmove, memset, memcmp and bcmp. The compiler calls them by name. They are in
# assembly because a compiler may turn a loop that copies into a call of memcpy. cdecl:
# arguments on the stack; EBX, ESI, EDI, EBP preserved.

    .text
    .global memcpy, memmove, memset, memcmp, bcmp

memmove:
    mov eax, [esp + 4]
    mov edx, [esp + 8]
    cmp eax, edx
    jbe memcpy              # destination first: forwards is safe
    add edx, [esp + 12]
    cmp eax, edx
    jae memcpy              # no overlap
    push edi
    push esi
    mov ecx, [esp + 20]
    lea edi, [eax + ecx - 1]
    lea esi, [edx - 1]
    std
    rep movsb
    cld
    pop esi
    pop edi
    ret

memcpy:
    push edi
    push esi
    mov eax, [esp + 12]
    mov edi, eax
    mov esi, [esp + 16]
    mov edx, [esp + 20]
    mov ecx, edx
    shr ecx, 2
    rep movsd
    mov ecx, edx
    and ecx, 3
    rep movsb
    pop esi
    pop edi
    ret

memset:
    push edi
    mov edi, [esp + 8]
    movzx eax, byte ptr [esp + 12]
    imul eax, eax, 0x01010101
    mov edx, [esp + 16]
    mov ecx, edx
    shr ecx, 2
    rep stosd
    mov ecx, edx
    and ecx, 3
    rep stosb
    mov eax, [esp + 8]
    pop edi
    ret

memcmp:
bcmp:
    push edi
    push esi
    mov esi, [esp + 12]
    mov edi, [esp + 16]
    mov ecx, [esp + 20]
    xor eax, eax            # equal if there is nothing to compare
    repe cmpsb
    je 2f
    movzx eax, byte ptr [esi - 1]
    movzx edx, byte ptr [edi - 1]
    sub eax, edx
2:  pop esi
    pop edi
    ret
