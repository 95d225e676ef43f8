/*
 * How a scenario's guest begins: the options after `boot`, the symbols that its steps name, the
 * machine.
 */
#include "internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the guest's real-time clock shows first: 2000-01-01 00:00:00, as in `vmm run`. */
#define VIRTUAL_EPOCH INT64_C(946684800)

/* ---- symbols ---- */

static int find_symbol(void *owner, const char *name, uint32_t *address)
{
    struct session *session = owner;
    char why[300] = "there are no symbols";

    for (unsigned i = 0; i < session->symbol_files; i++) {
        if (symbols_find(session->symbols[i], name, address, why, sizeof(why)) == 0)
            return 0;
    }
    session_fail(session, VERDICT_REFUSED, "%s", why);
    return -1;
}

bool session_resolve(struct session *session, struct place *place)
{
    char why[300];

    return place_resolve(place, session->symbols, session->symbol_files, why, sizeof(why)) ||
           session_fail(session, VERDICT_REFUSED, "%s", why);
}

/* Those of a file, which may have none if others have some. */
static bool load_symbols(struct session *session, const char *path, bool is_image)
{
    char why[300];

    if (session->symbol_files == SESSION_SYMBOLS)
        return session_fail(session, VERDICT_REFUSED, "more than %d files with symbols",
                            SESSION_SYMBOLS);
    if (!path)
        return session->symbol_files > 0 ||
               session_fail(session, VERDICT_REFUSED,
                            "a drive has no symbols: 'symbols FILE' names an ELF file that has");
    session->symbols[session->symbol_files] = symbols_open(path, why, sizeof(why));
    if (session->symbols[session->symbol_files])
        session->symbol_files++;
    else if (!is_image || session->symbol_files == 0)
        return session_fail(session, VERDICT_REFUSED, "%s", why);
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
        if (session_step(session)->verb == VERB_SYMBOLS)
            ok = load_symbols(session, session_step(session)->text, false);
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

    if (session->symbol_files == 0 && !session->has_none &&
        session->options.config.image.path) { /* no step needed them */
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

/* ---- what the machine calls ---- */

/* A byte of output. */
static void heard(void *owner, enum machine_outlet outlet, uint8_t byte)
{
    struct session *session = owner;
    struct listener *listener = &session->listener;

    if (session->verbose)
        putchar(byte);
    if (byte == '\r')
        return;
    if (session->output)
        session->output(session->output_owner, listener->s.count, byte);
    listener_hear(listener, session->s.at, outlet == OUTLET_SERIAL ? CHANNEL_SERIAL : CHANNEL_DEBUG,
                  byte);
    if (session_has_output(session) || listener->s.broken != NO_STEP)
        machine_pause(session->machine);
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

/* ---- the machine ---- */

void session_forget_machine(struct session *session)
{
    for (size_t i = 0; i < session->scenario->count; i++)
        session_mark_free(&session->marks[i]);
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

static bool is_dashed(const char *word)
{
    return strncmp(word, "--", 2) == 0;
}

static const struct option_kind *find_option(const char *name)
{
    const struct option_kind *kind = option_kinds;

    name = options_long_name(name);
    if (strncmp(name, "-m", 2) == 0 && (!name[2] || isdigit((unsigned char)name[2])))
        name = "--memory";
    name += is_dashed(name) ? 2 : 0;
    while (kind->name &&
           (strncmp(kind->name, name, strcspn(name, "=")) != 0 || kind->name[strcspn(name, "=")]))
        kind++;
    return kind->name ? kind : NULL;
}

/* The words after `boot`, as options of `vmm run` (--start real) or of a guest (start=real). An
 * option itself says what is wrong with its value. */
static bool take_options(struct session *session, char **words)
{
    struct options *options = &session->options;
    char shown[400];

    for (char **word = words; *word; word++) {
        const struct option_kind *kind = find_option(*word);
        char *value = **word != '-' || is_dashed(*word) ? strchr(*word, '=') : NULL;
        if (!kind)
            return session_fail(session, VERDICT_REFUSED, "vmm run has no option '%s'", *word);
        if (value)
            value++;
        else if (strncmp(*word, "-m", 2) == 0 && (*word)[2])
            value = *word + 2;
        else if (kind->has_value && **word == '-' && word[1])
            value = *++word;
        if (kind->has_value != (value != NULL))
            return session_fail(session, VERDICT_REFUSED, "--%s %s", kind->name,
                                value ? "takes no value" : "needs a value");
        snprintf(shown, sizeof(shown), "%s:%u: --%s %s", session->scenario->path,
                 session_step(session)->line, kind->name, value ? value : "");
        if (!kind->take(options, shown, value))
            return session_fail(session, VERDICT_REFUSED, "--%s was refused", kind->name);
    }
    if (options_conflict(options))
        return session_fail(session, VERDICT_REFUSED, "%s", options_conflict(options));
    if (options->report || options->save || options->restore || options->record ||
        options->replay || options->restart || options->monitor || options->hold || options->paused)
        return session_fail(
            session, VERDICT_REFUSED,
            "--report, --save, --restore, --record, --replay, --restart, --monitor, --hold and "
            "--paused are for vmm run");
    return true;
}

/* Whether the first word is no image: drives are to be started from. */
static bool is_option(const char *word)
{
    return (*word == '-' || strchr(word, '=')) && find_option(word);
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
    return ok || session_fail(session, VERDICT_FAIL, "out of memory");
}

bool session_boot(struct session *session, const struct step *step)
{
    struct options *options = &session->options;
    bool has_image;
    char note[320];

    session_forget_machine(session);
    if (!copy_words(session, step->words))
        return false;
    options_init(options);
    options->cpu = "soft";
    options->drives.overlay_pc = true; /* a test leaves its disk as it was */
    has_image = !is_option(session->words[0]);
    if (has_image && !options_take_image(options, session->words[0]))
        return session_fail(session, VERDICT_REFUSED, "the image's options were refused");
    if (!take_options(session, session->words + has_image) || !resolve_steps(session))
        return false;
    if (!options_open_disks(options))
        return session_fail(session, VERDICT_REFUSED, "a disk was refused");
    session->engine = engine_choose(session->cpu ? session->cpu : options->cpu, note, sizeof(note));
    if (!session->engine)
        return session_fail(session, VERDICT_REFUSED, "%s", note);
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
        return session_fail(session, VERDICT_REFUSED, "%s", note);
    session->log = options->watch.trace;
    session->machine = machine_create(&options->config, note, sizeof(note));
    if (!session->machine)
        return session_fail(session, VERDICT_REFUSED, "%s", note);
    runner_init(&session->runner, session->machine, &session->inbox, &options->run);
    if (!watch_attach(session->machine, &options->watch))
        return session_fail(session, VERDICT_REFUSED, "out of memory");
    listener_begin(&session->listener, session->s.at);
    return true;
}
