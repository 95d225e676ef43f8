; The timer at the push of a key: 0 to 5 give counter 0 that mode and 10 ms, r a new count of 5 ms in
; the middle of the old one, l only half of a count, m masks IRQ 0, u opens it, s makes the handler so
; slow that the next ticks come while it runs, q ends it. What happens is in `ticks`, and `deepest`,
; for a test to look at:
;
;       vmm run --input keyboard build/guests/timer_keys.elf
;       vmm test tests/scenarios/exact/timer_modes.t
;
; Prints each key that it has done.

%include "vmm.inc"

        bits 32

PIT_HZ equ 1193182
COUNT  equ PIT_HZ / 100

        section .text
        global start
start:
        gate 0x20, on_tick
        gate 0x21, on_key
        say "0 to 5, r, l, m, u, s; q ends", 10
        call take_key                   ; one pressed before would keep all others out
        sti
.sleep:
        hlt
        jmp .sleep

        global on_tick
on_tick:
        push eax
        push ecx
        inc dword [ticks]
        inc dword [depth]
        mov eax, [depth]
        cmp eax, [deepest]
        jbe .known
        mov [deepest], eax
.known:
        mov al, 0x20                    ; end of interrupt first: the next may come between
        out 0x20, al
        cmp byte [slow], 0
        je .done
        cmp dword [depth], 3            ; or the stack would have an end
        jae .done
        sti
        mov ecx, 10 * 1000 * 1000       ; 40 ms of the software CPU
.wait:  loop .wait
        cli
.done:
        dec dword [depth]
        pop ecx
        pop eax
        iret

on_key:
        pushad
        call take_key
        mov al, 0x20
        out 0x20, al
        popad
        iret

take_key:                               ; changes registers
        in al, 0x64
        test al, 1                      ; is a byte there, or was it taken before?
        jz .done
        in al, 0x60
        mov bl, al
        mov esi, keys
.find:  lodsb                           ; scan code, character, what to do
        test al, al
        jz .done
        cmp al, bl
        je .found
        add esi, 5
        jmp .find
.found: lodsb
        mov cl, al
        call [esi]
        mov al, cl
        call print_char
        say 10
.done:  ret

mode:                                   ; CL: its digit
        mov dword [ticks], 0
        mov al, cl
        sub al, '0'
        shl al, 1
        or al, 0x30                     ; counter 0, low byte and then high byte
        out 0x43, al
        mov ax, COUNT
        jmp write_count
reload:
        mov ax, COUNT / 2
write_count:
        out 0x40, al
        mov al, ah
        out 0x40, al
        ret
half:   mov al, 1
        out 0x40, al
        ret
mask_timer:
        in al, 0x21
        or al, 1
        out 0x21, al
        ret
open_timer:
        in al, 0x21
        and al, 0xfe
        out 0x21, al
        ret
slow_down:
        mov byte [slow], 1
        ret

%include "lib32.inc"

        section .data
%macro key 3
        db %1, %2
        dd %3
%endmacro
keys:   key 0x0b, '0', mode
        key 0x02, '1', mode
        key 0x03, '2', mode
        key 0x04, '3', mode
        key 0x05, '4', mode
        key 0x06, '5', mode
        key 0x13, 'r', reload
        key 0x26, 'l', half
        key 0x32, 'm', mask_timer
        key 0x16, 'u', open_timer
        key 0x1f, 's', slow_down
        key 0x10, 'q', finish
        db 0
slow:   db 0

        align 4
        global ticks
        global depth
        global deepest
ticks:  dd 0
depth:  dd 0
deepest:
        dd 0
