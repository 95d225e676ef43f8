/*
 * The report of a run as JSON: what scripts and benchmarks read.
 */
#ifndef VMM_HOST_REPORT_H
#define VMM_HOST_REPORT_H

#include "os/runner.h"

#include <stdio.h>

/* What the machine itself can't know. Times are in ns of the host's monotonic clock. */
struct report_host {
    uint64_t start;        /* the process began */
    uint64_t first_output; /* the guest's first byte was written; 0 if none was */
    uint64_t end;
    unsigned reboots;
};

/* Writes the report and flushes. Returns 0, or -errno. */
int report_write(FILE *to, const struct runner *runner, const struct report_host *host);

#endif
