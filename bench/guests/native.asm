; The computations of the bench as a Linux process: what the processor does with them when nothing is
; between. The command line of parts.inc is its one argument.

%include "parts.inc"

EXIT         equ 1                      ; i386 system calls
WRITE        equ 4
STDOUT       equ 1

        section .text
        global start
start:
        finit
        call touch
        mov esi, text_start
        call print
        mov esi, [esp + 8]              ; argv[1]
        test esi, esi
        jz .done
        call run_parts
.done:  mov esi, text_done
        call print
        mov eax, EXIT
        xor ebx, ebx
        int 0x80

; A line is written when it is whole.
put_byte:
        push ecx
        mov ecx, [line_length]
        mov [line + ecx], al
        inc ecx
        mov [line_length], ecx
        cmp al, 10
        jne .done
        pusha
        mov edx, ecx
        mov ecx, line
        mov ebx, STDOUT
        mov eax, WRITE
        int 0x80
        mov dword [line_length], 0
        popa
.done:  pop ecx
        ret

        section .rodata
text_start: db "start", 10, 0
text_done:  db "done", 10, 0

        section .data align=4
parts:  computations
        dd 0

        section .bss
line:        resb 256
line_length: resd 1
