/*
 * A scenario: what is done to a guest and what is expected of it, one step a line of a text file.
 */
#ifndef VMM_SCENARIO_SCENARIO_H
#define VMM_SCENARIO_SCENARIO_H

#include "base/display.h"
#include "inspect/expression.h"
#include "inspect/place.h"
#include "os/inbox.h"
#include "pattern.h"

#include <stdio.h>

enum verb {
    VERB_BOOT,
    VERB_SYMBOLS,
    VERB_TIMEOUT,
    VERB_EXPECT,
    VERB_NEVER,
    VERB_TYPE,
    VERB_SEND,
    VERB_KEY,
    VERB_DOWN,
    VERB_UP,
    VERB_SCANCODE,
    VERB_IRQ,
    VERB_RUN,
    VERB_UNTIL,
    VERB_STEP,
    VERB_ASSERT,
    VERB_SNAPSHOT,
    VERB_RESTORE,
    VERB_SCREENSHOT,
    VERB_EXIT,
    VERBS
};

/* Where output is looked for. */
enum channel {
    CHANNEL_ALL,
    CHANNEL_SERIAL,
    CHANNEL_DEBUG,
    CHANNEL_SCREEN,
    CHANNEL_PIXELS,
    CHANNELS
};

struct step {
    enum verb verb;
    unsigned line, column; /* in the file, from 1 */
    char *source;          /* the line as it was written */

    enum channel channel;
    char *text; /* what is expected, a name, a path */
    size_t length;
    struct pattern *pattern; /* of `expect` and `never` */
    struct display *picture; /* of `expect pixels` */
    size_t state_at;         /* where its state is, see state_words */
    uint64_t number; /* ns, instructions, an IRQ, a status, the step whose snapshot is restored */
    struct place place;
    struct expression *expression;
    struct inbox_event *events; /* those of a ring follow the last ones of it in `events` below */
    size_t event_count;
    char **words; /* of boot, the image first; ends with NULL */
};

struct scenario {
    char *path;
    struct step *steps;
    size_t count;
    size_t *nevers; /* the `never`s, as indices of steps, ascending */
    size_t never_count;
    size_t state_words;         /* of all patterns' states */
    struct inbox_event *events; /* of all steps */
};

/*
 * Reads a scenario from a file, or from text that ends with a NUL. NULL, with one sentence in
 * `error`, "FILE:LINE:COLUMN: ...", if there is a mistake in it. Freed by scenario_free.
 */
struct scenario *scenario_read(const char *path, char *error, size_t error_size);
struct scenario *scenario_parse(const char *path, const char *text, char *error, size_t error_size);
void scenario_free(struct scenario *scenario);

/* The verbs and what follows each, a line each. */
void scenario_list_verbs(FILE *to);

#endif
