/*
 * Typed input for a guest's inbox, as bytes or keys; it is kept while the inbox has no room.
 */
#ifndef VMM_CONSOLE_TYPING_H
#define VMM_CONSOLE_TYPING_H

#include "keymap.h"

#define TYPING_MAX 16384 /* events that may wait */

/* How long to wait before an ESC that nothing follows is the Escape key. */
#define LONE_ESCAPE_WAIT_MS 50

struct typing {
    struct keymap keymap;
    unsigned count;
    bool is_closed; /* nothing more is typed */
    struct inbox_event waiting[TYPING_MAX + KEYMAP_EVENTS_MAX];
};

void typing_init(struct typing *typing);

/* Adds a byte, as what goes into `ring`; false, and nothing done, when too much waits. */
bool typing_byte(struct typing *typing, enum inbox_ring ring, uint8_t byte);

/* Whether `bytes` more fit for certain. */
bool typing_has_room(const struct typing *typing, unsigned bytes);

/* Moves what waits to the inbox, as far as there is room; the inbox's room_fd tells when to go on.
 */
void typing_post(struct typing *typing, enum inbox_ring ring, struct inbox *inbox);

/* Nothing more will be typed: the inbox is closed once it has all that waits. */
void typing_close(struct typing *typing, enum inbox_ring ring, struct inbox *inbox);

/* A lone ESC waits for what may follow: call typing_flush after LONE_ESCAPE_WAIT_MS. */
bool typing_holds_escape(const struct typing *typing);
void typing_flush(struct typing *typing, enum inbox_ring ring, struct inbox *inbox);

#endif
