# Where every program begins.

    .section .text.start, "ax"
    .global _start
_start:
    xor ebp, ebp
    call start
