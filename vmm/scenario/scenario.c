/*
 * Scenario files: lines become steps, and what belongs together among the steps is found.
 */
#include "scenario.h"

#include "verbs.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1 << 20)

void scenario_list_verbs(FILE *to)
{
    for (size_t i = 0; i < VERBS; i++)
        fprintf(to, "  %-9s %s\n", verb_kinds[i].name, verb_kinds[i].rest);
}

static void free_step(struct step *step, bool has_events)
{
    for (char **word = step->words; word && *word; word++)
        free(*word);
    pattern_free(step->pattern);
    if (step->picture)
        display_free(step->picture);
    free(step->picture);
    expression_free(step->expression);
    free(step->words);
    free(step->source);
    free(step->text);
    free(step->place.name);
    if (has_events)
        free(step->events);
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    for (size_t i = 0; i < scenario->count; i++)
        free_step(&scenario->steps[i], !scenario->events);
    free(scenario->steps);
    free(scenario->events);
    free(scenario->nevers);
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
    while (step->verb < VERBS && (strlen(verb_kinds[step->verb].name) != length ||
                                  memcmp(verb_kinds[step->verb].name, word, length) != 0))
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
    if (!verb_kinds[step->verb].parse(cursor, step))
        return false;
    return cursor_at_end(cursor) || cursor_expected(cursor, "nothing more on this line");
}

/* ---- among the steps ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct step *)a)->text, ((const struct step *)b)->text);
}

static void keep(void *node)
{
    (void)node;
}

/* Finds the snapshot that each `restore NAME` goes back to: the last one of that name above it. */
static bool find_snapshots(struct scenario *scenario, struct cursor *cursor)
{
    void *names = NULL; /* a tree of pointers to steps */
    bool ok = true;

    for (size_t i = 0; ok && i < scenario->count; i++) {
        struct step *step = &scenario->steps[i], **node;
        if (step->verb == VERB_SNAPSHOT) {
            node = tsearch(step, &names, by_name);
            ok = node || cursor_out_of_memory(cursor);
            if (ok)
                *node = step;
        } else if (step->verb == VERB_RESTORE) {
            node = tfind(step, &names, by_name);
            step->number = node ? (uint64_t)(*node - scenario->steps) : 0;
            cursor->line = step->line;
            cursor->begin = cursor->at = step->source;
            ok = node || cursor_refuse(cursor, "expected a 'snapshot %s' above this", step->text);
        }
    }
    tdestroy(names, keep);
    return ok;
}

/* Lists the `never`s, and gives each pattern its place among the states. */
static bool lay_out_patterns(struct scenario *scenario, struct cursor *cursor)
{
    scenario->nevers = calloc(scenario->count, sizeof(*scenario->nevers));
    if (!scenario->nevers)
        return cursor_out_of_memory(cursor);
    for (size_t i = 0; i < scenario->count; i++) {
        struct step *step = &scenario->steps[i];
        if (!step->pattern)
            continue;
        step->state_at = scenario->state_words;
        scenario->state_words += pattern_words(step->pattern);
        if (step->verb == VERB_NEVER)
            scenario->nevers[scenario->never_count++] = i;
    }
    return true;
}

/* Where a step's events go: to the keyboard's ring, the serial line's, or to none. */
static unsigned way_of(const struct step *step)
{
    return step->verb == VERB_SEND ? 1 : step->verb == VERB_SCANCODE ? 2 : 0;
}

/* Moves the events into one array, in which those of a ring follow each other: so those that still
 * wait for the guest and those of the next step are one piece. */
static bool join_events(struct scenario *scenario, struct cursor *cursor)
{
    struct inbox_event *to;
    size_t count = 0;

    for (size_t i = 0; i < scenario->count; i++)
        count += scenario->steps[i].event_count;
    scenario->events = to = calloc(count + 1, sizeof(*to));
    if (!to)
        return cursor_out_of_memory(cursor);
    for (unsigned way = 0; way < 3; way++) {
        for (size_t i = 0; i < scenario->count; i++) {
            struct step *step = &scenario->steps[i];
            if (step->event_count == 0 || way_of(step) != way)
                continue;
            memcpy(to, step->events, step->event_count * sizeof(*to));
            free(step->events);
            step->events = to;
            to += step->event_count;
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
    ok = ok && find_snapshots(scenario, &cursor) && lay_out_patterns(scenario, &cursor) &&
         join_events(scenario, &cursor);
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
