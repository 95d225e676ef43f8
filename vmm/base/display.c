/*
 * What a display adapter shows: its pixels have memory of their own, which is kept for the next
 * picture.
 */
#include "display.h"

#include <stdlib.h>
#include <string.h>

bool display_set_size(struct display *display, unsigned width, unsigned height)
{
    size_t wanted = (size_t)width * height;

    display->columns = display->rows = 0;
    display->width = display->height = 0;
    display->has_cursor = false;
    if (wanted > display->room) {
        uint32_t *grown = realloc(display->pixels, wanted * sizeof(*grown));
        if (!grown)
            return false;
        display->pixels = grown;
        display->room = wanted;
    }
    display->width = height ? width : 0;
    display->height = width ? height : 0;
    return true;
}

void display_copy(struct display *to, const struct display *from)
{
    if (from->width && display_set_size(to, from->width, from->height)) {
        memcpy(to->pixels, from->pixels, (size_t)from->width * from->height * sizeof(*to->pixels));
        return;
    }
    to->width = to->height = 0;
    to->columns = from->columns;
    to->rows = from->rows;
    to->has_cursor = from->has_cursor;
    to->cursor_column = from->cursor_column;
    to->cursor_row = from->cursor_row;
    memcpy(to->cells, from->cells, (size_t)from->columns * from->rows * sizeof(to->cells[0]));
}

void display_free(struct display *display)
{
    free(display->pixels);
    *display = (struct display){0};
}
