/*
 * VGA in text mode 3: 80 x 25 cells of character and attribute at 0xb8000 in guest RAM, and the
 * CRT controller's start address and cursor. The registers that only graphics would need keep
 * what is written and do nothing. After the IBM VGA reference (PS/2 Technical Reference, "Video
 * Subsystem").
 */
#ifndef VMM_DEV_VGA_TEXT_H
#define VMM_DEV_VGA_TEXT_H

#include "base/display.h"
#include "base/memory.h"
#include "device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VGA_TEXT_ADDRESS 0xb8000
#define VGA_TEXT_CELLS   0x4000 /* in its window of 32 KiB */
#define VGA_TEXT_COLUMNS 80
#define VGA_TEXT_ROWS    25
/* Enough for any vga_text_dump: a character is at most three bytes of UTF-8. */
#define VGA_TEXT_DUMP_MAX (VGA_TEXT_ROWS * (3 * VGA_TEXT_COLUMNS + 1) + 1)

struct bus;

/* Registers behind an index port. */
struct vga_bank {
    uint8_t index;
    uint8_t reg[32];
};

struct vga_text_state {
    struct vga_bank crtc;
    struct vga_bank sequencer;
    struct vga_bank graphics;
    struct vga_bank attribute;
    bool attribute_data; /* the next write to 0x3c0 is data */
    uint8_t misc;
    uint8_t feature;
    uint8_t dac_mask;
    uint16_t dac_write; /* which byte of the palette is next */
    uint16_t dac_read;
    uint8_t palette[256 * 3];
    uint8_t status; /* display and retrace, as the last read of 0x3da gave them */
};

struct vga_text {
    struct vga_text_state s;
    const struct memory *memory;
};

/* Power on, in mode 3 with the cursor at the top left. The memory must outlive the chip. */
void vga_text_init(struct vga_text *vga, const struct memory *memory);

/* Attaches ports 0x3c0-3cf, 0x3d4-3d5 and 0x3da; false if one of them is taken. */
bool vga_text_attach(struct vga_text *vga, struct bus *ports);

/*
 * Writes the screen as UTF-8 lines, trailing blanks and trailing blank lines dropped, then a NUL.
 * At most `size` bytes with the NUL, cut at a whole character. Returns the length without it: 0
 * for a blank screen.
 */
size_t vga_text_dump(const struct vga_text *vga, char *to, size_t size);

/* What is on the screen. */
void vga_text_show(const struct vga_text *vga, struct display *display);

/* The Unicode character of one of code page 437; a blank for those that show as one. */
uint16_t vga_text_unicode(uint8_t c);

/* Where the cursor is; false if it is switched off or not on the screen. */
bool vga_text_cursor(const struct vga_text *vga, unsigned *column, unsigned *row);

extern const struct device_kind vga_text_kind;

#endif
