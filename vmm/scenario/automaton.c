/*
 * What can follow what in a regular expression's program, as sets of bits: made once, so that
 * reading a byte is a union of sets.
 */
#include "automaton.h"

#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two positions that no byte leads on from. */
enum { POSITION_MATCH, POSITION_EMPTY_LINE, FIRST_POSITION };

/* ---- the sets ---- */

static bool has_byte(const struct item *item, unsigned byte)
{
    return item->bytes[byte / 8] >> byte % 8 & 1;
}

static void add(uint64_t *set, unsigned position)
{
    set[position / 64] |= UINT64_C(1) << position % 64;
}

/* Adds the positions that are reached from an item before another byte is read. */
static void reach(const struct program *program, size_t from, bool at_start, bool at_end,
                  uint64_t *set)
{
    size_t stack[2 * PROGRAM_MAX], depth = 0; /* an item pushes two at most, once */
    bool seen[PROGRAM_MAX] = {false};

    stack[depth++] = from;
    while (depth > 0) {
        size_t at = stack[--depth];
        const struct item *item = &program->item[at];
        if (seen[at])
            continue;
        seen[at] = true;
        if (item->kind == ITEM_MATCH)
            add(set, POSITION_MATCH);
        else if (item->kind == ITEM_BYTES || (item->kind == ITEM_LINE_END && !at_end))
            add(set, item->position);
        else if (item->kind == ITEM_JUMP)
            stack[depth++] = at + (size_t)item->to;
        else if (item->kind != ITEM_LINE_START || at_start)
            stack[depth++] = at + 1;
        if (item->kind == ITEM_SPLIT)
            stack[depth++] = at + (size_t)item->to;
    }
}

/* Numbers the items that are positions; returns how many there are. */
static unsigned number_positions(struct program *program)
{
    unsigned count = FIRST_POSITION;

    for (size_t i = 0; i < program->count; i++) {
        if (program->item[i].kind == ITEM_BYTES || program->item[i].kind == ITEM_LINE_END)
            program->item[i].position = count++;
    }
    return count;
}

static bool make_sets(struct program *program, struct automaton *a, char *why, size_t why_size)
{
    unsigned count = number_positions(program);
    size_t words = a->words = (count + 63) / 64;
    uint64_t *sets = count <= AUTOMATON_POSITIONS ? calloc(4 + 256 + count, words * 8) : NULL;

    if (!sets) {
        snprintf(why, why_size, count <= AUTOMATON_POSITIONS ? "out of memory" : "it is too large");
        return false;
    }
    a->first[0] = sets;
    a->first[1] = sets + words;
    a->at_end[0] = sets + 2 * words;
    a->at_end[1] = sets + 3 * words;
    a->accepts = sets + 4 * words;
    a->follow = sets + (4 + 256) * words;
    reach(program, 0, false, false, a->first[0]);
    reach(program, 0, true, false, a->first[1]);
    add(a->first[1], POSITION_EMPTY_LINE);
    for (size_t i = 0; i < program->count; i++) {
        const struct item *item = &program->item[i];
        if (item->kind == ITEM_BYTES)
            reach(program, i + 1, false, false, a->follow + item->position * words);
        for (unsigned byte = 0; item->kind == ITEM_BYTES && byte < 256; byte++) {
            if (has_byte(item, byte))
                add(a->accepts + byte * words, item->position);
        }
        for (unsigned is_empty = 0; item->kind == ITEM_LINE_END && is_empty < 2; is_empty++) {
            uint64_t after[AUTOMATON_POSITIONS / 64] = {0};
            reach(program, i, is_empty, true, after);
            if (after[0] & 1 << POSITION_MATCH)
                add(a->at_end[is_empty], item->position);
        }
    }
    return true;
}

bool automaton_make(struct automaton *automaton, const char *source, char *why, size_t why_size)
{
    struct program *program = malloc(sizeof(*program));
    bool ok;

    *automaton = (struct automaton){0};
    if (!program)
        snprintf(why, why_size, "out of memory");
    ok = program && program_make(program, source, why, why_size) &&
         make_sets(program, automaton, why, why_size);
    free(program);
    return ok;
}

void automaton_free(struct automaton *automaton)
{
    free(automaton->first[0]); /* and all other sets */
}

/* ---- reading ---- */

/* Whether a match ends in a state if the line does. */
static bool is_match_at_end(const struct automaton *automaton, const uint64_t *state)
{
    const uint64_t *at_end = automaton->at_end[*state >> POSITION_EMPTY_LINE & 1];
    uint64_t common = 0;

    for (size_t i = 0; i < automaton->words; i++)
        common |= state[i] & at_end[i];
    return common != 0;
}

static bool take_match(uint64_t *state)
{
    bool found = *state >> POSITION_MATCH & 1;

    *state &= ~(UINT64_C(1) << POSITION_MATCH); /* which is reported once */
    return found;
}

bool automaton_matches_nothing(const struct automaton *automaton)
{
    return automaton->first[0][0] & 1 << POSITION_MATCH ||
           is_match_at_end(automaton, automaton->first[0]);
}

void automaton_begin(const struct automaton *automaton, uint64_t *state, bool at_line_start)
{
    memcpy(state, automaton->first[at_line_start], automaton->words * sizeof(*state));
}

bool automaton_feed(const struct automaton *automaton, uint64_t *state, uint8_t byte)
{
    size_t words = automaton->words;
    const uint64_t *accepts = automaton->accepts + byte * words;
    uint64_t next[AUTOMATON_POSITIONS / 64];
    bool found = take_match(state); /* of /^/, when there is a line at all */

    if (byte == '\n') {
        found = found || is_match_at_end(automaton, state);
        automaton_begin(automaton, state, true);
        return found;
    }
    memcpy(next, automaton->first[0], words * sizeof(*next));
    for (size_t i = 0; i < words; i++) {
        for (uint64_t left = state[i] & accepts[i]; left; left &= left - 1) {
            size_t position = 64 * i + (size_t)__builtin_ctzll(left);
            for (size_t j = 0; j < words; j++)
                next[j] |= automaton->follow[position * words + j];
        }
    }
    memcpy(state, next, words * sizeof(*next));
    return take_match(state) || found;
}

bool automaton_at_end(const struct automaton *automaton, const uint64_t *state)
{
    return !(*state >> POSITION_EMPTY_LINE & 1) && is_match_at_end(automaton, state);
}
