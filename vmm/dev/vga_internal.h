/*
 * The registers of a VGA by their names, for the files of vmm/dev/vga*. Private to these.
 */
#ifndef VMM_DEV_VGA_INTERNAL_H
#define VMM_DEV_VGA_INTERNAL_H

#include "vga.h"

enum {
    SEQUENCER_CLOCKING = 1,
    SEQUENCER_MAP_MASK = 2,
    SEQUENCER_FONT = 3,
    SEQUENCER_MEMORY = 4,
};

enum {
    GRAPHICS_SET_RESET,
    GRAPHICS_ENABLE_SET_RESET,
    GRAPHICS_COMPARE,
    GRAPHICS_ROTATE,
    GRAPHICS_READ_PLANE,
    GRAPHICS_MODE,
    GRAPHICS_MISC,
    GRAPHICS_DONT_CARE,
    GRAPHICS_BIT_MASK,
};

enum {
    CRTC_COLUMNS = 0x01, /* characters of a row, less one */
    CRTC_OVERFLOW = 0x07,
    CRTC_MAX_SCAN_LINE = 0x09,
    CRTC_CURSOR_START,
    CRTC_CURSOR_END,
    CRTC_START_HIGH,
    CRTC_START_LOW,
    CRTC_CURSOR_HIGH,
    CRTC_CURSOR_LOW,
    CRTC_VERTICAL_END = 0x12,
    CRTC_OFFSET = 0x13,
    CRTC_MODE = 0x17,
    CRTC_LINE_COMPARE = 0x18,
};

enum {
    ATTRIBUTE_MODE = 0x10,
    ATTRIBUTE_PLANES = 0x12,
    ATTRIBUTE_PANNING = 0x13,
    ATTRIBUTE_COLOUR = 0x14,
};

#define CLOCK_8          0x01 /* in the clocking mode: eight dots a character, not nine */
#define MEMORY_CHAIN_4   0x08 /* in the sequencer's memory mode */
#define MODE_ODD_EVEN    0x10 /* in the graphics mode */
#define MODE_INTERLEAVED 0x20 /* two bits a pixel, as the CGA had them */
#define MODE_256         0x40
#define MISC_GRAPHIC     0x01 /* in the graphics controller's miscellaneous register */
#define MISC_CHAINED     0x02 /* odd addresses are odd planes */
#define MISC_MAP(value)  ((value) >> 2 & 3)
#define BYTE_ADDRESSES   0x40 /* in the CRT controller's mode */
#define CURSOR_OFF       0x20 /* in the cursor start register */
#define LINE_DOUBLED     0x80 /* in the maximum scan line */
#define LINE_BITS        0x1f
#define ATTRIBUTE_ON     0x20 /* in the index: the screen is on */

static inline unsigned vga_register_pair(const struct vga_bank *bank, unsigned high)
{
    return (unsigned)(bank->reg[high] << 8 | bank->reg[high + 1]);
}

/* A number of 10 bits: the ninth and the tenth are bits of the overflow register; bit 10 is none.
 */
static inline unsigned vga_crtc_number(const struct vga_bank *crtc, unsigned low, unsigned bit_8,
                                       unsigned bit_9)
{
    unsigned overflow = crtc->reg[CRTC_OVERFLOW];

    return crtc->reg[low] | (overflow >> bit_8 & 1) << 8 | (overflow >> bit_9 & 1) << 9;
}

/* How many scan lines are shown. */
static inline unsigned vga_scan_lines(const struct vga_bank *crtc)
{
    return vga_crtc_number(crtc, CRTC_VERTICAL_END, 1, 6) + 1;
}

/* The planes: see vga.h. NULL: there is no memory there. */
static inline uint8_t *vga_planes(const struct vga *vga)
{
    return memory_behind(vga->memory, VGA_MEMORY, VGA_PLANES_SIZE);
}

/* Has the memory map be as the registers say; to be called when they have changed. */
void vga_map(struct vga *vga);

/* ---- vga_dispi.c ---- */

bool vga_dispi_attach(struct vga *vga, struct bus *ports, struct bus *mmio);
bool vga_dispi_is_valid(const struct vga_state *s);

/* Whether the framebuffer is what is shown, and, in its bank, what is at 0xa0000. */
bool vga_dispi_is_on(const struct vga_state *s);
/* Whether colours of the palette have 8 bits a part, not 6. */
bool vga_dispi_has_dac_8(const struct vga_state *s);
/* Where the bank at 0xa0000 begins. */
uint32_t vga_dispi_bank(const struct vga_state *s);

/* `width` bytes (1, 2 or 4) of the framebuffer; there is nothing behind its end. */
uint32_t vga_frame_read(struct vga *vga, uint32_t at, unsigned width);
void vga_frame_write(struct vga *vga, uint32_t at, unsigned width, uint32_t value);

/* Shows it; `colours` are the palette's. */
void vga_dispi_show(const struct vga *vga, const uint32_t *colours, struct display *display);

/* Attaches the window to the bus of memory. */
bool vga_planes_attach(struct vga *vga, struct bus *mmio);

#endif
