/*
 * What a VGA shows: which pixels there are, and of what colour, as the CRT controller and the
 * attribute controller find them in the planes.
 */
#include "vga_internal.h"
#include "vga_text.h"

#include "base/blobs.h"

#include <string.h>

/* ---- pixels ---- */

#define WIDTH_MAX   1024 /* what ten bits of lines, and 128 characters of a line, can say */
#define HEIGHT_MAX  1024
#define CGA_ADDRESS 0x18000 /* of the planes: 0xb8000 */
#define CGA_BANK    0x2000  /* odd lines are behind even ones */

bool vga_is_graphic(const struct vga *vga)
{
    return vga_dispi_is_on(&vga->s) || vga->s.graphics.reg[GRAPHICS_MISC] & MISC_GRAPHIC;
}

/* A colour of the palette. */
static uint32_t colour(const struct vga_state *s, unsigned index)
{
    const uint8_t *parts = &s->palette[3 * (index & s->dac_mask)];
    bool has_8 = vga_dispi_has_dac_8(s);
    uint32_t value = 0;

    for (unsigned i = 0; i < 3; i++)
        value = value << 8 | (has_8 ? parts[i] : ((parts[i] & 63u) << 2 | (parts[i] & 63u) >> 4));
    return value;
}

/* What of 16 colours are, by way of the attribute controller's registers. */
static void find_colours(const struct vga_state *s, uint32_t *colours)
{
    const uint8_t *reg = s->attribute.reg;
    unsigned select = reg[ATTRIBUTE_COLOUR];

    for (unsigned i = 0; i < 16; i++) {
        unsigned index = reg[i & reg[ATTRIBUTE_PLANES]];
        if (reg[ATTRIBUTE_MODE] & 0x80)
            index = (index & 0x0f) | (select & 0x0f) << 4;
        else
            index = (index & 0x3f) | (select & 0x0c) << 4;
        colours[i] = colour(s, index);
    }
}

struct painter {
    const struct vga_state *s;
    const uint8_t *planes;
    uint32_t colours[256];
    unsigned width;
    unsigned panning; /* pixels that the line begins further right */
};

/* A line of pixels from an offset in the planes, times 4. */
typedef void line_painter(const struct painter *painter, uint32_t at, uint32_t *to);

static void paint_256(const struct painter *painter, uint32_t at, uint32_t *to)
{
    at += painter->panning / 2;
    for (unsigned i = 0; i < painter->width; i++)
        to[i] = painter->colours[painter->planes[(at + i) % VGA_PLANES_SIZE]];
}

static void paint_16(const struct painter *painter, uint32_t at, uint32_t *to)
{
    for (unsigned i = 0; i < painter->width; i++) {
        unsigned x = i + painter->panning, bit = ~x & 7;
        const uint8_t *bytes = &painter->planes[(at + x / 8 * 4) % VGA_PLANES_SIZE];
        to[i] = painter->colours[(bytes[0] >> bit & 1) | (bytes[1] >> bit & 1) << 1 |
                                 (bytes[2] >> bit & 1) << 2 | (bytes[3] >> bit & 1) << 3];
    }
}

/* Two bits a pixel, or one, where the CGA had them. */
static void paint_4(const struct painter *painter, uint32_t at, uint32_t *to)
{
    for (unsigned i = 0; i < painter->width; i++)
        to[i] = painter->colours[painter->planes[at + i / 4] >> (6 - i % 4 * 2) & 3];
}

static void paint_2(const struct painter *painter, uint32_t at, uint32_t *to)
{
    for (unsigned i = 0; i < painter->width; i++)
        to[i] = painter->colours[painter->planes[at + i / 8] >> (7 - i % 8) & 1];
}

/* How many scan lines a row of pixels is. */
static unsigned lines_a_row(const struct vga_bank *crtc)
{
    unsigned lines = (crtc->reg[CRTC_MAX_SCAN_LINE] & LINE_BITS) + 1u;

    return crtc->reg[CRTC_MAX_SCAN_LINE] & LINE_DOUBLED ? 2 * lines : lines;
}

/* The modes of the CGA: the lowest bit of the row's number is bit 13 of the address. */
static bool is_cga(const struct vga_state *s)
{
    return !(s->crtc.reg[CRTC_MODE] & 1) && MISC_MAP(s->graphics.reg[GRAPHICS_MISC]) == 3;
}

static void paint_cga(const struct painter *painter, struct display *display, line_painter *paint)
{
    unsigned unit = painter->s->crtc.reg[CRTC_MODE] & BYTE_ADDRESSES ? 2 : 4;
    unsigned pitch = painter->s->crtc.reg[CRTC_OFFSET] * unit;
    unsigned start = vga_register_pair(&painter->s->crtc, CRTC_START_HIGH) * 2;

    for (unsigned row = 0; row < display->height; row++) {
        unsigned at = (start + row / 2 * pitch) % CGA_BANK + row % 2 * CGA_BANK;
        paint(painter, CGA_ADDRESS + at, display->pixels + (size_t)row * display->width);
    }
}

static void paint_planes(const struct painter *painter, struct display *display,
                         line_painter *paint, unsigned lines)
{
    const struct vga_bank *crtc = &painter->s->crtc;
    unsigned split = vga_crtc_number(crtc, CRTC_LINE_COMPARE, 4, 10) |
                     (crtc->reg[CRTC_MAX_SCAN_LINE] & 0x40u) << 3;
    uint32_t at = vga_register_pair(crtc, CRTC_START_HIGH) * 4, pitch = crtc->reg[CRTC_OFFSET] * 8u;

    for (unsigned row = 0; row < display->height; row++) {
        paint(painter, at, display->pixels + (size_t)row * display->width);
        at = split / lines == row ? 0 : at + pitch; /* behind the split it is the planes' begin */
    }
}

static void show_pixels(const struct vga *vga, struct display *display)
{
    const struct vga_state *s = &vga->s;
    struct painter painter = {.s = s, .planes = vga_planes(vga)};
    bool has_256 = s->graphics.reg[GRAPHICS_MODE] & MODE_256, cga = is_cga(s);
    unsigned lines = cga ? 2 : lines_a_row(&s->crtc);
    unsigned width = (s->crtc.reg[CRTC_COLUMNS] + 1u) * (has_256 ? 4 : 8);
    unsigned height = vga_scan_lines(&s->crtc) / lines;

    if (!painter.planes || width > WIDTH_MAX || height > HEIGHT_MAX || height == 0 ||
        !display_set_size(display, width, height)) {
        display_set_size(display, 0, 0);
        return;
    }
    painter.width = width;
    painter.panning = s->attribute.reg[ATTRIBUTE_PANNING] & 7;
    for (unsigned i = 0; has_256 && i < 256; i++)
        painter.colours[i] = colour(s, i);
    if (!has_256)
        find_colours(s, painter.colours);
    if (!(s->attribute.index & ATTRIBUTE_ON))
        memset(display->pixels, 0, (size_t)width * height * sizeof(uint32_t));
    else if (cga)
        paint_cga(&painter, display,
                  s->graphics.reg[GRAPHICS_MODE] & MODE_INTERLEAVED ? paint_4 : paint_2);
    else
        paint_planes(&painter, display, has_256 ? paint_256 : paint_16, lines);
}

/* ---- text ---- */

#define FONT_LINES 32 /* room for each character in plane 2 */
#define FONT_BYTES (256 * FONT_LINES)

struct typesetter {
    const uint8_t *font; /* lines of characters, four bytes apart; NULL: ours */
    uint32_t colours[256];
    unsigned wide, high; /* dots of a cell */
    bool blinks;         /* bit 7 of attributes is no colour's */
};

/* The font that the registers choose, if anything is there. Character sets 0 to 3 are 16 KiB apart,
 * 4 to 7 between them. */
static const uint8_t *find_font(const struct vga *vga)
{
    unsigned select = vga->s.sequencer.reg[SEQUENCER_FONT];
    unsigned number = (select & 3) | (select >> 2 & 4);
    const uint8_t *planes = vga_planes(vga), *font;

    if (!planes)
        return NULL;
    font = planes + 4 * ((number & 3) * 0x4000 + (number >> 2) * 0x2000) + 2;
    for (unsigned i = 0; i < FONT_BYTES; i++) {
        if (font[4 * i])
            return font;
    }
    return NULL;
}

static uint8_t line_of(const struct typesetter *setter, unsigned character, unsigned line)
{
    if (setter->font)
        return setter->font[4 * (character * FONT_LINES + line)];
    return boot_font[8 * character + line * 8 / setter->high];
}

/* In cells of nine dots the last one is blank, but that lines of frames go through. */
static void draw_cell(const struct typesetter *setter, uint16_t cell, uint32_t *to, size_t pitch)
{
    unsigned character = cell & 0xff, back = cell >> 12 & (setter->blinks ? 7 : 15);
    bool is_frame = character >= 0xc0 && character < 0xe0;

    for (unsigned line = 0; line < setter->high; line++, to += pitch) {
        unsigned bits = 2u * line_of(setter, character, line);
        bits |= is_frame ? bits >> 1 & 1 : 0;
        for (unsigned dot = 0; dot < setter->wide; dot++)
            to[dot] = setter->colours[bits >> (8 - dot) & 1 ? cell >> 8 & 15 : back];
    }
}

static void draw_cursor(const struct vga *vga, const struct typesetter *setter,
                        const struct display *text, struct display *display)
{
    const uint8_t *crtc = vga->s.crtc.reg;
    unsigned end = crtc[CRTC_CURSOR_END] & LINE_BITS;
    uint16_t cell = display_cell(text, text->cursor_row, text->cursor_column);
    uint32_t *to = display->pixels + text->cursor_column * setter->wide +
                   (size_t)text->cursor_row * setter->high * display->width;

    for (unsigned line = crtc[CRTC_CURSOR_START] & LINE_BITS; line <= end && line < setter->high;
         line++) {
        for (unsigned dot = 0; dot < setter->wide; dot++)
            to[line * display->width + dot] = setter->colours[cell >> 8 & 15];
    }
}

static void draw_text(const struct vga *vga, const struct display *text, struct display *display)
{
    const struct vga_state *s = &vga->s;
    struct typesetter setter = {.font = find_font(vga),
                                .wide = s->sequencer.reg[SEQUENCER_CLOCKING] & CLOCK_8 ? 8 : 9,
                                .high = (s->crtc.reg[CRTC_MAX_SCAN_LINE] & LINE_BITS) + 1u,
                                .blinks = s->attribute.reg[ATTRIBUTE_MODE] & 8};

    if (text->rows == 0 ||
        !display_set_size(display, text->columns * setter.wide, text->rows * setter.high))
        return;
    find_colours(s, setter.colours);
    for (unsigned row = 0; row < text->rows; row++) {
        for (unsigned column = 0; column < text->columns; column++)
            draw_cell(&setter, display_cell(text, row, column),
                      display->pixels + (size_t)row * setter.high * display->width +
                          column * setter.wide,
                      display->width);
    }
    if (text->has_cursor)
        draw_cursor(vga, &setter, text, display);
}

/* ---- both ---- */

static void show_frame(const struct vga *vga, struct display *display)
{
    uint32_t colours[256];

    for (unsigned i = 0; i < 256; i++)
        colours[i] = colour(&vga->s, i);
    vga_dispi_show(vga, colours, display);
}

void vga_show(const struct vga *vga, struct display *display)
{
    if (vga_dispi_is_on(&vga->s)) {
        show_frame(vga, display);
    } else if (vga_is_graphic(vga)) {
        show_pixels(vga, display);
    } else {
        display->width = display->height = 0;
        vga_text_show(vga, display);
    }
}

void vga_draw(const struct vga *vga, struct display *display)
{
    struct display text = {0};

    display_set_size(display, 0, 0);
    if (vga_is_graphic(vga)) {
        vga_show(vga, display);
        return;
    }
    vga_text_show(vga, &text);
    draw_text(vga, &text, display);
}
