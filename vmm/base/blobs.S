/* The assembled files of boot/, as read-only data. The assembler's search path finds them. */

    .section .rodata

    .macro blob name, file
    .global \name, \name\()_end
\name:
    .incbin "\file"
\name\()_end:
    .endm

    blob boot_pm32, "pm32.bin"
    blob boot_bios, "bios.bin"
    blob boot_probe, "probe.bin"
    blob boot_font, "font.bin"

    .section .note.GNU-stack, "", %progbits
