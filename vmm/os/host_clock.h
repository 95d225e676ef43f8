/*
 * The host's clocks, in ns.
 */
#ifndef VMM_OS_HOST_CLOCK_H
#define VMM_OS_HOST_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC. */
uint64_t clock_host_ns(void);

/* What the calling thread has used of a processor. */
uint64_t clock_thread_ns(void);

#endif
