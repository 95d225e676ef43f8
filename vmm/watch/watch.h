/*
 * Observes a machine for --trace, which writes events, for --strict, which warns, and for who asks
 * at a bad end what went wrong. All get their events from one observer of the machine, its
 * interrupt controllers, disks and CPU.
 */
#ifndef VMM_WATCH_WATCH_H
#define VMM_WATCH_WATCH_H

#include "trace/trace.h"

struct machine;
struct mistakes;
struct recent;

/* What is wanted. */
struct watch_config {
    struct trace *trace; /* NULL: none */
    bool strict;         /* warn of what fails on real hardware; see strict.h */
    bool remembers;      /* find the same, but keep it quiet; and what was done lately */
};

/* Begins to watch a machine that is otherwise complete, if anything is wanted; it ends with the
 * machine. False: no memory. */
bool watch_attach(struct machine *machine, const struct watch_config *config);

/* On the machine's thread, or where it is lent: what it has done lately, and the mistakes found.
 * NULL: nobody watches it. */
const struct recent *watch_recent(const struct machine *machine);
struct mistakes *watch_mistakes(const struct machine *machine);

#endif
