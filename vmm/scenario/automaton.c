/*
 * From a regular expression to an automaton: the expression becomes a program of items (Thompson,
 * "Regular Expression Search Algorithm", CACM 1968), and what follows what in it becomes sets of
 * bits. The notation: POSIX.1-2017, "Extended Regular Expressions", on bytes.
 */
#include "automaton.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX  (4 * AUTOMATON_POSITIONS)
#define DEPTH_MAX  100 /* of parentheses */
#define REPEAT_MAX 1000

/* Two positions that no byte leads on from. */
enum { POSITION_MATCH, POSITION_EMPTY_LINE, FIRST_POSITION };

enum item_kind { ITEM_BYTES, ITEM_SPLIT, ITEM_JUMP, ITEM_LINE_START, ITEM_LINE_END, ITEM_MATCH };

/* A step of the program; the next one follows, if it is no jump. */
struct item {
    enum item_kind kind;
    int to;            /* of a jump, and of the second way of a split: how many items further */
    unsigned position; /* of bytes and line ends */
    uint8_t bytes[32]; /* a bit each */
};

struct compiler {
    const char *at; /* in the expression */
    struct item item[ITEMS_MAX];
    size_t count;
    unsigned depth;
    char *why;
    size_t why_size;
};

static bool refuse(struct compiler *c, const char *why)
{
    snprintf(c->why, c->why_size, "%s", why);
    return false;
}

/* ---- the program ---- */

/* Makes room for `length` items at `at`. Jumps within what is moved stay right, being relative. */
static bool insert(struct compiler *c, size_t at, size_t length)
{
    if (c->count + length > ITEMS_MAX)
        return refuse(c, "it is too large");
    memmove(&c->item[at + length], &c->item[at], (c->count - at) * sizeof(c->item[0]));
    memset(&c->item[at], 0, length * sizeof(c->item[0]));
    c->count += length;
    return true;
}

static bool insert_one(struct compiler *c, size_t at, enum item_kind kind, size_t from, size_t to)
{
    if (!insert(c, at, 1))
        return false;
    c->item[at].kind = kind;
    c->item[at].to = (int)((ptrdiff_t)to - (ptrdiff_t)from);
    return true;
}

static bool append(struct compiler *c, enum item_kind kind)
{
    return insert_one(c, c->count, kind, 0, 0);
}

/* `length` items once more, as the last. */
static bool append_copy(struct compiler *c, size_t from, size_t length)
{
    size_t at = c->count;

    if (!insert(c, at, length))
        return false;
    memcpy(&c->item[at], &c->item[from], length * sizeof(c->item[0]));
    return true;
}

/* The items from `start` on, or nothing. */
static bool make_optional(struct compiler *c, size_t start)
{
    return insert_one(c, start, ITEM_SPLIT, start, c->count + 1);
}

/* The items from `start` on, once or more. */
static bool make_repeated(struct compiler *c, size_t start)
{
    return insert_one(c, c->count, ITEM_SPLIT, c->count, start);
}

/* The items from `start` on, `least` times to `most`; -1: without end. */
static bool repeat(struct compiler *c, size_t start, int least, int most)
{
    size_t length = c->count - start, last = start;

    if (most == 0) {
        c->count = start;
        return true;
    }
    for (int i = 1; i < least; i++) {
        last = c->count;
        if (!append_copy(c, start, length))
            return false;
    }
    if (most < 0)
        return make_repeated(c, last) && (least > 0 || make_optional(c, start));
    for (int i = least > 0 ? least : 1; i < most; i++) {
        size_t copy = c->count;
        if (!append_copy(c, start, length) || !make_optional(c, copy))
            return false;
    }
    return least > 0 || make_optional(c, start);
}

/* ---- bytes ---- */

static void add_byte(struct item *item, unsigned byte)
{
    item->bytes[byte / 8] |= (uint8_t)(1u << byte % 8);
}

static bool has_byte(const struct item *item, unsigned byte)
{
    return item->bytes[byte / 8] >> byte % 8 & 1;
}

static int is_word(int c)
{
    return isalnum(c) || c == '_';
}

static void add_class(struct item *item, int (*is)(int), bool negated)
{
    for (int byte = 0; byte < 256; byte++) {
        if (!is(byte) == negated)
            add_byte(item, (unsigned)byte);
    }
}

static void negate(struct item *item)
{
    for (size_t i = 0; i < sizeof(item->bytes); i++)
        item->bytes[i] = (uint8_t)~item->bytes[i];
}

/* [:alpha:] and the like, behind "[:". */
static bool take_class(struct compiler *c, struct item *item)
{
    static const struct {
        const char *name;
        int (*is)(int);
    } classes[] = {{"alnum:]", isalnum}, {"alpha:]", isalpha}, {"blank:]", isblank},
                   {"cntrl:]", iscntrl}, {"digit:]", isdigit}, {"graph:]", isgraph},
                   {"lower:]", islower}, {"print:]", isprint}, {"punct:]", ispunct},
                   {"space:]", isspace}, {"upper:]", isupper}, {"xdigit:]", isxdigit}};

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        size_t length = strlen(classes[i].name);
        if (strncmp(c->at, classes[i].name, length) == 0) {
            add_class(item, classes[i].is, false);
            c->at += length;
            return true;
        }
    }
    return refuse(c, "there is no such class of characters");
}

/* A character between brackets: itself, [.x.] or [=x=]; -1 with a message: there is none. */
static int take_member(struct compiler *c)
{
    if (c->at[0] == '[' && (c->at[1] == '.' || c->at[1] == '=')) {
        char kind = c->at[1];
        if (!c->at[2] || c->at[3] != kind || c->at[4] != ']') {
            refuse(c, "only one character can be between [. .] or [= =]");
            return -1;
        }
        c->at += 5;
        return (uint8_t)c->at[-3];
    }
    if (!*c->at) {
        refuse(c, "a '[' has no ']'");
        return -1;
    }
    return (uint8_t)*c->at++;
}

/* What is behind '['. */
static bool take_brackets(struct compiler *c, struct item *item)
{
    bool is_negated = *c->at == '^', is_first = true;

    c->at += is_negated;
    for (; is_first || *c->at != ']'; is_first = false) {
        int from, to;
        if (c->at[0] == '[' && c->at[1] == ':') {
            c->at += 2;
            if (!take_class(c, item))
                return false;
            continue;
        }
        from = to = take_member(c);
        if (from >= 0 && c->at[0] == '-' && c->at[1] != ']') {
            c->at++;
            to = take_member(c);
        }
        if (from < 0 || to < 0)
            return false;
        if (from > to)
            return refuse(c, "a range ends before it begins");
        for (; from <= to; from++)
            add_byte(item, (unsigned)from);
    }
    c->at++;
    if (is_negated)
        negate(item);
    return true;
}

/* What is behind a backslash. */
static bool take_escape(struct compiler *c, struct item *item)
{
    char what = *c->at;

    if (isdigit((unsigned char)what))
        return refuse(c, "back-references such as \\1 are not supported");
    if (what == 'w' || what == 'W')
        add_class(item, is_word, what == 'W');
    else if (what == 's' || what == 'S')
        add_class(item, isspace, what == 'S');
    else if (ispunct((unsigned char)what) && !strchr("<>`'", what))
        add_byte(item, (uint8_t)what);
    else
        return refuse(c, "behind a backslash can be w W s S or a sign, but not < > ` '");
    c->at++;
    return true;
}

static bool append_bytes(struct compiler *c)
{
    struct item item = {.kind = ITEM_BYTES};
    char what = *c->at++;
    bool ok = true;

    if (what == '[')
        ok = take_brackets(c, &item);
    else if (what == '\\')
        ok = take_escape(c, &item);
    else if (what == '.')
        negate(&item);
    else
        add_byte(&item, (uint8_t)what);
    item.bytes['\n' / 8] &= (uint8_t) ~(1u << '\n' % 8);
    if (!ok || !append(c, ITEM_BYTES))
        return false;
    c->item[c->count - 1] = item;
    return true;
}

/* ---- the notation ---- */

static bool take_count(struct compiler *c, int *count)
{
    char *end;
    long number;

    if (!isdigit((unsigned char)*c->at))
        return refuse(c, "expected a number behind '{'");
    number = strtol(c->at, &end, 10);
    if (number > REPEAT_MAX)
        return refuse(c, "it is too large");
    c->at = end;
    *count = (int)number;
    return true;
}

/* {2} {2,} {2,5} {,5}: what is behind '{'. */
static bool take_counts(struct compiler *c, int *least, int *most)
{
    *least = 0;
    if (*c->at != ',' && !take_count(c, least))
        return false;
    *most = *least;
    if (*c->at == ',') {
        c->at++;
        *most = -1;
        if (*c->at != '}' && !take_count(c, most))
            return false;
    }
    if (*c->at++ != '}')
        return refuse(c, "a '{' has no '}'");
    return *most < 0 || *least <= *most || refuse(c, "a {least,most} has more as its least");
}

static bool take_repeats(struct compiler *c, size_t start)
{
    while (*c->at && strchr("*+?{", *c->at)) {
        char what = *c->at++;
        int least = what == '+', most = what == '?' ? 1 : -1;
        if ((what == '{' && !take_counts(c, &least, &most)) || !repeat(c, start, least, most))
            return false;
    }
    return true;
}

static bool take_alternatives(struct compiler *c);

/* A character, brackets, an anchor or parentheses, with what repeats it. */
static bool take_piece(struct compiler *c)
{
    size_t start = c->count;

    if (strchr("*+?{", *c->at))
        return refuse(c, "there is nothing to repeat before one of * + ? {");
    if (*c->at == '^' || *c->at == '$')
        return append(c, *c->at++ == '^' ? ITEM_LINE_START : ITEM_LINE_END);
    if (*c->at != '(')
        return append_bytes(c) && take_repeats(c, start);
    c->at++;
    if (++c->depth > DEPTH_MAX)
        return refuse(c, "it has too many parentheses in each other");
    if (!take_alternatives(c))
        return false;
    if (*c->at++ != ')')
        return refuse(c, "a '(' has no ')'");
    c->depth--;
    return take_repeats(c, start);
}

static bool take_branch(struct compiler *c)
{
    /* A ')' that closes nothing is one that must be printed. */
    while (*c->at && *c->at != '|' && (*c->at != ')' || c->depth == 0)) {
        if (!take_piece(c))
            return false;
    }
    return true;
}

static bool take_alternatives(struct compiler *c)
{
    size_t start = c->count;

    if (!take_branch(c))
        return false;
    while (*c->at == '|') {
        size_t jump = c->count + 1;
        c->at++;
        if (!insert_one(c, start, ITEM_SPLIT, start, jump + 1) || !append(c, ITEM_JUMP) ||
            !take_branch(c))
            return false;
        c->item[jump].to = (int)(c->count - jump);
    }
    return true;
}

/* ---- the sets ---- */

static void add(uint64_t *set, unsigned position)
{
    set[position / 64] |= UINT64_C(1) << position % 64;
}

/* Adds the positions that are reached from an item before another byte is read. */
static void reach(const struct compiler *c, size_t from, bool at_start, bool at_end, uint64_t *set)
{
    size_t stack[2 * ITEMS_MAX], depth = 0; /* an item pushes two at most, once */
    bool seen[ITEMS_MAX] = {false};

    stack[depth++] = from;
    while (depth > 0) {
        size_t at = stack[--depth];
        const struct item *item = &c->item[at];
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
static unsigned number_positions(struct compiler *c)
{
    unsigned count = FIRST_POSITION;

    for (size_t i = 0; i < c->count; i++) {
        if (c->item[i].kind == ITEM_BYTES || c->item[i].kind == ITEM_LINE_END)
            c->item[i].position = count++;
    }
    return count;
}

static bool make_sets(struct compiler *c, struct automaton *a)
{
    unsigned count = number_positions(c);
    size_t words = a->words = (count + 63) / 64;
    uint64_t *sets = count <= AUTOMATON_POSITIONS ? calloc(4 + 256 + count, words * 8) : NULL;

    if (!sets)
        return refuse(c, count <= AUTOMATON_POSITIONS ? "out of memory" : "it is too large");
    a->first[0] = sets;
    a->first[1] = sets + words;
    a->at_end[0] = sets + 2 * words;
    a->at_end[1] = sets + 3 * words;
    a->accepts = sets + 4 * words;
    a->follow = sets + (4 + 256) * words;
    reach(c, 0, false, false, a->first[0]);
    reach(c, 0, true, false, a->first[1]);
    add(a->first[1], POSITION_EMPTY_LINE);
    for (size_t i = 0; i < c->count; i++) {
        const struct item *item = &c->item[i];
        if (item->kind == ITEM_BYTES)
            reach(c, i + 1, false, false, a->follow + item->position * words);
        for (unsigned byte = 0; item->kind == ITEM_BYTES && byte < 256; byte++) {
            if (has_byte(item, byte))
                add(a->accepts + byte * words, item->position);
        }
        for (unsigned is_empty = 0; item->kind == ITEM_LINE_END && is_empty < 2; is_empty++) {
            uint64_t behind[AUTOMATON_POSITIONS / 64] = {0};
            reach(c, i, is_empty, true, behind);
            if (behind[0] & 1 << POSITION_MATCH)
                add(a->at_end[is_empty], item->position);
        }
    }
    return true;
}

bool automaton_make(struct automaton *automaton, const char *source, char *why, size_t why_size)
{
    struct compiler *c = malloc(sizeof(*c));
    bool ok;

    *automaton = (struct automaton){0};
    if (!c) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    c->at = source;
    c->count = c->depth = 0;
    c->why = why;
    c->why_size = why_size;
    ok = take_alternatives(c) && append(c, ITEM_MATCH) && make_sets(c, automaton);
    free(c);
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

    *state &= ~(UINT64_C(1) << POSITION_MATCH); /* it is told once */
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
