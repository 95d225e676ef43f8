/*
 * A regular expression as a program of items (Thompson, "Regular Expression Search Algorithm", CACM
 * 1968), from which the automaton is made.
 */
#ifndef VMM_SCENARIO_PROGRAM_H
#define VMM_SCENARIO_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_MAX 4096 /* items */

enum item_kind { ITEM_BYTES, ITEM_SPLIT, ITEM_JUMP, ITEM_LINE_START, ITEM_LINE_END, ITEM_MATCH };

/* A step of the program; the next one follows, if it is no jump. */
struct item {
    enum item_kind kind;
    int to;            /* of a jump, and of the second way of a split: how many items further */
    unsigned position; /* of bytes and line ends: the automaton's */
    uint8_t bytes[32]; /* a bit each */
};

struct program {
    struct item item[PROGRAM_MAX];
    size_t count;
};

/*
 * Makes it of a POSIX.1-2017 extended regular expression on bytes, without back-references, with \w
 * \W \s \S as well. No bytes match a newline; the last item is a match. False with a few words in
 * `why`.
 */
bool program_make(struct program *program, const char *source, char *why, size_t why_size);

#endif
