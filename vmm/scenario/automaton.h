/*
 * A regular expression as an automaton that reads a line byte by byte. Its state is a set of
 * positions in the expression, a bit each, so a byte costs the same however long the line is.
 */
#ifndef VMM_SCENARIO_AUTOMATON_H
#define VMM_SCENARIO_AUTOMATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTOMATON_POSITIONS 1024 /* at most */

/* Sets of positions, `words` words each. */
struct automaton {
    size_t words;
    uint64_t *first[2]; /* where a match begins: within a line, at its beginning */
    uint64_t *accepts;  /* for each byte: the positions that take it */
    uint64_t *follow;   /* for each position: those after it */
    uint64_t
        *at_end[2]; /* the positions that are a match if the line, or an empty one, ends here */
};

/*
 * Makes it of a POSIX extended regular expression, with \w \W \s \S as well. False with a few words
 * in `why`: it is wrong, larger than AUTOMATON_POSITIONS, has what no automaton can do
 * (back-references), or memory is out. Freed by automaton_free, in any case.
 */
bool automaton_make(struct automaton *automaton, const char *source, char *why, size_t why_size);
void automaton_free(struct automaton *automaton);

/* Whether the empty string within a line matches. */
bool automaton_matches_nothing(const struct automaton *automaton);

/* Sets a state to what it is before a line, or within one. */
void automaton_begin(const struct automaton *automaton, uint64_t *state, bool at_line_start);

/* Reads a byte. True: a match ends after it; of a newline: a match ends where the line does. */
bool automaton_feed(const struct automaton *automaton, uint64_t *state, uint8_t byte);

/* Whether the last line, if it has any bytes, is a match if nothing follows. */
bool automaton_at_end(const struct automaton *automaton, const uint64_t *state);

#endif
