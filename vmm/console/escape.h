/*
 * The escape key of a guest's terminal: Ctrl-A, then a letter, is a command to the VMM; all other
 * bytes go to the guest. The keys are those of QEMU's -nographic.
 */
#ifndef VMM_CONSOLE_ESCAPE_H
#define VMM_CONSOLE_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

enum escape_action {
    ESCAPE_NONE, /* nothing to do yet */
    ESCAPE_BYTE, /* the byte goes to the guest */
    ESCAPE_QUIT,
    ESCAPE_HELP,
    ESCAPE_MONITOR,
    ESCAPE_VIEW,
    ESCAPE_WHY,
};

struct escape {
    bool pending; /* Ctrl-A was typed */
};

/* What typing `byte` means. After ESCAPE_BYTE, the byte for the guest is in `*byte`. */
enum escape_action escape_type(struct escape *escape, uint8_t *byte);

/* The keys, a line each, for people. */
extern const char escape_help[];

#endif
