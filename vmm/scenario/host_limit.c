/*
 * The limit is asked for between instructions of the guest; an alarm ends the process if that does
 * not happen.
 */
#include "host_limit.h"

#include "host/options.h"
#include "os/host_clock.h"
#include "session.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GRACE_NS  (5 * NS_PER_SECOND)
#define COARSE_NS NS_PER_SECOND

static uint64_t alarm_at; /* of clock_host_ns; 0: none is set */

bool host_limit_parse(const char *text, struct host_limit *limit)
{
    char shown[100];

    snprintf(shown, sizeof(shown), "--host-timeout %.60s", text);
    limit->allowed = CLOCK_NEVER;
    return strcmp(text, "0") == 0 || options_parse_time(shown, text, &limit->allowed);
}

static void on_alarm(int number)
{
    static const char text[] = "vmm: the VMM itself has not come back in the time that "
                               "--host-timeout allows\n";

    (void)number;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(VERDICT_TIMEOUT);
    _exit(VERDICT_TIMEOUT);
}

void host_limit_begin(struct host_limit *limit)
{
    uint64_t now = clock_host_ns(), wanted;

    if (limit->allowed == CLOCK_NEVER) {
        limit->end = CLOCK_NEVER;
        return;
    }
    limit->end = now + limit->allowed;
    wanted = limit->end + GRACE_NS;
    if (wanted - alarm_at < COARSE_NS) /* runs may be short, and many */
        return;
    signal(SIGALRM, on_alarm);
    alarm((unsigned)((limit->allowed + GRACE_NS) / NS_PER_SECOND) + 1);
    alarm_at = wanted;
}

void host_limit_end(void)
{
    alarm(0);
    alarm_at = 0;
}

bool host_limit_is_reached(const struct host_limit *limit)
{
    return limit->end != CLOCK_NEVER && clock_host_ns() >= limit->end;
}
