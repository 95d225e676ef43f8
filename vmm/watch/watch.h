/*
 * Observes a machine for --trace, which writes events, and --strict, which warns. Both get their
 * events from one observer of the machine, its interrupt controllers, disks and CPU.
 */
#ifndef VMM_WATCH_WATCH_H
#define VMM_WATCH_WATCH_H

#include "trace/trace.h"

struct machine;

/* What is wanted. */
struct watch_config {
    struct trace *trace; /* NULL: none */
    bool strict;         /* warn of what fails on real hardware; see strict.h */
};

/* Begins to watch a machine that is otherwise complete, if anything is wanted; it ends with the
 * machine. False: no memory. */
bool watch_attach(struct machine *machine, const struct watch_config *config);

#endif
