/*
 * Exceptions by place and reason: the last few kinds, most recent first.
 */
#include "recent.h"

#include <string.h>

static bool is_same(const struct recent_call *a, const struct recent_call *b)
{
    return a->vector == b->vector && a->from == b->from && a->cr2 == b->cr2 && a->error == b->error;
}

void recent_exception(struct recent *recent, const struct cpu_call *call)
{
    struct recent_call now = {.vector = call->vector,
                              .from = call->from,
                              .cr2 = call->vector == 14 ? call->cr2 : 0,
                              .error = call->error,
                              .first = call->time};
    unsigned at = 0;

    while (at < RECENT_CALLS && !(recent->call[at].count && is_same(&recent->call[at], &now)))
        at++;
    if (at < RECENT_CALLS)
        now = recent->call[at];
    else
        at = RECENT_CALLS - 1; /* the oldest one is forgotten */
    now.count++;
    now.last = call->time;
    memmove(&recent->call[1], &recent->call[0], at * sizeof(now));
    recent->call[0] = now;
}
