/*
 * A linear framebuffer, by the registers of Bochs and QEMU ("dispi", ports 0x1ce and 0x1cf): sizes
 * up to 1600 x 1200, 8 to 32 bits a pixel, at 0xe0000000 and, 64 KiB at a time, at 0xa0000. QEMU,
 * docs/specs/standard-vga.rst. Its memory is there from when it is first switched on.
 */
#include "vga_internal.h"

#include "base/bus.h"

#include <string.h>

#define PORT_DISPI 0x1ce /* the index, a word; the data, a word, is at the next port */

enum {
    DISPI_ID,
    DISPI_WIDTH,
    DISPI_HEIGHT,
    DISPI_BITS,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRTUAL_WIDTH,
    DISPI_VIRTUAL_HEIGHT,
    DISPI_X,
    DISPI_Y,
    DISPI_MEMORY, /* of 64 KiB each */
};

#define ID_FIRST UINT16_C(0xb0c0)
#define ID_LAST  UINT16_C(0xb0c5)

#define ENABLE_ON       0x01
#define ENABLE_GETCAPS  0x02 /* sizes read as the largest */
#define ENABLE_DAC_8    0x20
#define ENABLE_NO_CLEAR 0x80

#define WIDTH_MAX  1600
#define HEIGHT_MAX 1200
#define BANK       UINT32_C(0x10000)

bool vga_dispi_is_on(const struct vga_state *s)
{
    return s->dispi[DISPI_ENABLE] & ENABLE_ON;
}

bool vga_dispi_has_dac_8(const struct vga_state *s)
{
    return vga_dispi_is_on(s) && (s->dispi[DISPI_ENABLE] & ENABLE_DAC_8);
}

bool vga_frame_begin(struct vga *vga)
{
    return vga->frame.base || memory_init(&vga->frame, VGA_FRAME_SIZE) == 0;
}

static uint32_t bytes_a_pixel(const struct vga_state *s)
{
    return (s->dispi[DISPI_BITS] + 7u) / 8;
}

static uint32_t bytes_a_line(const struct vga_state *s)
{
    uint32_t pixels = s->dispi[DISPI_VIRTUAL_WIDTH];

    return (pixels > s->dispi[DISPI_WIDTH] ? pixels : s->dispi[DISPI_WIDTH]) * bytes_a_pixel(s);
}

/* ---- registers ---- */

static void switch_on(struct vga *vga, uint16_t value)
{
    uint16_t *reg = vga->s.dispi;

    if (!vga_frame_begin(vga))
        return;
    if (!(reg[DISPI_ENABLE] & ENABLE_ON)) {
        reg[DISPI_VIRTUAL_WIDTH] = reg[DISPI_WIDTH];
        reg[DISPI_X] = reg[DISPI_Y] = reg[DISPI_BANK] = 0;
        if (!(value & ENABLE_NO_CLEAR)) {
            memset(memory_at(&vga->frame, 0, VGA_FRAME_SIZE), 0, VGA_FRAME_SIZE);
            memory_changed(&vga->frame, 0, VGA_FRAME_SIZE);
        }
    }
    reg[DISPI_ENABLE] = value;
}

static void set(struct vga *vga, uint16_t value)
{
    static const uint16_t limits[] = {[DISPI_WIDTH] = WIDTH_MAX,
                                      [DISPI_HEIGHT] = HEIGHT_MAX,
                                      [DISPI_BANK] = VGA_FRAME_SIZE / BANK - 1,
                                      [DISPI_VIRTUAL_WIDTH] = 4 * WIDTH_MAX,
                                      [DISPI_X] = UINT16_MAX,
                                      [DISPI_Y] = UINT16_MAX};
    uint16_t *reg = vga->s.dispi, index = vga->s.dispi_index;

    switch (index) {
    case DISPI_ID:
        if (value >= ID_FIRST && value <= ID_LAST)
            reg[index] = value;
        break;
    case DISPI_BITS:
        if (value == 8 || value == 15 || value == 16 || value == 24 || value == 32)
            reg[index] = value;
        break;
    case DISPI_ENABLE:
        if (value & ENABLE_ON)
            switch_on(vga, value);
        else
            reg[index] = value;
        vga_map(vga);
        break;
    default:
        if (index < sizeof(limits) / sizeof(limits[0]) && value <= limits[index])
            reg[index] = value;
    }
}

static uint16_t get(const struct vga_state *s)
{
    bool caps = s->dispi[DISPI_ENABLE] & ENABLE_GETCAPS;
    uint32_t line = bytes_a_line(s), lines = line ? VGA_FRAME_SIZE / line : 0;

    switch (s->dispi_index) {
    case DISPI_WIDTH:
        return caps ? WIDTH_MAX : s->dispi[DISPI_WIDTH];
    case DISPI_HEIGHT:
        return caps ? HEIGHT_MAX : s->dispi[DISPI_HEIGHT];
    case DISPI_BITS:
        return caps ? 32 : s->dispi[DISPI_BITS];
    case DISPI_VIRTUAL_HEIGHT:
        return lines < UINT16_MAX ? (uint16_t)lines : UINT16_MAX;
    case DISPI_MEMORY:
        return VGA_FRAME_SIZE / BANK;
    default:
        return s->dispi_index < DISPI_MEMORY ? s->dispi[s->dispi_index] : 0;
    }
}

/* Words, at 0x1ce and at 0x1cf: a byte of one is nothing. */
static uint32_t dispi_read(void *device, uint32_t offset, unsigned width)
{
    const struct vga *vga = device;

    if (width != 2)
        return UINT32_MAX;
    return offset == 0 ? vga->s.dispi_index : get(&vga->s);
}

static void dispi_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct vga *vga = device;

    if (width != 2)
        return;
    if (offset == 0)
        vga->s.dispi_index = (uint16_t)value;
    else
        set(vga, (uint16_t)value);
}

/* ---- memory ---- */

uint32_t vga_frame_read(struct vga *vga, uint32_t at, unsigned width)
{
    uint32_t value = 0;

    if (vga->frame.base)
        memory_read(&vga->frame, at, &value, width);
    return value;
}

void vga_frame_write(struct vga *vga, uint32_t at, unsigned width, uint32_t value)
{
    if (vga->frame.base)
        memory_write(&vga->frame, at, &value, width);
}

uint32_t vga_dispi_bank(const struct vga_state *s)
{
    return s->dispi[DISPI_BANK] * BANK;
}

static uint32_t frame_read(void *device, uint32_t offset, unsigned width)
{
    return vga_frame_read(device, offset, width);
}

static void frame_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    vga_frame_write(device, offset, width, value);
}

/* ---- pictures ---- */

static uint32_t widen(uint32_t value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t pixel_15(uint32_t v)
{
    return widen(v >> 10 & 31, 5) << 16 | widen(v >> 5 & 31, 5) << 8 | widen(v & 31, 5);
}

static uint32_t pixel_16(uint32_t v)
{
    return widen(v >> 11, 5) << 16 | widen(v >> 5 & 63, 6) << 8 | widen(v & 31, 5);
}

static void paint_line(const struct vga_state *s, const uint32_t *colours, const uint8_t *from,
                       uint32_t *to)
{
    unsigned bits = s->dispi[DISPI_BITS], bytes = bytes_a_pixel(s);

    for (unsigned i = 0; i < s->dispi[DISPI_WIDTH]; i++, from += bytes) {
        uint32_t value = 0;
        memcpy(&value, from, bytes);
        to[i] = bits == 8    ? colours[value]
                : bits == 15 ? pixel_15(value)
                : bits == 16 ? pixel_16(value)
                             : value & 0xffffff;
    }
}

void vga_dispi_show(const struct vga *vga, const uint32_t *colours, struct display *display)
{
    const struct vga_state *s = &vga->s;
    uint32_t pitch = bytes_a_line(s), line = s->dispi[DISPI_WIDTH] * bytes_a_pixel(s);
    uint64_t at = (uint64_t)s->dispi[DISPI_Y] * pitch + s->dispi[DISPI_X] * bytes_a_pixel(s);

    if (!vga->frame.base || line == 0 || s->dispi[DISPI_WIDTH] > WIDTH_MAX ||
        s->dispi[DISPI_HEIGHT] > HEIGHT_MAX ||
        !display_set_size(display, s->dispi[DISPI_WIDTH], s->dispi[DISPI_HEIGHT])) {
        display_set_size(display, 0, 0);
        return;
    }
    for (unsigned row = 0; row < display->height; row++, at += pitch) {
        const uint8_t *from = memory_at(&vga->frame, at, line);
        uint32_t *to = display->pixels + (size_t)row * display->width;
        if (from)
            paint_line(s, colours, from, to);
        else
            memset(to, 0, display->width * sizeof(*to)); /* behind all memory */
    }
}

/* ---- from the beginning ---- */

bool vga_dispi_attach(struct vga *vga, struct bus *ports, struct bus *mmio)
{
    const struct bus_region registers = {"dispi",     PORT_DISPI,   3, 2, dispi_read,
                                         dispi_write, .device = vga};
    const struct bus_region frame = {"VGA framebuffer", VGA_FRAME,   VGA_FRAME_SIZE, 4,
                                     frame_read,        frame_write, .device = vga};

    vga->s.dispi[DISPI_ID] = ID_LAST;
    vga->s.dispi[DISPI_BITS] = 8;
    return bus_add(ports, &registers) == NULL && bus_add(mmio, &frame) == NULL;
}

bool vga_dispi_is_valid(const struct vga_state *s)
{
    unsigned bits = s->dispi[DISPI_BITS];

    return s->dispi[DISPI_BANK] < VGA_FRAME_SIZE / BANK &&
           (bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32);
}
