/*
 * The monitor: it takes a command line and writes the answer. It runs between two instructions,
 * reads or changes the machine, and says where the guest must stop next. It does not depend on
 * where the lines come from, or on which thread the machine is.
 */
#ifndef VMM_EXPLAIN_MONITOR_H
#define VMM_EXPLAIN_MONITOR_H

#include "run_control.h"

#include <stdio.h>

#define MONITOR_LINE   256 /* bytes of a line, its NUL included */
#define MONITOR_PROMPT "(vmm) "

/* Of one guest; to be made by monitor_init. */
struct monitor {
    struct run_control *run;
    const char *image; /* whose symbols are meant; NULL: none */
    bool is_recorded;  /* only input may be changed: there is a log of it */
    bool is_replay;    /* not even that: the log says what comes */
    struct symbols *symbols;
    char no_symbols[300]; /* why there are none, once that is known */
};

/* `image` is the guest's, or NULL; it and `run` must outlive the monitor. */
void monitor_init(struct monitor *monitor, struct run_control *run, const char *image);
void monitor_free(struct monitor *monitor);

/* What a line waits for that has the guest run; to be zeroed before use. */
struct monitor_wait {
    struct run_wait run;
    struct place place; /* that run.pause has its addresses from */
};

/*
 * Does what a line says, on the machine's thread, while it does not run, and writes what there is
 * to say. True if the answer is not complete before the guest has stopped: `wait` waits for that,
 * and monitor_stopped is due. The machine may have ended; NULL: there is none.
 */
bool monitor_command(struct monitor *monitor, struct machine *machine, const char *line,
                     struct monitor_wait *wait, FILE *to);

/* The guest has stopped, where it was waited for or elsewhere, or has ended: writes where it is. */
void monitor_stopped(struct monitor *monitor, struct machine *machine, struct monitor_wait *wait,
                     FILE *to);

/* Writes why and where the guest stands still. */
void monitor_tell_stop(struct monitor *monitor, struct machine *machine, FILE *to);

/* The wait is given up. */
void monitor_leave(struct monitor *monitor, struct monitor_wait *wait);

/* Whether a line is the command that stops the guest. */
bool monitor_is_stop(const char *line);

/* Whether a line is a command that has the guest run or stop. */
bool monitor_moves(const char *line);

/* Writes what the last word of a line may become, a line each. */
void monitor_complete(struct monitor *monitor, const char *line, FILE *to);

#endif
