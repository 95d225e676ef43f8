; A thousand million instructions behind two writes, which bench/reverse.py has gdb's protocol go back to: 25,000,000
; rounds of 40. Each round writes to the page of one of them, too.

        bits 32
        org 0x100000

        mov dword [0x200000], 1         ; what is watched, in a page that is written again and again
        mov dword [0x210000], 1         ; and in one that is not
        mov ecx, [rounds]
.round:
        mov [0x200010], ecx             ; in the same page
        mov [0x201000], ecx             ; in the next
%rep 12
        add eax, ecx
        mov [0x201004], eax
        xor ebx, eax
%endrep
        dec ecx
        jnz .round
done:   mov al, 0
        out 0xf4, al
        hlt

rounds: dd 25000000
