/*
 * Scenario files: a table of verbs, and for each a function that reads the rest of its line.
 */
#include "scenario.h"

#include "console/keymap.h"
#include "inspect/cursor.h"
#include "inspect/keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1 << 20)

/* A character of a string or regular expression behind a backslash; -1: there is none. */
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

static bool take_string(struct cursor *cursor, struct step *step)
{
    cursor_skip_blanks(cursor);
    if (*cursor->at != '"')
        return cursor_expected(cursor, "a string in double quotes");
    step->text = malloc(strlen(cursor->at));
    if (!step->text)
        return cursor_out_of_memory(cursor);
    for (cursor->at++; *cursor->at && *cursor->at != '"';) {
        int c = (uint8_t)*cursor->at++;
        if (c == '\\')
            c = escaped(cursor);
        if (c < 0)
            return cursor_refuse(cursor,
                                 "expected one of n r t b e 0 \\ \" xHH behind the backslash");
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
    const char *begin = cursor->at;
    int failure;

    step->text = malloc(strlen(cursor->at));
    if (!step->text)
        return cursor_out_of_memory(cursor);
    for (cursor->at++; *cursor->at && *cursor->at != '/'; cursor->at++) {
        if (cursor->at[0] == '\\' && cursor->at[1] == '/')
            cursor->at++;
        else if (cursor->at[0] == '\\' && cursor->at[1])
            step->text[step->length++] = *cursor->at++;
        step->text[step->length++] = *cursor->at;
    }
    step->text[step->length] = '\0';
    if (*cursor->at != '/')
        return cursor_refuse(cursor, "expected the / that ends the regular expression");
    failure = regcomp(&step->regex, step->text, REG_EXTENDED | REG_NEWLINE);
    if (failure) {
        char why[100];
        regerror(failure, &step->regex, why, sizeof(why));
        cursor->at = begin;
        return cursor_refuse(cursor, "expected a regular expression, and this is none: %s", why);
    }
    step->is_regex = true;
    if (regexec(&step->regex, "", 0, NULL, REG_NOTBOL) == 0) {
        cursor->at = begin;
        return cursor_refuse(cursor, "expected a regular expression that does not match nothing");
    }
    cursor->at++;
    return true;
}

static bool take_pattern(struct cursor *cursor, struct step *step)
{
    static const char *const channels[CHANNELS] = {
        [CHANNEL_SERIAL] = "serial", [CHANNEL_DEBUG] = "debugcon", [CHANNEL_SCREEN] = "screen"};

    for (enum channel i = CHANNEL_SERIAL; i < CHANNELS; i++) {
        if (cursor_if(cursor, channels[i])) {
            step->channel = i;
            break;
        }
    }
    cursor_skip_blanks(cursor);
    if (*cursor->at == '/')
        return take_regex(cursor, step);
    if (*cursor->at == '"')
        return take_string(cursor, step);
    return cursor_expected(cursor, step->channel == CHANNEL_ALL
                                       ? "serial, screen, debugcon, \"text\" or /regex/"
                                       : "\"text\" or /regex/");
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

/* Words as in a shell, without its magic: quotes keep blanks together. */
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
                                    ? "another key behind the '-'"
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
    return step->expression || cursor_expected(cursor, what);
}

static bool parse_name(struct cursor *cursor, struct step *step)
{
    return take_name(cursor, step, "a name");
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

static const struct {
    const char *name, *rest;
    bool (*parse)(struct cursor *cursor, struct step *step);
} verbs[VERBS] = {
    [VERB_BOOT] = {"boot", "IMAGE [OPTION...]", parse_boot},
    [VERB_SYMBOLS] = {"symbols", "FILE", parse_symbols},
    [VERB_TIMEOUT] = {"timeout", "TIME", parse_time},
    [VERB_EXPECT] = {"expect", "[serial|screen|debugcon] \"TEXT\" | /REGEX/", take_pattern},
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
    [VERB_EXIT] = {"exit", "STATUS | END", parse_exit},
};

void scenario_list_verbs(FILE *to)
{
    for (size_t i = 0; i < VERBS; i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].rest);
}

/* ---- files ---- */

static void free_step(struct step *step)
{
    for (char **word = step->words; word && *word; word++)
        free(*word);
    if (step->is_regex)
        regfree(&step->regex);
    expression_free(step->expression);
    free(step->words);
    free(step->source);
    free(step->text);
    free(step->place.name);
    free(step->events);
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    for (size_t i = 0; i < scenario->count; i++)
        free_step(&scenario->steps[i]);
    free(scenario->steps);
    free(scenario->path);
    free(scenario);
}

/* A line that is not empty, as the next step. */
static bool parse_line(struct scenario *scenario, struct cursor *cursor)
{
    struct step *step, *grown = realloc(scenario->steps, (scenario->count + 1) * sizeof(*grown));
    const char *word;
    size_t length;

    if (!grown)
        return cursor_out_of_memory(cursor);
    scenario->steps = grown;
    step = &grown[scenario->count++];
    *step = (struct step){.line = cursor->line,
                          .column = (unsigned)(cursor->at - cursor->begin) + 1,
                          .source = strdup(cursor->at)};
    if (!step->source)
        return cursor_out_of_memory(cursor);
    for (char *end = strchr(step->source, '\0'); end > step->source && cursor_is_blank(end[-1]);)
        *--end = '\0';
    length = cursor_word(cursor, &word);
    while (step->verb < VERBS && (strlen(verbs[step->verb].name) != length ||
                                  memcmp(verbs[step->verb].name, word, length) != 0))
        step->verb++;
    if (step->verb == VERBS) {
        cursor->at = word;
        return cursor_expected(cursor,
                               "a verb such as boot, expect or type (vmm test --help has all)");
    }
    if (scenario->count == 1 && step->verb != VERB_BOOT) {
        cursor->at = word;
        return cursor_expected(cursor, "'boot IMAGE' first");
    }
    if (!verbs[step->verb].parse(cursor, step))
        return false;
    return cursor_at_end(cursor) || cursor_expected(cursor, "nothing more on this line");
}

/* `restore NAME` needs a snapshot of that name above it. */
static bool check_names(const struct scenario *scenario, struct cursor *cursor)
{
    for (size_t i = 0; i < scenario->count; i++) {
        bool known = scenario->steps[i].verb != VERB_RESTORE;
        for (size_t j = 0; !known && j < i; j++)
            known = scenario->steps[j].verb == VERB_SNAPSHOT &&
                    strcmp(scenario->steps[j].text, scenario->steps[i].text) == 0;
        if (!known) {
            cursor->line = scenario->steps[i].line;
            cursor->begin = cursor->at = scenario->steps[i].source;
            return cursor_refuse(cursor, "expected a 'snapshot %s' above this",
                                 scenario->steps[i].text);
        }
    }
    return true;
}

struct scenario *scenario_parse(const char *path, const char *text, char *error, size_t error_size)
{
    struct scenario *scenario = calloc(1, sizeof(*scenario));
    struct cursor cursor = {.path = path, .line = 1, .error = error, .error_size = error_size};
    char *copy = strdup(text), *line = copy;
    bool ok = scenario && copy && (scenario->path = strdup(path));

    if (!ok)
        snprintf(error, error_size, "%s: out of memory", path);
    for (; ok && line; cursor.line++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        cursor.begin = cursor.at = line;
        ok = cursor_at_end(&cursor) || parse_line(scenario, &cursor);
        line = end ? end + 1 : NULL;
    }
    if (ok && scenario->count == 0) {
        cursor.line = 1;
        cursor.begin = cursor.at = "";
        ok = cursor_expected(&cursor, "'boot IMAGE' first");
    }
    ok = ok && check_names(scenario, &cursor);
    free(copy);
    if (ok)
        return scenario;
    scenario_free(scenario);
    return NULL;
}

struct scenario *scenario_read(const char *path, char *error, size_t error_size)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(FILE_MAX + 1) : NULL;
    struct scenario *scenario = NULL;
    size_t size = text ? fread(text, 1, FILE_MAX + 1, file) : 0;

    if (!text || ferror(file))
        snprintf(error, error_size, "can't read the scenario %s: %s", path, strerror(errno));
    else if (size > FILE_MAX)
        snprintf(error, error_size, "%s is no scenario: it is larger than 1 MiB", path);
    else if (memchr(text, '\0', size))
        snprintf(error, error_size, "%s is no scenario: it is not a text file", path);
    else {
        text[size] = '\0';
        scenario = scenario_parse(path, text, error, error_size);
    }
    if (file)
        fclose(file);
    free(text);
    return scenario;
}
