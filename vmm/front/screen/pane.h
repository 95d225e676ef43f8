/*
 * A guest's terminal: what it has printed, as a screen of any size, and the lines that have left
 * that screen.
 */
#ifndef VMM_FRONT_SCREEN_PANE_H
#define VMM_FRONT_SCREEN_PANE_H

#include "grid.h"
#include "host/many.h"
#include "layout.h"
#include "vt.h"

enum pane_view { PANE_AUTO, PANE_SERIAL, PANE_VGA };

struct pane_line {
    int length;
    struct cell cells[];
};

#define PANE_LINES 1000 /* of scrollback */

struct pane {
    struct member *member;
    /* What was printed last, LF as CR LF: a screen of another size begins with it. */
    char *history;
    size_t used;
    bool at_line_start;
    bool is_monitor; /* it has our own words, and may be typed at when the guest has ended */
    /* While it is shown. */
    struct vt terminal; /* without cells: it is not */
    bool is_replay;
    struct pane_line **lines; /* a ring */
    int first_line, line_count;
    int scroll; /* how many lines further up */

    enum pane_view view;
    struct sight sight;
    uint64_t looked, rate_time, rate_exits;
    double rate; /* exits a second */
};

void pane_init(struct pane *pane, struct member *member);
void pane_free(struct pane *pane);

/* Adds what the guest has printed, or a message. */
void pane_output(struct pane *pane, const uint8_t *bytes, size_t count, bool is_message);

/* Forgets all that was printed. */
void pane_clear(struct pane *pane);

/* It is to be seen, at this size; false: no memory. */
bool pane_show(struct pane *pane, int rows, int columns);

/* It is not to be seen: gives back what only that needs. */
void pane_hide(struct pane *pane);

/* Scrolls by so many lines, up if more than 0. */
void pane_scroll(struct pane *pane, int lines);

/* Looks at the machine if the last sight is old; `now` is the host's, ns. How long until the next
 * one, ms. */
int pane_look(struct pane *pane, uint64_t now);

/* Whether the guest's VGA screen is shown, not what it prints. */
bool pane_shows_vga(const struct pane *pane);

/* Paints it into an area; the cursor is the grid's if it has the focus. */
void pane_paint(struct pane *pane, struct grid *grid, struct area area, bool has_focus);

#endif
