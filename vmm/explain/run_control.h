/*
 * Whether a guest runs: decided here and nowhere else, for each guest once. Anybody may hold it or
 * let it go on, and several may wait for it to stop, each at a place of his own. The guest stands
 * still at one place only: so the first stop that comes holds the guest, whoever waits for it, and
 * ends all waits. A question is no stop: the guest goes on behind it, and so do the waits.
 */
#ifndef VMM_EXPLAIN_RUN_CONTROL_H
#define VMM_EXPLAIN_RUN_CONTROL_H

#include "inspect/place.h"
#include "machine/machine.h"
#include "os/inbox.h"

#define RUN_CONTROL_WAITS 8

/* Somebody who waits. */
struct run_wait {
    struct machine_pause pause; /* where the guest is to stop; no more than PLACE_ADDRESSES */
    uint64_t begin;             /* where it was when the wait began: so many instructions, */
    uint32_t begin_eip;         /* and there */
};

struct run_control {
    struct inbox *inbox; /* of the guest: has its thread come here */
    atomic_bool is_held;
    /* The rest is the guest's thread's. */
    const struct run_wait *waits[RUN_CONTROL_WAITS];
    unsigned count;
    struct machine_pause first; /* of what is waited for */
    uint32_t addresses[RUN_CONTROL_WAITS * PLACE_ADDRESSES];
};

/* A pause that never comes, for its fields to be set. */
extern const struct machine_pause run_control_never;

/* A guest that is not held. The inbox must outlive it. */
void run_control_init(struct run_control *run, struct inbox *inbox);

/* Any thread: holds the guest, and with it its time, or lets it go on. */
void run_control_hold(struct run_control *run, bool held);
bool run_control_is_held(const struct run_control *run);

/*
 * The guest's thread, here and below, between two instructions: the guest is to go on, and to stop
 * at wait->pause, whose addresses count where it comes to them, not where it is. The wait must stay
 * until it is left. False: too many wait.
 */
bool run_control_wait(struct run_control *run, struct machine *machine, struct run_wait *wait);

/* It is waited no more; nothing if it was not. */
void run_control_leave(struct run_control *run, const struct run_wait *wait);

/* Whether those who wait are to be told: the guest has come to a stop, which holds it from now on,
 * or is held already, or has ended. */
bool run_control_has_stopped(struct run_control *run, struct machine *machine);

/* Where the guest is to come back by itself; NULL: nowhere. It stays until somebody waits, or waits
 * no more. */
const struct machine_pause *run_control_pause(const struct run_control *run);

#endif
