/*
 * Where two outputs differ first, without keeping the second one.
 */
#include "compare.h"

#include <stdlib.h>

#define SHOWN_BEFORE 60 /* bytes of the line that are equal */

void compare_begin_reference(struct compare *compare)
{
    compare->length = 0;
    compare->is_too_long = false;
}

void compare_add(void *owner, uint64_t count, uint8_t byte)
{
    struct compare *compare = owner;

    (void)count;
    if (compare->length == compare->size && !compare->is_too_long) {
        size_t size = 2 * compare->size + 4096;
        char *grown = size <= 2 * COMPARE_MAX ? realloc(compare->bytes, size) : NULL;
        compare->is_too_long = !grown;
        compare->bytes = grown ? grown : compare->bytes;
        compare->size = grown ? size : compare->size;
    }
    compare->is_too_long = compare->is_too_long || compare->length == COMPARE_MAX;
    if (!compare->is_too_long)
        compare->bytes[compare->length++] = (char)byte;
}

void compare_begin(struct compare *compare)
{
    compare->differs = false;
    compare->line = compare->expected = (struct compared_line){.length = 0};
}

static void add_to_line(struct compared_line *line, char byte)
{
    if (byte == '\n' || line->length == sizeof(line->text) - 1)
        line->is_whole = true;
    if (!line->is_whole)
        line->text[line->length++] = (uint8_t)byte < 0x20 || byte == 0x7f ? '.' : byte;
}

/* The outputs differ after `at` bytes. */
static void begin_difference(struct compare *compare, size_t at)
{
    size_t from = at;

    compare->differs = true;
    while (from > 0 && at - from < SHOWN_BEFORE && compare->bytes[from - 1] != '\n')
        from--;
    for (size_t i = from; i < at; i++)
        add_to_line(&compare->line, compare->bytes[i]);
    for (size_t i = from; i < compare->length && !compare->expected.is_whole; i++)
        add_to_line(&compare->expected, compare->bytes[i]);
}

void compare_check(void *owner, uint64_t count, uint8_t byte)
{
    struct compare *compare = owner;

    if (!compare->differs && count < compare->length && compare->bytes[count] == (char)byte)
        return;
    if (!compare->differs)
        begin_difference(compare, (size_t)count);
    add_to_line(&compare->line, (char)byte);
}

bool compare_end(struct compare *compare, uint64_t count)
{
    if (!compare->differs && count < compare->length)
        begin_difference(compare, (size_t)count);
    return compare->differs;
}

void compare_free(struct compare *compare)
{
    free(compare->bytes);
    compare->bytes = NULL;
}
