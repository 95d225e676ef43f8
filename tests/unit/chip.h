/*
 * A bench for one chip: its ports, a line whose edges are counted, a clock that the test steps.
 * For device tests; each includes it once.
 */
#ifndef TESTS_UNIT_CHIP_H
#define TESTS_UNIT_CHIP_H

#include "base/bus.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

static uint64_t now; /* ns */
static struct clock clk;
static struct bus ports;
static unsigned rises, falls; /* of the line that `hear` is at the end of */

static inline uint64_t read_now(void *source)
{
    (void)source;
    return now;
}

static inline void hear(void *sink, unsigned input, bool level)
{
    (void)sink;
    (void)input;
    if (level)
        rises++;
    else
        falls++;
}

/* Power on, at some time. */
static inline void bench_init(uint64_t start)
{
    now = start;
    rises = falls = 0;
    clock_init(&clk, read_now, NULL);
    bus_init(&ports);
}

/* Time passes at once: timers fire late. */
static inline void step(uint64_t ns)
{
    now += ns;
    clock_run_due(&clk);
}

/* Time passes as in a machine: every timer fires when it is due. */
static inline void run(uint64_t ns)
{
    uint64_t end = now + ns;

    while (clock_deadline(&clk) <= end) {
        now = clock_deadline(&clk);
        clock_run_due(&clk);
    }
    now = end;
}

static inline void out(uint32_t port, uint32_t value)
{
    bus_write(&ports, port, 1, value);
}

static inline uint8_t in(uint32_t port)
{
    return (uint8_t)bus_read(&ports, port, 1);
}

/* For tests that do anything at all, from a file's SEED: what is true after each step. */
static int round_number;

#define HOLDS(condition)                                                              \
    do {                                                                              \
        if (!(condition))                                                             \
            fail_msg("seed %d, step %d: not so: %s", SEED, round_number, #condition); \
    } while (0)

#endif
