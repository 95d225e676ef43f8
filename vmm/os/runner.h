/*
 * Runs a machine in the host's time: sleeps while it is idle, keeps a counted clock in step with
 * the host's, takes turns with other guests, and brings what comes to its inbox.
 */
#ifndef VMM_OS_RUNNER_H
#define VMM_OS_RUNNER_H

#include "inbox.h"
#include "turns.h"

#include "machine/machine.h"

/* A guest that has fallen so far behind the host's time does not run after it: it was stopped, or
 * its CPU is slower than its clock says. */
#define RUNNER_LAG_NS UINT64_C(20000000)

struct runner_config {
    struct turns *turns; /* those whose guests compute in turns; NULL: it is alone */
    unsigned cpu_limit;  /* percent of a host's processor that the guest may take; 0: all of it */
    /* Looks at the machine, which holds still; called on its thread after inbox_look. */
    void (*show)(void *owner, const struct machine *machine);
    void *owner;
};

/* Sleeps that a timer has ended, those that it ended more than RUNNER_LAG_NS late, and the latest.
 */
struct runner_wakeups {
    uint64_t count, late, latest_ns;
};

struct runner {
    struct machine *machine;
    struct inbox *inbox;
    struct runner_config config;
    struct runner_wakeups wakeups;
    struct turn turn;
    uint64_t turn_end;   /* of the machine's time: when it takes another; 0: not known */
    uint64_t host_begin; /* host ns when this run began */
    uint64_t host_used;  /* in runs before this one, ns */
    uint64_t host_start; /* host ns at the machine's time 0 */
    uint64_t limit_start, limit_used; /* --cpu-limit: host, thread ns when last seen to */
};

/* Gets ready to run a machine whose input is that of `inbox`; both must outlive it. Freed by
 * runner_free. */
void runner_init(struct runner *runner, struct machine *machine, struct inbox *inbox,
                 const struct runner_config *config);
void runner_free(struct runner *runner);

/*
 * On the machine's thread: runs it up to a pause (see machine_begin; NULL: none), and comes back
 * soon after inbox_ask, too. False once the guest has ended. Between runs nobody
 * kicks its CPU.
 */
bool runner_run_until(struct runner *runner, const struct machine_pause *pause);

/* On the machine's thread, between runs: shows it if inbox_look has asked for that. */
void runner_show(struct runner *runner);

#endif
