/*
 * What each verb does first, before the guest runs for it: some are done by that, others say what
 * the guest then runs to.
 */
#include "internal.h"

#include "os/picture_file.h"

#include <stdlib.h>
#include <string.h>

/* Puts events after those that wait for the guest to read them. In the scenario's array they
 * are there already, unless a `restore` has brought back events from further up. */
static bool give_events(struct session *session, enum inbox_ring ring, const struct step *step)
{
    const struct inbox_event *events = step->events;
    const struct inbox_event *waiting = session->machine->script[ring].events;
    size_t count = session->machine->script[ring].count;

    if (count > 0 && waiting + count == events) {
        events = waiting;
    } else if (count > 0) {
        struct session_events *joined =
            malloc(sizeof(*joined) + (count + step->event_count) * sizeof(*events));
        if (!joined)
            return session_fail(session, VERDICT_FAIL, "out of memory");
        memcpy(joined->event, waiting, count * sizeof(*events));
        memcpy(joined->event + count, step->events, step->event_count * sizeof(*events));
        joined->next = session->events;
        session->events = joined;
        events = joined->event;
    }
    session->machine->script[ring] =
        (struct input_script){.events = events, .count = count + step->event_count};
    machine_input_came(session->machine);
    return true;
}

/* Has the step wait for a place. */
static bool wait_for(struct session *session, const struct place *place)
{
    struct machine_pause *pause = &session->s.pause;

    switch (place->kind) {
    case PLACE_INSTRUCTIONS:
        pause->instructions = place->number;
        if (place->number < session_count(session))
            return session_fail(session, VERDICT_FAIL,
                                "that place is past: %llu instructions were executed",
                                (unsigned long long)session_count(session));
        break;
    case PLACE_TIME:
        pause->time = place->number;
        if (place->number < session_now(session))
            return session_fail(session, VERDICT_FAIL, "that time is past: it is %.6f s now",
                                (double)session_now(session) / 1e9);
        break;
    case PLACE_SYMBOL:
    case PLACE_LINE:
        pause->addresses = place->address;
        pause->address_count = place->address_count;
        break;
    case PLACE_NONE:
        break;
    }
    if (!session_is_exact(session) && place->kind != PLACE_TIME && place->kind != PLACE_NONE)
        return session_fail(session, VERDICT_REFUSED,
                            "only --cpu soft stops at an exact place; this guest runs on %s",
                            session->machine->cpu->ops->name);
    return true;
}

static bool begin_nothing(struct session *session, const struct step *step)
{
    (void)session;
    (void)step;
    return true;
}

static bool begin_timeout(struct session *session, const struct step *step)
{
    session->s.timeout = step->number;
    return true;
}

static bool begin_keys(struct session *session, const struct step *step)
{
    return give_events(session, INBOX_KEYBOARD, step);
}

static bool begin_send(struct session *session, const struct step *step)
{
    return give_events(session, INBOX_SERIAL, step);
}

static bool begin_scancode(struct session *session, const struct step *step)
{
    for (size_t i = 0; i < step->event_count; i++)
        i8042_raw(&session->machine->keyboard, (uint8_t)step->events[i].code);
    return true;
}

static bool begin_irq(struct session *session, const struct step *step)
{
    if (machine_input(session->machine, (unsigned)step->number).is_level_triggered)
        return session_fail(
            session, VERDICT_FAIL,
            "the guest has made this input level triggered, where an edge is no request");
    return wait_for(session, &step->place);
}

static bool begin_run(struct session *session, const struct step *step)
{
    session->s.pause.time = session_now(session) + step->number;
    return true;
}

static bool begin_until(struct session *session, const struct step *step)
{
    return wait_for(session, &step->place);
}

static bool begin_step(struct session *session, const struct step *step)
{
    const struct place place = {PLACE_INSTRUCTIONS,
                                .number = session_count(session) + step->number};

    return wait_for(session, &place);
}

static bool begin_assert(struct session *session, const struct step *step)
{
    char why[200];
    uint64_t value;

    if (!expression_value(step->expression, session->machine, &value, why, sizeof(why)))
        return session_fail(session, VERDICT_FAIL, "%s", why);
    if (value)
        return true;
    expression_explain(step->expression, session->machine, why, sizeof(why));
    return session_fail(session, VERDICT_FAIL, "%s", why[0] ? why : "it is 0");
}

static bool begin_snapshot(struct session *session, const struct step *step)
{
    struct session_mark *mark = &session->marks[session->s.at];

    (void)step;
    session_mark_free(mark);
    return session_take(session, mark);
}

/* The machine goes back; the scenario and what was printed go on. */
static bool begin_restore(struct session *session, const struct step *step)
{
    const struct snapshot *snapshot = session->marks[step->number].snapshot;
    char why[200];

    if (!snapshot)
        return session_fail(session, VERDICT_FAIL, "the snapshot is from an earlier boot");
    if (snapshot_restore(session->machine, snapshot, why, sizeof(why)) < 0)
        return session_fail(session, VERDICT_FAIL, "%s", why);
    listener_forget(&session->listener, session->s.at);
    return true;
}

static bool begin_screenshot(struct session *session, const struct step *step)
{
    struct display display = {0};
    char why[300];
    bool ok;

    vga_draw(&session->machine->vga, &display);
    ok = picture_write(&display, step->text, why, sizeof(why)) == 0 ||
         session_fail(session, VERDICT_FAIL, "%s", why);
    display_free(&display);
    return ok;
}

bool (*const session_begin[VERBS])(struct session *session, const struct step *step) = {
    [VERB_BOOT] = session_boot,
    [VERB_SYMBOLS] = begin_nothing,
    [VERB_TIMEOUT] = begin_timeout,
    [VERB_EXPECT] = begin_nothing,
    [VERB_NEVER] = begin_nothing,
    [VERB_TYPE] = begin_keys,
    [VERB_SEND] = begin_send,
    [VERB_KEY] = begin_keys,
    [VERB_DOWN] = begin_keys,
    [VERB_UP] = begin_keys,
    [VERB_SCANCODE] = begin_scancode,
    [VERB_IRQ] = begin_irq,
    [VERB_RUN] = begin_run,
    [VERB_UNTIL] = begin_until,
    [VERB_STEP] = begin_step,
    [VERB_ASSERT] = begin_assert,
    [VERB_SNAPSHOT] = begin_snapshot,
    [VERB_RESTORE] = begin_restore,
    [VERB_SCREENSHOT] = begin_screenshot,
    [VERB_EXIT] = begin_nothing,
};
