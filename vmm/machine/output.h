/*
 * What a guest prints, on its way out: gathered so that a byte a system call is not the rule, yet
 * never held for longer than a millisecond of the machine's time.
 */
#ifndef VMM_MACHINE_OUTPUT_H
#define VMM_MACHINE_OUTPUT_H

#include "base/clock.h"

#include <stddef.h>

#define OUTPUT_SIZE     4096
#define OUTPUT_DELAY_NS UINT64_C(1000000)

struct output {
    struct clock *clock;
    struct timer timer;
    /* Takes all the bytes; called on the machine's thread. */
    void (*write)(void *owner, const uint8_t *bytes, size_t count);
    void *owner;
    uint64_t last_flush; /* ns */
    uint64_t total;      /* bytes put since the start */
    size_t used;
    uint8_t bytes[OUTPUT_SIZE];
};

void output_init(struct output *output, struct clock *clock,
                 void (*write)(void *owner, const uint8_t *bytes, size_t count), void *owner);

/* Adds a byte. The first one after a pause goes out at once. */
void output_put(struct output *output, uint8_t byte);

/* Writes what is held. */
void output_flush(struct output *output);

#endif
