; A race, planted: the main program and the timer's handler add to the same counter, and the main
; program does it in three instructions. A tick between the first and the last of them is lost.
; FIXED makes it one instruction, which no interrupt can divide.
;
;       vmm run build/guests/race_counter.elf
;       vmm sweep tests/scenarios/races/counter.t --irq 0
;
; Prints whether the counter has all that was added: as long as no tick comes, it has.

%include "vmm.inc"
%include "race.inc"

        bits 32
        section .text
        global start
start:
        quiet
        gate 0x20, on_tick
        sti
        global work
work:
        mov ecx, 10
.next:
%ifdef FIXED
        inc dword [counter]
%else
        mov eax, [counter]
        inc eax
        mov [counter], eax
%endif
        loop .next
        global done
done:
        cli
        mov eax, [ticks]
        add eax, 10
        cmp eax, [counter]
        check "nothing was lost", e
        jmp finish

        global on_tick
on_tick:
        push eax
        inc dword [counter]
        inc dword [ticks]
        end_of_interrupt

%include "lib32.inc"

        section .data
        global counter:data 4
        global ticks
counter:
        dd 0
ticks:  dd 0
