/*
 * What the files of a sweep share: sweep.c (its beginning and end), reference.c, variants.c,
 * findings.c. Private to this folder.
 */
#ifndef VMM_SCENARIO_SWEEP_PARTS_H
#define VMM_SCENARIO_SWEEP_PARTS_H

#include "compare.h"
#include "sweep.h"

#include <stdatomic.h>

#define SWEEP_MARKS   256  /* snapshots along the window, for the variants to begin at */
#define SWEEP_REASONS 1024 /* kept */

struct boundary {
    uint64_t count; /* instructions before it */
    uint32_t eip;   /* the address of the next one */
};

enum variant_end { VARIANT_NOT_RUN, VARIANT_PASSED, VARIANT_FAILED, VARIANT_UNFINISHED };

/* How a variant went. */
struct variant {
    uint16_t how;    /* enum variant_end */
    uint16_t reason; /* why it failed: reason[reason - 1]; 0: not kept */
};

struct reason {
    atomic_bool is_there;
    char text[600];
};

/* What the processes share. */
struct board {
    atomic_uint_fast64_t next, done, failed, unfinished;
    atomic_uint reasons;
    struct reason reason[SWEEP_REASONS];
    struct variant variant[];
};

struct sweep {
    const struct sweep_request *request;
    struct scenario *scenario;
    struct session session;
    struct host_limit limit; /* of each run */
    enum verdict refusal;    /* if no sweep can be made */

    /* of the reference */
    struct place from, to;
    uint64_t first, last; /* the window, in instructions; UINT64_MAX: not found */
    struct boundary *boundary;
    uint64_t boundaries;
    enum verdict verdict;
    enum machine_end end;
    int status;
    struct compare output;

    struct session_mark *mark; /* by boundary / stride */
    uint64_t stride;
    struct session_irq plan[SWEEP_AT_ONCE];
    uint64_t singles, variants;
    struct board *board;
    size_t board_size;
};

/* ---- sweep.c ---- */

/* Prints a message. Returns false. */
bool sweep_refuse(const char *text);

/* ---- reference.c ---- */

/* A session of the scenario from its start, limited by --host-timeout or not. False, with a
 * message.
 */
bool reference_begin(struct sweep *sweep, bool is_limited);

/* Runs it without the interrupt; how it ends is what the variants are compared with. False, with a
 * message: there is no sweep of this. */
bool reference_run(struct sweep *sweep);

/* Finds the window, then its boundaries. False, with a message. */
bool reference_find_window(struct sweep *sweep);
bool reference_find_boundaries(struct sweep *sweep);

/* ---- variants.c ---- */

/* Whether a run that has ended is as good as the reference; else why not. If the reference fails,
 * the scenario alone decides. */
bool variants_judge(struct sweep *sweep, char *why, size_t size);

/* Has the session compare its output with the reference's from now on. */
void variants_compare(struct sweep *sweep);

/* The boundaries of a variant, ascending, in `at`; returns how many. */
unsigned variants_places(const struct sweep *sweep, uint64_t which, uint64_t at[SWEEP_AT_ONCE]);

/* Makes the board. False, with a message. */
bool variants_prepare(struct sweep *sweep);

/* Runs all variants, in processes. Returns how many of these ended early. */
unsigned variants_run(struct sweep *sweep);

/* ---- findings.c ---- */

/* Prints where variants failed. False, with a message. */
bool findings_print(struct sweep *sweep);

#endif
