/*
 * --strict: warns, once for each kind, of what works here but fails on real hardware.
 */
#ifndef VMM_WATCH_STRICT_H
#define VMM_WATCH_STRICT_H

#include "dev/i8259.h"

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct strict;

/* Begins, and observes accesses to addresses where nothing is. NULL: no memory. */
struct strict *strict_new(struct machine *machine);
void strict_free(struct strict *strict);

/* A port is about to be accessed; `value` is what is written. */
void strict_access(struct strict *strict, uint32_t port, bool is_write, uint32_t value);

/* To be called for each event of the interrupt controllers. */
void strict_pic(struct strict *strict, enum interrupt_event event, unsigned irq, uint8_t detail);

/* The machine's state is another, of a snapshot. */
void strict_restored(struct strict *strict);

#endif
