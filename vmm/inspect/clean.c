/*
 * UTF-8 (RFC 3629) without controls: C0, DEL, C1 (U+0080 to 9F), U+200B to 200F, 2028 to 202E,
 * 2060 to 206F.
 */
#include "clean.h"

#include <stdbool.h>
#include <stdint.h>

static bool is_harmless(uint32_t c)
{
    return c == 0 || (c >= 0x20 && c < 0x7f) ||
           (c >= 0xa0 && !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
            !(c >= 0x2060 && c <= 0x206f) && c != 0x061c && c != 0xfeff);
}

/* The length of the character at text[0], and its code; 1 and a control's code if it is none. */
static size_t decode(const uint8_t *text, size_t size, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text[0];
    size_t length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;

    *code = first < 0x80 ? first : 1;
    if (length == 1)
        return 1;
    if (length > size)
        return 1;
    *code = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            *code = 1;
            return 1;
        }
        *code = *code << 6 | (text[i] & 0x3f);
    }
    if (*code < least[length] || (*code >= 0xd800 && *code < 0xe000) || *code > 0x10ffff)
        *code = 1;
    return length;
}

void text_clean(char *text, size_t size)
{
    uint32_t code;

    for (size_t i = 0, length = 1; i < size; i += length) {
        if ((uint8_t)(text[i] - 0x20) < 0x5f) { /* plain, as nearly all are */
            length = 1;
            continue;
        }
        length = decode((const uint8_t *)text + i, size - i, &code);
        for (size_t j = 0; !is_harmless(code) && j < length; j++)
            text[i + j] = '?';
    }
}
