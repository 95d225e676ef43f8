/*
 * A machine's inbox: the one way in from other threads. Typed bytes and keys wait in rings until
 * the guest has room for them; requests (to quit) overtake them. Posting wakes the machine,
 * whether it runs its CPU or sleeps in HLT.
 */
#ifndef VMM_MACHINE_INBOX_H
#define VMM_MACHINE_INBOX_H

#include "cpu/cpu.h"
#include "machine/input.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INBOX_RING_SIZE 1024

struct inbox {
    pthread_mutex_t lock;
    struct {
        struct inbox_event event[INBOX_RING_SIZE];
        unsigned first, count;
        bool was_full; /* a poster waits for room_fd */
    } ring[INBOX_RINGS];
    struct cpu *cpu;    /* kicked by posters; NULL while no machine listens */
    atomic_bool news;   /* something was posted since the machine last looked */
    atomic_bool closed; /* no more is posted */
    atomic_bool quit;   /* the run is to end */
    atomic_bool look;   /* machine_config.show is to be called */
    atomic_bool asked;  /* who runs the machine is to come back from that */
    int wake_fd;        /* eventfd: readable after a post; what a halted machine sleeps on */
    int room_fd;        /* eventfd: readable once a ring that was full has room again */
};

/* Returns 0, or -errno. */
int inbox_init(struct inbox *inbox);
void inbox_free(struct inbox *inbox);

/* Any thread: adds an event; false, and nothing done, when the ring is full (wait for room_fd). */
bool inbox_post(struct inbox *inbox, enum inbox_ring ring, struct inbox_event event);

/* Any thread: nothing more will be posted, to any ring. */
void inbox_close(struct inbox *inbox);

/* Any thread: asks the machine to end its run. */
void inbox_quit(struct inbox *inbox);

/* Any thread: asks the machine to show itself, soon and once. */
void inbox_look(struct inbox *inbox);

/* Any thread: has runner_run_until come back, or inbox_wait. It does so until `asked` is cleared.
 */
void inbox_ask(struct inbox *inbox);

/* The machine's thread: says which CPU posters must kick; NULL for none. */
void inbox_listen(struct inbox *inbox, struct cpu *cpu);

/* The machine's thread: takes the oldest event of a ring; false when there is none. */
bool inbox_take(struct inbox *inbox, enum inbox_ring ring, struct inbox_event *event);

/* The machine's thread: sleeps until something is posted or `timeout_ns` have passed (CLOCK_NEVER:
 * no limit). */
void inbox_wait(struct inbox *inbox, uint64_t timeout_ns);

#endif
