/*
 * A guest as one of those that a process shows: its thread, what comes from it, what is typed at
 * it.
 */
#ifndef VMM_HOST_MEMBER_H
#define VMM_HOST_MEMBER_H

#include "console/outbox.h"
#include "console/typing.h"
#include "guest.h"

/* A machine, as it last let itself be looked at. */
struct sight {
    uint64_t time; /* host ns; 0: never */
    uint64_t exits;
    bool is_halted, is_silent; /* silent: nothing was printed */
    struct display display;
};

struct many;

struct member {
    struct many *many;
    struct options *options;
    const char *name; /* unlike all others */
    struct guest guest;
    struct outbox output;
    struct typing typing;
    pthread_mutex_t sight_lock;
    struct sight sight;
    bool keeps_history;                         /* see struct guest */
    bool is_running, is_paused, ends, restarts; /* ends: it was asked to */
    bool is_held;                               /* --hold, and it is dead */
    int status;                                 /* once it has ended */
    enum machine_end end;                       /* END_NONE: it could not be built */
    char summary[200];                          /* how it ended, in a sentence; or empty */
    uint64_t start, stop;                       /* host ns */
    uint64_t due; /* --restart: host ns when it starts again; 0: it does not */
    unsigned starts;
    uint64_t paused_since, paused_ns;
    void *view; /* the front's */
};

/* All of these are for the main thread. */

/* Of a guest of these options, which must outlive it. `member` is zeroed, and stays so where it is
 * large. Freed by member_free, unless it is running. */
void member_init(struct member *member, struct many *many, struct options *options);
void member_free(struct member *member);

/* Has it ready to start; `note` takes a sentence about its engine, or nothing. False with a
 * sentence in member->guest.error. */
bool member_get_ready(struct member *member, char *note, size_t note_size);

/* Starts it; returns 0 or an errno. */
int member_start(struct member *member);

/* Starts one that has ended again, from its image. */
void member_start_again(struct member *member);

/* Ends it if it runs, and starts it again from its image. */
void member_restart(struct member *member);

void member_pause(struct member *member, bool paused);
void member_quit(struct member *member);

/* Once it has ended: there is nothing left of it to be looked at, or nobody wants to. */
bool member_is_quit(const struct member *member);

/* Whether it is dead and stays for its monitor (--hold), and somebody can come there. */
bool member_is_held(const struct member *member);

/* Whether it has ended, and a second opinion on that is still to come. */
bool member_awaits_opinion(const struct member *member);

/* It has ended, or that has come, done_fd says: shows what is said of it. */
void member_end(struct member *member);

/* Shows what it has printed, or what was said of it; false if there is nothing. */
bool member_pass_output(struct member *member);

/* Its monitor may have answered, or somebody be at its socket. */
void member_pass_answer(struct member *member);

/* Types a byte at a guest; false if too much waits. */
bool member_type(struct member *member, uint8_t byte);

/* Asks for a new sight, and copies the last one, whose display the caller frees. */
void member_look(struct member *member);
void member_sight(struct member *member, struct sight *sight);

/* How long it has run, pauses left out, ns. */
uint64_t member_uptime(const struct member *member);

#endif
