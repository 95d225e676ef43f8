; A race, planted: the main program looks whether a key has come, and if not, sleeps until the next
; interrupt. A key that comes between the look and the HLT is served, and then slept through: a
; wake-up is lost. FIXED looks with interrupts off, and opens them by the STI right before HLT, whose
; effect begins one instruction later.
;
;       vmm run --input keyboard build/guests/race_wakeup.elf
;       vmm sweep tests/scenarios/races/wakeup.t --irq 1
;
; Waits for a key, and says so.

%include "vmm.inc"
%include "race.inc"

        bits 32
        section .text
        global start
start:
        in al, 0x60                     ; what is left there would hold back the first interrupt
        quiet
        gate 0x21, on_key
        sti
        say "waiting", 10
        global wait_for_key
wait_for_key:
%ifdef FIXED
        cli
        cmp byte [key], 0
        jne done
        sti
        hlt
%else
        cmp byte [key], 0
        jne done
        hlt
%endif
        jmp wait_for_key
        global done
done:
        cli
        say "a key", 10
        jmp finish

        global on_key
on_key:
        push eax
        in al, 0x60
        mov [key], al
        end_of_interrupt

%include "lib32.inc"

        section .data
        global key
key:    db 0
