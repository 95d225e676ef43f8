/*
 * A turn that is returned goes to the guest that has waited longest. This needs neither the host's
 * priorities, which only a privileged process can raise again, nor a certain scheduler.
 */
#include "turns.h"

#include "host_clock.h"

#include "base/clock.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>

void turns_init(struct turns *turns)
{
    cpu_set_t usable;

    *turns = (struct turns){.free = 1};
    pthread_mutex_init(&turns->lock, NULL);
    if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
        turns->free = CPU_COUNT(&usable);
}

void turns_free(struct turns *turns)
{
    pthread_mutex_destroy(&turns->lock);
}

void turn_init(struct turn *turn, struct turns *turns)
{
    pthread_condattr_t monotonic;

    *turn = (struct turn){.turns = turns};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&turn->given, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void turn_free(struct turn *turn)
{
    turn_give(turn);
    pthread_cond_destroy(&turn->given);
}

static void enqueue(struct turns *turns, struct turn *turn)
{
    turn->next = NULL;
    if (turns->first)
        turns->last->next = turn;
    else
        turns->first = turn;
    turns->last = turn;
}

static void leave_queue(struct turns *turns, const struct turn *turn)
{
    struct turn **link = &turns->first, *before = NULL;

    for (; *link != turn; link = &before->next)
        before = *link;
    *link = turn->next;
    if (turns->last == turn)
        turns->last = before;
}

/* In the queue: until it is given a turn, or has waited too long. */
static void wait_for_turn(struct turns *turns, struct turn *turn)
{
    uint64_t end = clock_host_ns() + TURN_WAIT_NS;
    struct timespec until = {(time_t)(end / NS_PER_SECOND), (long)(end % NS_PER_SECOND)};
    int error = 0;

    while (!turn->is_held && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&turn->given, &turns->lock, &until);
    if (turn->is_held)
        return;
    leave_queue(turns, turn);
    turns->free--;
    turn->is_held = true;
}

void turn_take(struct turn *turn)
{
    struct turns *turns = turn->turns;

    if (!turns || turn->is_held)
        return;
    pthread_mutex_lock(&turns->lock);
    if (turns->free > 0) {
        turns->free--;
        turn->is_held = true;
    } else {
        enqueue(turns, turn);
        wait_for_turn(turns, turn);
    }
    pthread_mutex_unlock(&turns->lock);
}

void turn_give(struct turn *turn)
{
    struct turns *turns = turn->turns;
    struct turn *next;

    if (!turns || !turn->is_held)
        return;
    pthread_mutex_lock(&turns->lock);
    turn->is_held = false;
    next = turns->first;
    if (next && turns->free == 0) {
        leave_queue(turns, next);
        next->is_held = true;
        pthread_cond_signal(&next->given);
    } else {
        turns->free++;
    }
    pthread_mutex_unlock(&turns->lock);
}
