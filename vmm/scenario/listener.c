/*
 * The `expect`s of a channel follow each other, and what each is is known before the guest runs: so
 * all are looked for while it prints, the next one after the last that was found, whether or not
 * the scenario has come to them. No output is kept to be searched.
 */
#include "listener.h"

#include <stdlib.h>
#include <string.h>

#define LINES_SHOWN 12

bool listener_init(struct listener *listener, const struct scenario *scenario)
{
    *listener = (struct listener){.scenario = scenario, .s = {.broken = NO_STEP}};
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++)
        listener->s.wanted[i] = NO_STEP;
    listener->words = calloc(scenario->state_words + 1, sizeof(*listener->words));
    return listener->words != NULL;
}

void listener_free(struct listener *listener)
{
    free(listener->words);
    listener->words = NULL;
}

static const struct step *step_at(const struct listener *listener, size_t at)
{
    return &listener->scenario->steps[at];
}

static uint64_t *state_of(struct listener *listener, const struct step *step)
{
    return listener->words + step->state_at;
}

/* Has a channel look for its first `expect` from step `from` on. */
static void look_for(struct listener *listener, enum channel channel, size_t from)
{
    const struct scenario *scenario = listener->scenario;
    const struct step *step;

    while (from < scenario->count && (step_at(listener, from)->verb != VERB_EXPECT ||
                                      step_at(listener, from)->channel != channel))
        from++;
    listener->s.wanted[channel] = from < scenario->count ? from : NO_STEP;
    if (from == scenario->count)
        return;
    step = step_at(listener, from);
    pattern_begin(step->pattern, state_of(listener, step), !listener->s.in_line[channel]);
}

void listener_forget(struct listener *listener, size_t at)
{
    for (enum channel channel = 0; channel < CHANNEL_SCREEN; channel++)
        look_for(listener, channel, at + 1);
}

void listener_begin(struct listener *listener, size_t at)
{
    const struct scenario *scenario = listener->scenario;

    listener->s.count = 0;
    memset(listener->s.in_line, 0, sizeof(listener->s.in_line));
    listener_forget(listener, at);
    for (size_t i = 0; i < scenario->never_count; i++) {
        const struct step *step = step_at(listener, scenario->nevers[i]);
        pattern_begin(step->pattern, state_of(listener, step), true);
    }
}

/* ---- bytes ---- */

static void feed_channel(struct listener *listener, enum channel channel, uint8_t byte)
{
    size_t wanted = listener->s.wanted[channel];
    const struct step *step = wanted != NO_STEP ? step_at(listener, wanted) : NULL;

    listener->s.in_line[channel] = byte != '\n';
    if (step && pattern_feed(step->pattern, state_of(listener, step), byte))
        look_for(listener, channel, wanted + 1);
}

/* All are fed, so that one may be found that began before its step. */
static void feed_nevers(struct listener *listener, size_t at, enum channel channel, uint8_t byte)
{
    const struct scenario *scenario = listener->scenario;

    for (size_t i = 0; i < scenario->never_count; i++) {
        size_t never = scenario->nevers[i];
        const struct step *step = step_at(listener, never);
        if ((step->channel == CHANNEL_ALL || step->channel == channel) &&
            pattern_feed(step->pattern, state_of(listener, step), byte) && never < at &&
            listener->s.broken == NO_STEP)
            listener->s.broken = never;
    }
}

void listener_hear(struct listener *listener, size_t at, enum channel channel, uint8_t byte)
{
    listener->kept[listener->s.count++ % LISTENER_KEPT] = (char)byte;
    feed_channel(listener, CHANNEL_ALL, byte);
    feed_channel(listener, channel, byte);
    feed_nevers(listener, at, channel, byte);
}

bool listener_has(const struct listener *listener, size_t at)
{
    return listener->s.wanted[step_at(listener, at)->channel] > at;
}

bool listener_has_at_end(struct listener *listener, size_t at)
{
    const struct step *step = step_at(listener, at);

    if (!listener_has(listener, at) && pattern_at_end(step->pattern, state_of(listener, step)))
        look_for(listener, step->channel, at + 1);
    return listener_has(listener, at);
}

bool listener_is_broken_at_end(struct listener *listener, size_t at)
{
    const struct scenario *scenario = listener->scenario;

    for (size_t i = 0; i < scenario->never_count && scenario->nevers[i] < at; i++) {
        const struct step *step = step_at(listener, scenario->nevers[i]);
        if (listener->s.broken == NO_STEP &&
            pattern_at_end(step->pattern, state_of(listener, step)))
            listener->s.broken = scenario->nevers[i];
    }
    return listener->s.broken != NO_STEP;
}

/* ---- moments ---- */

bool listener_take(const struct listener *listener, struct listener_mark *mark)
{
    size_t size = listener->scenario->state_words * sizeof(*mark->words);

    mark->s = listener->s;
    mark->words = malloc(size + 1);
    if (!mark->words)
        return false;
    memcpy(mark->words, listener->words, size);
    return true;
}

void listener_restore(struct listener *listener, const struct listener_mark *mark)
{
    listener->s = mark->s;
    memcpy(listener->words, mark->words,
           listener->scenario->state_words * sizeof(*listener->words));
}

void listener_mark_free(struct listener_mark *mark)
{
    free(mark->words);
    mark->words = NULL;
}

/* ---- for people ---- */

void listener_print(const struct listener *listener, FILE *to)
{
    uint64_t end = listener->s.count, from = end;
    uint64_t first = end > LISTENER_KEPT ? end - LISTENER_KEPT : 0;
    const char *kept = listener->kept;

    for (unsigned lines = 0; from > first; from--) {
        if (kept[(from - 1) % LISTENER_KEPT] == '\n' && from < end && ++lines == LINES_SHOWN)
            break;
    }
    if (from > 0)
        fprintf(to, "  output, the last %llu of %llu bytes:\n", (unsigned long long)(end - from),
                (unsigned long long)end);
    else
        fprintf(to, "  output:\n");
    for (bool in_line = false; from < end; from++) {
        uint8_t byte = (uint8_t)kept[from % LISTENER_KEPT];
        if (!in_line)
            fprintf(to, "  | ");
        in_line = byte != '\n';
        fputc(!in_line || (byte >= 0x20 && byte != 0x7f) ? byte : '.', to);
        if (in_line && from + 1 == end)
            fputc('\n', to);
    }
}
