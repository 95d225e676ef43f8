/*
 * The escape key, as a state machine with two states.
 */
#include "escape.h"

#include <ctype.h>

#define CTRL_A 0x01

const char escape_help[] = "Ctrl-A X  end the guest and quit\n"
                           "Ctrl-A C  go to the monitor, and back\n"
                           "Ctrl-A V  show its screen, or what it prints\n"
                           "Ctrl-A W  say what the guest does, and why nothing moves\n"
                           "Ctrl-A H  list these keys\n"
                           "Ctrl-A A  send Ctrl-A to the guest\n";

enum escape_action escape_type(struct escape *escape, uint8_t *byte)
{
    if (!escape->pending) {
        escape->pending = *byte == CTRL_A;
        return escape->pending ? ESCAPE_NONE : ESCAPE_BYTE;
    }
    escape->pending = false;
    switch (tolower(*byte)) {
    case CTRL_A:
    case 'a':
        *byte = CTRL_A;
        return ESCAPE_BYTE;
    case 'x':
        return ESCAPE_QUIT;
    case 'c':
        return ESCAPE_MONITOR;
    case 'v':
        return ESCAPE_VIEW;
    case 'w':
        return ESCAPE_WHY;
    case 'h':
    case '?':
        return ESCAPE_HELP;
    default:
        return ESCAPE_NONE;
    }
}
