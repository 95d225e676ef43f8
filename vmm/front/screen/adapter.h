/*
 * What a guest's display adapter shows, on a screen of a terminal's cells.
 */
#ifndef VMM_FRONT_SCREEN_ADAPTER_H
#define VMM_FRONT_SCREEN_ADAPTER_H

#include "base/display.h"
#include "grid.h"
#include "layout.h"

/* Whether it shows text, and all of it is blank. */
bool adapter_is_blank(const struct display *display);

/* Paints the part of its text that fits into an area, with the cursor in it. That is the grid's
 * cursor, too, if it has the focus. Pixels are scaled to the area. */
void adapter_paint(const struct display *display, struct grid *grid, struct area area,
                   bool has_focus);

#endif
