/*
 * Exceptions by place and reason: the last few kinds, most recent first.
 */
#include "recent.h"

#include <string.h>

static uint32_t address_of(const struct cpu_call *call)
{
    return call->vector == 14 ? call->cr2 : 0;
}

static bool is_of(const struct recent_call *known, const struct cpu_call *call)
{
    return known->count && known->from == call->from && known->vector == call->vector &&
           known->error == call->error && known->cr2 == address_of(call);
}

/* A new one is the oldest one's successor, which is forgotten. */
static void bring_to_front(struct recent *recent, const struct cpu_call *call)
{
    struct recent_call moved = {call->vector, call->from, address_of(call), call->error, 0,
                                call->time,   call->time};
    unsigned at = 1;

    while (at < RECENT_CALLS && !is_of(&recent->call[at], call))
        at++;
    if (at < RECENT_CALLS)
        moved = recent->call[at];
    else
        at = RECENT_CALLS - 1;
    memmove(&recent->call[1], &recent->call[0], at * sizeof(moved));
    recent->call[0] = moved;
}

void recent_exception(struct recent *recent, const struct cpu_call *call)
{
    if (!is_of(&recent->call[0], call))
        bring_to_front(recent, call);
    recent->call[0].count++;
    recent->call[0].last = call->time;
}
