/*
 * The US keyboard, as two tables: printable characters by key, and the escape sequences of ANSI
 * terminals. Scan codes are IBM's set 1.
 */
#include "keymap.h"

#include <string.h>

#define SHIFT  0x2a
#define CTRL   0x1d
#define ESCAPE 0x01

/* Rows of keys: the characters of consecutive scan codes, without shift and with it. */
static const struct {
    uint16_t first;
    const char *plain, *shifted;
} rows[] = {
    {0x02, "1234567890-=", "!@#$%^&*()_+"},
    {0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {0x39, " ", " "},
    {0x0e, "\x7f\t", "\b\t"},
    {0x1c, "\r", "\r"},
};

/* What follows ESC, and the key. */
static const struct {
    char sequence[4];
    uint16_t code;
} sequences[] = {
    {"[A", 0xe048},  {"[B", 0xe050},  {"[C", 0xe04d},  {"[D", 0xe04b},  {"[H", 0xe047},
    {"[F", 0xe04f},  {"OA", 0xe048},  {"OB", 0xe050},  {"OC", 0xe04d},  {"OD", 0xe04b},
    {"OH", 0xe047},  {"OF", 0xe04f},  {"OP", 0x3b},    {"OQ", 0x3c},    {"OR", 0x3d},
    {"OS", 0x3e},    {"[1~", 0xe047}, {"[2~", 0xe052}, {"[3~", 0xe053}, {"[4~", 0xe04f},
    {"[5~", 0xe049}, {"[6~", 0xe051},
};

static unsigned press(struct inbox_event *events, uint16_t modifier, uint16_t code)
{
    unsigned count = 0;

    if (modifier)
        events[count++] = (struct inbox_event){modifier, true};
    events[count++] = (struct inbox_event){code, true};
    events[count++] = (struct inbox_event){code, false};
    if (modifier)
        events[count++] = (struct inbox_event){modifier, false};
    return count;
}

/* Where a character is on the keyboard. */
static bool find_key(uint8_t byte, const char *row, uint16_t first, uint16_t *code)
{
    const char *at = byte ? strchr(row, byte) : NULL;

    if (at)
        *code = (uint16_t)(first + (at - row));
    return at != NULL;
}

static unsigned type_character(uint8_t byte, struct inbox_event *events)
{
    uint16_t code;

    if (byte == '\n')
        byte = '\r';
    else if (byte == '\b')
        byte = 0x7f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (find_key(byte, rows[i].plain, rows[i].first, &code))
            return press(events, 0, code);
        if (find_key(byte, rows[i].shifted, rows[i].first, &code))
            return press(events, SHIFT, code);
    }
    /* Control characters are a letter with Ctrl: Ctrl-A is 1. */
    for (size_t i = 0; byte >= 1 && byte <= 26 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (find_key((uint8_t)('a' + byte - 1), rows[i].plain, rows[i].first, &code))
            return press(events, CTRL, code);
    }
    return 0;
}

unsigned keymap_flush(struct keymap *keymap, struct inbox_event *events)
{
    bool lone_escape = keymap->length == 1;

    keymap->length = 0;
    return lone_escape ? press(events, 0, ESCAPE) : 0;
}

unsigned keymap_type(struct keymap *keymap, uint8_t byte, struct inbox_event *events)
{
    if (keymap->length == 0) {
        if (byte != 0x1b)
            return type_character(byte, events);
        keymap->sequence[keymap->length++] = byte;
        return 0;
    }
    if (byte == 0x1b) { /* ESC ESC: the first one was the key */
        unsigned count = keymap_flush(keymap, events);
        keymap->sequence[keymap->length++] = byte;
        return count;
    }
    keymap->sequence[keymap->length++] = byte;
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        size_t length = strlen(sequences[i].sequence);
        if (keymap->length == length + 1 &&
            memcmp(keymap->sequence + 1, sequences[i].sequence, length) == 0) {
            keymap->length = 0;
            return press(events, 0, sequences[i].code);
        }
    }
    /* A sequence goes on with '[' or 'O', then digits; anything else is not one we know. */
    bool goes_on = keymap->length == 2 ? byte == '[' || byte == 'O' : byte >= '0' && byte <= '9';
    if (!goes_on || keymap->length == sizeof(keymap->sequence))
        keymap->length = 0;
    return 0;
}
