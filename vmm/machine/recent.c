/*
 * Exceptions by place and reason: the last few kinds, most recent first.
 */
#include "recent.h"

#include <string.h>

static bool is_of(const struct cpu_call_count *known, const struct cpu_call *call, uint32_t cr2)
{
    return known->from == call->from && known->cr2 == cr2 && known->vector == call->vector &&
           known->error == call->error && known->count;
}

/* A new one takes the place of the oldest, which is forgotten. */
static void bring_to_front(struct recent *recent, const struct cpu_call *call, uint32_t cr2)
{
    struct cpu_call_count moved;
    unsigned at = 1;

    while (at < RECENT_CALLS && !is_of(&recent->call[at], call, cr2))
        at++;
    if (at < RECENT_CALLS) {
        moved = recent->call[at];
    } else {
        at = RECENT_CALLS - 1;
        moved = (struct cpu_call_count){.vector = call->vector,
                                        .from = call->from,
                                        .cr2 = cr2,
                                        .error = call->error,
                                        .first = call->time};
    }
    memmove(&recent->call[1], &recent->call[0], at * sizeof(moved));
    recent->call[0] = moved;
}

void recent_exception(struct recent *recent, const struct cpu_call *call)
{
    uint32_t cr2 = call->vector == 14 ? call->cr2 : 0;

    if (!is_of(&recent->call[0], call, cr2))
        bring_to_front(recent, call, cr2);
    recent->call[0].count++;
    recent->call[0].last = call->time;
}
