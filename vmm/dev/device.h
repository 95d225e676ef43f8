/*
 * A kind of device: all that the machine, its snapshots and its monitor need to know of a chip.
 * What differs from one board to another (where its ports are, where its lines end) is in the row
 * of the board's table (machine/board.h).
 */
#ifndef VMM_DEV_DEVICE_H
#define VMM_DEV_DEVICE_H

#include "base/interrupts.h"
#include "base/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_LINES 2

struct device_kind {
    size_t size; /* of its struct */
    /* The part of it that is plain, and all of its state: a copy is a snapshot. */
    size_t state, state_size;
    /* Its interrupt lines: where each `struct irq_line` is; and what a trace calls the device
     * there.
     */
    struct {
        size_t at;
        const char *name; /* NULL: there is no such line */
    } line[DEVICE_LINES];
    /*
     * Whether a state, from a file that anybody may have written, is one that this device could
     * have: no index leads outside of what it is for, no time is beyond CLOCK_MAX, each bool is
     * one. `state` has state_size bytes, aligned as the struct.
     */
    bool (*valid)(const void *device, const void *state);
    /* To be called after the state was replaced: drives lines, arms timers. NULL: it has none. */
    void (*restored)(void *device);
    /* Says in words how it is. NULL: there is nothing to say. */
    void (*tell)(const void *device, struct words *to);
    /* For an interrupt controller, how it is asked; else NULL. */
    const struct interrupt_controller *interrupts;
};

#define DEVICE_STATE(type, member) \
    .size = sizeof(type), .state = offsetof(type, member), .state_size = sizeof(((type *)0)->member)

/* Whether all of these, of a state that is being looked at, are bools: `const bool *` each. */
#define ARE_BOOLS(...)                            \
    are_bools((const bool *const[]){__VA_ARGS__}, \
              sizeof((const bool *const[]){__VA_ARGS__}) / sizeof(const bool *))

static inline bool are_bools(const bool *const *bools, size_t count)
{
    bool all = true;

    for (size_t i = 0; i < count; i++)
        all = all && *(const unsigned char *)bools[i] <= 1;
    return all;
}

#endif
