/*
 * The queue of questions to a guest's monitor. Other threads add questions; the guest's thread
 * answers them between two instructions, and the asker then takes the answer.
 */
#ifndef VMM_EXPLAIN_DESK_H
#define VMM_EXPLAIN_DESK_H

#include "monitor.h"

#include <pthread.h>

struct desk;

/* A line and its answer. Each asker has one, and uses it again when it is answered. */
struct question {
    char line[MONITOR_LINE];
    bool completes; /* what may the line become? */
    char *answer;   /* freed by the asker; NULL: out of memory */
    bool is_answered, is_withdrawn, is_interrupted;
    /* What is asked if it is no line for the monitor, which these do instead of monitor_command and
     * monitor_stopped; they run on the machine's thread. NULL: it is a line. */
    bool (*begin)(struct question *question, struct desk *desk, struct machine *machine, FILE *to);
    void (*end)(struct question *question, struct desk *desk, struct machine *machine, FILE *to);
    bool passes_reset;        /* it waits on in the machine that follows a reset */
    struct monitor_wait wait; /* the machine's thread's, with `next` */
    struct question *next;
};

struct desk {
    pthread_mutex_t lock;
    struct question *first; /* those that nobody has looked at */
    int fd;                 /* eventfd: there are answers; -1: it is not open */
    bool is_served;         /* by a thread of the guest; else by whoever asks, who has it then */
    /* The rest is the machine's thread's. */
    struct monitor monitor;
    struct question *waiting; /* for the guest to stop */
};

/* `run` is the guest's; `image` too, for its symbols, or NULL. 0 or -errno; in either case
 * desk_free is due. */
int desk_init(struct desk *desk, struct run_control *run, const char *image);
void desk_free(struct desk *desk);

/* Queues a question, which the asker still owns, and stops the machine to answer it. A desk that is
 * not open answers with nothing. */
void desk_ask(struct desk *desk, struct question *question);

/* Whether it is answered. */
bool desk_has_answered(struct desk *desk, const struct question *question);

/* Stops a guest that runs to the place which this question asked for. */
void desk_interrupt(struct desk *desk, struct question *question);

/* The asker is gone: the answer is dropped, and the question passed to free(). The guest does not
 * stop at a place that the question asked for. */
void desk_withdraw(struct desk *desk, struct question *question);

/*
 * The machine's thread, while the machine does not run: answers what was asked, and those that have
 * waited for the guest to stop, if it has. Where it is to stop by itself, and whether it may go on,
 * run control says. NULL: there is no machine.
 */
void desk_serve(struct desk *desk, struct machine *machine);

/* The machine's thread: the machine has ended, which is said to who waits. What else was asked
 * waits for the next machine, or for the guest's end. */
void desk_end(struct desk *desk, struct machine *machine);

#endif
