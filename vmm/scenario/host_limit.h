/*
 * A limit on the host's time that a run of a scenario may take, for guests that spin: in virtual
 * time a second of theirs can be minutes. One run at a time in a process.
 */
#ifndef VMM_SCENARIO_HOST_LIMIT_H
#define VMM_SCENARIO_HOST_LIMIT_H

#include "base/clock.h"

#define HOST_LIMIT_DEFAULT (60 * NS_PER_SECOND)

struct host_limit {
    uint64_t allowed; /* ns; CLOCK_NEVER: no limit */
    uint64_t end;     /* of clock_host_ns */
};

/* A value of --host-timeout: 90, 90s, 1.5m, 500ms; 0: no limit. False, with a message. */
bool host_limit_parse(const char *text, struct host_limit *limit);

/*
 * A run begins now. If nobody asks host_limit_is_reached in time, some seconds later the process
 * ends with a message and status 124: then it is the VMM that is stuck, say in opening a file.
 */
void host_limit_begin(struct host_limit *limit);

/* No run goes on. Also to be called in a new process before its first run. */
void host_limit_end(void);

bool host_limit_is_reached(const struct host_limit *limit);

#endif
