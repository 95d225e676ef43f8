/*
 * A display adapter's cells in the colours and characters of a terminal; its pixels two a cell, one
 * above the other.
 */
#include "adapter.h"

#include "dev/vga_text.h"

bool adapter_is_blank(const struct display *display)
{
    if (display->width)
        return false;
    for (unsigned i = 0; i < display->rows * display->columns; i++) {
        if (vga_text_unicode((uint8_t)display->cells[i]) != ' ')
            return false;
    }
    return true;
}

static struct cell vga_cell(uint16_t value)
{
    /* The colours of a VGA have red and blue the other way round. */
    static const uint8_t order[8] = {0, 4, 2, 6, 1, 5, 3, 7};
    unsigned fg = value >> 8 & 15, bg = value >> 12 & 7;

    return (struct cell){.code = vga_text_unicode((uint8_t)value),
                         .style = {.fg = COLOUR_INDEX(order[fg & 7] + (fg & 8)),
                                   .bg = bg ? COLOUR_INDEX(order[bg]) : 0}};
}

/* ---- pixels ---- */

#define UPPER_HALF 0x2580

/* The largest picture of a display's shape that fits into so many columns and half rows, which are
 * about as wide as high. Monitors showed pictures of up to 480 lines as 4:3, whatever their size.
 */
static void fit(const struct display *display, int columns, int rows, struct area *to)
{
    bool is_old = display->height <= 480;
    int wide = is_old ? 4 : (int)display->width, high = is_old ? 3 : (int)display->height;

    to->columns = columns * high <= rows * wide ? columns : rows * wide / high;
    to->rows = columns * high <= rows * wide ? columns * high / wide : rows;
    to->columns = to->columns > 0 ? to->columns : 1;
    to->rows = to->rows > 0 ? to->rows : 1;
    to->row = (rows - to->rows) / 2;
    to->column = (columns - to->columns) / 2;
}

/* What of `size` pixels the dot at `at` of `count` stands for: one at least. */
static void span(int at, int count, unsigned size, unsigned *from, unsigned *end)
{
    *from = (unsigned)((uint64_t)at * size / (unsigned)count);
    *end = (unsigned)((uint64_t)(at + 1) * size / (unsigned)count);
    *end += *end == *from;
}

/* The mean of these pixels. */
static uint32_t dot(const struct display *display, const struct area *picture, int row, int column)
{
    unsigned left, right, top, bottom, red = 0, green = 0, blue = 0, count;

    row -= picture->row;
    column -= picture->column;
    if (row < 0 || row >= picture->rows || column < 0 || column >= picture->columns)
        return COLOUR_RGB(0, 0, 0);
    span(column, picture->columns, display->width, &left, &right);
    span(row, picture->rows, display->height, &top, &bottom);
    for (unsigned y = top; y < bottom; y++) {
        const uint32_t *line = display->pixels + (size_t)y * display->width;
        for (unsigned x = left; x < right; x++) {
            red += line[x] >> 16 & 0xff;
            green += line[x] >> 8 & 0xff;
            blue += line[x] & 0xff;
        }
    }
    count = (right - left) * (bottom - top);
    return COLOUR_RGB(red / count, green / count, blue / count);
}

static void paint_pixels(const struct display *display, struct grid *grid, struct area area)
{
    struct area picture;

    fit(display, area.columns, 2 * area.rows, &picture);
    for (int row = 0; row < area.rows; row++) {
        for (int column = 0; column < area.columns; column++) {
            uint32_t upper = dot(display, &picture, 2 * row, column);
            uint32_t lower = dot(display, &picture, 2 * row + 1, column);
            bool is_one = upper == lower;
            grid_put(grid, area.row + row, area.column + column, is_one ? ' ' : UPPER_HALF,
                     (struct style){.fg = is_one ? 0 : upper, .bg = lower});
        }
    }
}

/* ---- both ---- */

void adapter_paint(const struct display *display, struct grid *grid, struct area area,
                   bool has_focus)
{
    int rows = (int)display->rows, columns = (int)display->columns;
    int row0 = (int)display->cursor_row - area.rows + 1;
    int column0 = (int)display->cursor_column - area.columns + 1;

    if (display->width) {
        paint_pixels(display, grid, area);
        return;
    }
    row0 = display->has_cursor && row0 > 0 ? row0 : 0;
    column0 = display->has_cursor && column0 > 0 ? column0 : 0;
    for (int row = 0; row < area.rows && row0 + row < rows; row++) {
        for (int column = 0; column < area.columns && column0 + column < columns; column++) {
            struct cell cell = vga_cell(
                display_cell(display, (unsigned)(row0 + row), (unsigned)(column0 + column)));
            grid_put(grid, area.row + row, area.column + column, cell.code, cell.style);
        }
    }
    if (has_focus && display->has_cursor) {
        grid->cursor_row = area.row + (int)display->cursor_row - row0;
        grid->cursor_column = area.column + (int)display->cursor_column - column0;
    }
}
