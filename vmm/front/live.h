/*
 * The screen of one guest, live in the user's terminal: while the guest draws, it has the whole
 * terminal; when it is hidden, the terminal is as it was before.
 */
#ifndef VMM_FRONT_LIVE_H
#define VMM_FRONT_LIVE_H

#include "host/member.h"
#include "screen/grid.h"
#include "screen/vt.h"

struct live {
    enum display_choice choice;
    bool is_possible; /* there is a terminal */
    bool is_shown, is_fresh, utf8;
    struct grid shown, next;
    struct vt printed; /* without cells: not in use */
    struct sink held;  /* for when the screen is gone */
    struct sight sight;
    uint64_t looked, painted; /* host ns; the sight's time */
};

/* Needs a terminal on standard input and output. */
void live_init(struct live *live, enum display_choice choice);
void live_free(struct live *live);

/* Looks at the guest, and shows or hides its screen. Returns when to be called again, in ms; -1:
 * when something has happened. */
int live_update(struct live *live, struct member *member, struct sink *to);

/* The guest has printed something, or a message came. True: it is kept, or shown. False: it is the
 * caller's to show, and no screen is in its way any more. */
bool live_takes(struct live *live, struct sink *to, const uint8_t *bytes, size_t count,
                bool is_message);

/* Gives the terminal back, until live_update shows the screen again. */
void live_hide(struct live *live, struct sink *to);

/* The terminal has another size, or was somebody else's. */
void live_refresh(struct live *live);

/* Ctrl-A V: from the screen to what is printed, and back. */
void live_toggle(struct live *live, struct sink *to);

#endif
