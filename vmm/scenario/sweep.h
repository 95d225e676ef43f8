/*
 * Sweeps: a scenario run again and again with an interrupt raised at another place each time, and
 * compared with the run that had none.
 */
#ifndef VMM_SCENARIO_SWEEP_H
#define VMM_SCENARIO_SWEEP_H

#include "session.h"

#define SWEEP_AT_ONCE 8 /* interrupts in one run */

struct sweep_request {
    const char *path; /* of the scenario */
    unsigned irq;
    uint8_t scancode;      /* that comes with IRQ 1 */
    const char *from, *to; /* places, or names of snapshots; NULL: the first snapshot, the end */
    bool ignores_output;   /* compare checks and end only */
    unsigned bound;        /* 1, or 2: pairs, too */
    uint64_t jitter;       /* 0, or so many runs with a few interrupts at random places, instead */
    uint64_t budget;       /* of pairs; if there are more, so many are chosen at random */
    uint64_t seed;
    unsigned jobs;
    struct host_limit limit; /* of each run */
};

/* Does it, and prints what was found. Returns a verdict; PASS: nothing was, TIMEOUT: nothing was,
 * but the host's time was too short for some runs. */
enum verdict sweep_run(const struct sweep_request *request);

/* One run of it, with the interrupts after so many instructions each (ascending), explained. */
enum verdict sweep_replay(const struct sweep_request *request, const uint64_t *at, unsigned count);

#endif
