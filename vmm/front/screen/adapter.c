/*
 * A display adapter's cells in the colours and characters of a terminal.
 */
#include "adapter.h"

#include "dev/vga_text.h"

bool adapter_is_blank(const struct display *display)
{
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

void adapter_paint(const struct display *display, struct grid *grid, struct area area,
                   bool has_focus)
{
    int rows = (int)display->rows, columns = (int)display->columns;
    int row0 = (int)display->cursor_row - area.rows + 1;
    int column0 = (int)display->cursor_column - area.columns + 1;

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
