/*
 * Virtual time and its timers: a list sorted by deadline, since a machine has a handful of them.
 */
#include "clock.h"

#include <stddef.h>

void clock_init(struct clock *clock, uint64_t (*read)(void *source), void *source)
{
    clock->read = read;
    clock->source = source;
    clock->armed = NULL;
}

void timer_init(struct timer *timer, void (*fire)(void *owner), void *owner)
{
    timer->deadline = CLOCK_NEVER;
    timer->fire = fire;
    timer->owner = owner;
    timer->next = NULL;
}

static void unlink_timer(struct clock *clock, const struct timer *timer)
{
    for (struct timer **link = &clock->armed; *link; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            return;
        }
    }
}

void timer_arm(struct clock *clock, struct timer *timer, uint64_t deadline)
{
    if (timer->deadline == deadline)
        return;
    if (timer->deadline != CLOCK_NEVER)
        unlink_timer(clock, timer);
    timer->deadline = deadline;
    if (deadline == CLOCK_NEVER)
        return;
    struct timer **link = &clock->armed;
    while (*link && (*link)->deadline <= deadline)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
}

void clock_run_due(struct clock *clock)
{
    /* One reading for the whole round: a timer that re-arms itself in the past fires again, one
     * that re-arms itself for the future waits, and the loop ends even if time runs on. */
    uint64_t now = clock_now(clock);

    while (clock->armed && clock->armed->deadline <= now) {
        struct timer *due = clock->armed;
        clock->armed = due->next;
        due->deadline = CLOCK_NEVER;
        due->fire(due->owner);
    }
}
