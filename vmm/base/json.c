/*
 * Strings of JSON (RFC 8259, section 7), in UTF-8.
 */
#include "json.h"

#include <string.h>

/* The length of the UTF-8 sequence at the beginning of `count` bytes, 0 if it is none. */
static size_t utf8_length(const unsigned char *text, size_t count)
{
    size_t length = text[0] < 0x80             ? 1
                    : (text[0] & 0xe0) == 0xc0 ? 2
                    : (text[0] & 0xf0) == 0xe0 ? 3
                    : (text[0] & 0xf8) == 0xf0 ? 4
                                               : 0;

    if (length > count)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

void json_put_bytes(FILE *to, const char *bytes, size_t count)
{
    const unsigned char *text = (const unsigned char *)bytes, *end = text + count;

    fputc('"', to);
    while (text < end) {
        size_t length = utf8_length(text, (size_t)(end - text));
        if (length == 0)
            fprintf(to, "\\ufffd");
        else if (*text == '"' || *text == '\\')
            fprintf(to, "\\%c", *text);
        else if (*text < 0x20 || *text == 0x7f)
            fprintf(to, "\\u%04x", *text);
        else
            fwrite(text, 1, length, to);
        text += length ? length : 1;
    }
    fputc('"', to);
}

void json_put_string(FILE *to, const char *string)
{
    json_put_bytes(to, string, strlen(string));
}
