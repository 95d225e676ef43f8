/*
 * Virtual time: what a machine's devices call "now", and the timers that devices set on it.
 * Where time comes from is the owner's choice: the host's monotonic clock under KVM, counted
 * instructions under the software CPU, a variable that a test steps.
 */
#ifndef VMM_BASE_CLOCK_H
#define VMM_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define CLOCK_NEVER   UINT64_MAX
#define CLOCK_MAX     (UINT64_C(1) << 62) /* no machine runs so long: sums with it don't overflow */

/* A timer belongs to its device; it fires once each time it is armed. */
struct timer {
    uint64_t deadline; /* ns of the clock it is armed on; CLOCK_NEVER while not armed */
    void (*fire)(void *owner);
    void *owner;
    struct timer *next;
};

struct clock {
    uint64_t (*read)(void *source); /* ns since the machine started; never goes back */
    void *source;
    struct timer *armed; /* sorted by deadline */
};

/* Prepares a clock that reads its time from `read(source)`. */
void clock_init(struct clock *clock, uint64_t (*read)(void *source), void *source);

/* The time now, in ns since the machine started. */
static inline uint64_t clock_now(const struct clock *clock)
{
    return clock->read(clock->source);
}

/* The deadline of the earliest armed timer, or CLOCK_NEVER. */
static inline uint64_t clock_deadline(const struct clock *clock)
{
    return clock->armed ? clock->armed->deadline : CLOCK_NEVER;
}

/* Fires every timer whose deadline has come, earliest first, those armed meanwhile included. */
void clock_run_due(struct clock *clock);

/* Prepares a timer, not armed; `fire(owner)` is called from clock_run_due. */
void timer_init(struct timer *timer, void (*fire)(void *owner), void *owner);

/* Arms the timer for `deadline` ns, moving it if it was armed; CLOCK_NEVER disarms it. */
void timer_arm(struct clock *clock, struct timer *timer, uint64_t deadline);

#endif
