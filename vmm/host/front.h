/*
 * How guests are shown: what a front does, for the loop of the main thread.
 */
#ifndef VMM_HOST_FRONT_H
#define VMM_HOST_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct member;

/* What is to be shown of a guest: what it has printed; messages, whole lines; its report (--report
 * -). */
enum shown { SHOWN_OUTPUT, SHOWN_MESSAGE, SHOWN_REPORT };

/* How guests are shown. All is called on the main thread. What a front writes goes into many->out
 * and many->err; those in brackets may be NULL. */
struct front {
    const char *end_keys; /* those that end one guest, where it has keys */
    void (*output)(void *front, struct member *member, const uint8_t *bytes, size_t count,
                   enum shown what);
    /* Whether it can take more of that now, beside what the sinks hold. [yes] */
    bool (*has_room)(void *front);
    /* Takes what was typed; a count of 0 is the end of it. */
    void (*input)(void *front, const uint8_t *bytes, size_t count);
    /* Whether keys for the front itself may be among it: then it is read, even where the guests
     * have no room for more. [no] */
    bool (*has_keys)(void *front);
    /* A guest has started, again too, or ended. [] */
    void (*changed)(void *front, struct member *member);
    /* The terminal is somebody else's for a while; or it is ours again, or has another size. [] */
    void (*terminal)(void *front, bool is_ours);
    /* A guest's monitor may have answered. [] */
    void (*answered)(void *front, struct member *member);
    /* Is called after anything has happened, and after the time it returned, in ms; -1: never. [-1]
     */
    int (*update)(void *front);
    /* All guests have ended, and all is written: whether to leave. [yes] */
    bool (*leaves)(void *front);
};

#endif
