/*
 * Text is found by its failure function (Knuth, Morris, Pratt, "Fast Pattern Matching in Strings",
 * 1977), regular expressions by an automaton: so no output makes a search slow.
 */
#include "pattern.h"

#include "automaton.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
    bool is_regex;
    struct automaton automaton;
    char *text;
    size_t length;
    /* Of its first i + 1 bytes: how long the longest beginning is that they end in, and are not. */
    uint32_t *failure;
};

static void make_failure(struct pattern *pattern)
{
    uint32_t k = 0;

    pattern->failure[0] = 0;
    for (size_t i = 1; i < pattern->length; i++) {
        while (k > 0 && pattern->text[k] != pattern->text[i])
            k = pattern->failure[k - 1];
        k += pattern->text[k] == pattern->text[i];
        pattern->failure[i] = k;
    }
}

struct pattern *pattern_of_text(const char *text, size_t length)
{
    struct pattern *pattern = calloc(1, sizeof(*pattern));

    if (!pattern)
        return NULL;
    pattern->length = length;
    pattern->text = malloc(length);
    pattern->failure = calloc(length, sizeof(*pattern->failure));
    if (!pattern->text || !pattern->failure) {
        pattern_free(pattern);
        return NULL;
    }
    memcpy(pattern->text, text, length);
    make_failure(pattern);
    return pattern;
}

struct pattern *pattern_of_regex(const char *source, char *why, size_t why_size)
{
    struct pattern *pattern = calloc(1, sizeof(*pattern));

    if (!pattern) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    pattern->is_regex = true;
    if (!automaton_make(&pattern->automaton, source, why, why_size)) {
        pattern_free(pattern);
        return NULL;
    }
    if (automaton_matches_nothing(&pattern->automaton)) {
        snprintf(why, why_size, "it matches the empty string");
        pattern_free(pattern);
        return NULL;
    }
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    automaton_free(&pattern->automaton);
    free(pattern->text);
    free(pattern->failure);
    free(pattern);
}

size_t pattern_words(const struct pattern *pattern)
{
    return pattern->is_regex ? pattern->automaton.words : 1;
}

void pattern_begin(const struct pattern *pattern, uint64_t *state, bool at_line_start)
{
    if (pattern->is_regex)
        automaton_begin(&pattern->automaton, state, at_line_start);
    else
        *state = 0;
}

/* The state is how many bytes of the text what was read ends in. */
static bool feed_text(const struct pattern *pattern, uint64_t *state, char byte)
{
    uint64_t k = *state;

    while (k > 0 && pattern->text[k] != byte)
        k = pattern->failure[k - 1];
    k += pattern->text[k] == byte;
    *state = k < pattern->length ? k : pattern->failure[k - 1];
    return k == pattern->length;
}

bool pattern_feed(const struct pattern *pattern, uint64_t *state, uint8_t byte)
{
    return pattern->is_regex ? automaton_feed(&pattern->automaton, state, byte)
                             : feed_text(pattern, state, (char)byte);
}

bool pattern_at_end(const struct pattern *pattern, const uint64_t *state)
{
    return pattern->is_regex && automaton_at_end(&pattern->automaton, state);
}

bool pattern_is_in(const struct pattern *pattern, const char *text, size_t length)
{
    uint64_t state[AUTOMATON_POSITIONS / 64];

    if (!pattern->is_regex)
        return memmem(text, length, pattern->text, pattern->length) != NULL;
    automaton_begin(&pattern->automaton, state, true);
    for (size_t i = 0; i < length; i++) {
        if (automaton_feed(&pattern->automaton, state, (uint8_t)text[i]))
            return true;
    }
    return automaton_at_end(&pattern->automaton, state);
}
