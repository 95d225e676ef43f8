/*
 * Callbacks for what a machine does, for --trace and --strict. A machine has one observer or none,
 * and knows only this struct of functions, which it calls on its own thread.
 */
#ifndef VMM_MACHINE_OBSERVER_H
#define VMM_MACHINE_OBSERVER_H

#include "cpu/cpu.h"

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct recent;

#define OBSERVED_PORTS 0x400

struct machine_observer {
    /* Where each access to a bus is noted when it begins, before anybody is told. */
    struct recent *recent;
    /* A bit for each port below OBSERVED_PORTS: `access` and `was_read` are called for those alone.
     * NULL: they are for all, and for the other bus. */
    const uint64_t *ports;
    /* The CPU is about to make an access to a bus; `value` is what it writes. */
    void (*access)(struct machine_observer *observer, struct bus *bus, uint32_t address,
                   unsigned width, bool is_write, uint32_t value);
    /* A read has returned `value`. NULL: that is not asked for. */
    void (*was_read)(struct machine_observer *observer, struct bus *bus, uint32_t address,
                     unsigned width, uint32_t value);
    /* A vector of the interrupt controller was injected: the CPU is, or will be, at its handler. */
    void (*interrupt)(struct machine_observer *observer, uint8_t vector);
    /* An exception has come to the default handlers, which gave it over: for a CPU that tells
     * none. */
    void (*fault)(struct machine_observer *observer, const struct cpu_call *call);
    /* The CPU waits in HLT. */
    void (*halt)(struct machine_observer *observer);
    /* The CPU has run for a while, and goes on: to be looked at. */
    void (*lap)(struct machine_observer *observer);
    /* A key, or a byte for the serial line, has reached its device. */
    void (*input)(struct machine_observer *observer, bool is_key, unsigned code, bool down);
    /* The machine's state is another, of a snapshot. */
    void (*restored)(struct machine_observer *observer);
    /* The run is over; `how`, in a word. */
    void (*end)(struct machine_observer *observer, const char *how);
    /* The machine is being destroyed. */
    void (*free)(struct machine_observer *observer);
};

#endif
