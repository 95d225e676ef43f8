/*
 * Who watches a machine: --trace, which writes down what happens, and --strict, which warns.
 * Devices and the CPU know nothing of either; their observers, and the machine's loop, end here. A
 * machine that nobody watches has no struct watch.
 */
#ifndef VMM_WATCH_WATCH_H
#define VMM_WATCH_WATCH_H

#include "cpu/cpu.h"
#include "dev/i8259.h"
#include "strict.h"
#include "watch/trace/trace.h"

struct machine;
struct bus;

struct watch {
    struct machine *machine;
    struct trace *trace;   /* of the configuration; NULL: none */
    struct strict *strict; /* likewise */
    /* By IRQ, when it was raised, and when taken; CLOCK_NEVER: it was not. */
    uint64_t raised_at[I8259_INPUTS], taken_at[I8259_INPUTS];
    uint64_t halted_at;
    uint32_t back; /* where the CPU was when an interrupt was acknowledged */
    unsigned irq;  /* which */
};

/* Begins to watch a machine that is otherwise complete. NULL: no memory. */
struct watch *watch_new(struct machine *machine);
void watch_free(struct watch *watch);

/* An access to a bus, made for the machine. */
uint32_t watch_read(struct watch *watch, struct bus *bus, uint32_t address, unsigned width);
void watch_write(struct watch *watch, struct bus *bus, uint32_t address, unsigned width,
                 uint32_t value);

/* An interrupt was injected: the CPU is, or will be, at its handler. */
void watch_interrupt(struct watch *watch, uint8_t vector);

/* An exception has come to the default handlers, which gave it over: for a CPU that tells none. */
void watch_fault(struct watch *watch, const struct cpu_call *call);

void watch_halt(struct watch *watch);
void watch_input(struct watch *watch, bool is_key, unsigned code, bool down);

/* The machine's state is another, of a snapshot. */
void watch_restored(struct watch *watch);

/* The run is over; `how`, in a word. */
void watch_end(struct watch *watch, const char *how);

#endif
