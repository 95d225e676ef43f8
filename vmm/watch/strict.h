/*
 * What works here but fails on real hardware: told at once, once for each kind (--strict), or kept
 * to be told at a bad end.
 */
#ifndef VMM_WATCH_STRICT_H
#define VMM_WATCH_STRICT_H

#include "dev/i8259.h"

#include <stdbool.h>
#include <stdint.h>

#include "machine/observer.h"

struct machine;
struct mistakes;
struct recent;
struct strict;

/* Begins, and observes accesses to addresses where nothing is, which it notes in `recent`. Quiet:
 * it keeps what it finds, and sets no timers. NULL: no memory. */
struct strict *strict_new(struct machine *machine, struct recent *recent, bool is_quiet);
void strict_free(struct strict *strict);

/* A port is about to be accessed; `value` is what is written. */
void strict_port(struct strict *strict, uint32_t port, bool is_write, uint32_t value);

/* A bit for each port that the rules look at: all others need no call. */
extern const uint64_t strict_ports[OBSERVED_PORTS / 64];

/* To be called for each event of the interrupt controllers. */
void strict_pic(struct strict *strict, enum interrupt_event event, unsigned irq, uint8_t detail);

/* The CPU waits in HLT, or has run for a while. */
void strict_look(struct strict *strict);

/* The run is over: what was a mistake only if it lasted is one if it has. */
void strict_end(struct strict *strict);

/* The machine's state is another, of a snapshot. */
void strict_restored(struct strict *strict);

/* What has been found so far; the caller may look, and find more that is true now. */
struct mistakes *strict_mistakes(struct strict *strict);

#endif
