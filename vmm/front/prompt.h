/*
 * The monitor on a terminal: a line that can be edited, its history, completion with Tab.
 */
#ifndef VMM_FRONT_PROMPT_H
#define VMM_FRONT_PROMPT_H

#include "host/guest.h"

#define PROMPT_HISTORY 32
#define PROMPT_AHEAD   256 /* bytes typed while an answer is awaited */

struct prompt {
    struct guest *guest;
    /* Takes what the terminal is to show. */
    void (*write)(void *owner, const char *bytes, size_t count);
    void *owner;
    struct question *question; /* that waits for its answer; NULL: none does */
    bool is_hidden;
    char line[MONITOR_LINE];
    size_t length, cursor;
    char history[PROMPT_HISTORY][MONITOR_LINE]; /* a ring */
    unsigned history_count, back; /* back: how far the line shown is from the present */
    char sequence[8];             /* of an escape sequence, so far */
    size_t sequence_length;
    uint8_t ahead[PROMPT_AHEAD];
    size_t ahead_count;
};

void prompt_init(struct prompt *prompt, struct guest *guest,
                 void (*write)(void *owner, const char *bytes, size_t count), void *owner);
void prompt_free(struct prompt *prompt);

/* Shows it, from the beginning of a line; or no more. Answers that come later are shown all the
 * same.
 */
void prompt_show(struct prompt *prompt, bool is_shown);

/* A byte is typed: false if that means to leave (Ctrl-D in an empty line). */
bool prompt_type(struct prompt *prompt, uint8_t byte);

/* Asks the monitor a line, shown or not; nothing while an answer is awaited. */
void prompt_ask(struct prompt *prompt, const char *line);

/* To be called when guest->desk.fd is readable: shows an answer. False if what was typed ahead of
 * it means to leave. */
bool prompt_update(struct prompt *prompt);

#endif
