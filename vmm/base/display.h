/*
 * What a display adapter shows: cells of text, as many as its mode has, or pixels. The adapter
 * fills it in; who shows it to a person knows no adapter.
 */
#ifndef VMM_BASE_DISPLAY_H
#define VMM_BASE_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISPLAY_CELLS_MAX (132 * 60) /* the largest text mode of VBE */

struct display {
    unsigned width, height; /* in pixels; 0: it shows text, or nothing yet */
    uint32_t *pixels;       /* by row: 0x00RRGGBB */
    size_t room;            /* of pixels, allocated */
    unsigned columns, rows; /* of text; 0: nothing is shown yet, or pixels */
    bool has_cursor;        /* it is on the screen */
    unsigned cursor_column, cursor_row;
    uint16_t cells[DISPLAY_CELLS_MAX]; /* by row: code page 437 below, a VGA's attribute above */
};

static inline uint16_t display_cell(const struct display *display, unsigned row, unsigned column)
{
    return display->cells[row * display->columns + column];
}

/* Has it show so many pixels, which are to be filled in, and no text. False: there is no memory for
 * them, and it shows nothing. A display that is all zero shows nothing, and may be given this. */
bool display_set_size(struct display *display, unsigned width, unsigned height);

/* Has `to` show what `from` shows, or nothing where there is no memory for it. */
void display_copy(struct display *to, const struct display *from);

/* It shows nothing. */
void display_free(struct display *display);

#endif
