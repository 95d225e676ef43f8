/*
 * The registers of a VGA: banks behind their index ports, the palette.
 */
#include "vga_internal.h"

#include "base/bus.h"
#include "base/clock.h"

#include <string.h>

/* Offsets from 0x3c0. */
enum {
    ATTRIBUTE = 0x0,
    ATTRIBUTE_READ = 0x1,
    MISC_WRITE = 0x2, /* read: input status 0 */
    SEQUENCER_INDEX = 0x4,
    SEQUENCER_DATA = 0x5,
    DAC_MASK = 0x6,
    DAC_READ_INDEX = 0x7, /* read: DAC state */
    DAC_WRITE_INDEX = 0x8,
    DAC_DATA = 0x9,
    FEATURE_READ = 0xa,
    MISC_READ = 0xc,
    GRAPHICS_INDEX = 0xe,
    GRAPHICS_DATA = 0xf,
};

#define PORT_BASE   0x3c0
#define PORT_CRTC   0x3d4
#define PORT_STATUS 0x3da /* write: feature control */

#define INDEX_BITS      0x1f
#define MISC_MODE_3     0x67
#define STATUS_BLANKED  0x01
#define STATUS_RETRACE  0x08
#define PALETTE_BYTES   (256 * 3)
#define DAC_STATE_READ  0x03
#define DAC_COLOUR_BITS 0x3f
#define CRTC_LOCK       0x11 /* register, whose highest bit protects those up to 7 */
#define LOCKED          0x80
#define OVERFLOW_FREE   0x10 /* but for this bit */

static uint8_t *bank_register(struct vga_bank *bank)
{
    return &bank->reg[bank->index & INDEX_BITS];
}

static void attribute_write(struct vga_state *s, uint8_t value)
{
    if (s->attribute_data)
        *bank_register(&s->attribute) = value;
    else
        s->attribute.index = value; /* with the bit that switches the screen on */
    s->attribute_data = !s->attribute_data;
}

static uint32_t base_read(void *device, uint32_t offset, unsigned width)
{
    struct vga *vga = device;
    struct vga_state *s = &vga->s;
    uint8_t value;

    (void)width;
    switch (offset) {
    case ATTRIBUTE:
        return s->attribute.index;
    case ATTRIBUTE_READ:
        return *bank_register(&s->attribute);
    case SEQUENCER_INDEX:
        return s->sequencer.index;
    case SEQUENCER_DATA:
        return *bank_register(&s->sequencer);
    case DAC_MASK:
        return s->dac_mask;
    case DAC_READ_INDEX:
        return s->dac_reads ? DAC_STATE_READ : 0;
    case DAC_WRITE_INDEX:
        return s->dac_write / 3;
    case DAC_DATA:
        value = s->palette[s->dac_read];
        s->dac_read = (uint16_t)((s->dac_read + 1) % PALETTE_BYTES);
        return value;
    case FEATURE_READ:
        return s->feature;
    case MISC_READ:
        return s->misc;
    case GRAPHICS_INDEX:
        return s->graphics.index;
    case GRAPHICS_DATA:
        return *bank_register(&s->graphics);
    default:
        return 0;
    }
}

static void base_write(void *device, uint32_t offset, unsigned width, uint32_t value32)
{
    struct vga *vga = device;
    struct vga_state *s = &vga->s;
    uint8_t value = (uint8_t)value32;

    (void)width;
    switch (offset) {
    case ATTRIBUTE:
        attribute_write(s, value);
        break;
    case MISC_WRITE:
        s->misc = value;
        break;
    case SEQUENCER_INDEX:
        s->sequencer.index = value;
        break;
    case SEQUENCER_DATA:
        *bank_register(&s->sequencer) = value;
        vga_map(vga);
        break;
    case DAC_MASK:
        s->dac_mask = value;
        break;
    case DAC_READ_INDEX:
        s->dac_read = (uint16_t)(value * 3);
        s->dac_reads = true;
        break;
    case DAC_WRITE_INDEX:
        s->dac_write = (uint16_t)(value * 3);
        s->dac_reads = false;
        break;
    case DAC_DATA:
        s->palette[s->dac_write] = vga_dispi_has_dac_8(s) ? value : value & DAC_COLOUR_BITS;
        s->dac_write = (uint16_t)((s->dac_write + 1) % PALETTE_BYTES);
        break;
    case GRAPHICS_INDEX:
        s->graphics.index = value;
        break;
    case GRAPHICS_DATA:
        *bank_register(&s->graphics) = value;
        vga_map(vga);
        break;
    default:
        break;
    }
}

static uint32_t crtc_read(void *device, uint32_t offset, unsigned width)
{
    struct vga *vga = device;

    (void)width;
    return offset == 0 ? vga->s.crtc.index : *bank_register(&vga->s.crtc);
}

static void crtc_set(struct vga_bank *crtc, uint8_t value)
{
    unsigned index = crtc->index & INDEX_BITS;
    uint8_t free = 0xff;

    if (index <= CRTC_OVERFLOW && crtc->reg[CRTC_LOCK] & LOCKED)
        free = index == CRTC_OVERFLOW ? OVERFLOW_FREE : 0;
    crtc->reg[index] = (uint8_t)((crtc->reg[index] & ~free) | (value & free));
}

static void crtc_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct vga *vga = device;

    (void)width;
    if (offset == 0)
        vga->s.crtc.index = (uint8_t)value;
    else
        crtc_set(&vga->s.crtc, (uint8_t)value);
}

/* How long a picture of 400 lines is, and one of 480 (bits 6 and 7 of the miscellaneous register);
 * and how much of it the beam takes to go back. The latter is the whole of the blanking, so that a
 * guest that the host has held up finds it. */
#define PICTURE_400_NS UINT64_C(14268000)
#define PICTURE_480_NS UINT64_C(16683000)
#define RETRACE_NS     UINT64_C(1200000)

#define POLLS_IN_VAIN 1000 /* then the guest waits for the beam, and not for the end of a line */

/* Which half of which picture it is, odd while the beam goes back, and when that ends. */
static uint64_t phase_now(const struct vga *vga, uint64_t *end)
{
    uint64_t picture = (vga->s.misc & 0xc0) == 0xc0 ? PICTURE_480_NS : PICTURE_400_NS;
    uint64_t now = clock_now(vga->clock), begin = now / picture * picture;
    bool goes_back = now - begin >= picture - RETRACE_NS;

    *end = begin + (goes_back ? picture : picture - RETRACE_NS);
    return 2 * (now / picture) + goes_back;
}

/* Lines are so short that each read is in the other half of one, so that a guest waiting for either
 * goes on. A guest that waits for the picture's end stands still until then. */
static uint32_t status_read(void *device, uint32_t offset, unsigned width)
{
    struct vga *vga = device;
    struct vga_state *s = &vga->s;
    uint64_t end, phase = phase_now(vga, &end);

    (void)offset;
    (void)width;
    s->attribute_data = false;
    s->status = (uint8_t)(((s->status ^ STATUS_BLANKED) & STATUS_BLANKED) |
                          (phase & 1 ? STATUS_RETRACE | STATUS_BLANKED : 0));
    s->polls = phase == s->phase ? (uint16_t)(s->polls + 1) : 0;
    s->phase = phase;
    if (s->polls == POLLS_IN_VAIN) {
        s->polls = 0;
        if (vga->wait)
            vga->wait(vga->owner, end);
    }
    return s->status;
}

static void status_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct vga *vga = device;

    (void)offset;
    (void)width;
    vga->s.feature = (uint8_t)value;
}

/* Colours of the mode with bits rgbRGB of an EGA's monitor: two thirds, one third. */
static void fill_palette(uint8_t *palette)
{
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned part = 0; part < 3; part++) {
            unsigned bits = i >> (2 - part);
            palette[3 * i + part] = (uint8_t)((bits & 1) * 0x2a + (bits >> 3 & 1) * 0x15);
        }
    }
}

void vga_init(struct vga *vga, const struct memory *memory, const struct clock *clock,
              void (*wait)(void *owner, uint64_t time), void *owner)
{
    /* Geometry of 80 x 25 cells of 9 x 16 dots, cursor in the last two lines but one. */
    static const uint8_t crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                   0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                   0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
    static const uint8_t sequencer[] = {0x03, 0x00, 0x03, 0x00, 0x02};
    static const uint8_t graphics[] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff};
    static const uint8_t attribute[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14,
                                        0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
                                        0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};
    struct vga_state *s = &vga->s;

    memset(vga, 0, sizeof(*vga));
    vga->memory = memory;
    vga->clock = clock;
    vga->wait = wait;
    vga->owner = owner;
    memcpy(s->crtc.reg, crtc, sizeof(crtc));
    memcpy(s->sequencer.reg, sequencer, sizeof(sequencer));
    memcpy(s->graphics.reg, graphics, sizeof(graphics));
    memcpy(s->attribute.reg, attribute, sizeof(attribute));
    s->attribute.index = ATTRIBUTE_ON;
    s->misc = MISC_MODE_3;
    s->dac_mask = 0xff;
    fill_palette(s->palette);
}

bool vga_attach(struct vga *vga, struct bus *ports, struct bus *mmio)
{
    const struct bus_region regions[] = {
        {"VGA", PORT_BASE, 16, 1, base_read, base_write, .device = vga},
        {"VGA CRTC", PORT_CRTC, 2, 1, crtc_read, crtc_write, .device = vga},
        {"VGA status", PORT_STATUS, 1, 1, status_read, status_write, .device = vga},
    };

    for (unsigned i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (bus_add(ports, &regions[i]))
            return false;
    }
    return vga_planes_attach(vga, mmio) && vga_dispi_attach(vga, ports, mmio);
}

void vga_free(struct vga *vga)
{
    if (vga->frame.base)
        memory_free(&vga->frame);
}

static bool valid(const void *device, const void *state)
{
    const struct vga_state *s = state;

    (void)device;
    return s->polls < POLLS_IN_VAIN && s->dac_write < PALETTE_BYTES &&
           s->dac_read < PALETTE_BYTES && vga_dispi_is_valid(s) &&
           ARE_BOOLS(&s->attribute_data, &s->dac_reads);
}

static void restored(void *device)
{
    vga_map(device);
}

const struct device_kind vga_kind = {DEVICE_STATE(struct vga, s), .valid = valid,
                                     .restored = restored};
