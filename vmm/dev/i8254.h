/*
 * Intel 8254 programmable interval timer, with the port beside it that gates counter 2 and the
 * speaker (0x61). After the 8254 data sheet (231164).
 *
 * Nothing counts: a counter knows the tick at which its count was loaded, and what a read or the
 * OUT pin gives follows from the ticks gone since. A timer is armed only for the next rising edge
 * of OUT 0. When it comes late, the edges missed are one edge, and the phase is kept.
 */
#ifndef VMM_DEV_I8254_H
#define VMM_DEV_I8254_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define I8254_PORT     0x40
#define I8254_SPEAKER  0x61
#define I8254_HZ       UINT64_C(1193182)
#define I8254_COUNTERS 3

struct bus;

struct i8254_counter {
    uint8_t control;     /* RW, M and BCD as in the control word */
    uint8_t first_byte;  /* of a two-byte count */
    bool second_is_due;  /* that byte has been written, the other has not */
    bool read_second;    /* the next read of a two-byte count gives the high byte */
    bool status_latched; /* latches: read before the count goes on */
    bool count_latched;
    uint8_t status;
    uint16_t latch;
    bool gate;
    bool has_count;   /* the count register was written since the control word */
    bool null_count;  /* and not taken over yet */
    bool loaded;      /* the counting element has a count */
    bool stopped;     /* by the gate, after `elapsed` ticks */
    uint16_t cr;      /* count register */
    uint32_t count;   /* the count in use, 1 to 65536 */
    uint64_t start;   /* tick at which it was loaded */
    uint64_t elapsed; /* while stopped */
    uint64_t load_at; /* tick at which cr will be loaded, or CLOCK_NEVER */
};

struct i8254_state {
    struct i8254_counter counter[I8254_COUNTERS];
    uint8_t speaker;  /* port 0x61, the bits that can be written */
    uint64_t rise_at; /* tick of the next rising edge of OUT 0, or CLOCK_NEVER */
};

struct i8254 {
    struct i8254_state s;
    struct clock *clock;
    struct timer timer;
    struct irq_line out0; /* OUT of counter 0; high until programmed otherwise */
};

/*
 * Power on, as a PC's firmware sets the modes (0: square wave, 1: refresh, 2: square wave), but
 * with no count, so nothing runs. To wire `out0` set its set, sink and input; leave its level.
 */
void i8254_init(struct i8254 *pit, struct clock *clock);

/* Attaches ports 0x40-43 and 0x61; false if one of them is taken. */
bool i8254_attach(struct i8254 *pit, struct bus *ports);

/* To be called after `s` was replaced: drives out0 and arms the timer again. */
void i8254_restored(void *pit);

/* The OUT pin of counter 0 to 2, for the monitor and for a speaker. */
bool i8254_out(const struct i8254 *pit, unsigned counter);

/* The mode, 0 to 5, in which counter 0 to 2 is. */
unsigned i8254_mode(const struct i8254 *pit, unsigned counter);

extern const struct device_kind i8254_kind;

#endif
