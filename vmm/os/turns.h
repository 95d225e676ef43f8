/*
 * Limits the number of running guests to the number of host CPUs. So a guest that wakes up finds a
 * short queue in the host's scheduler, however many others spin.
 */
#ifndef VMM_BASE_TURNS_H
#define VMM_BASE_TURNS_H

#include <pthread.h>
#include <stdbool.h>

struct turn;

struct turns {
    pthread_mutex_t lock;
    struct turn *first, *last; /* who waits, in the order they came */
    int free;                  /* below 0: some had waited too long, and went on without one */
};

/* A guest's. All is called on its thread. */
struct turn {
    struct turns *turns; /* NULL: there is no limit */
    pthread_cond_t given;
    bool is_held;
    struct turn *next;
};

/* As many at once as there are processors that this process may use. */
void turns_init(struct turns *turns);
void turns_free(struct turns *turns);

void turn_init(struct turn *turn, struct turns *turns);
void turn_free(struct turn *turn);

/* Waits for a turn, unless it has one; at most TURN_WAIT_NS, since another guest may not return
 * its turn. */
void turn_take(struct turn *turn);
#define TURN_WAIT_NS UINT64_C(1000000000)

/* Before anything that waits for something else. */
void turn_give(struct turn *turn);

#endif
