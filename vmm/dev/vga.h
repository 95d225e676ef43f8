/*
 * A VGA: text, 16 colours in four planes, 256 colours. What is shown, and what the processor's
 * accesses to video memory do, follows from the registers, whoever wrote them. After the IBM VGA
 * reference (PS/2 Technical Reference, "Video Subsystem") and J. Neal, "Hardware Level VGA and SVGA
 * Video Programming Information Page".
 *
 * The four planes are 256 KiB of guest RAM, from 0xa0000 to 0xdffff: the byte of plane P at offset
 * N is at 4 * N + P. So what a chained mode has at 0xa0000 is plain RAM, and a snapshot shares its
 * pages. While an access means more than a byte, the map has a hole there (base/memory.h), and the
 * accesses come here. Text is cells at 0xb8000, in RAM; fonts are in plane 2.
 */
#ifndef VMM_DEV_VGA_H
#define VMM_DEV_VGA_H

#include "base/display.h"
#include "base/memory.h"
#include "device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VGA_MEMORY      UINT32_C(0xa0000)
#define VGA_WINDOW      UINT32_C(0x20000) /* of it the processor sees */
#define VGA_PLANES_SIZE UINT32_C(0x40000)
#define VGA_FRAME       UINT32_C(0xe0000000) /* the linear framebuffer: vga_dispi.c */
#define VGA_FRAME_SIZE  UINT32_C(0x800000)

struct bus;
struct clock;

/* Registers behind an index port. */
struct vga_bank {
    uint8_t index;
    uint8_t reg[32];
};

struct vga_state {
    struct vga_bank crtc;
    struct vga_bank sequencer;
    struct vga_bank graphics;
    struct vga_bank attribute;
    bool attribute_data; /* the next write to 0x3c0 is data */
    uint8_t misc;
    uint8_t feature;
    uint8_t dac_mask;
    bool dac_reads;     /* 0x3c7 was written after 0x3c8 */
    uint16_t dac_write; /* which byte of the palette is next */
    uint16_t dac_read;
    uint8_t palette[256 * 3];
    uint8_t status; /* display and retrace, as the last read of 0x3da gave them */
    uint16_t polls; /* how often 0x3da was read while the beam was where it is */
    uint64_t phase; /* which half of which picture that was */
    uint16_t dispi_index, dispi[10];
    uint8_t latch[4]; /* a byte of each plane: what was read last */
};

struct vga {
    struct vga_state s;
    struct memory frame; /* the framebuffer; without a base: it was never switched on */
    const struct memory *memory;
    const struct clock *clock;
    /* The guest polls for the beam, which is elsewhere at `time`: nothing is lost if it stands
     * still until then. NULL: it polls. */
    void (*wait)(void *owner, uint64_t time);
    void *owner;
};

/* Power on, in mode 3 with the cursor at the top left. Memory and clock must outlive the chip. */
void vga_init(struct vga *vga, const struct memory *memory, const struct clock *clock,
              void (*wait)(void *owner, uint64_t time), void *owner);

/* Gives the framebuffer's memory back. */
void vga_free(struct vga *vga);

/* Has memory for the framebuffer, all zero, unless there is; false: out of memory. */
bool vga_frame_begin(struct vga *vga);

/* Attaches ports 0x3c0-3cf, 0x3d4-3d5, 0x3da and 0x1ce-1d0, the window at 0xa0000 where that is no
 * RAM, and the framebuffer; false if one of them is taken. */
bool vga_attach(struct vga *vga, struct bus *ports, struct bus *mmio);

/* Whether pixels are shown, not text. */
bool vga_is_graphic(const struct vga *vga);

/* What is on the screen. Where there is no memory for it, nothing. */
void vga_show(const struct vga *vga, struct display *display);

/* The same as pixels, text too: in the font of the guest, or one of ours where it has loaded none.
 */
void vga_draw(const struct vga *vga, struct display *display);

extern const struct device_kind vga_kind;

#endif
