/*
 * Text in pieces, and lists of words.
 */
#include "words.h"

#include <stdarg.h>
#include <stdio.h>

void words_print(struct words *words, const char *format, ...)
{
    char text[500];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    words->put(words->to, text);
}

void words_list(struct words *words, bool holds, const char *word)
{
    if (holds)
        words_print(words, "%s%s", words->listed++ ? ", " : "", word);
}

void words_list_bits(struct words *words, unsigned value, const char *const names[8])
{
    for (unsigned bit = 0; bit < 8; bit++)
        words_list(words, names[bit] && (value >> bit & 1), names[bit]);
}

void words_end_list(struct words *words, const char *otherwise)
{
    words_print(words, "%s\n", words->listed ? "" : otherwise);
    words->listed = 0;
}

void words_time(struct words *words, uint64_t ns)
{
    if (ns < 1000000)
        words_print(words, "%.1f us", (double)ns / 1e3);
    else if (ns < 1000000000)
        words_print(words, "%.1f ms", (double)ns / 1e6);
    else
        words_print(words, "%.3f s", (double)ns / 1e9);
}

static void put_in_buffer(void *to, const char *text)
{
    struct words_buffer *buffer = to;

    while (*text && buffer->room > 1) {
        *buffer->at++ = *text++;
        buffer->room--;
    }
    if (buffer->room > 0)
        *buffer->at = '\0';
}

struct words words_to_buffer(struct words_buffer *buffer)
{
    return (struct words){.put = put_in_buffer, .to = buffer};
}
