/*
 * The monitor: a line in, words out. It looks at a machine between two instructions, changes what
 * the line asks for, and says where the guest is to stop next. Who types the lines, and on which
 * thread the machine is, it does not know.
 */
#ifndef VMM_EXPLAIN_MONITOR_H
#define VMM_EXPLAIN_MONITOR_H

#include "inspect/place.h"
#include "machine/machine.h"

#include <stdio.h>

#define MONITOR_LINE   256 /* bytes of a line, its NUL included */
#define MONITOR_PROMPT "(vmm) "

/* Of one guest; to be made by monitor_init. */
struct monitor {
    struct inbox *inbox;        /* of its machines */
    const char *image;          /* whose symbols are meant; NULL: none */
    bool is_recorded;           /* only input may be changed: there is a log of it */
    bool is_replay;             /* not even that: the log says what comes */
    struct machine_pause pause; /* for machine_run_until */
    struct place place;         /* that the pause has its addresses from */
    struct symbols *symbols;
    char no_symbols[300]; /* why there are none, once that is known */
};

void monitor_init(struct monitor *monitor, struct inbox *inbox, const char *image);
void monitor_free(struct monitor *monitor);

/*
 * Does what a line says, on the machine's thread, while it does not run, and writes what there is
 * to say. True if the answer is not complete before the guest has run to monitor->pause: then
 * monitor_arrived is due. The machine may have ended; NULL: there is none.
 */
bool monitor_command(struct monitor *monitor, struct machine *machine, const char *line, FILE *to);

/* The guest has come to the pause, or was stopped on the way, or has ended: it is paused from now
 * on. Writes where it is. */
void monitor_arrived(struct monitor *monitor, struct machine *machine, FILE *to);

/* Whether a line is the command that stops the guest. */
bool monitor_is_stop(const char *line);

/* Writes what the last word of a line may become, a line each. */
void monitor_complete(struct monitor *monitor, const char *line, FILE *to);

#endif
