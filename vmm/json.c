/*
 * Strings of JSON (RFC 8259, section 7), in UTF-8.
 */
#include "json.h"

#include <stddef.h>

/* The length of the UTF-8 sequence at `text`, 0 if it is none. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80             ? 1
                    : (text[0] & 0xe0) == 0xc0 ? 2
                    : (text[0] & 0xf0) == 0xe0 ? 3
                    : (text[0] & 0xf8) == 0xf0 ? 4
                                               : 0;

    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

void json_put_string(FILE *to, const char *string)
{
    const unsigned char *text = (const unsigned char *)string;

    fputc('"', to);
    while (*text) {
        size_t length = utf8_length(text);
        if (length == 0)
            fprintf(to, "\\ufffd");
        else if (*text == '"' || *text == '\\')
            fprintf(to, "\\%c", *text);
        else if (*text < 0x20)
            fprintf(to, "\\u%04x", *text);
        else
            fwrite(text, 1, length, to);
        text += length ? length : 1;
    }
    fputc('"', to);
}
