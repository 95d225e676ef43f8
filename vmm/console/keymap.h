/*
 * From what a terminal sends to the keys of a US keyboard: set 1 scan codes, going down and up.
 */
#ifndef VMM_CONSOLE_KEYMAP_H
#define VMM_CONSOLE_KEYMAP_H

#include "os/inbox.h"

#define KEYMAP_EVENTS_MAX 6

/* A terminal's escape sequences span several bytes. */
struct keymap {
    uint8_t sequence[4];
    unsigned length;
};

/*
 * Turns one byte into key events (at most KEYMAP_EVENTS_MAX) and returns their number; 0 inside an
 * escape sequence, or for a byte that no key makes. ESC alone is held until the next byte or until
 * keymap_flush.
 */
unsigned keymap_type(struct keymap *keymap, uint8_t byte, struct inbox_event *events);

/* Ends a sequence that the terminal did not go on with: a lone ESC is the Escape key. */
unsigned keymap_flush(struct keymap *keymap, struct inbox_event *events);

#endif
