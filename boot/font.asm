; The letters of code page 437, 256 of 8 bytes, a byte a line: what text looks like in pictures of a screen
; whose guest has loaded no font.

%macro glyph 8
        db %1, %2, %3, %4, %5, %6, %7, %8
%endmacro
%include "bios/font.inc"
