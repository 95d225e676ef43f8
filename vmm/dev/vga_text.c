/*
 * The screen of a VGA as text: code page 437 to Unicode, cells to lines.
 */
#include "vga_text.h"

#include "vga_internal.h"

#include <string.h>

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

static unsigned at_most(unsigned value, unsigned most)
{
    return value < most ? value : most;
}

struct vga_text_size vga_text_size(const struct vga *vga)
{
    const struct vga_bank *crtc = &vga->s.crtc;
    unsigned lines = (crtc->reg[CRTC_MAX_SCAN_LINE] & LINE_BITS) + 1u;

    if (crtc->reg[CRTC_MAX_SCAN_LINE] & LINE_DOUBLED)
        lines *= 2;
    return (struct vga_text_size){
        .columns = at_most(crtc->reg[CRTC_COLUMNS] + 1u, VGA_TEXT_COLUMNS_MAX),
        .rows = at_most(vga_scan_lines(crtc) / lines, VGA_TEXT_ROWS_MAX),
        .pitch = crtc->reg[CRTC_OFFSET] * 2u,
    };
}

/* A cell of the screen, character and attribute; a blank if the page is not in RAM. */
static uint16_t cell_at(const struct vga *vga, const struct vga_text_size *text, unsigned row,
                        unsigned column)
{
    unsigned cell = vga_register_pair(&vga->s.crtc, CRTC_START_HIGH) + row * text->pitch + column;
    uint16_t value = ' ';

    memory_read(vga->memory, VGA_TEXT_ADDRESS + 2 * (cell % VGA_TEXT_CELLS), &value, 2);
    return value;
}

static uint16_t character(const struct vga *vga, const struct vga_text_size *text, unsigned row,
                          unsigned column)
{
    return vga_text_unicode((uint8_t)cell_at(vga, text, row, column));
}

static unsigned row_length(const struct vga *vga, const struct vga_text_size *text, unsigned row)
{
    unsigned length = text->columns;

    while (length && character(vga, text, row, length - 1) == ' ')
        length--;
    return length;
}

size_t vga_text_dump(const struct vga *vga, char *to, size_t size)
{
    const struct vga_text_size text = vga_text_size(vga);
    unsigned rows = vga_is_graphic(vga) ? 0 : text.rows;
    size_t length = 0;

    if (size == 0)
        return 0;
    while (rows && row_length(vga, &text, rows - 1) == 0)
        rows--;
    for (unsigned row = 0; row < rows; row++) {
        unsigned columns = row_length(vga, &text, row);
        for (unsigned column = 0; column <= columns; column++) {
            char bytes[3];
            size_t n = utf8(column < columns ? character(vga, &text, row, column) : '\n', bytes);
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

void vga_text_show(const struct vga *vga, struct display *display)
{
    const struct vga_text_size text = vga_text_size(vga);

    display->columns = text.columns;
    display->rows = text.rows;
    display->has_cursor = vga_text_cursor(vga, &display->cursor_column, &display->cursor_row);
    for (unsigned row = 0; row < text.rows; row++) {
        for (unsigned column = 0; column < text.columns; column++)
            display->cells[row * text.columns + column] = cell_at(vga, &text, row, column);
    }
}

bool vga_text_cursor(const struct vga *vga, unsigned *column, unsigned *row)
{
    const struct vga_bank *crtc = &vga->s.crtc;
    const struct vga_text_size text = vga_text_size(vga);
    unsigned cell =
        vga_register_pair(crtc, CRTC_CURSOR_HIGH) - vga_register_pair(crtc, CRTC_START_HIGH);

    cell %= VGA_TEXT_CELLS;
    if (vga_is_graphic(vga) || crtc->reg[CRTC_CURSOR_START] & CURSOR_OFF || text.pitch == 0 ||
        cell / text.pitch >= text.rows || cell % text.pitch >= text.columns)
        return false;
    *column = cell % text.pitch;
    *row = cell / text.pitch;
    return true;
}
