/*
 * VGA text mode: register banks behind their index ports, and the screen as text.
 */
#include "vga_text.h"

#include "base/bus.h"

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

enum {
    CRTC_CURSOR_START = 0x0a,
    CRTC_CURSOR_END,
    CRTC_START_HIGH,
    CRTC_START_LOW,
    CRTC_CURSOR_HIGH,
    CRTC_CURSOR_LOW,
};

#define INDEX_BITS      0x1f
#define CURSOR_OFF      0x20 /* in the cursor start register */
#define MISC_MODE_3     0x67
#define STATUS_BLANKED  0x01
#define STATUS_RETRACE  0x08
#define PALETTE_BYTES   (256 * 3)
#define DAC_STATE_READ  0x03
#define DAC_COLOUR_BITS 0x3f

/* Code page 437 where it is not ASCII. 0 shows as a blank, and so does 0xff. */
static const uint16_t cp437_low[32] = {
    0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9,
    0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7,
    0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const uint16_t cp437_high[129] = {
    0x2302, /* 0x7f */
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x0020,
};

uint16_t vga_text_unicode(uint8_t c)
{
    if (c < 0x20)
        return cp437_low[c];
    return c < 0x7f ? c : cp437_high[c - 0x7f];
}

/* Writes a character as UTF-8; returns its length, 1 to 3. */
static size_t utf8(uint16_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | code >> 12);
    to[1] = (char)(0x80 | (code >> 6 & 0x3f));
    to[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

static unsigned register_pair(const struct vga_bank *bank, unsigned high)
{
    return (unsigned)(bank->reg[high] << 8 | bank->reg[high + 1]);
}

static uint8_t *bank_register(struct vga_bank *bank)
{
    return &bank->reg[bank->index & INDEX_BITS];
}

static void attribute_write(struct vga_text_state *s, uint8_t value)
{
    if (s->attribute_data)
        *bank_register(&s->attribute) = value;
    else
        s->attribute.index = value; /* with the bit that switches the screen on */
    s->attribute_data = !s->attribute_data;
}

static uint32_t base_read(void *device, uint32_t offset, unsigned width)
{
    struct vga_text *vga = device;
    struct vga_text_state *s = &vga->s;
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
        return DAC_STATE_READ;
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
    struct vga_text *vga = device;
    struct vga_text_state *s = &vga->s;
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
        break;
    case DAC_MASK:
        s->dac_mask = value;
        break;
    case DAC_READ_INDEX:
        s->dac_read = (uint16_t)(value * 3);
        break;
    case DAC_WRITE_INDEX:
        s->dac_write = (uint16_t)(value * 3);
        break;
    case DAC_DATA:
        s->palette[s->dac_write] = value & DAC_COLOUR_BITS;
        s->dac_write = (uint16_t)((s->dac_write + 1) % PALETTE_BYTES);
        break;
    case GRAPHICS_INDEX:
        s->graphics.index = value;
        break;
    case GRAPHICS_DATA:
        *bank_register(&s->graphics) = value;
        break;
    default:
        break;
    }
}

static uint32_t crtc_read(void *device, uint32_t offset, unsigned width)
{
    struct vga_text *vga = device;

    (void)width;
    return offset == 0 ? vga->s.crtc.index : *bank_register(&vga->s.crtc);
}

static void crtc_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct vga_text *vga = device;

    (void)width;
    if (offset == 0)
        vga->s.crtc.index = (uint8_t)value;
    else
        *bank_register(&vga->s.crtc) = (uint8_t)value;
}

/* Each read is in the other half of a frame, so that a guest waiting for either goes on. */
static uint32_t status_read(void *device, uint32_t offset, unsigned width)
{
    struct vga_text *vga = device;

    (void)offset;
    (void)width;
    vga->s.attribute_data = false;
    vga->s.status ^= STATUS_BLANKED | STATUS_RETRACE;
    return vga->s.status;
}

static void status_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct vga_text *vga = device;

    (void)offset;
    (void)width;
    vga->s.feature = (uint8_t)value;
}

void vga_text_init(struct vga_text *vga, const struct memory *memory)
{
    /* Geometry of 80 x 25 cells of 9 x 16 dots, cursor in the last two lines but one. */
    static const uint8_t crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                   0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                                   0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};

    memset(vga, 0, sizeof(*vga));
    vga->memory = memory;
    memcpy(vga->s.crtc.reg, crtc, sizeof(crtc));
    vga->s.misc = MISC_MODE_3;
    vga->s.dac_mask = 0xff;
}

bool vga_text_attach(struct vga_text *vga, struct bus *ports)
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
    return true;
}

/* A cell of the screen, character and attribute; a blank if the page is not in RAM. */
static uint16_t cell_at(const struct vga_text *vga, unsigned row, unsigned column)
{
    unsigned cell = register_pair(&vga->s.crtc, CRTC_START_HIGH) + row * VGA_TEXT_COLUMNS + column;
    uint16_t value = ' ';

    memory_read(vga->memory, VGA_TEXT_ADDRESS + 2 * (cell % VGA_TEXT_CELLS), &value, 2);
    return value;
}

static uint16_t character(const struct vga_text *vga, unsigned row, unsigned column)
{
    return vga_text_unicode((uint8_t)cell_at(vga, row, column));
}

void vga_text_show(const struct vga_text *vga, struct display *display)
{
    display->columns = VGA_TEXT_COLUMNS;
    display->rows = VGA_TEXT_ROWS;
    display->has_cursor = vga_text_cursor(vga, &display->cursor_column, &display->cursor_row);
    for (unsigned row = 0; row < VGA_TEXT_ROWS; row++) {
        for (unsigned column = 0; column < VGA_TEXT_COLUMNS; column++)
            display->cells[row * VGA_TEXT_COLUMNS + column] = cell_at(vga, row, column);
    }
}

static unsigned row_length(const struct vga_text *vga, unsigned row)
{
    unsigned length = VGA_TEXT_COLUMNS;

    while (length && character(vga, row, length - 1) == ' ')
        length--;
    return length;
}

size_t vga_text_dump(const struct vga_text *vga, char *to, size_t size)
{
    unsigned rows = VGA_TEXT_ROWS;
    size_t length = 0;

    if (size == 0)
        return 0;
    while (rows && row_length(vga, rows - 1) == 0)
        rows--;
    for (unsigned row = 0; row < rows; row++) {
        unsigned columns = row_length(vga, row);
        for (unsigned column = 0; column <= columns; column++) {
            char bytes[3];
            size_t n = utf8(column < columns ? character(vga, row, column) : '\n', bytes);
            if (length + n >= size)
                goto out;
            memcpy(to + length, bytes, n);
            length += n;
        }
    }
out:
    to[length] = '\0';
    return length;
}

bool vga_text_cursor(const struct vga_text *vga, unsigned *column, unsigned *row)
{
    const struct vga_bank *crtc = &vga->s.crtc;
    unsigned cell = register_pair(crtc, CRTC_CURSOR_HIGH) - register_pair(crtc, CRTC_START_HIGH);

    cell %= VGA_TEXT_CELLS;
    if (crtc->reg[CRTC_CURSOR_START] & CURSOR_OFF || cell >= VGA_TEXT_COLUMNS * VGA_TEXT_ROWS)
        return false;
    *column = cell % VGA_TEXT_COLUMNS;
    *row = cell / VGA_TEXT_COLUMNS;
    return true;
}

static bool valid(const void *device, const void *state)
{
    const struct vga_text_state *s = state;

    (void)device;
    return s->dac_write < PALETTE_BYTES && s->dac_read < PALETTE_BYTES &&
           ARE_BOOLS(&s->attribute_data);
}

const struct device_kind vga_text_kind = {DEVICE_STATE(struct vga_text, s), .valid = valid};
