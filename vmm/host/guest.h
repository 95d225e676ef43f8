/*
 * A guest on a thread of its own, from its first boot, over resets, to its end. Whoever shows it to
 * the user gets its output on that thread, gives it input through its inbox, and waits for done_fd.
 */
#ifndef VMM_HOST_GUEST_H
#define VMM_HOST_GUEST_H

#include "engine/engine.h"
#include "explain/desk.h"
#include "machine/snapshot.h"
#include "options.h"
#include "os/inbox.h"
#include "os/input_log.h"
#include "os/runner.h"
#include "report.h"
#include "second_opinion.h"

struct guest {
    struct options *options;
    struct machine_config config;
    struct runner_config run;
    const struct engine *engine;
    struct inbox inbox;
    struct run_control control;
    struct desk desk; /* of its monitor */
    struct report_host host;
    struct runner runner;    /* of the machine, if there is one */
    struct machine *machine; /* the guest's thread's, but from guest_wait to guest_conclude */
    uint64_t stood_still;    /* of this boot: host ns that are none of the guest's */
    char error[320];         /* why it was not, or why something else failed */
    bool keeps_history;      /* so that a debugger can go back in time */
    bool not_saved;          /* --save was asked for in vain */
    int done_fd;             /* eventfd: the guest has ended; or its second opinion has come */

    pthread_t thread;
    bool has_inbox, has_desk, has_thread, is_running;
    atomic_bool is_lent, leaves;   /* the machine, to who concludes; the thread */
    struct second_opinion opinion; /* the thread's, until it has come */
    atomic_bool opinion_asked;     /* the thread is to give it */
    bool awaits_opinion;           /* who shows the guest does, up to guest_hear_opinion */
    char *opinion_text;            /* once it has come; may be empty */
    size_t opinion_size;
    struct snapshot *snapshot; /* to begin with */
    struct input_log replay;
    FILE *record, *report, *com2;
    char *report_text; /* after guest_conclude: the report, if it is for standard output */
    size_t report_size;
    struct trace *trace;
    struct symbols *symbols;    /* NULL: none */
    bool has_symbols;           /* they were looked for */
    struct inbox_event *script; /* input that was there before it started */
    size_t script_count, script_size;
};

/*
 * Gets a guest ready: chooses its engine, reads the snapshot and the log it begins with, opens what
 * it writes. `note` takes a sentence about the engine chosen, or nothing. Returns 0, or -1 with a
 * sentence in guest->error. The options must outlive it; in either case guest_free is due.
 */
int guest_init(struct guest *guest, struct options *options, char *note, size_t note_size);

/* Room for `count` more events behind the script, which the caller fills and counts. NULL: no
 * memory. */
struct inbox_event *guest_script(struct guest *guest, size_t count);

/*
 * Starts it. `print` and `warn` are called on its thread: see struct machine_config. Signals must
 * be blocked, for the thread inherits that. Returns 0 or an errno.
 */
int guest_start(struct guest *guest, void (*print)(void *owner, const uint8_t *bytes, size_t count),
                void (*warn)(void *owner, const char *text), void *owner);

/* Whether the end of what is typed is the end of the guest's input. */
bool guest_input_ends(const struct guest *guest);

/* Waits until the guest has ended: until done_fd is readable, which it is not any more. Its machine
 * may be read then (NULL: it could not be built), until guest_conclude. */
void guest_wait(struct guest *guest);

/* After guest_wait: whether it is dead, and not at the end it asked for: --hold keeps such a one.
 */
bool guest_is_dead(const struct guest *guest);

/* The image, the first drive, or the snapshot, for messages. */
const char *guest_path(const struct guest *guest);

/*
 * After guest_wait: says in `to` how it ended, writes the report, and returns the status of `vmm
 * run`. The machine is the thread's again, which answers questions about what is left of it.
 */
int guest_conclude(struct guest *guest, FILE *to);

/* Whether a second opinion (second_opinion.h) is on its way. It has come when done_fd is readable
 * again, and guest_hear_opinion takes that; its text is the guest's. */
bool guest_awaits_opinion(const struct guest *guest);
const char *guest_hear_opinion(struct guest *guest, size_t *size);

/* Frees all but the options. The guest has ended, or was never started. */
void guest_free(struct guest *guest);

#endif
