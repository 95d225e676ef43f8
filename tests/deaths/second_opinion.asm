; KVM knows of a triple fault, and not what led to it: the software CPU is asked, with the same keys.
; needs: cpu kvm
; run: --halt-status 40
; type: hello x
; says: a second opinion from the software CPU follows
; says: second_opinion.elf: second opinion, from the software CPU: triple fault: INT 0x80 PLACE; it could not be delivered: gate 0x80 is not present
; says: ^  eax 00000078 .*ecx 00000007
%include "kit.inc"
        kernel
        own_gdt
        own_idt
        xor ecx, ecx
        mov edx, 0x3fd
next:   in al, dx
        test al, 1
        jz next
        mov dl, 0xf8
        xor eax, eax
        in al, dx
        mov dl, 0xfd
        inc ecx
        cmp al, 'x'
        jne next
die:    int 0x80
