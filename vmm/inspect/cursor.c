/*
 * Reading a line word by word.
 */
#include "cursor.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) bool cursor_refuse(struct cursor *cursor, const char *format,
                                                         ...)
{
    va_list arguments;
    int used = 0;

    if (cursor->path)
        used = snprintf(cursor->error, cursor->error_size, "%s:%u:%u: ", cursor->path, cursor->line,
                        (unsigned)(cursor->at - cursor->begin) + 1);
    va_start(arguments, format);
    if (used >= 0 && (size_t)used < cursor->error_size)
        vsnprintf(cursor->error + used, cursor->error_size - (size_t)used, format, arguments);
    va_end(arguments);
    /* What was found may hold anything. */
    for (char *c = cursor->error; *c; c++) {
        if (iscntrl((unsigned char)*c))
            *c = '?';
    }
    return false;
}

bool cursor_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void cursor_skip_blanks(struct cursor *cursor)
{
    while (cursor_is_blank(*cursor->at))
        cursor->at++;
}

bool cursor_at_end(struct cursor *cursor)
{
    cursor_skip_blanks(cursor);
    return !*cursor->at || *cursor->at == '#';
}

bool cursor_expected(struct cursor *cursor, const char *what)
{
    size_t length = strcspn(cursor->at, " \t\r");

    if (cursor_at_end(cursor))
        return cursor_refuse(cursor, "expected %s, and the line ends", what);
    length = strcspn(cursor->at, " \t\r");
    return cursor_refuse(cursor, "expected %s, not '%.*s'", what, (int)(length < 40 ? length : 40),
                         cursor->at);
}

bool cursor_out_of_memory(struct cursor *cursor)
{
    return cursor_refuse(cursor, "out of memory");
}

/* ---- what lines are made of ---- */

/* The word at the cursor, which moves behind it; its length, 0 at the end of the line. */
size_t cursor_word(struct cursor *cursor, const char **word)
{
    cursor_skip_blanks(cursor);
    *word = cursor->at;
    while (*cursor->at && !cursor_is_blank(*cursor->at) &&
           (*cursor->at != '#' || cursor->at == *word))
        cursor->at++;
    if (**word == '#')
        cursor->at = *word;
    return (size_t)(cursor->at - *word);
}

bool cursor_if(struct cursor *cursor, const char *text)
{
    struct cursor ahead = *cursor;
    const char *word;

    if (cursor_word(&ahead, &word) != strlen(text) || strncmp(word, text, strlen(text)) != 0)
        return false;
    cursor->at = ahead.at;
    return true;
}

bool cursor_number(struct cursor *cursor, const char *what, uint64_t max, uint64_t *number)
{
    const char *word;
    size_t length;
    char *end;

    cursor_skip_blanks(cursor);
    if (!isdigit((unsigned char)*cursor->at))
        return cursor_expected(cursor, what);
    errno = 0;
    *number = strtoull(cursor->at, &end, 0);
    length = cursor_word(cursor, &word);
    if (end == word + length && errno == 0 && *number <= max)
        return true;
    cursor->at = word;
    return cursor_expected(cursor, what);
}

static const struct {
    const char *suffix;
    double factor;
} time_units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

/* A time in the word [word, word + length); false if it is none. */
bool cursor_is_time(const char *word, size_t length, uint64_t *ns)
{
    char *end;
    double value;

    if (!isdigit((unsigned char)*word))
        return false;
    value = strtod(word, &end);
    for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++) {
        size_t suffix = strlen(time_units[i].suffix);
        if (end + suffix == word + length && memcmp(end, time_units[i].suffix, suffix) == 0 &&
            value * time_units[i].factor < 1e18) {
            *ns = (uint64_t)(value * time_units[i].factor + 0.5);
            return true;
        }
    }
    return false;
}

bool cursor_time(struct cursor *cursor, uint64_t *ns)
{
    const char *word;
    size_t length = cursor_word(cursor, &word);

    if (cursor_is_time(word, length, ns) && *ns > 0)
        return true;
    cursor->at = word;
    return cursor_expected(cursor, "a time such as 10ms");
}
