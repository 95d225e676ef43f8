; A race, planted: the main program prints under a lock, and the keyboard's handler, which shows the
; scan code in the corner of the screen, waits for the same lock. A key that comes while the lock is held is waited for by the handler, which
; keeps the holder from ever letting go. FIXED keeps interrupts out while the lock is held.
;
;       vmm run build/guests/race_lock.elf
;       vmm sweep tests/scenarios/races/lock.t --irq 1
;
; Prints two lines.

%include "vmm.inc"
%include "race.inc"

CORNER equ 0xb8000 + 2 * 79             ; of the screen: the last cell of the first row

        bits 32
        section .text
        global start
start:
        quiet
        gate 0x21, on_key
        sti
        global work
work:
        mov esi, first
        call print_locked
        mov esi, second
        call print_locked
        global done
done:
        cli
        jmp finish

        global print_locked
print_locked:                           ; the text at ESI
%ifdef FIXED
        pushfd
        cli
%endif
        call take_lock
        call print
        mov dword [lock_word], 0
%ifdef FIXED
        popfd
%endif
        ret

        global take_lock
take_lock:
        mov eax, 1
        xchg eax, [lock_word]
        test eax, eax
        jz .taken
        pause
        jmp take_lock
.taken: ret

        global on_key
on_key:
        push eax
        call take_lock
        in al, 0x60
        mov [CORNER], al
        mov dword [lock_word], 0
        end_of_interrupt

%include "lib32.inc"

        section .data
first:  db "the first line", 10, 0
second: db "the second line", 10, 0
        global lock_word
        align 4
lock_word:
        dd 0
