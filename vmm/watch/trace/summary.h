/*
 * The summary of a trace: counts, latencies, and mistakes of the guest.
 */
#ifndef VMM_WATCH_TRACE_SUMMARY_H
#define VMM_WATCH_TRACE_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

/* Reads a trace in lines, and writes its summary. False, with one sentence in `error`, if it is no
 * trace. A last line that is cut short is left out, and `error` tells of it. */
bool trace_summary(FILE *from, const char *name, FILE *to, char *error, size_t error_size);

#endif
