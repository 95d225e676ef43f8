/*
 * A scenario on its guest: runs step by step, can be kept in the middle of a step and resumed from
 * there, and says what went wrong.
 */
#ifndef VMM_SCENARIO_SESSION_H
#define VMM_SCENARIO_SESSION_H

#include "engine/engine.h"
#include "host/options.h"
#include "host_limit.h"
#include "inspect/symbols.h"
#include "listener.h"
#include "machine/snapshot.h"
#include "os/runner.h"
#include "scenario.h"

#define SESSION_SYMBOLS 8

/* How a scenario went; also the exit status of `vmm test`. */
enum verdict { VERDICT_PASS = 0, VERDICT_FAIL = 1, VERDICT_REFUSED = 2, VERDICT_TIMEOUT = 124 };

/* An interrupt that is raised after `at` instructions, whatever the scenario does there. */
struct session_irq {
    uint64_t at;
    unsigned irq;
};

/* What changes while the steps are done, beside the machine and the listener. */
struct session_state {
    size_t at;                  /* the step */
    bool has_begun;             /* and is waiting */
    uint64_t deadline;          /* of the guest's time: then it has waited too long */
    uint64_t timeout;           /* ns for each step */
    struct machine_pause pause; /* what it waits for, if not for output */
};

/* A moment to come back to. */
struct session_mark {
    struct snapshot *snapshot;
    uint64_t count; /* of instructions */
    struct session_state state;
    struct listener_mark listener;
};

/* Events that a restored snapshot had waiting, with those of later steps after them. */
struct session_events {
    struct session_events *next;
    struct inbox_event event[];
};

struct session {
    const struct scenario *scenario;
    const char *cpu; /* instead of the scenario's; NULL: its own */
    bool verbose;    /* show what the guest prints */
    struct options options;
    char **words; /* of boot: the options change them, and point to them */
    struct inbox inbox;
    struct runner runner; /* of the machine, if there is one */
    const struct engine *engine;
    struct machine *machine;
    struct trace *log; /* --trace; NULL: none */
    char warning[512]; /* --strict: what has failed the scenario */
    struct symbols *symbols[SESSION_SYMBOLS];
    unsigned symbol_files;
    bool has_none; /* the image was searched for symbols, and has none */
    struct listener listener;
    struct session_state s;
    struct session_mark *marks; /* by step: of `snapshot`s */
    struct session_events *events;
    struct host_limit *limit; /* NULL: none */
    struct display shown;     /* the pixels that were last looked at */

    /* For sweeps. */
    const struct session_irq *plan, *plan_end; /* in order; those before now are passed over */
    uint8_t scancode;                          /* with an IRQ 1 */
    /* Called between instructions from trace_from to trace_to, in order; false: leave it there. */
    bool (*trace)(void *owner, uint64_t count);
    void *trace_owner;
    uint64_t trace_from, trace_to;
    const struct place *trace_places[2]; /* and wherever the guest comes to one of these; or NULL */
    bool is_left;
    /* Takes each byte of output, without carriage returns; `count` came before it. NULL: nobody. */
    void (*output)(void *owner, uint64_t count, uint8_t byte);
    void *output_owner;

    enum verdict verdict;
    bool is_unfinished; /* the limit of the host's time ended it */
    char message[600];  /* "FILE:LINE: STEP: why"; empty if it passed */
};

/* The scenario must outlive it. False with a verdict and message. Freed by session_free, in any
 * case. */
bool session_init(struct session *session, const struct scenario *scenario);
void session_free(struct session *session);

/* Does the steps to the end, from the first one or from where it was restored to. */
enum verdict session_run(struct session *session);

/* Raises an interrupt now: an edge at its input of the PIC; IRQ 1 with a byte from the keyboard. */
void session_raise(struct session *session, unsigned irq);

/* Keeps the run as it is, between two instructions, and goes back to that. False: see message. */
bool session_take(struct session *session, struct session_mark *mark);
bool session_restore(struct session *session, const struct session_mark *mark);
void session_mark_free(struct session_mark *mark);

/* How many instructions the guest has executed. */
uint64_t session_count(const struct session *session);

/* Where an address is: by symbols if there are any, else in hexadecimal. */
void session_describe(struct session *session, uint32_t address, char *to, size_t size);

/* Finds the addresses of a place's symbol or line. False: see message. */
bool session_resolve(struct session *session, struct place *place);

/* What matters after a failure: output or screen, registers, interrupt controllers. */
void session_explain(struct session *session, FILE *to);

#endif
