/*
 * A terminal as guests expect it: the escape sequences of ECMA-48 and of the VT100 and xterm that
 * programs use, on a screen of cells. Whatever a guest writes, it can change only those cells.
 */
#ifndef VMM_FRONT_SCREEN_VT_H
#define VMM_FRONT_SCREEN_VT_H

#include "grid.h"

#include <stddef.h>

#define VT_ARGUMENTS 16

struct vt_cursor {
    int row, column;
    bool wraps; /* the last column was written: the next character begins a line */
    struct style style;
    bool draws_lines; /* letters are the VT100's line drawing characters */
    bool has_origin;  /* rows count from the top of the scrolling region */
};

struct vt {
    int rows, columns;
    struct cell *cells;      /* rows * columns of what is seen */
    struct cell *screens[2]; /* the usual one, and the one of full-screen programs */
    struct vt_cursor cursor, saved;
    int top, bottom; /* the scrolling region: from top to before bottom */
    bool is_visible; /* the cursor */
    bool inserts, autowraps;
    uint32_t last; /* character written */

    int state; /* of the parser */
    unsigned arguments[VT_ARGUMENTS], argument_count;
    char prefix;                  /* '?', '>', ... behind CSI, or what follows ESC */
    uint32_t partial;             /* of a UTF-8 sequence */
    unsigned partial_left, least; /* bytes that are to come; the least code of this length */

    /* Takes a line that leaves the usual screen at the top. */
    void (*scrolled)(void *owner, const struct cell *cells, int count);
    /* Takes the answer to a question, for whoever wrote it. */
    void (*answer)(void *owner, const char *bytes, size_t count);
    void *owner;
};

/* A blank screen, at least 1 x 1; false: no memory. The callbacks are set by the caller. */
bool vt_init(struct vt *vt, int rows, int columns);
void vt_free(struct vt *vt);

void vt_write(struct vt *vt, const char *bytes, size_t count);

#endif
