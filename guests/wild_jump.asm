; Jumps to where neither RAM nor a device is, as through a function pointer that was never set. On
; KVM the empty bus reads as FF FF, which is no instruction: invalid opcode, and the report shows EIP;
; the software CPU says where the jump came from.
;
;       vmm run --mode pm32 build/guests/wild_jump.bin
;
; Prints a line; status 6, the report on stderr.

%include "vmm.inc"

        bits 32
        org 0x100000

        say "jumping to 0xdeadbeef", 10
        mov eax, 0xdeadbeef
        jmp eax

%include "lib32.inc"
