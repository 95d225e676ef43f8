/*
 * The guests of a process, one or many, each on its own thread; this one passes on what they print,
 * what is typed, and signals. How they are shown is a front's affair: solo.c, plain.c,
 * screen/screen.c.
 */
#ifndef VMM_HOST_MANY_H
#define VMM_HOST_MANY_H

#include "console/sink.h"
#include "front.h"
#include "gdb_socket.h"
#include "member.h"
#include "names.h"
#include "os/turns.h"

#include <signal.h>

struct many {
    struct member *members;
    struct names names;
    struct turns turns;
    size_t count, running, waiting; /* waiting: for their restart */
    const struct front *front;
    void *owner;       /* what the front's functions get */
    struct sink out;   /* standard output; while somebody takes it */
    struct sink *err;  /* standard error; `out` where both are the same file */
    struct sink other; /* where they are not */
    int news_fd, done_fd, signal_fd;
    int answer_fd;          /* epoll: monitors' answers, who is at their sockets, room for typing */
    struct gdb_socket *gdb; /* NULL: none */
    int signal;             /* that ended the run, or 0 */
    bool is_crowd;          /* more than one guest */
    bool input_ended;       /* for good: guests that only wait for more end, too */
    bool input_open;        /* more may be typed, if only at the front */
    bool ends;              /* everything is to end */
    uint64_t end_deadline, write_deadline; /* host ns */
    sigset_t signals;
};

/* Gets guests of these options ready. Returns a status of `vmm run`, with a message, or 0. In
 * either case many_free is due. */
int many_init(struct many *many, struct options *options, size_t count);

/* Has a debugger come to the guests; the socket must outlive `many`. */
void many_set_gdb(struct many *many, struct gdb_socket *gdb);

/* Has what guests have answered reach the debugger. */
void many_pass_gdb(struct many *many);

/* Starts all guests and shows them until they have ended; returns 0, or an errno. */
int many_run(struct many *many, const struct front *front, void *owner);

/* The status of `vmm run`: of the first guest whose own is not 0. */
int many_status(const struct many *many);

/* Frees the guests, unless one hangs in something: then the process's end ends it. */
void many_free(struct many *many);

/* After that: if a signal has ended the run, it takes its usual course. */
void many_raise(const struct many *many);

/* Ends them all. */
void many_quit(struct many *many);

/* Nothing more will be typed at any guest: see --keep-open. */
void many_end_input(struct many *many);

/* The sooner of two times to wait, ms; -1: for ever. */
int many_sooner(int a, int b);

#endif
