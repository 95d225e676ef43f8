/*
 * A screen of cells, and how to get a terminal from one such screen to the next.
 */
#ifndef VMM_FRONT_SCREEN_GRID_H
#define VMM_FRONT_SCREEN_GRID_H

#include "console/sink.h"

#include <stdbool.h>
#include <stdint.h>

/* A colour: 0 is the terminal's own; else one of a palette of 256, or red, green and blue. */
#define COLOUR_INDEX(i) (UINT32_C(0x01000000) | (uint32_t)(i))
#define COLOUR_RGB(r, g, b) \
    (UINT32_C(0x02000000) | (uint32_t)(r) << 16 | (uint32_t)(g) << 8 | (uint32_t)(b))

enum { STYLE_BOLD = 1, STYLE_UNDERLINE = 2, STYLE_REVERSE = 4, STYLE_DIM = 8 };

struct style {
    uint32_t fg, bg;
    uint32_t bits;
};

#define CELL_TAIL UINT32_MAX /* the right half of the wide character before it */

struct cell {
    uint32_t code; /* Unicode; 0 is a blank */
    struct style style;
};

struct grid {
    int rows, columns;
    struct cell *cells;
    int cursor_row, cursor_column; /* row -1: no cursor is shown */
};

#define GRID_ROWS_MAX    500
#define GRID_COLUMNS_MAX 1000

/* A blank grid, at least 1 x 1, at most the limits above; false: no memory. */
bool grid_init(struct grid *grid, int rows, int columns);
void grid_free(struct grid *grid);
void grid_clear(struct grid *grid);

/* What is outside of the grid is left out. */
void grid_put(struct grid *grid, int row, int column, uint32_t code, struct style style);

/* Puts UTF-8 text, a cell a character, up to `end`; returns the column behind it. */
int grid_text(struct grid *grid, int row, int column, int end, const char *text,
              struct style style);

/* Writes what turns `shown` into `next`; both have the same size. `shown` NULL: all of it. Without
 * `utf8` what is not ASCII becomes something that is. */
void grid_render(struct sink *to, const struct grid *shown, const struct grid *next, bool utf8);

#endif
