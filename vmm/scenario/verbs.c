/*
 * The verbs of a scenario: for each, a function that reads the rest of its line into a step.
 */
#include "verbs.h"

#include "console/keymap.h"
#include "inspect/keys.h"
#include "os/picture_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A character of a string or regular expression after a backslash; -1: there is none. */
static int escaped(struct cursor *cursor)
{
    static const char from[] = "nrtbe0\\\"", to[] = "\n\r\t\b\x1b\0\\\"";
    const char *at = strchr(from, *cursor->at);

    if (*cursor->at == 'x' && isxdigit((unsigned char)cursor->at[1]) &&
        isxdigit((unsigned char)cursor->at[2])) {
        char digits[3] = {cursor->at[1], cursor->at[2], '\0'};
        cursor->at += 3;
        return (int)strtoul(digits, NULL, 16);
    }
    if (!*cursor->at || !at)
        return -1;
    cursor->at++;
    return (uint8_t)to[at - from];
}

/* How many bytes are after the cursor before `end` without a backslash before it, or the line's
 * end. */
static size_t length_to(const struct cursor *cursor, char end)
{
    const char *at = cursor->at;

    while (*at && *at != end)
        at += *at == '\\' && at[1] ? 2 : 1;
    return (size_t)(at - cursor->at);
}

static bool take_string(struct cursor *cursor, struct step *step)
{
    cursor_skip_blanks(cursor);
    if (*cursor->at != '"')
        return cursor_expected(cursor, "a string in double quotes");
    cursor->at++;
    step->text = malloc(length_to(cursor, '"') + 1);
    if (!step->text)
        return cursor_out_of_memory(cursor);
    while (*cursor->at && *cursor->at != '"') {
        int c = (uint8_t)*cursor->at++;
        if (c == '\\')
            c = escaped(cursor);
        if (c < 0)
            return cursor_refuse(cursor,
                                 "expected one of n r t b e 0 \\ \" xHH after the backslash");
        step->text[step->length++] = (char)c;
    }
    step->text[step->length] = '\0';
    if (*cursor->at != '"')
        return cursor_refuse(cursor, "expected the quote that ends the string");
    cursor->at++;
    if (step->length == 0)
        return cursor_refuse(cursor, "expected something between the quotes");
    return true;
}

static bool take_regex(struct cursor *cursor, struct step *step)
{
    const char *begin = cursor->at++;
    char why[100];

    step->text = malloc(length_to(cursor, '/') + 1);
    if (!step->text)
        return cursor_out_of_memory(cursor);
    for (; *cursor->at && *cursor->at != '/'; cursor->at++) {
        if (cursor->at[0] == '\\' && cursor->at[1] == '/')
            cursor->at++;
        else if (cursor->at[0] == '\\' && cursor->at[1])
            step->text[step->length++] = *cursor->at++;
        step->text[step->length++] = *cursor->at;
    }
    step->text[step->length] = '\0';
    if (*cursor->at != '/')
        return cursor_refuse(cursor, "expected the / that ends the regular expression");
    step->pattern = pattern_of_regex(step->text, why, sizeof(why));
    if (!step->pattern) {
        cursor->at = begin;
        return cursor_refuse(cursor, "the regular expression is refused: %s", why);
    }
    cursor->at++;
    return true;
}

static bool take_text(struct cursor *cursor, struct step *step)
{
    if (!take_string(cursor, step))
        return false;
    step->pattern = pattern_of_text(step->text, step->length);
    return step->pattern || cursor_out_of_memory(cursor);
}

static bool take_pattern(struct cursor *cursor, struct step *step)
{
    static const char *const channels[CHANNEL_SCREEN + 1] = {
        [CHANNEL_SERIAL] = "serial", [CHANNEL_DEBUG] = "debugcon", [CHANNEL_SCREEN] = "screen"};

    for (enum channel i = CHANNEL_SERIAL; i <= CHANNEL_SCREEN; i++) {
        if (cursor_if(cursor, channels[i])) {
            step->channel = i;
            break;
        }
    }
    cursor_skip_blanks(cursor);
    if (*cursor->at == '/')
        return take_regex(cursor, step);
    if (*cursor->at == '"')
        return take_text(cursor, step);
    return cursor_expected(cursor, step->channel == CHANNEL_ALL
                                       ? "serial, screen, debugcon, \"text\" or /regex/"
                                       : "\"text\" or /regex/");
}

static bool take_name(struct cursor *cursor, struct step *step, const char *what);

/* Reads the file now, so that a missing one is told of before anything runs. */
static bool take_picture(struct cursor *cursor, struct step *step)
{
    char why[300];

    step->channel = CHANNEL_PIXELS;
    if (!take_name(cursor, step, "a PNG file"))
        return false;
    step->picture = calloc(1, sizeof(*step->picture));
    if (!step->picture)
        return cursor_out_of_memory(cursor);
    return picture_read(step->picture, step->text, why, sizeof(why)) == 0 ||
           cursor_refuse(cursor, "%s", why);
}

static bool parse_expect(struct cursor *cursor, struct step *step)
{
    return cursor_if(cursor, "pixels") ? take_picture(cursor, step) : take_pattern(cursor, step);
}

static bool take_name(struct cursor *cursor, struct step *step, const char *what)
{
    const char *word;
    size_t length = cursor_word(cursor, &word);

    if (length == 0)
        return cursor_expected(cursor, what);
    step->text = strndup(word, length);
    step->length = length;
    return step->text || cursor_out_of_memory(cursor);
}

/* ---- events ---- */

static struct inbox_event *more_events(struct cursor *cursor, struct step *step, size_t count)
{
    struct inbox_event *grown = realloc(step->events, (step->event_count + count) * sizeof(*grown));

    if (!grown) {
        cursor_out_of_memory(cursor);
        return NULL;
    }
    step->events = grown;
    return grown + step->event_count;
}

static bool add_event(struct cursor *cursor, struct step *step, uint16_t code, bool down)
{
    struct inbox_event *to = more_events(cursor, step, 1);

    if (!to)
        return false;
    *to = (struct inbox_event){.code = code, .down = down};
    step->event_count++;
    return true;
}

/* ---- the verbs ---- */

/* Words as in a shell, without expansions: quotes keep blanks together. */
static bool parse_boot(struct cursor *cursor, struct step *step)
{
    size_t count = 0;

    if (cursor_at_end(cursor))
        return cursor_expected(cursor, "an image");
    while (!cursor_at_end(cursor)) {
        struct step word = {0};
        char **grown = realloc(step->words, (count + 2) * sizeof(*grown));
        if (!grown)
            return cursor_out_of_memory(cursor);
        step->words = grown;
        grown[count] = grown[count + 1] = NULL;
        if (!(*cursor->at == '"' ? take_string(cursor, &word)
                                 : take_name(cursor, &word, "an option"))) {
            free(word.text);
            return false;
        }
        grown[count++] = word.text;
    }
    return true;
}

static bool parse_symbols(struct cursor *cursor, struct step *step)
{
    return take_name(cursor, step, "an ELF file");
}

static bool parse_time(struct cursor *cursor, struct step *step)
{
    return cursor_time(cursor, &step->number);
}

static bool parse_never(struct cursor *cursor, struct step *step)
{
    if (!take_pattern(cursor, step))
        return false;
    return step->channel != CHANNEL_SCREEN ||
           cursor_refuse(cursor,
                         "expected serial or debugcon: a screen is not watched all the time");
}

static bool parse_type(struct cursor *cursor, struct step *step)
{
    struct keymap keymap = {0};

    if (!take_string(cursor, step))
        return false;
    for (size_t i = 0; i < step->length; i++) {
        struct inbox_event *to = more_events(cursor, step, KEYMAP_EVENTS_MAX);
        unsigned count;
        if (!to)
            return false;
        count = keymap_type(&keymap, (uint8_t)step->text[i], to);
        if (count == 0 && keymap.length == 0)
            return cursor_refuse(cursor, "expected characters of a US keyboard; \\x%02x is none",
                                 (uint8_t)step->text[i]);
        step->event_count += count;
    }
    if (keymap.length > 0) {
        struct inbox_event *to = more_events(cursor, step, KEYMAP_EVENTS_MAX);
        if (!to)
            return false;
        step->event_count += keymap_flush(&keymap, to);
    }
    return true;
}

static bool parse_send(struct cursor *cursor, struct step *step)
{
    if (!take_string(cursor, step))
        return false;
    for (size_t i = 0; i < step->length; i++) {
        if (!add_event(cursor, step, (uint8_t)step->text[i], true))
            return false;
    }
    return true;
}

/* KEY-KEY-KEY: their codes; how many, 0 with a message. */
static unsigned take_keys(struct cursor *cursor, uint16_t codes[KEYS_AT_ONCE])
{
    const char *word, *wrong;
    size_t length = cursor_word(cursor, &word);
    unsigned count = keys_parse(word, length, codes, KEYS_AT_ONCE, &wrong);

    if (count == 0) {
        cursor->at = wrong;
        cursor_expected(cursor, length > 0 && wrong == word + length
                                    ? "another key after the '-'"
                                    : "a key's name, as QEMU's sendkey has it");
    }
    return count;
}

static bool parse_key(struct cursor *cursor, struct step *step)
{
    uint16_t codes[KEYS_AT_ONCE];
    unsigned count;

    do {
        count = take_keys(cursor, codes);
        for (unsigned i = 0; i < count; i++) {
            if (!add_event(cursor, step, codes[i], true))
                return false;
        }
        for (unsigned i = count; i-- > 0;) {
            if (!add_event(cursor, step, codes[i], false))
                return false;
        }
    } while (count > 0 && !cursor_at_end(cursor));
    return count > 0;
}

static bool parse_hold(struct cursor *cursor, struct step *step)
{
    uint16_t codes[KEYS_AT_ONCE];
    unsigned count = take_keys(cursor, codes);

    for (unsigned i = 0; i < count; i++) {
        if (!add_event(cursor, step, codes[i], step->verb == VERB_DOWN))
            return false;
    }
    return count > 0;
}

static bool parse_scancode(struct cursor *cursor, struct step *step)
{
    do {
        uint64_t byte;
        if (!cursor_number(cursor, "a byte such as 0x1e", 255, &byte) ||
            !add_event(cursor, step, (uint16_t)byte, true))
            return false;
    } while (!cursor_at_end(cursor));
    return true;
}

static bool parse_irq(struct cursor *cursor, struct step *step)
{
    if (!cursor_number(cursor, "the number of an IRQ, 0 to 15", 15, &step->number))
        return false;
    if (step->number == 2)
        return cursor_refuse(cursor, "expected another IRQ: input 2 is the second controller's");
    return cursor_at_end(cursor) ||
           (cursor_if(cursor, "at") ? place_take(cursor, &step->place)
                                    : cursor_expected(cursor, "'at' or nothing"));
}

static bool parse_until(struct cursor *cursor, struct step *step)
{
    return place_take(cursor, &step->place);
}

static bool parse_step(struct cursor *cursor, struct step *step)
{
    return cursor_number(cursor, "a number of instructions", UINT32_MAX, &step->number);
}

static bool parse_assert(struct cursor *cursor, struct step *step)
{
    const char *what;

    cursor_skip_blanks(cursor);
    step->expression = expression_parse(&cursor->at, &what);
    return step->expression ||
           (what ? cursor_expected(cursor, what) : cursor_out_of_memory(cursor));
}

static bool parse_name(struct cursor *cursor, struct step *step)
{
    return take_name(cursor, step, "a name");
}

static bool parse_screenshot(struct cursor *cursor, struct step *step)
{
    return take_name(cursor, step, "a PNG file");
}

static bool parse_exit(struct cursor *cursor, struct step *step)
{
    cursor_skip_blanks(cursor);
    if (isdigit((unsigned char)*cursor->at))
        return cursor_number(cursor, "a status from 0 to 255", 255, &step->number);
    if (!take_name(cursor, step, "a status or how it ends"))
        return false;
    for (int end = END_NONE + 1; end < END_KINDS; end++) {
        if (strcmp(machine_end_name((enum machine_end)end), step->text) == 0)
            return true;
    }
    cursor->at -= step->length;
    return cursor_expected(cursor,
                           "a status, exit, power-off, halted, reset, triple-fault or exception");
}

const struct verb_kind verb_kinds[VERBS] = {
    [VERB_BOOT] = {"boot", "[IMAGE] [OPTION...]", parse_boot},
    [VERB_SYMBOLS] = {"symbols", "FILE", parse_symbols},
    [VERB_TIMEOUT] = {"timeout", "TIME", parse_time},
    [VERB_EXPECT] = {"expect", "[serial|screen|debugcon] \"TEXT\" | /REGEX/; pixels FILE.png",
                     parse_expect},
    [VERB_NEVER] = {"never", "[serial|debugcon] \"TEXT\" | /REGEX/", parse_never},
    [VERB_TYPE] = {"type", "\"TEXT\"", parse_type},
    [VERB_SEND] = {"send", "\"BYTES\"", parse_send},
    [VERB_KEY] = {"key", "KEY[-KEY...]...", parse_key},
    [VERB_DOWN] = {"down", "KEY", parse_hold},
    [VERB_UP] = {"up", "KEY", parse_hold},
    [VERB_SCANCODE] = {"scancode", "BYTE...", parse_scancode},
    [VERB_IRQ] = {"irq", "N [at PLACE]", parse_irq},
    [VERB_RUN] = {"run", "TIME", parse_time},
    [VERB_UNTIL] = {"until", "PLACE", parse_until},
    [VERB_STEP] = {"step", "COUNT", parse_step},
    [VERB_ASSERT] = {"assert", "VALUE OPERATOR VALUE", parse_assert},
    [VERB_SNAPSHOT] = {"snapshot", "NAME", parse_name},
    [VERB_RESTORE] = {"restore", "NAME", parse_name},
    [VERB_SCREENSHOT] = {"screenshot", "FILE.png", parse_screenshot},
    [VERB_EXIT] = {"exit", "STATUS | END", parse_exit},
};
