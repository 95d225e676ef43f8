/*
 * The run without the interrupt: where the window of a sweep is, the boundaries between
 * instructions in it, and what the variants are compared with.
 */
#include "sweep_parts.h"

#include <stdlib.h>
#include <string.h>

#define BOUNDARIES_MAX (UINT64_C(1) << 22)

static bool is_there(struct sweep *sweep, const struct place *place)
{
    struct machine *machine = sweep->session.machine;
    uint32_t eip;

    if (place->kind == PLACE_INSTRUCTIONS)
        return session_count(&sweep->session) >= place->number;
    if (place->kind == PLACE_TIME)
        return clock_now(&machine->clock) >= place->number;
    eip = machine_eip(machine);
    for (unsigned i = 0; i < place->address_count; i++) {
        if (place->address[i] == eip)
            return true;
    }
    return false;
}

/* Called at each boundary: are these the ends of the window? */
static bool locate(void *owner, uint64_t count)
{
    struct sweep *sweep = owner;

    if (sweep->first == UINT64_MAX && is_there(sweep, &sweep->from))
        sweep->first = count;
    if (sweep->first != UINT64_MAX && sweep->last == UINT64_MAX && count >= sweep->first &&
        sweep->to.kind != PLACE_NONE && is_there(sweep, &sweep->to))
        sweep->last = count;
    return true;
}

/* The window's ends as snapshots of the scenario. */
static bool find_mark(const struct sweep *sweep, const char *name, uint64_t *count)
{
    for (size_t i = 0; i < sweep->scenario->count; i++) {
        const struct step *step = &sweep->scenario->steps[i];
        if (step->verb == VERB_SNAPSHOT && (!name || strcmp(step->text, name) == 0) &&
            sweep->session.marks[i].snapshot) {
            *count = sweep->session.marks[i].count;
            return true;
        }
    }
    return false;
}

static bool is_snapshot(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->count; i++) {
        if (scenario->steps[i].verb == VERB_SNAPSHOT && strcmp(scenario->steps[i].text, name) == 0)
            return true;
    }
    return false;
}

static bool parse_end(const struct sweep *sweep, const char *option, const char *text,
                      struct place *place)
{
    char error[200];

    if (!text || is_snapshot(sweep->scenario, text) ||
        place_parse(text, place, error, sizeof(error)))
        return true;
    fprintf(stderr, "vmm: %s %s: %s, or the name of a snapshot in %s\n", option, text, error,
            sweep->scenario->path);
    return false;
}

bool reference_begin(struct sweep *sweep, bool is_limited)
{
    session_free(&sweep->session);
    host_limit_end();
    if (!session_init(&sweep->session, sweep->scenario))
        return sweep_refuse(sweep->session.message);
    sweep->session.scancode = sweep->request->scancode;
    sweep->session.limit = is_limited ? &sweep->limit : NULL;
    if (is_limited)
        host_limit_begin(&sweep->limit);
    return true;
}

bool reference_run(struct sweep *sweep)
{
    struct session *session = &sweep->session;

    compare_begin_reference(&sweep->output);
    session->output = sweep->request->ignores_output ? NULL : compare_add;
    session->output_owner = &sweep->output;
    sweep->verdict = session_run(session);
    session->output = NULL;
    if (session->is_unfinished)
        sweep->refusal = VERDICT_TIMEOUT;
    if (sweep->verdict == VERDICT_REFUSED || session->is_unfinished)
        return sweep_refuse(session->message);
    if (!session->machine->cpu->ops->instructions)
        return sweep_refuse("a sweep needs --cpu soft, which counts instructions");
    for (unsigned i = 0; i < session->options.drives.count; i++) {
        if (!session->options.drives.drive[i].request.read_only)
            return sweep_refuse("a sweep can't restore what is on a disk: it needs --disk FILE,ro, "
                                "or --drive file=FILE,readonly=on");
    }
    if (sweep->verdict == VERDICT_PASS && sweep->output.is_too_long)
        return sweep_refuse("the guest prints more than 16 MiB, too much to compare: "
                            "use --ignore-output");
    sweep->end = session->machine->outcome.end;
    sweep->status = session->machine->outcome.status;
    return true;
}

/* The addresses of a place on the command line: the guest must have been booted for its symbols. */
static bool resolve(struct sweep *sweep, struct place *place)
{
    return session_resolve(&sweep->session, place) || sweep_refuse(sweep->session.message);
}

bool reference_find_window(struct sweep *sweep)
{
    const struct sweep_request *request = sweep->request;
    struct session *session = &sweep->session;
    bool traces;

    sweep->first = sweep->last = UINT64_MAX;
    if (!parse_end(sweep, "--from", request->from, &sweep->from) ||
        !parse_end(sweep, "--to", request->to, &sweep->to) || !reference_begin(sweep, true) ||
        !reference_run(sweep) || !resolve(sweep, &sweep->from) || !resolve(sweep, &sweep->to))
        return false;
    if (session->log)
        return sweep_refuse("a sweep has too many runs to trace them: vmm replay traces one");
    traces = sweep->from.kind > PLACE_INSTRUCTIONS || sweep->to.kind > PLACE_INSTRUCTIONS;
    if (sweep->from.kind == PLACE_INSTRUCTIONS)
        sweep->first = sweep->from.number;
    else if (sweep->from.kind == PLACE_NONE && !find_mark(sweep, request->from, &sweep->first))
        sweep->first = 0;
    if (sweep->to.kind == PLACE_INSTRUCTIONS)
        sweep->last = sweep->to.number;
    else if (request->to && sweep->to.kind == PLACE_NONE)
        find_mark(sweep, request->to, &sweep->last);
    if (traces) {
        if (!reference_begin(sweep, false))
            return false;
        session->trace = locate;
        session->trace_owner = sweep;
        session->trace_to = UINT64_MAX;
        session->trace_places[0] = &sweep->from;
        session->trace_places[1] = &sweep->to;
        if (!reference_run(sweep))
            return false;
    }
    if (!request->to)
        sweep->last = session_count(session);
    if (sweep->first == UINT64_MAX || sweep->last == UINT64_MAX) {
        fprintf(stderr, "vmm: %s never comes to %s\n", request->path,
                sweep->first == UINT64_MAX ? request->from : request->to);
        return false;
    }
    if (sweep->first > sweep->last || sweep->last - sweep->first >= BOUNDARIES_MAX) {
        fprintf(stderr, "vmm: from %llu to %llu instructions: %s\n",
                (unsigned long long)sweep->first, (unsigned long long)sweep->last,
                sweep->first > sweep->last ? "the end is before the beginning"
                                           : "more than 4194304: choose fewer by --from and --to");
        return false;
    }
    return true;
}

/* Called at each boundary of the window. */
static bool note(void *owner, uint64_t count)
{
    struct sweep *sweep = owner;
    struct boundary *to = &sweep->boundary[sweep->boundaries];

    if (sweep->boundaries > 0 && to[-1].count >= count)
        return true; /* the guest slept, or the next step goes on from here */
    if (sweep->boundaries == 0 && !session_take(&sweep->session, &sweep->mark[0]))
        return false;
    *to = (struct boundary){count, machine_eip(sweep->session.machine)};
    sweep->boundaries++;
    return true;
}

/* The run that the variants are compared with. It has ended once: so its time is not limited while
 * it stops at each boundary, which takes longer. */
bool reference_find_boundaries(struct sweep *sweep)
{
    struct session *session = &sweep->session;
    uint64_t most = sweep->last - sweep->first + 1;

    sweep->boundary = calloc(most, sizeof(*sweep->boundary));
    sweep->mark = calloc(SWEEP_MARKS + 1, sizeof(*sweep->mark));
    if (!sweep->boundary || !sweep->mark)
        return sweep_refuse("out of memory");
    if (!reference_begin(sweep, false))
        return false;
    session->trace = note;
    session->trace_owner = sweep;
    session->trace_from = sweep->first;
    session->trace_to = sweep->last;
    if (!reference_run(sweep))
        return false;
    if (sweep->boundaries == 0) {
        fprintf(stderr, "vmm: %s ends before %llu instructions\n", sweep->request->path,
                (unsigned long long)sweep->first);
        return false;
    }
    session->trace = NULL;
    sweep->stride = sweep->boundaries / SWEEP_MARKS + 1;
    return true;
}
