/*
 * Running a scenario: each verb begins something, and the guest runs until what it waits for is
 * there. What that is is kept in session_state, so that any moment can be resumed.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT (10 * NS_PER_SECOND)

/* How often a screen is looked at, in the guest's time. */
#define SCREEN_NS UINT64_C(100000)
#define PIXELS_NS UINT64_C(5000000)

/* How often the host's clock is looked at: after so many instructions, or so much real time. */
#define HOST_INSTRUCTIONS UINT64_C(262144)
#define HOST_NS           UINT64_C(10000000)

bool session_fail(struct session *session, enum verdict verdict, const char *format, ...)
{
    const struct scenario *scenario = session->scenario;
    size_t at = session->listener.s.broken != NO_STEP ? session->listener.s.broken : session->s.at;
    const struct step *step = at < scenario->count ? &scenario->steps[at] : NULL;
    size_t size = sizeof(session->message);
    va_list arguments;
    int used = step ? snprintf(session->message, size, "%s:%u: %s: ", scenario->path, step->line,
                               step->source)
                    : snprintf(session->message, size, "%s: ", scenario->path);

    session->verdict = verdict;
    va_start(arguments, format);
    if (used > 0 && (size_t)used < size)
        vsnprintf(session->message + used, size - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

uint64_t session_count(const struct session *session)
{
    return session->machine && session_is_exact(session)
               ? session->machine->cpu->ops->instructions(session->machine->cpu)
               : 0;
}

void session_raise(struct session *session, unsigned irq)
{
    machine_raise(session->machine, irq, session->scancode);
}

/* ---- moments ---- */

bool session_take(struct session *session, struct session_mark *mark)
{
    char why[200];

    mark->state = session->s;
    mark->count = session_count(session);
    if (!listener_take(&session->listener, &mark->listener))
        return session_fail(session, VERDICT_FAIL, "out of memory");
    mark->snapshot = snapshot_take(session->machine, why, sizeof(why));
    return mark->snapshot || session_fail(session, VERDICT_FAIL, "%s", why);
}

bool session_restore(struct session *session, const struct session_mark *mark)
{
    char why[200];

    session->s = mark->state;
    listener_restore(&session->listener, &mark->listener);
    session->verdict = VERDICT_PASS;
    session->is_unfinished = false;
    session->message[0] = '\0';
    session->warning[0] = '\0';
    return snapshot_restore(session->machine, mark->snapshot, why, sizeof(why)) == 0 ||
           session_fail(session, VERDICT_FAIL, "%s", why);
}

void session_mark_free(struct session_mark *mark)
{
    snapshot_free(mark->snapshot);
    listener_mark_free(&mark->listener);
    mark->snapshot = NULL;
}

/* ---- waiting ---- */

bool session_has_output(const struct session *session)
{
    const struct step *step = session_step(session);

    return step->verb == VERB_EXPECT && step->channel < CHANNEL_SCREEN &&
           listener_has(&session->listener, session->s.at);
}

/* Whether the screen shows the very pixels of the step's picture. */
static bool has_pixels(struct session *session, const struct step *step)
{
    const struct display *shown = &session->shown, *wanted = step->picture;

    vga_draw(&session->machine->vga, &session->shown);
    return shown->width == wanted->width && shown->height == wanted->height &&
           memcmp(shown->pixels, wanted->pixels,
                  (size_t)wanted->width * wanted->height * sizeof(*wanted->pixels)) == 0;
}

static bool has_screen(struct session *session, const struct step *step)
{
    if (step->channel == CHANNEL_PIXELS)
        return has_pixels(session, step);

    char screen[VGA_TEXT_DUMP_MAX];
    size_t length = vga_text_dump(&session->machine->vga, screen, sizeof(screen));

    return pattern_is_in(step->pattern, screen, length);
}

static bool is_at(struct session *session, const struct machine_pause *pause)
{
    uint32_t eip;

    if (pause->address_count == 0 || session->machine->halted)
        return false;
    eip = machine_eip(session->machine);
    for (unsigned i = 0; i < pause->address_count; i++) {
        if (pause->addresses[i] == eip)
            return true;
    }
    return false;
}

/* Whether the present step need not wait, before the guest has run for it. */
static bool waits_for_nothing(struct session *session)
{
    const struct step *step = session_step(session);
    const struct machine_pause *pause = &session->s.pause;

    if (step->verb == VERB_EXPECT)
        return step->channel >= CHANNEL_SCREEN ? has_screen(session, step)
                                               : session_has_output(session);
    if (step->verb == VERB_EXIT || pause->address_count > 0)
        return false;
    if (pause->time != CLOCK_NEVER)
        return pause->time <= session_now(session);
    return pause->instructions == UINT64_MAX || pause->instructions <= session_count(session);
}

/* Whether what it waits for has come. */
static bool is_over(struct session *session)
{
    const struct step *step = session_step(session);
    const struct machine_pause *pause = &session->s.pause;

    if (step->verb == VERB_EXPECT)
        return waits_for_nothing(session);
    return pause->time <= session_now(session) || pause->instructions <= session_count(session) ||
           is_at(session, pause);
}

/* The guest has ended while a step waits: which is what `exit` waits for, and others don't. */
static bool conclude(struct session *session)
{
    const struct machine_outcome *outcome = &session->machine->outcome;
    const struct step *step = session_step(session);
    const char *name = machine_end_name(outcome->end);

    if (step->verb == VERB_EXPECT &&
        (step->channel >= CHANNEL_SCREEN ? has_screen(session, step)
                                         : listener_has_at_end(&session->listener, session->s.at)))
        return true;
    if (step->verb == VERB_EXIT &&
        (step->text ? strcmp(step->text, name) == 0
                    : outcome->end != END_TIMEOUT && (uint64_t)outcome->status == step->number))
        return true;
    return session_fail(session, outcome->end == END_TIMEOUT ? VERDICT_TIMEOUT : VERDICT_FAIL,
                        "the guest ended: %s, status %d%s%s", name, outcome->status,
                        outcome->text[0] ? ": " : "", outcome->text);
}

/* Raises what is planned for here, and finds out when to come back for the next. */
static uint64_t follow_plan(struct session *session)
{
    const struct session_irq *next = session->plan;

    while (next != session->plan_end && next->at < session_count(session))
        next++;
    for (; next != session->plan_end && next->at == session_count(session); next++)
        session_raise(session, next->irq);
    return next != session->plan_end ? next->at : UINT64_MAX;
}

/* Adds the addresses of the places that a trace asks for to those that a step waits for. */
static void add_places(const struct session *session, struct machine_pause *pause, uint32_t *to)
{
    unsigned count = pause->address_count;

    if (count > 0)
        memcpy(to, pause->addresses, count * sizeof(*to));
    for (unsigned i = 0; i < 2; i++) {
        const struct place *place = session->trace_places[i];
        for (unsigned j = 0; place && j < place->address_count; j++)
            to[count++] = place->address[j];
    }
    pause->addresses = to;
    pause->address_count = count;
}

/* Has the pause come soon enough to look at the host's clock again. */
static void limit_pause(const struct session *session, struct machine_pause *pause, uint64_t count)
{
    uint64_t time = session_now(session) + HOST_NS;

    if (session_is_exact(session) && count + HOST_INSTRUCTIONS < pause->instructions)
        pause->instructions = count + HOST_INSTRUCTIONS;
    else if (!session_is_exact(session) && time < pause->time)
        pause->time = time;
}

static bool is_within_limit(struct session *session)
{
    session->is_unfinished = session->limit && host_limit_is_reached(session->limit);
    return !session->is_unfinished ||
           session_fail(session, VERDICT_TIMEOUT,
                        "not within %g s of the host's time (--host-timeout)",
                        (double)session->limit->allowed / 1e9);
}

/* Runs the guest until the present step is over. */
static bool wait_step(struct session *session)
{
    const struct step *step = session_step(session);
    uint64_t look = step->verb != VERB_EXPECT         ? 0
                    : step->channel == CHANNEL_SCREEN ? SCREEN_NS
                    : step->channel == CHANNEL_PIXELS ? PIXELS_NS
                                                      : 0;

    for (;;) {
        struct machine_pause pause = session->s.pause;
        uint64_t planned, count = session_count(session);
        uint32_t addresses[3 * PLACE_ADDRESSES];
        bool traces = session->trace && count <= session->trace_to;

        if (traces && count >= session->trace_from &&
            !session->trace(session->trace_owner, count)) {
            session->is_left = true;
            return false;
        }
        planned = follow_plan(session);
        if (planned < pause.instructions)
            pause.instructions = planned;
        if (traces && count < session->trace_from && session->trace_from < pause.instructions)
            pause.instructions = session->trace_from;
        else if (traces && count >= session->trace_from && count + 1 < pause.instructions)
            pause.instructions = count + 1;
        if (traces)
            add_places(session, &pause, addresses);
        if (session->s.deadline < pause.time)
            pause.time = session->s.deadline;
        if (look && session_now(session) + look < pause.time)
            pause.time = session_now(session) + look;
        if (session->limit)
            limit_pause(session, &pause, count);

        bool runs = runner_run_until(&session->runner, &pause);
        if (session->listener.s.broken != NO_STEP)
            return session_fail(session, VERDICT_FAIL, "this was printed");
        if (session->warning[0])
            return session_fail(session, VERDICT_FAIL, "--strict: %s", session->warning);
        if (!runs)
            return conclude(session);
        if (is_over(session))
            return true;
        if (session_now(session) >= session->s.deadline)
            return session_fail(session, VERDICT_TIMEOUT, "not within %g s of the guest's time",
                                (double)session->s.timeout / 1e9);
        if (!is_within_limit(session))
            return false;
    }
}

static bool do_step(struct session *session)
{
    const struct step *step = session_step(session);
    struct session_state *s = &session->s;

    if (!s->has_begun) {
        s->pause = (struct machine_pause){.time = CLOCK_NEVER, .instructions = UINT64_MAX};
        if (!session_begin[step->verb](session, step))
            return false;
        s->deadline = step->verb == VERB_RUN ? CLOCK_NEVER : session_now(session) + s->timeout;
        s->has_begun = true;
        if (step->verb != VERB_BOOT && session->machine->outcome.end != END_NONE &&
            !waits_for_nothing(session) && !conclude(session))
            return false;
    }
    if (!waits_for_nothing(session) && session->machine->outcome.end == END_NONE &&
        !wait_step(session))
        return false;
    if (step->verb == VERB_IRQ)
        session_raise(session, (unsigned)step->number);
    s->has_begun = false;
    s->at++;
    return true;
}

enum verdict session_run(struct session *session)
{
    session->verdict = VERDICT_PASS;
    session->is_left = session->is_unfinished = false;
    while (session->s.at < session->scenario->count) {
        if (!is_within_limit(session) || !do_step(session))
            break;
    }
    /* The last line may be one that must not be printed, and no newline have ended it. */
    if (!session->is_left && session->verdict != VERDICT_REFUSED &&
        session->listener.s.broken == NO_STEP &&
        listener_is_broken_at_end(&session->listener, session->s.at))
        session_fail(session, VERDICT_FAIL, "this was printed");
    return session->verdict;
}

/* ---- begin and end ---- */

bool session_init(struct session *session, const struct scenario *scenario)
{
    int failure;

    *session = (struct session){.scenario = scenario,
                                .scancode = MACHINE_SCANCODE,
                                .listener = {.s = {.broken = NO_STEP}},
                                .inbox = {.wake_fd = -1, .room_fd = -1}};
    session->s.timeout = DEFAULT_TIMEOUT;
    options_init(&session->options);
    failure = inbox_init(&session->inbox);
    if (failure < 0)
        return session_fail(session, VERDICT_REFUSED, "can't make file descriptors: %s",
                            strerror(-failure));
    session->marks = calloc(scenario->count, sizeof(*session->marks));
    return (session->marks && listener_init(&session->listener, scenario)) ||
           session_fail(session, VERDICT_REFUSED, "out of memory");
}

void session_free(struct session *session)
{
    if (session->marks)
        session_forget_machine(session);
    free(session->marks);
    while (session->events) {
        struct session_events *next = session->events->next;
        free(session->events);
        session->events = next;
    }
    display_free(&session->shown);
    listener_free(&session->listener);
    inbox_free(&session->inbox);
}
