; The BIOS: a ROM of 64 KiB at 0xf0000 for boot sectors and what they load. The processor starts at
; F000:FFF0, the tables at 0 and 0x400 are filled, and the boot sector of the first drive that has one is
; started at 0000:7C00. The services are in bios/, a file an interrupt or two.
;
; Sources: IBM PS/2 and PC BIOS Interface Technical Reference (1991); Phoenix Enhanced Disk Drive
; Specification 1.1; ACPI 6.0 section 15 (E820); El Torito 1.0; Ralf Brown's Interrupt List, release 61.

        bits 16
        cpu 386
        org 0

%include "bios/layout.inc"
%include "bios/frame.inc"

%include "bios/post.inc"
%include "bios/start.inc"
%include "bios/video.inc"
%include "bios/modes.inc"
%include "bios/palette.inc"
%include "bios/graphics.inc"
%include "bios/vbe.inc"
%include "bios/disk.inc"
%include "bios/keyboard.inc"
%include "bios/time.inc"
%include "bios/system.inc"
%include "bios/serial.inc"

; ---- the end of the ROM, where addresses are fixed ----

        times 0xe05b - ($ - $$) db 0
        jmp post                        ; F000:E05B, where the first PC's began

        times ROM_SIZE - 16 - ($ - $$) db 0
        jmp BIOS_SEGMENT:0xe05b         ; F000:FFF0, the processor's first instruction
date:   db "11/27/26"                   ; F000:FFF5
        db 0
model:  db 0xfc                         ; F000:FFFE: an AT
        db 0
