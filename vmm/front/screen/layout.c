/*
 * Tiling: the numbers of rows and columns that leave panes most like a terminal of 80 x 24.
 */
#include "layout.h"

#include <stdlib.h>

#define LEAST_ROWS    5
#define LEAST_COLUMNS 20

size_t layout_capacity(int rows, int columns)
{
    int fit = (rows / LEAST_ROWS) * (columns / LEAST_COLUMNS);

    return fit < 1 ? 1 : fit > LAYOUT_MAX ? LAYOUT_MAX : (size_t)fit;
}

static int part(int size, int whole)
{
    return size < whole ? size * 1000 / whole : 1000;
}

/* How good panes of a table are; what is nearer to a square wins where that is equal. */
static int quality(struct area whole, int down, int across)
{
    int like_terminal = part(whole.rows / down - 1, 24) * part(whole.columns / across - 1, 80);

    return like_terminal - 40000 * abs(down - across);
}

void layout_tile(struct area whole, size_t count, struct area *areas)
{
    int panes = (int)count, best = 1, done = 0;

    for (int across = 2; across <= panes; across++) {
        int best_down = (panes + best - 1) / best, down = (panes + across - 1) / across;
        if (quality(whole, down, across) >= quality(whole, best_down, best))
            best = across;
    }
    int down = (panes + best - 1) / best;
    for (int i = 0; i < down; i++) {
        int across = panes - done < best ? panes - done : best;
        int top = whole.rows * i / down, bottom = whole.rows * (i + 1) / down;
        for (int j = 0; j < across; j++) {
            int left = whole.columns * j / across, right = whole.columns * (j + 1) / across;
            areas[done++] =
                (struct area){whole.row + top, whole.column + left, bottom - top, right - left};
        }
    }
}
