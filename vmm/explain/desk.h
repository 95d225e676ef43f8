/*
 * Where questions to a guest's monitor wait for its thread, which answers them between two
 * instructions, and where the answers wait for who has asked.
 */
#ifndef VMM_EXPLAIN_DESK_H
#define VMM_EXPLAIN_DESK_H

#include "monitor.h"
#include "os/inbox.h"

#include <pthread.h>

/* A line and what is said of it. Whoever asks has one of his own, and asks again when it is
 * answered. */
struct question {
    char line[MONITOR_LINE];
    bool completes; /* what may the line become? */
    char *answer;   /* to be freed; NULL: no memory */
    bool is_answered, is_withdrawn, is_interrupted;
    struct question *next;
};

struct desk {
    struct inbox *inbox;
    pthread_mutex_t lock;
    struct question *first; /* those that wait */
    int fd;                 /* eventfd: there are answers */
    /* The rest is the machine's thread's. */
    struct monitor monitor;
    struct question *running; /* its answer waits for the guest to come to a pause */
};

/* The inbox is that of the machines to come; `image` is the guest's, for its symbols, or NULL. 0 or
 * -errno; in either case desk_free is due.
 */
int desk_init(struct desk *desk, struct inbox *inbox, const char *image);
void desk_free(struct desk *desk);

/* Puts a question there, which stays the asker's, and has the machine come to it. */
void desk_ask(struct desk *desk, struct question *question);

/* Whether it is answered. */
bool desk_has_answered(struct desk *desk, const struct question *question);

/* A guest that runs for its answer is to be held where it is. */
void desk_interrupt(struct desk *desk, struct question *question);

/* Its asker has gone: the answer is thrown away, and the question freed, which free() must be able
 * to. The guest is not held at a place that nobody waits for. */
void desk_withdraw(struct desk *desk, struct question *question);

/*
 * The machine's thread, while the machine does not run: answers what was asked, if only so far that
 * the guest is to run to desk_pause; the next call then says where it is, wherever that may be.
 * NULL: there is no machine.
 */
void desk_serve(struct desk *desk, struct machine *machine);

/* The machine's thread: the machine has ended before it came there, which is said. What else was
 * asked waits for the next machine, or for the guest's end. */
void desk_give_up(struct desk *desk, struct machine *machine);

/* The machine's thread: where the guest is to pause by itself; NULL: nowhere. */
const struct machine_pause *desk_pause(const struct desk *desk);

#endif
