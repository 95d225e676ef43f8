/*
 * What is typed on the split screen: for a guest, or after Ctrl-A for the screen itself.
 */
#ifndef VMM_FRONT_SCREEN_KEYS_H
#define VMM_FRONT_SCREEN_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key {
    KEY_NONE, /* nothing to do, or not yet */
    KEY_BYTE, /* a byte for the guest */
    KEY_LEFT,
    KEY_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_NEXT,
    KEY_PREVIOUS,
    KEY_NUMBER, /* keys.number: which guest, from 1 on */
    KEY_ZOOM,
    KEY_SCROLL,
    KEY_PAUSE,
    KEY_RESTART,
    KEY_KILL,
    KEY_VIEW,
    KEY_MONITOR,
    KEY_WHY,
    KEY_HELP,
    KEY_LEAVE,
    KEY_QUIT,
};

struct keys {
    bool pending;   /* Ctrl-A was typed */
    bool scrolling; /* all keys are the screen's: the caller's to set */
    bool asking;    /* for a number: `number` is what there is of it */
    char sequence[8];
    size_t length;
    unsigned number;
};

/* What typing `*byte` means; for KEY_BYTE it is replaced by the byte that is meant. */
enum key keys_type(struct keys *keys, uint8_t *byte);

/* The keys, a line each, for people. */
extern const char *const keys_help[];

#endif
