/*
 * Many guests in one process, each on its own thread; this one passes on what they print, what is
 * typed, and signals. How they are shown is a front's affair: plain.c, screen/screen.c.
 */
#ifndef VMM_HOST_MANY_H
#define VMM_HOST_MANY_H

#include "console/outbox.h"
#include "console/sink.h"
#include "console/typing.h"
#include "guest.h"
#include "names.h"
#include "os/turns.h"

#include <signal.h>

/* A machine, as it last let itself be looked at. */
struct sight {
    uint64_t time; /* host ns; 0: never */
    uint64_t exits;
    bool is_halted, is_silent; /* silent: nothing was printed */
    bool has_cursor;
    unsigned cursor_column, cursor_row;
    uint16_t cells[VGA_TEXT_ROWS][VGA_TEXT_COLUMNS];
};

struct many;

struct member {
    struct many *many;
    struct options *options;
    const char *name; /* unlike all others */
    struct guest guest;
    struct outbox output, messages; /* a message is a whole line or several */
    struct typing typing;
    pthread_mutex_t sight_lock;
    struct sight sight;
    bool is_running, is_paused, ends, restarts; /* ends: it was asked to */
    int status;                                 /* once it has ended */
    enum machine_end end;                       /* END_NONE: it could not be built */
    char summary[200];                          /* how it ended, in a sentence; or empty */
    uint64_t start, stop;                       /* host ns */
    uint64_t due; /* --restart: host ns when it starts again; 0: it does not */
    unsigned starts;
    uint64_t paused_since, paused_ns;
    void *view; /* the front's */
};

/* How guests are shown. All is called on the main thread. */
struct front {
    /* Takes what a guest has printed, or a message about it. */
    void (*output)(void *front, struct member *member, const uint8_t *bytes, size_t count,
                   bool is_message);
    /* Whether it can take more of that now. */
    bool (*has_room)(void *front);
    /* Takes what was typed; a count of 0 is the end of it. */
    void (*input)(void *front, const uint8_t *bytes, size_t count);
    /* A guest has started, again too, or ended. */
    void (*changed)(void *front, struct member *member);
    /* The terminal is somebody else's for a while; or it is ours again, or has another size. */
    void (*terminal)(void *front, bool is_ours);
    /* A guest's monitor may have answered. */
    void (*answered)(void *front, struct member *member);
    /* Is called after anything has happened, and after the time it returned, in ms; -1: never. */
    int (*update)(void *front);
    /* What is left to be written; the descriptor in it is polled. */
    struct sink *(*sink)(void *front);
    /* All guests have ended: whether to leave. */
    bool (*leaves)(void *front);
};

struct many {
    struct member *members;
    struct names names;
    struct turns turns;
    size_t count, running, waiting; /* waiting: for their restart */
    const struct front *front;
    void *owner; /* what the front's functions get */
    int news_fd, done_fd, signal_fd;
    int answer_fd; /* epoll: monitors' answers, and who is at their sockets */
    int signal;    /* that ended the run, or 0 */
    bool ends;     /* everything is to end */
    uint64_t end_deadline;
    sigset_t signals;
};

/* Gets guests of these options ready. Returns a status of `vmm run`, with a message, or 0. In
 * either case many_free is due. */
int many_init(struct many *many, struct options *options, size_t count);

/* Starts all guests and shows them until they have ended; returns 0, or an errno. */
int many_run(struct many *many, const struct front *front, void *owner);

/* The status of `vmm run`: of the first guest whose own is not 0. */
int many_status(const struct many *many);

/* A signal has ended the run: it takes its usual course. */
void many_raise(const struct many *many);

void many_free(struct many *many);

void member_quit(struct member *member);
void many_quit(struct many *many);
void member_pause(struct member *member, bool paused);

/* Ends it if it runs, and starts it again from its image. */
void member_restart(struct member *member);

/* Types a byte at a guest; false if too much waits. */
bool member_type(struct member *member, uint8_t byte);

/* Asks for a new sight, and copies the last one. */
void member_look(struct member *member);
void member_sight(struct member *member, struct sight *sight);

/* The sooner of two times to wait, ms; -1: for ever. */
int many_sooner(int a, int b);

/* How long it has run, pauses left out, ns. */
uint64_t member_uptime(const struct member *member);

#endif
