/*
 * Whether a guest runs: decided here and nowhere else, for each guest once. Anybody may hold it or
 * let it go on, and several may wait for it to stop, each at a place of his own; breakpoints and
 * watchpoints stop it for whoever looks at it. The guest stands still at one place only: so the
 * first stop that comes holds the guest, whoever waits for it, and ends all waits. A question is no
 * stop: the guest goes on behind it, and so do the waits.
 */
#ifndef VMM_EXPLAIN_RUN_CONTROL_H
#define VMM_EXPLAIN_RUN_CONTROL_H

#include "inspect/place.h"
#include "machine/history.h"
#include "machine/machine.h"
#include "os/inbox.h"

#define RUN_CONTROL_WAITS 8

/* Somebody who waits. */
struct run_wait {
    struct machine_pause pause; /* where the guest is to stop; no more than PLACE_ADDRESSES */
    uint32_t range,
        range_end;      /* not yet there, as long as it is inside of that code; both 0: none */
    uint64_t begin;     /* where it was when the wait began: so many instructions, */
    uint32_t begin_eip; /* and there */
};

/* What has a guest stop each time: where it comes to, or what it accesses. */
struct run_break {
    unsigned number;   /* for people; 0: it is not one of theirs */
    const void *owner; /* who has set it */
    char text[80];     /* what it was set as */
    uint32_t addresses[PLACE_ADDRESSES];
    unsigned address_count; /* 0: it is a watchpoint, of this: */
    struct cpu_watch watch; /* linear addresses */
    uint64_t before, value; /* of its first bytes, up to 8: when last looked at, and before that */
    uint64_t hits;
    struct run_break *next;
};

/* Why the guest stands still. */
struct run_reason {
    const struct run_break *at; /* it has come to that; NULL: to a wait's end, or it was held */
    struct cpu_access access;   /* of a watchpoint */
    uint64_t before, value;     /* of what is watched, its first 8 bytes at most */
};

struct run_control {
    struct inbox *inbox; /* of the guest: has its thread come here */
    atomic_bool is_held;
    /* The rest is the guest's thread's. */
    struct history *history; /* of its machine; NULL: none is kept */
    char no_history[200];    /* why, if it was to be */
    bool is_debugged;        /* a debugger is there: a guest that dies stands still for it first */
    bool held_before;        /* how that one found it */
    bool is_over;            /* its end was told: it can go back, and runs no more */
    bool boots_again;        /* it has ended by a reset, after which it boots */
    struct run_wait *waits[RUN_CONTROL_WAITS];
    unsigned count;
    struct run_break *breaks; /* the oldest first */
    unsigned last_number;
    uint64_t stood;     /* where it last stood still, held: so many instructions, */
    uint32_t stood_eip; /* and there */
    bool was_told;      /* why it stands still was said to somebody */
    struct run_reason reason;
    struct machine_pause first; /* of what is waited for */
    uint32_t *addresses;
    struct cpu_watch *watches;
};

/* A pause that never comes, for its fields to be set. */
extern const struct machine_pause run_control_never;

/* A guest that is not held. The inbox must outlive it. */
void run_control_init(struct run_control *run, struct inbox *inbox);

/* Frees the breakpoints. */
void run_control_free(struct run_control *run);

/* Any thread: holds the guest, and with it its time, or lets it go on. */
void run_control_hold(struct run_control *run, bool held);
bool run_control_is_held(const struct run_control *run);

/*
 * The guest's thread, here and below, between two instructions: the guest is to go on, and to stop
 * at wait->pause, whose addresses count where it comes to them, not where it is. The wait must stay
 * until it is left. False: too many wait, or there is no memory.
 */
bool run_control_wait(struct run_control *run, struct machine *machine, struct run_wait *wait);

/* It is waited no more; nothing if it was not. */
void run_control_leave(struct run_control *run, const struct run_wait *wait);

/*
 * Has the guest stop there from now on: the copy that is kept, with a number if `wanted` has any
 * that is not 0. NULL with one sentence in `error`: the engine can't, or there is no memory. A
 * machine's end removes nothing.
 */
const struct run_break *run_control_break(struct run_control *run, struct machine *machine,
                                          const struct run_break *wanted, char *error,
                                          size_t error_size);

/* Removes one; or all that an owner has set. */
void run_control_unbreak(struct run_control *run, const struct run_break *which);
void run_control_unbreak_all(struct run_control *run, const void *owner);

/* A breakpoint of this owner where the guest stands counts, too: it stops the guest at once. */
void run_control_rearm(struct run_control *run, struct machine *machine, const void *owner);

/*
 * Back in time: to where `count` instructions were executed, or to the last stop at a breakpoint or
 * watchpoint before this place, which run->reason then is. False: only the beginning was reached.
 * There must be a history.
 */
bool run_control_back_to(struct run_control *run, struct machine *machine, uint64_t count);
bool run_control_back(struct run_control *run, struct machine *machine);

/* The guest was taken to another place by its history. */
void run_control_arrived(struct run_control *run, struct machine *machine);

/* Whether those who wait are to be told: the guest has come to a stop, which holds it from now on,
 * or is held already, or has ended. run->reason says why. */
bool run_control_has_stopped(struct run_control *run, struct machine *machine);

/* Where the guest is to come back by itself; NULL: nowhere. It stays until somebody waits, or waits
 * no more, or a breakpoint comes or goes. */
const struct machine_pause *run_control_pause(const struct run_control *run);

#endif
