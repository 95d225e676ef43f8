/*
 * How the processor reads and writes the four planes of a VGA: write modes 0 to 3, read modes 0 and
 * 1, and the chains, which spread consecutive addresses over planes. IBM VGA reference, "Graphics
 * controller registers" and "Memory map".
 */
#include "vga_internal.h"

#include "base/bus.h"

#include <string.h>

/* Of the four values of the memory map: where the window begins, and how long it is. */
static const struct window {
    uint32_t from, size; /* from 0xa0000 */
} windows[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};

/* A byte to each of the planes whose bit is set. */
static uint32_t lanes(unsigned bits)
{
    uint32_t all = 0;

    for (unsigned plane = 0; plane < 4; plane++)
        all |= (bits >> plane & 1) * (UINT32_C(0xff) << (8 * plane));
    return all;
}

static uint32_t to_all(uint8_t value)
{
    return value * UINT32_C(0x01010101);
}

static uint32_t latched(const struct vga_state *s)
{
    uint32_t value;

    memcpy(&value, s->latch, sizeof(value));
    return value;
}

/* What stands between the processor's byte and the planes. */
static uint32_t combine(const struct vga_state *s, uint32_t value, uint8_t mask)
{
    uint32_t old = latched(s), bits = to_all(mask);

    switch (s->graphics.reg[GRAPHICS_ROTATE] >> 3 & 3) {
    case 1:
        value &= old;
        break;
    case 2:
        value |= old;
        break;
    case 3:
        value ^= old;
        break;
    default:
        break;
    }
    return (value & bits) | (old & ~bits);
}

/* What a written byte has become, in each plane. */
static uint32_t converted(const struct vga_state *s, uint8_t byte)
{
    const uint8_t *reg = s->graphics.reg;
    unsigned turn = reg[GRAPHICS_ROTATE] & 7;
    uint8_t turned = (uint8_t)(byte >> turn | byte << (8 - turn));
    uint32_t set = lanes(reg[GRAPHICS_SET_RESET]), enabled;

    switch (reg[GRAPHICS_MODE] & 3) {
    case 1:
        return latched(s);
    case 2:
        return combine(s, lanes(byte), reg[GRAPHICS_BIT_MASK]);
    case 3:
        return combine(s, set, turned & reg[GRAPHICS_BIT_MASK]);
    default:
        enabled = lanes(reg[GRAPHICS_ENABLE_SET_RESET]);
        return combine(s, (to_all(turned) & ~enabled) | (set & enabled), reg[GRAPHICS_BIT_MASK]);
    }
}

static bool is_chained_4(const struct vga_state *s)
{
    return s->sequencer.reg[SEQUENCER_MEMORY] & MEMORY_CHAIN_4;
}

static bool is_odd_even(const struct vga_state *s)
{
    return s->graphics.reg[GRAPHICS_MODE] & MODE_ODD_EVEN;
}

/* Where the byte at an address is that belongs to one plane alone. */
static uint32_t chained(const struct vga_state *s, uint32_t at)
{
    if (is_chained_4(s))
        return at;
    return (at & ~UINT32_C(1)) << 1 | (s->graphics.reg[GRAPHICS_READ_PLANE] & 2) | (at & 1);
}

static uint8_t read_byte(struct vga *vga, const uint8_t *planes, uint32_t at)
{
    struct vga_state *s = &vga->s;
    const uint8_t *reg = s->graphics.reg;
    uint32_t differs;

    if (is_chained_4(s) || is_odd_even(s))
        return planes[chained(s, at)];
    memcpy(s->latch, planes + 4 * (at & 0xffff), 4);
    if (!(reg[GRAPHICS_MODE] & 8))
        return s->latch[reg[GRAPHICS_READ_PLANE] & 3];
    differs = (latched(s) ^ lanes(reg[GRAPHICS_COMPARE])) & lanes(reg[GRAPHICS_DONT_CARE]);
    differs |= differs >> 16;
    differs |= differs >> 8;
    return (uint8_t)~differs;
}

static void write_byte(struct vga *vga, uint8_t *planes, uint32_t at, uint8_t byte)
{
    const struct vga_state *s = &vga->s;
    unsigned mask = s->sequencer.reg[SEQUENCER_MAP_MASK];
    uint32_t value, old, bits;

    if (is_chained_4(s) || is_odd_even(s)) {
        at = chained(s, at);
        if (mask >> (at & 3) & 1)
            planes[at] = byte;
    } else {
        at = 4 * (at & 0xffff);
        bits = lanes(mask);
        value = converted(s, byte);
        memcpy(&old, planes + at, 4);
        value = (value & bits) | (old & ~bits);
        memcpy(planes + at, &value, 4);
    }
    memory_mark(vga->memory, VGA_MEMORY + at); /* no code is decoded in a hole */
}

/* Where an access is in the window that is open; false: in none. */
static bool find(const struct vga *vga, uint32_t *offset)
{
    const struct window *window = &windows[MISC_MAP(vga->s.graphics.reg[GRAPHICS_MISC])];

    if (*offset < window->from || *offset - window->from >= window->size)
        return false;
    *offset -= window->from;
    return true;
}

static uint32_t window_read(void *device, uint32_t offset, unsigned width)
{
    struct vga *vga = device;
    const uint8_t *planes = vga_planes(vga);
    uint32_t value = 0;

    if (vga_dispi_is_on(&vga->s))
        return vga_frame_read(vga, vga_dispi_bank(&vga->s) + offset, width);
    for (unsigned i = 0; i < width; i++) {
        uint32_t at = offset + i;
        bool is_there = planes && find(vga, &at);
        value |= (uint32_t)(is_there ? read_byte(vga, planes, at) : 0xff) << (8 * i);
    }
    return value;
}

static void window_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct vga *vga = device;
    uint8_t *planes = vga_planes(vga);

    if (vga_dispi_is_on(&vga->s)) {
        vga_frame_write(vga, vga_dispi_bank(&vga->s) + offset, width, value);
        return;
    }
    for (unsigned i = 0; i < width; i++) {
        uint32_t at = offset + i;
        if (planes && find(vga, &at))
            write_byte(vga, planes, at, (uint8_t)(value >> (8 * i)));
    }
}

bool vga_planes_attach(struct vga *vga, struct bus *mmio)
{
    const struct bus_region region = {"VGA memory", VGA_MEMORY,   VGA_WINDOW,   4,
                                      window_read,  window_write, .device = vga};

    return bus_add(mmio, &region) == NULL;
}

/* Whether what is at an address is one byte of one plane, or of the text, whichever way it is
 * looked at. The windows at 0xb0000 and 0xb8000, of text and of the CGA's modes, are no planes. */
static bool is_plain(const struct vga_state *s)
{
    if (vga_dispi_is_on(s))
        return false;
    return MISC_MAP(s->graphics.reg[GRAPHICS_MISC]) >= 2 ||
           (is_chained_4(s) && (s->sequencer.reg[SEQUENCER_MAP_MASK] & 15) == 15);
}

void vga_map(struct vga *vga)
{
    enum memory_kind kind = is_plain(&vga->s) ? MEMORY_RAM : MEMORY_HOLE;

    if (vga_planes(vga) && memory_kind(vga->memory, VGA_MEMORY) != kind)
        memory_map_set(vga->memory, VGA_MEMORY, VGA_PLANES_SIZE, kind);
}
