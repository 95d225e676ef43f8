/*
 * Listens to what a guest prints, and keeps little of it: which `expect`s were found, whether a
 * `never` was, and the last bytes, for people. A byte costs the same however many came before.
 */
#ifndef VMM_SCENARIO_LISTENER_H
#define VMM_SCENARIO_LISTENER_H

#include "scenario.h"

#define LISTENER_KEPT 4096 /* bytes of output, the last */
#define NO_STEP       SIZE_MAX

/* What changes with each byte, beside the patterns' states. */
struct listener_state {
    uint64_t count; /* bytes printed, without carriage returns */
    /* By channel: the `expect` that is looked for; those before it were found. NO_STEP: none. */
    size_t wanted[CHANNEL_SCREEN];
    bool in_line[CHANNEL_SCREEN]; /* the last byte was no newline */
    size_t broken;                /* the first `never` that was found; NO_STEP: none */
};

struct listener {
    const struct scenario *scenario;
    struct listener_state s;
    uint64_t *words;          /* the patterns' states, by step->state_at */
    char kept[LISTENER_KEPT]; /* a ring: byte n is at n % LISTENER_KEPT */
};

/* A moment of a listener, without the kept bytes. */
struct listener_mark {
    struct listener_state s;
    uint64_t *words;
};

/* The scenario must outlive it. False: out of memory. Freed by listener_free. */
bool listener_init(struct listener *listener, const struct scenario *scenario);
void listener_free(struct listener *listener);

/* The guest was booted by step `at`: nothing was printed. */
void listener_begin(struct listener *listener, size_t at);

/* `expect`s after step `at` are looked for in what is printed from now on. */
void listener_forget(struct listener *listener, size_t at);

/* A byte was printed, during step `at`, by the serial line or a debug port. */
void listener_hear(struct listener *listener, size_t at, enum channel channel, uint8_t byte);

/* Whether the `expect` at step `at` was found. */
bool listener_has(const struct listener *listener, size_t at);

/* The guest has ended: looks whether that was the end of what is expected, or of what must not be
 * printed, by the steps before `at`. */
bool listener_has_at_end(struct listener *listener, size_t at);
bool listener_is_broken_at_end(struct listener *listener, size_t at);

/* False: out of memory. The mark is freed by listener_mark_free. */
bool listener_take(const struct listener *listener, struct listener_mark *mark);
void listener_restore(struct listener *listener, const struct listener_mark *mark);
void listener_mark_free(struct listener_mark *mark);

/* Prints the last lines. */
void listener_print(const struct listener *listener, FILE *to);

#endif
