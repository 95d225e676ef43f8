/*
 * Running a scenario: each verb begins something, and the guest runs until what it waits for is
 * there. Everything about that waiting is in session_state, so that any moment can be kept.
 */
#include "session.h"

#include "explain/crash.h"
#include "explain/info.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_TIMEOUT (10 * NS_PER_SECOND)

/* What the guest's real-time clock shows first: 2000-01-01 00:00:00, as in `vmm run`. */
#define VIRTUAL_EPOCH INT64_C(946684800)

/* How often a screen is looked at, in the guest's time. */
#define SCREEN_NS UINT64_C(100000)

#define OUTPUT_LINES 12 /* of the output, after a failure */

static const struct machine_pause no_pause = {.time = CLOCK_NEVER, .instructions = UINT64_MAX};

static const struct step *current(const struct session *session)
{
    return &session->scenario->steps[session->s.at];
}

/* Ends the session at its present step. Returns false, to be passed on. */
__attribute__((format(printf, 3, 4))) static bool
fail(struct session *session, enum verdict verdict, const char *format, ...)
{
    const struct scenario *scenario = session->scenario;
    const struct step *step = session->s.broken                 ? session->s.broken
                              : session->s.at < scenario->count ? current(session)
                                                                : NULL;
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

static bool is_exact(const struct session *session)
{
    return session->machine->cpu->ops->instructions != NULL;
}

uint64_t session_count(const struct session *session)
{
    return session->machine && is_exact(session)
               ? session->machine->cpu->ops->instructions(session->machine->cpu)
               : 0;
}

static uint64_t now(const struct session *session)
{
    return clock_now(&session->machine->clock);
}

/* ---- output ---- */

static void add_text(struct session_text *text, size_t *length, char c)
{
    if (*length + 1 >= text->size) {
        size_t size = 2 * text->size + 4096;
        char *grown = realloc(text->bytes, size);
        if (!grown)
            return;             /* what comes now is not heard */
        grown[size - 1] = '\0'; /* the string ends in it, wherever that is */
        text->bytes = grown;
        text->size = size;
    }
    text->bytes[(*length)++] = c;
}

/* Whether a text ends in the pattern; of a regular expression, whether the last line has a match.
 * `from`: what lies before it does not count. `at_end`: nothing will follow. */
static bool ends_in(const struct step *step, const char *text, size_t from, size_t length,
                    bool at_end)
{
    regmatch_t match;
    const char *newline;
    size_t line = from;
    int flags = REG_STARTEND;

    if (!step->is_regex)
        return length - from >= step->length &&
               memcmp(text + length - step->length, step->text, step->length) == 0;
    if (length == from)
        return false;
    /* The newline that was heard last ends the line, and is none of its own. */
    newline = memrchr(text + from, '\n', length - from - 1);
    if (newline)
        line = (size_t)(newline - text) + 1;
    if (line > 0 && text[line - 1] != '\n')
        flags |= REG_NOTBOL;
    if (text[length - 1] == '\n')
        length--;
    else if (!at_end)
        flags |= REG_NOTEOL;
    match = (regmatch_t){.rm_so = 0, .rm_eo = (regoff_t)(length - line)};
    return regexec(&step->regex, text + line, 1, &match, flags) == 0;
}

/* Searches what was printed and not yet seen; the same byte by byte as when it was printed. */
static bool search(struct session *session, const struct step *step, bool at_end)
{
    const char *text = session->text[step->channel].bytes;
    size_t heard = session->s.heard[step->channel], *seen = &session->s.seen[step->channel];

    for (size_t length = *seen + 1; length <= heard; length++) {
        if (ends_in(step, text, *seen, length, at_end && length == heard)) {
            *seen = length;
            return true;
        }
    }
    return false;
}

/* A byte of output. */
static void heard(void *owner, enum machine_outlet outlet, uint8_t byte)
{
    struct session *session = owner;
    struct session_state *s = &session->s;
    enum channel channel = outlet == OUTLET_SERIAL ? CHANNEL_SERIAL : CHANNEL_DEBUG;
    const struct step *watching = session->watching;

    if (session->verbose)
        putchar(byte);
    if (byte == '\r')
        return;
    add_text(&session->text[CHANNEL_ALL], &s->heard[CHANNEL_ALL], (char)byte);
    add_text(&session->text[channel], &s->heard[channel], (char)byte);

    if (watching && !s->found &&
        (watching->channel == CHANNEL_ALL || watching->channel == channel) &&
        ends_in(watching, session->text[watching->channel].bytes, s->seen[watching->channel],
                s->heard[watching->channel], false)) {
        s->seen[watching->channel] = s->heard[watching->channel];
        s->found = true;
        machine_pause(session->machine);
    }
    for (size_t i = 0; i < s->at && !s->broken; i++) {
        const struct step *never = &session->scenario->steps[i];
        /* A regular expression when its line ends; the last line, when all does. */
        if (never->verb == VERB_NEVER && (!never->is_regex || byte == '\n') &&
            (never->channel == CHANNEL_ALL || never->channel == channel) &&
            ends_in(never, session->text[never->channel].bytes, 0, s->heard[never->channel],
                    false)) {
            s->broken = never;
            machine_pause(session->machine);
        }
    }
}

/* --strict: a warning ends the scenario. */
static void warn(void *owner, const char *text)
{
    struct session *session = owner;

    if (!session->options.watch.strict || session->warning[0])
        return;
    snprintf(session->warning, sizeof(session->warning), "%s", text);
    machine_pause(session->machine);
}

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

static bool screen_matches(const struct session *session, const struct step *step)
{
    char screen[VGA_TEXT_DUMP_MAX];

    vga_text_dump(&session->machine->vga, screen, sizeof(screen));
    return step->is_regex ? regexec(&step->regex, screen, 0, NULL, 0) == 0
                          : strstr(screen, step->text) != NULL;
}

/* ---- symbols ---- */

static int find_symbol(void *owner, const char *name, uint32_t *address)
{
    struct session *session = owner;
    char why[300] = "there are no symbols";

    for (unsigned i = 0; i < session->symbol_files; i++) {
        if (symbols_find(session->symbols[i], name, address, why, sizeof(why)) == 0)
            return 0;
    }
    fail(session, VERDICT_REFUSED, "%s", why);
    return -1;
}

bool session_resolve(struct session *session, struct place *place)
{
    char why[300];

    return place_resolve(place, session->symbols, session->symbol_files, why, sizeof(why)) ||
           fail(session, VERDICT_REFUSED, "%s", why);
}

/* Those of a file, which may have none if others have some. */
static bool load_symbols(struct session *session, const char *path, bool is_image)
{
    char why[300];

    if (session->symbol_files == SESSION_SYMBOLS)
        return fail(session, VERDICT_REFUSED, "more than %d files with symbols", SESSION_SYMBOLS);
    session->symbols[session->symbol_files] = symbols_open(path, why, sizeof(why));
    if (session->symbols[session->symbol_files])
        session->symbol_files++;
    else if (!is_image || session->symbol_files == 0)
        return fail(session, VERDICT_REFUSED, "%s", why);
    return true;
}

static int needs_symbols(void *owner, const char *name, uint32_t *address)
{
    (void)owner;
    (void)name;
    (void)address;
    return -1;
}

static bool has_symbols(const struct step *step)
{
    return step->place.name || expression_resolve(step->expression, needs_symbols, NULL) < 0;
}

/* The steps up to the next boot: their symbols become addresses before anything is run. */
static bool resolve_steps(struct session *session)
{
    const struct scenario *scenario = session->scenario;
    size_t first = session->s.at, end = first + 1;
    bool ok = true, has_image = false;

    while (end < scenario->count && scenario->steps[end].verb != VERB_BOOT)
        end++;
    for (session->s.at = first; ok && session->s.at < end; session->s.at++) {
        if (current(session)->verb == VERB_SYMBOLS)
            ok = load_symbols(session, current(session)->text, false);
    }
    for (session->s.at = first; ok && session->s.at < end; session->s.at++) {
        struct step *step = &scenario->steps[session->s.at];
        if (!has_symbols(step))
            continue;
        ok = has_image || load_symbols(session, session->options.config.image.path, true);
        has_image = true;
        ok = ok && session_resolve(session, &step->place) &&
             expression_resolve(step->expression, find_symbol, session) == 0;
    }
    session->s.at = first;
    return ok;
}

static bool describe(void *owner, uint32_t address, char *to, size_t size)
{
    struct session *session = owner;

    if (session->symbol_files == 0 && !session->has_none) { /* no step needed them */
        session->symbols[0] = symbols_open(session->options.config.image.path, to, size);
        session->symbol_files = session->symbols[0] != NULL;
        session->has_none = session->symbol_files == 0;
    }
    for (unsigned i = 0; i < session->symbol_files; i++) {
        if (symbols_describe(session->symbols[i], address, to, size))
            return true;
    }
    return false;
}

void session_describe(struct session *session, uint32_t address, char *to, size_t size)
{
    if (!describe(session, address, to, size))
        snprintf(to, size, "%#x", address);
}

/* ---- the machine ---- */

static void forget_machine(struct session *session)
{
    for (size_t i = 0; i < session->scenario->count; i++) {
        snapshot_free(session->marks[i].snapshot);
        session->marks[i].snapshot = NULL;
    }
    if (session->machine) {
        runner_free(&session->runner);
        machine_destroy(session->machine);
    }
    session->machine = NULL;
    trace_close(session->log);
    session->log = NULL;
    options_free(&session->options);
    for (char **word = session->words; word && *word; word++)
        free(*word);
    free(session->words);
    session->words = NULL;
    while (session->symbol_files > 0)
        symbols_free(session->symbols[--session->symbol_files]);
    session->has_none = false;
}

static const struct option_kind *find_option(const char *name)
{
    const struct option_kind *kind = option_kinds;

    if (strncmp(name, "-m", 2) == 0 && (!name[2] || isdigit((unsigned char)name[2])))
        name = "--memory";
    if (strncmp(name, "--", 2) != 0)
        return NULL;
    while (kind->name && (strncmp(kind->name, name + 2, strcspn(name + 2, "=")) != 0 ||
                          kind->name[strcspn(name + 2, "=")]))
        kind++;
    return kind->name ? kind : NULL;
}

/* The words behind `boot`, as options of `vmm run`. What is wrong with a value the option says. */
static bool take_options(struct session *session, char **words)
{
    struct options *options = &session->options;
    char shown[400];

    for (char **word = words + 1; *word; word++) {
        const struct option_kind *kind = find_option(*word);
        char *value = strncmp(*word, "--", 2) == 0 ? strchr(*word, '=') : NULL;
        if (!kind)
            return fail(session, VERDICT_REFUSED, "vmm run has no option '%s'", *word);
        if (value)
            value++;
        else if (kind->has_value && (*word)[1] == 'm' && (*word)[2])
            value = *word + 2;
        else if (kind->has_value && word[1])
            value = *++word;
        if (kind->has_value != (value != NULL))
            return fail(session, VERDICT_REFUSED, "--%s %s", kind->name,
                        value ? "takes no value" : "needs a value");
        snprintf(shown, sizeof(shown), "%s:%u: --%s %s", session->scenario->path,
                 current(session)->line, kind->name, value ? value : "");
        if (!kind->take(options, shown, value))
            return fail(session, VERDICT_REFUSED, "--%s was refused", kind->name);
    }
    if (options->report || options->save || options->restore || options->record ||
        options->replay || options->restart || options->monitor)
        return fail(session, VERDICT_REFUSED,
                    "--report, --save, --restore, --record, --replay, --restart and --monitor are "
                    "for vmm run");
    return true;
}

static bool copy_words(struct session *session, char *const *words)
{
    size_t count = 0;
    bool ok;

    while (words[count])
        count++;
    session->words = calloc(count + 1, sizeof(*session->words));
    ok = session->words != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = (session->words[i] = strdup(words[i]));
    return ok || fail(session, VERDICT_FAIL, "out of memory");
}

static bool begin_boot(struct session *session, const struct step *step)
{
    struct options *options = &session->options;
    char note[320];

    forget_machine(session);
    if (!copy_words(session, step->words))
        return false;
    options_init(options);
    options->cpu = "soft";
    if (!options_take_image(options, session->words[0]))
        return fail(session, VERDICT_REFUSED, "the image's options were refused");
    if (!take_options(session, session->words) || !resolve_steps(session))
        return false;
    session->engine = engine_choose(session->cpu ? session->cpu : options->cpu, note, sizeof(note));
    if (!session->engine)
        return fail(session, VERDICT_REFUSED, "%s", note);
    options->config.virtual_time = engine_counts_time(session->engine);
    options->config.make_cpu = session->engine->create;
    options->config.epoch = options->config.virtual_time ? VIRTUAL_EPOCH : (int64_t)time(NULL);
    options->config.inbox = &session->inbox;
    options->config.print = print;
    options->config.heard = heard;
    options->config.warn = warn;
    options->config.describe = describe;
    options->config.owner = options->config.symbols = session;
    if (!options_begin_trace(options, options->name, note, sizeof(note)))
        return fail(session, VERDICT_REFUSED, "%s", note);
    session->log = options->watch.trace;
    session->machine = machine_create(&options->config, note, sizeof(note));
    if (!session->machine)
        return fail(session, VERDICT_REFUSED, "%s", note);
    runner_init(&session->runner, session->machine, &session->inbox, &options->run);
    if (!watch_attach(session->machine, &options->watch))
        return fail(session, VERDICT_REFUSED, "out of memory");
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++)
        session->s.heard[i] = session->s.seen[i] = 0;
    return true;
}

/* Puts events behind those that wait for the guest to read them. */
static bool give_events(struct session *session, enum inbox_ring ring, const struct step *step)
{
    const struct inbox_event *events = step->events;
    const struct inbox_event *waiting = session->machine->script[ring].events;
    size_t count = session->machine->script[ring].count;
    struct session_events *joined;

    if (count > 0) {
        joined = malloc(sizeof(*joined) + (count + step->event_count) * sizeof(*events));
        if (!joined)
            return fail(session, VERDICT_FAIL, "out of memory");
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

void session_raise(struct session *session, unsigned irq)
{
    machine_raise(session->machine, irq, session->scancode);
}

bool session_take(struct session *session, struct session_mark *mark)
{
    char why[200];

    mark->state = session->s;
    mark->count = session_count(session);
    mark->snapshot = snapshot_take(session->machine, why, sizeof(why));
    return mark->snapshot || fail(session, VERDICT_FAIL, "%s", why);
}

bool session_restore(struct session *session, const struct session_mark *mark)
{
    char why[200];

    session->s = mark->state;
    session->verdict = VERDICT_PASS;
    session->message[0] = '\0';
    session->watching = NULL;
    session->warning[0] = '\0';
    return snapshot_restore(session->machine, mark->snapshot, why, sizeof(why)) == 0 ||
           fail(session, VERDICT_FAIL, "%s", why);
}

/* ---- the verbs: each begins what the guest then runs for ---- */

/* Has the step wait for a place. */
static bool wait_for(struct session *session, const struct place *place)
{
    struct machine_pause *pause = &session->s.pause;

    switch (place->kind) {
    case PLACE_INSTRUCTIONS:
        pause->instructions = place->number;
        if (place->number < session_count(session))
            return fail(session, VERDICT_FAIL, "that was before: %llu were executed",
                        (unsigned long long)session_count(session));
        break;
    case PLACE_TIME:
        pause->time = place->number;
        if (place->number < now(session))
            return fail(session, VERDICT_FAIL, "that was before: it is %.6f s now",
                        (double)now(session) / 1e9);
        break;
    case PLACE_SYMBOL:
    case PLACE_LINE:
        pause->addresses = place->address;
        pause->address_count = place->address_count;
        break;
    case PLACE_NONE:
        break;
    }
    if (!is_exact(session) && place->kind != PLACE_TIME && place->kind != PLACE_NONE)
        return fail(session, VERDICT_REFUSED,
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

static bool begin_expect(struct session *session, const struct step *step)
{
    session->s.found = step->channel == CHANNEL_SCREEN ? screen_matches(session, step)
                                                       : search(session, step, false);
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
    const struct i8259 *chip =
        step->number < 8 ? &session->machine->pic.master : &session->machine->pic.slave;

    if (chip->elcr >> (step->number & 7) & 1)
        return fail(session, VERDICT_FAIL,
                    "the guest has made this input level triggered, where an edge is no request");
    return wait_for(session, &step->place);
}

static bool begin_run(struct session *session, const struct step *step)
{
    session->s.pause.time = now(session) + step->number;
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
        return fail(session, VERDICT_FAIL, "%s", why);
    if (value)
        return true;
    expression_explain(step->expression, session->machine, why, sizeof(why));
    return fail(session, VERDICT_FAIL, "%s", why[0] ? why : "it is 0");
}

static bool begin_snapshot(struct session *session, const struct step *step)
{
    struct session_mark *mark = &session->marks[session->s.at];

    (void)step;
    snapshot_free(mark->snapshot);
    return session_take(session, mark);
}

/* The machine goes back; the scenario and what was printed go on. */
static bool begin_restore(struct session *session, const struct step *step)
{
    struct session_mark mark = {.state = session->s};

    for (size_t i = 0; i < session->s.at; i++) {
        if (session->marks[i].snapshot && strcmp(session->scenario->steps[i].text, step->text) == 0)
            mark.snapshot = session->marks[i].snapshot;
    }
    if (!mark.snapshot)
        return fail(session, VERDICT_FAIL, "it is of a guest that is gone");
    if (!session_restore(session, &mark))
        return false;
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++)
        session->s.seen[i] = session->s.heard[i];
    return true;
}

static bool (*const begin[VERBS])(struct session *session, const struct step *step) = {
    [VERB_BOOT] = begin_boot,     [VERB_SYMBOLS] = begin_nothing,   [VERB_TIMEOUT] = begin_timeout,
    [VERB_EXPECT] = begin_expect, [VERB_NEVER] = begin_nothing,     [VERB_TYPE] = begin_keys,
    [VERB_SEND] = begin_send,     [VERB_KEY] = begin_keys,          [VERB_DOWN] = begin_keys,
    [VERB_UP] = begin_keys,       [VERB_SCANCODE] = begin_scancode, [VERB_IRQ] = begin_irq,
    [VERB_RUN] = begin_run,       [VERB_UNTIL] = begin_until,       [VERB_STEP] = begin_step,
    [VERB_ASSERT] = begin_assert, [VERB_SNAPSHOT] = begin_snapshot, [VERB_RESTORE] = begin_restore,
    [VERB_EXIT] = begin_nothing,
};

/* ---- waiting ---- */

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
static bool waits_for_nothing(const struct session *session)
{
    const struct step *step = current(session);
    const struct machine_pause *pause = &session->s.pause;

    if (step->verb == VERB_EXPECT)
        return session->s.found;
    if (step->verb == VERB_EXIT || pause->address_count > 0)
        return false;
    if (pause->time != CLOCK_NEVER)
        return pause->time <= now(session);
    return pause->instructions == UINT64_MAX || pause->instructions <= session_count(session);
}

/* Whether what it waits for has come. */
static bool is_over(struct session *session)
{
    const struct step *step = current(session);
    const struct machine_pause *pause = &session->s.pause;

    if (step->verb == VERB_EXPECT && step->channel == CHANNEL_SCREEN)
        return screen_matches(session, step);
    if (step->verb == VERB_EXPECT)
        return session->s.found;
    return pause->time <= now(session) || pause->instructions <= session_count(session) ||
           is_at(session, pause);
}

/* The guest has ended while a step waits: which is what `exit` waits for, and others don't. */
static bool conclude(struct session *session)
{
    const struct machine_outcome *outcome = &session->machine->outcome;
    const struct step *step = current(session);
    const char *name = machine_end_name(outcome->end);

    if (step->verb == VERB_EXPECT &&
        (session->s.found || (step->channel == CHANNEL_SCREEN ? screen_matches(session, step)
                                                              : search(session, step, true))))
        return true;
    if (step->verb == VERB_EXIT &&
        (step->text ? strcmp(step->text, name) == 0
                    : outcome->end != END_TIMEOUT && (uint64_t)outcome->status == step->number))
        return true;
    return fail(session, outcome->end == END_TIMEOUT ? VERDICT_TIMEOUT : VERDICT_FAIL,
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

/* Runs the guest until the present step is over. */
static bool wait_step(struct session *session)
{
    const struct step *step = current(session);
    bool looks = step->verb == VERB_EXPECT && step->channel == CHANNEL_SCREEN;

    session->watching = step->verb == VERB_EXPECT && !looks ? step : NULL;
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
        if (looks && now(session) + SCREEN_NS < pause.time)
            pause.time = now(session) + SCREEN_NS;

        bool runs = runner_run_until(&session->runner, &pause);
        if (session->s.broken)
            return fail(session, VERDICT_FAIL, "this was printed");
        if (session->warning[0])
            return fail(session, VERDICT_FAIL, "--strict: %s", session->warning);
        if (!runs)
            return conclude(session);
        if (is_over(session))
            return true;
        if (now(session) >= session->s.deadline)
            return fail(session, VERDICT_TIMEOUT, "not within %g s of the guest's time",
                        (double)session->s.timeout / 1e9);
    }
}

static bool do_step(struct session *session)
{
    const struct step *step = current(session);
    struct session_state *s = &session->s;

    if (!s->has_begun) {
        s->pause = no_pause;
        s->found = false;
        if (!begin[step->verb](session, step))
            return false;
        s->deadline = step->verb == VERB_RUN ? CLOCK_NEVER : now(session) + s->timeout;
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
    session->watching = NULL;
    s->has_begun = false;
    s->at++;
    return true;
}

/* What `never` means for the last line, which no newline has ended. */
static bool check_last_line(struct session *session)
{
    for (size_t i = 0; i < session->s.at; i++) {
        const struct step *never = &session->scenario->steps[i];
        if (never->verb == VERB_NEVER && session->s.heard[never->channel] > 0 &&
            ends_in(never, session->text[never->channel].bytes, 0, session->s.heard[never->channel],
                    true)) {
            session->s.broken = never;
            return fail(session, VERDICT_FAIL, "this was printed");
        }
    }
    return true;
}

enum verdict session_run(struct session *session)
{
    session->verdict = VERDICT_PASS;
    session->is_left = false;
    while (session->s.at < session->scenario->count) {
        if (!do_step(session))
            break;
    }
    if (!session->is_left && session->verdict != VERDICT_REFUSED && !session->s.broken)
        check_last_line(session);
    return session->verdict;
}

/* ---- begin and end ---- */

bool session_init(struct session *session, const struct scenario *scenario)
{
    int failure;

    *session = (struct session){.scenario = scenario,
                                .scancode = MACHINE_SCANCODE,
                                .inbox = {.wake_fd = -1, .room_fd = -1}};
    session->s.timeout = DEFAULT_TIMEOUT;
    options_init(&session->options);
    failure = inbox_init(&session->inbox);
    if (failure < 0)
        return fail(session, VERDICT_REFUSED, "can't make file descriptors: %s",
                    strerror(-failure));
    session->marks = calloc(scenario->count, sizeof(*session->marks));
    return session->marks || fail(session, VERDICT_REFUSED, "out of memory");
}

void session_free(struct session *session)
{
    if (session->marks)
        forget_machine(session);
    free(session->marks);
    while (session->events) {
        struct session_events *next = session->events->next;
        free(session->events);
        session->events = next;
    }
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++)
        free(session->text[i].bytes);
    inbox_free(&session->inbox);
}

/* ---- failures ---- */

static void print_output(const struct session *session, FILE *to)
{
    const char *text = session->text[CHANNEL_ALL].bytes;
    size_t length = session->s.heard[CHANNEL_ALL], from = length;

    for (unsigned lines = 0; from > 0; from--) {
        if (text[from - 1] == '\n' && from < length && ++lines == OUTPUT_LINES)
            break;
    }
    fprintf(to, "  output%s:\n", from > 0 ? ", its end" : "");
    while (from < length) {
        const char *newline = memchr(text + from, '\n', length - from);
        size_t end = newline ? (size_t)(newline - text) : length;
        fprintf(to, "  | ");
        for (; from < end; from++)
            fputc((uint8_t)text[from] < 0x20 || text[from] == 0x7f ? '.' : text[from], to);
        fputc('\n', to);
        from = end + 1;
    }
}

static void print_pic(const struct session *session, FILE *to)
{
    const struct i8259_pair *pair = &session->machine->pic;

    for (unsigned i = 0; i < 2; i++) {
        const struct i8259 *chip = i ? &pair->slave : &pair->master;
        fprintf(to, "  pic%u: irr %02x  isr %02x  imr %02x  base %02x\n", i, i8259_irr(chip),
                chip->isr, chip->imr, chip->icw2);
    }
    for (unsigned i = 0; i < I8259_INPUTS; i++) {
        const struct i8259 *chip = i < 8 ? &pair->master : &pair->slave;
        bool wants = i8259_irr(chip) >> (i & 7) & 1, served = chip->isr >> (i & 7) & 1;
        const char *name = info_irq_name(i);
        if (wants || served)
            fprintf(to, "  IRQ %u%s%s is %s%s%s%s\n", i, *name ? ", " : "", name,
                    wants ? "requested" : "", wants && served ? " and " : "",
                    served ? "in service" : "",
                    wants && (chip->imr >> (i & 7) & 1) ? ", and masked" : "");
    }
}

void session_explain(struct session *session, FILE *to)
{
    struct machine *machine = session->machine;
    char place[200];

    if (!machine)
        return;
    print_output(session, to);
    if (!machine->outcome.has_state)
        machine->outcome.has_state =
            machine->cpu->ops->get_state(machine->cpu, &machine->outcome.state) == 0;
    session_describe(session, machine_eip(machine), place, sizeof(place));
    fprintf(to, "  %.9f s, %llu instructions, %s%s, interrupts %s\n", (double)now(session) / 1e9,
            (unsigned long long)session_count(session), machine->halted ? "halted before " : "at ",
            place, machine->outcome.state.eflags & EFLAGS_IF ? "on" : "off");
    crash_print(to, machine);
    print_pic(session, to);
}
