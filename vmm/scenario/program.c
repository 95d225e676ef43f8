/*
 * Parsing regular expressions: what repeats or is optional is put around the items that are there
 * already.
 */
#include "program.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  100 /* of parentheses */
#define REPEAT_MAX 1000

struct compiler {
    const char *at; /* in the expression */
    struct program *program;
    unsigned depth;
    char *why;
    size_t why_size;
};

static bool refuse(struct compiler *c, const char *why)
{
    snprintf(c->why, c->why_size, "%s", why);
    return false;
}

/* ---- items ---- */

/* Makes room for `length` items at `at`. Jumps within what is moved stay right, being relative. */
static bool insert(struct compiler *c, size_t at, size_t length)
{
    if (c->program->count + length > PROGRAM_MAX)
        return refuse(c, "it is too large");
    memmove(&c->program->item[at + length], &c->program->item[at],
            (c->program->count - at) * sizeof(c->program->item[0]));
    memset(&c->program->item[at], 0, length * sizeof(c->program->item[0]));
    c->program->count += length;
    return true;
}

static bool insert_one(struct compiler *c, size_t at, enum item_kind kind, size_t from, size_t to)
{
    if (!insert(c, at, 1))
        return false;
    c->program->item[at].kind = kind;
    c->program->item[at].to = (int)((ptrdiff_t)to - (ptrdiff_t)from);
    return true;
}

static bool append(struct compiler *c, enum item_kind kind)
{
    return insert_one(c, c->program->count, kind, 0, 0);
}

/* `length` items once more, as the last. */
static bool append_copy(struct compiler *c, size_t from, size_t length)
{
    size_t at = c->program->count;

    if (!insert(c, at, length))
        return false;
    memcpy(&c->program->item[at], &c->program->item[from], length * sizeof(c->program->item[0]));
    return true;
}

/* The items from `start` on, or nothing. */
static bool make_optional(struct compiler *c, size_t start)
{
    return insert_one(c, start, ITEM_SPLIT, start, c->program->count + 1);
}

/* The items from `start` on, once or more. */
static bool make_repeated(struct compiler *c, size_t start)
{
    return insert_one(c, c->program->count, ITEM_SPLIT, c->program->count, start);
}

/* The items from `start` on, `least` times to `most`; -1: without end. */
static bool repeat(struct compiler *c, size_t start, int least, int most)
{
    size_t length = c->program->count - start, last = start;

    if (most == 0) {
        c->program->count = start;
        return true;
    }
    for (int i = 1; i < least; i++) {
        last = c->program->count;
        if (!append_copy(c, start, length))
            return false;
    }
    if (most < 0)
        return make_repeated(c, last) && (least > 0 || make_optional(c, start));
    for (int i = least > 0 ? least : 1; i < most; i++) {
        size_t copy = c->program->count;
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

/* [:alpha:] and the like, after "[:". */
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

/* What is after '['. */
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

/* What is after a backslash. */
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
        return refuse(c, "after a backslash can be w W s S or a sign, but not < > ` '");
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
    c->program->item[c->program->count - 1] = item;
    return true;
}

/* ---- the notation ---- */

static bool take_count(struct compiler *c, int *count)
{
    char *end;
    long number;

    if (!isdigit((unsigned char)*c->at))
        return refuse(c, "expected a number after '{'");
    number = strtol(c->at, &end, 10);
    if (number > REPEAT_MAX)
        return refuse(c, "it is too large");
    c->at = end;
    *count = (int)number;
    return true;
}

/* {2} {2,} {2,5} {,5}: what is after '{'. */
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
    size_t start = c->program->count;

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
    size_t start = c->program->count;

    if (!take_branch(c))
        return false;
    while (*c->at == '|') {
        size_t jump = c->program->count + 1;
        c->at++;
        if (!insert_one(c, start, ITEM_SPLIT, start, jump + 1) || !append(c, ITEM_JUMP) ||
            !take_branch(c))
            return false;
        c->program->item[jump].to = (int)(c->program->count - jump);
    }
    return true;
}

bool program_make(struct program *program, const char *source, char *why, size_t why_size)
{
    struct compiler compiler = {.at = source, .program = program, .why = why, .why_size = why_size};

    program->count = 0;
    return take_alternatives(&compiler) && append(&compiler, ITEM_MATCH);
}
