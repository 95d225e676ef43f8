/*
 * Where panes are on a screen.
 */
#ifndef VMM_FRONT_SCREEN_LAYOUT_H
#define VMM_FRONT_SCREEN_LAYOUT_H

#include <stddef.h>

struct area {
    int row, column, rows, columns;
};

#define LAYOUT_MAX 16

/* How many panes a screen of this size can hold, 1 to LAYOUT_MAX. */
size_t layout_capacity(int rows, int columns);

/* Tiles `whole` with `count` areas, row by row. */
void layout_tile(struct area whole, size_t count, struct area *areas);

#endif
