/*
 * A table of the keys, with the bytes that terminals send for them.
 */
#include "keys.h"

#include <ctype.h>
#include <string.h>

#define CTRL_A     0x01
#define BACKSPACE  0x08
#define DELETE     0x7f
#define NUMBER_MAX 1000000

const char *const keys_help[] = {
    "Ctrl-A, then:",
    "  arrows, N, B, 1 to 9, 0  another guest; 0 is the tenth",
    "  '  any guest: its number, Enter",
    "  Z  show this guest alone, or all again",
    "  [, PgUp  scroll back: arrows, K, J, PgUp, PgDn, Home, End; Q goes back",
    "  P  pause the guest, or resume it",
    "  R  restart the guest",
    "  K  end the guest",
    "  V  show its serial line, or its VGA screen",
    "  C  go to its monitor, and back",
    "  W  say what it does, and why nothing moves",
    "  A  send Ctrl-A to the guest",
    "  X  end all guests and leave",
    "  H, ?  list these keys",
    NULL,
};

static const struct {
    const char *sequence; /* letters in lower case */
    enum key key;
} table[] = {
    {"\033[A", KEY_UP},       {"\033OA", KEY_UP},
    {"\033[B", KEY_DOWN},     {"\033OB", KEY_DOWN},
    {"\033[C", KEY_RIGHT},    {"\033OC", KEY_RIGHT},
    {"\033[D", KEY_LEFT},     {"\033OD", KEY_LEFT},
    {"\033[5~", KEY_PAGE_UP}, {"\033[6~", KEY_PAGE_DOWN},
    {"\033[H", KEY_HOME},     {"\033OH", KEY_HOME},
    {"\033[1~", KEY_HOME},    {"\033[F", KEY_END},
    {"\033OF", KEY_END},      {"\033[4~", KEY_END},
    {"n", KEY_NEXT},          {"\t", KEY_NEXT},
    {"b", KEY_PREVIOUS},      {"z", KEY_ZOOM},
    {"[", KEY_SCROLL},        {"p", KEY_PAUSE},
    {"r", KEY_RESTART},       {"k", KEY_KILL},
    {"v", KEY_VIEW},          {"h", KEY_HELP},
    {"?", KEY_HELP},          {"x", KEY_QUIT},
    {"c", KEY_MONITOR},       {"q", KEY_LEAVE},
    {"w", KEY_WHY},           {"\r", KEY_LEAVE},
    {"\003", KEY_LEAVE},      {"g", KEY_HOME},
    {"j", KEY_DOWN},          {"u", KEY_PAGE_UP},
    {"d", KEY_PAGE_DOWN},
};

/* Looks the sequence up; *goes_on: more bytes may make it one. */
static enum key find(const struct keys *keys, bool *goes_on)
{
    *goes_on = false;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncmp(table[i].sequence, keys->sequence, keys->length) != 0)
            continue;
        if (!table[i].sequence[keys->length])
            return table[i].key;
        *goes_on = true;
    }
    return KEY_NONE;
}

static bool is_escaped_ctrl_a(const struct keys *keys, uint8_t byte)
{
    return keys->length == 0 && (byte == CTRL_A || tolower(byte) == 'a') && !keys->scrolling;
}

static enum key type_command(struct keys *keys, uint8_t byte)
{
    bool goes_on;
    enum key key;

    if (keys->length == 0 && isdigit(byte)) {
        keys->number = byte == '0' ? 10 : (unsigned)(byte - '0');
        return KEY_NUMBER;
    }
    if (keys->length == 0 && byte == '\'') {
        keys->asking = true;
        keys->number = 0;
        return KEY_NONE;
    }
    keys->sequence[keys->length] = (char)(keys->length == 0 ? tolower(byte) : byte);
    keys->length++;
    key = find(keys, &goes_on);
    if (!goes_on || keys->length == sizeof(keys->sequence) - 1)
        return key;
    keys->pending = true; /* go on with the sequence */
    return KEY_NONE;
}

/* A digit more or less of the number asked for, or its end; anything else gives it up. */
static enum key type_number(struct keys *keys, uint8_t byte)
{
    if (isdigit(byte) && keys->number < NUMBER_MAX / 10) {
        keys->number = 10 * keys->number + (unsigned)(byte - '0');
    } else if (byte == BACKSPACE || byte == DELETE) {
        keys->number /= 10;
    } else if (!isdigit(byte)) {
        keys->asking = false;
        return byte == '\r' || byte == '\n' ? KEY_NUMBER : KEY_NONE;
    }
    return KEY_NONE;
}

enum key keys_type(struct keys *keys, uint8_t *byte)
{
    enum key key;

    if (keys->asking)
        return type_number(keys, *byte);
    if (!keys->pending && !keys->scrolling)
        return (keys->pending = *byte == CTRL_A) ? KEY_NONE : KEY_BYTE;
    if (!keys->pending && *byte == CTRL_A) { /* while scrolling it changes nothing */
        keys->length = 0;
        return KEY_NONE;
    }
    keys->pending = false;
    if (is_escaped_ctrl_a(keys, *byte)) {
        *byte = CTRL_A;
        return KEY_BYTE;
    }
    key = type_command(keys, *byte);
    if (!keys->pending)
        keys->length = 0;
    return key;
}
