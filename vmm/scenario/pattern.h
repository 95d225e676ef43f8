/*
 * A pattern that output is searched for: text, or a regular expression that matches within a line.
 * It reads byte by byte, each in a bounded time, and keeps none: its state is a few words.
 */
#ifndef VMM_SCENARIO_PATTERN_H
#define VMM_SCENARIO_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern;

/* Text of `length` > 0 bytes, of which a copy is made. NULL: out of memory. */
struct pattern *pattern_of_text(const char *text, size_t length);

/* A regular expression, see automaton.h. NULL with a few words in `why`: it is wrong. */
struct pattern *pattern_of_regex(const char *source, char *why, size_t why_size);

void pattern_free(struct pattern *pattern);

/* How many 64-bit words a state of it has. */
size_t pattern_words(const struct pattern *pattern);

/* Sets a state to the beginning of a search. */
void pattern_begin(const struct pattern *pattern, uint64_t *state, bool at_line_start);

/* Reads a byte. True: what was read since the beginning ends in a match. */
bool pattern_feed(const struct pattern *pattern, uint64_t *state, uint8_t byte);

/* Whether there is a match if nothing follows: of a regular expression that ends in $. */
bool pattern_at_end(const struct pattern *pattern, const uint64_t *state);

/* Whether a whole text of lines has a match. */
bool pattern_is_in(const struct pattern *pattern, const char *text, size_t length);

#endif
