/*
 * What a display adapter shows: cells of text, as many as its mode has. The adapter fills it in;
 * who shows it to a person knows no adapter.
 */
#ifndef VMM_BASE_DISPLAY_H
#define VMM_BASE_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define DISPLAY_CELLS_MAX (132 * 60) /* the largest text mode of VBE */

struct display {
    unsigned columns, rows; /* 0: nothing is shown yet */
    bool has_cursor;        /* it is on the screen */
    unsigned cursor_column, cursor_row;
    uint16_t cells[DISPLAY_CELLS_MAX]; /* by row: code page 437 below, a VGA's attribute above */
};

static inline uint16_t display_cell(const struct display *display, unsigned row, unsigned column)
{
    return display->cells[row * display->columns + column];
}

#endif
