/*
 * The screen of a VGA as text, where it shows text: cells of character and attribute at 0xb8000 in
 * guest RAM, as many in a row, and as many rows, as the registers say.
 */
#ifndef VMM_DEV_VGA_TEXT_H
#define VMM_DEV_VGA_TEXT_H

#include "vga.h"

#define VGA_TEXT_ADDRESS     0xb8000
#define VGA_TEXT_CELLS       0x4000 /* in its window of 32 KiB */
#define VGA_TEXT_COLUMNS_MAX 132
#define VGA_TEXT_ROWS_MAX    60
/* Enough for any vga_text_dump: a character is at most three bytes of UTF-8. */
#define VGA_TEXT_DUMP_MAX (VGA_TEXT_ROWS_MAX * (3 * VGA_TEXT_COLUMNS_MAX + 1) + 1)

/* How many cells there are, where text is shown. */
struct vga_text_size {
    unsigned columns, rows, pitch; /* cells from a row to the next */
};
struct vga_text_size vga_text_size(const struct vga *vga);

/*
 * Writes the screen as UTF-8 lines, trailing blanks and trailing blank lines dropped, then a NUL.
 * At most `size` bytes with the NUL, cut at a whole character. Returns the length without it: 0
 * for a blank screen, or one of pixels.
 */
size_t vga_text_dump(const struct vga *vga, char *to, size_t size);

/* Fills in the text of what is shown. */
void vga_text_show(const struct vga *vga, struct display *display);

/* The Unicode character of one of code page 437; a blank for those that show as one. */
uint16_t vga_text_unicode(uint8_t c);

/* Where the cursor is; false if it is switched off or not on the screen. */
bool vga_text_cursor(const struct vga *vga, unsigned *column, unsigned *row);

#endif
