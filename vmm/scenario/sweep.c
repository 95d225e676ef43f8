/*
 * The sweep: one run without the interrupt, which is the reference and tells the boundaries between
 * instructions; then the variants, by processes that each have the machine and its snapshots.
 */
#include "sweep.h"
#include "os/host_clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BOUNDARIES_MAX (UINT64_C(1) << 22)
#define MARKS          256 /* snapshots along the window, for the variants to begin at */
#define SHARE          32  /* variants that a process takes at a time */
#define GROUPS_SHOWN   20

struct boundary {
    uint64_t count; /* instructions before it */
    uint32_t eip;   /* the address of the next one */
};

/* How a variant went. */
struct variant {
    bool has_failed;
    char why[600];
};

/* What the processes share. */
struct board {
    atomic_uint_fast64_t next, done, failed;
    struct variant variant[];
};

struct sweep {
    const struct sweep_request *request;
    struct scenario *scenario;
    struct session session;

    /* of the reference */
    struct place from, to;
    uint64_t first, last; /* the window, in instructions; UINT64_MAX: not found */
    struct boundary *boundary;
    uint64_t boundaries;
    enum verdict verdict;
    enum machine_end end;
    int status;
    struct session_text output[CHANNEL_SCREEN];

    struct session_mark *mark; /* by boundary / stride */
    uint64_t stride;
    struct session_events *events; /* those that belong to the marks */
    struct session_irq plan[SWEEP_AT_ONCE];
    uint64_t singles, variants;
    struct board *board;
    size_t board_size;
};

static bool complain(const char *text)
{
    fprintf(stderr, "vmm: %s\n", text);
    return false;
}

/* ---- the reference ---- */

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

/* A session of the scenario from its start. */
static bool begin(struct sweep *sweep)
{
    session_free(&sweep->session);
    if (!session_init(&sweep->session, sweep->scenario))
        return complain(sweep->session.message);
    sweep->session.scancode = sweep->request->scancode;
    return true;
}

/* Runs it without the interrupt; what it ends as is the measure of all. */
static bool run_reference(struct sweep *sweep)
{
    struct session *session = &sweep->session;

    sweep->verdict = session_run(session);
    if (sweep->verdict == VERDICT_REFUSED)
        return complain(session->message);
    if (!session->machine->cpu->ops->instructions)
        return complain("a sweep needs --cpu soft, which counts instructions");
    for (unsigned i = 0; i < session->options.disk_count; i++) {
        if (!session->options.disks[i].disk.read_only)
            return complain("what is on a disk can't be put back: a sweep needs --disk FILE,ro");
    }
    sweep->end = session->machine->outcome.end;
    sweep->status = session->machine->outcome.status;
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++) {
        size_t length = session->s.heard[i];
        free(sweep->output[i].bytes);
        sweep->output[i] = (struct session_text){.bytes = calloc(1, length + 1), .length = length};
        if (!sweep->output[i].bytes)
            return complain("out of memory");
        if (length > 0)
            memcpy(sweep->output[i].bytes, session->text[i].bytes, length);
    }
    return true;
}

/* The addresses of a place on the command line: the guest must have been booted for its symbols. */
static bool resolve(struct sweep *sweep, struct place *place)
{
    return session_resolve(&sweep->session, place) || complain(sweep->session.message);
}

static bool find_window(struct sweep *sweep)
{
    const struct sweep_request *request = sweep->request;
    struct session *session = &sweep->session;
    bool traces;

    sweep->first = sweep->last = UINT64_MAX;
    if (!parse_end(sweep, "--from", request->from, &sweep->from) ||
        !parse_end(sweep, "--to", request->to, &sweep->to) || !begin(sweep) ||
        !run_reference(sweep) || !resolve(sweep, &sweep->from) || !resolve(sweep, &sweep->to))
        return false;
    if (session->log)
        return complain("a sweep has too many runs to trace them: vmm replay traces one");
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
        if (!begin(sweep))
            return false;
        session->trace = locate;
        session->trace_owner = sweep;
        session->trace_to = UINT64_MAX;
        session->trace_places[0] = &sweep->from;
        session->trace_places[1] = &sweep->to;
        if (!run_reference(sweep))
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
                                           : "more than 4194304: choose less by --from and --to");
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
        return true; /* it slept, or goes on with the next step */
    if (sweep->boundaries == 0 && !session_take(&sweep->session, &sweep->mark[0]))
        return false;
    *to = (struct boundary){count, machine_eip(sweep->session.machine)};
    sweep->boundaries++;
    return true;
}

/* The run that the variants are compared with, and its boundaries. */
static bool make_reference(struct sweep *sweep)
{
    struct session *session = &sweep->session;
    uint64_t most = sweep->last - sweep->first + 1;

    sweep->boundary = calloc(most, sizeof(*sweep->boundary));
    sweep->mark = calloc(MARKS + 1, sizeof(*sweep->mark));
    if (!sweep->boundary || !sweep->mark)
        return complain("out of memory");
    if (!begin(sweep))
        return false;
    session->trace = note;
    session->trace_owner = sweep;
    session->trace_from = sweep->first;
    session->trace_to = sweep->last;
    if (!run_reference(sweep))
        return false;
    if (sweep->boundaries == 0) {
        fprintf(stderr, "vmm: %s ends before %llu instructions\n", sweep->request->path,
                (unsigned long long)sweep->first);
        return false;
    }
    session->trace = NULL;
    sweep->events = session->events;
    sweep->stride = sweep->boundaries / MARKS + 1;
    return true;
}

/* ---- variants ---- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t all_pairs(const struct sweep *sweep)
{
    return sweep->boundaries * (sweep->boundaries - 1) / 2;
}

/* The boundaries of a variant, ascending, in `at`; returns how many. */
static unsigned places_of(const struct sweep *sweep, uint64_t which, uint64_t at[SWEEP_AT_ONCE])
{
    uint64_t lot = sweep->request->seed * UINT64_C(0x5851f42d4c957f2d) + which;
    unsigned count = 2;

    if (which < sweep->singles) {
        at[0] = which;
        return 1;
    }
    which -= sweep->singles;
    if (!sweep->request->jitter && all_pairs(sweep) <= sweep->request->budget) {
        uint64_t first = 0, row = sweep->boundaries - 1;
        while (which >= row) {
            which -= row--;
            first++;
        }
        at[0] = first;
        at[1] = first + 1 + which;
        return 2;
    }
    if (sweep->request->jitter)
        count = 1 + (unsigned)(draw(&lot) % SWEEP_AT_ONCE);
    for (unsigned i = 0; i < count; i++)
        at[i] = draw(&lot) % sweep->boundaries;
    qsort(at, count, sizeof(*at), by_number);
    return count;
}

static bool leave(void *owner, uint64_t count)
{
    struct session *session = owner;

    return count < session->trace_from;
}

/* Puts the session to the last mark at or before a boundary; makes those that are not there yet. */
static bool go_near(struct sweep *sweep, uint64_t boundary)
{
    struct session *session = &sweep->session;
    uint64_t wanted = boundary / sweep->stride, have = wanted;

    while (!sweep->mark[have].snapshot)
        have--;
    if (!session_restore(session, &sweep->mark[have]))
        return false;
    session->plan = session->plan_end = NULL;
    /* What was printed up to here another variant may have had otherwise. */
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++) {
        if (session->s.heard[i] > 0)
            memcpy(session->text[i].bytes, sweep->output[i].bytes, session->s.heard[i]);
    }
    while (have < wanted) {
        session->trace = leave;
        session->trace_owner = session;
        session->trace_from = sweep->boundary[++have * sweep->stride].count;
        session->trace_to = UINT64_MAX;
        session_run(session);
        session->trace = NULL;
        if (!session->is_left || !session_take(session, &sweep->mark[have]))
            return false;
        sweep->events = session->events;
    }
    return true;
}

/* The line in which two outputs differ first. */
static void tell_difference(const struct sweep *sweep, const char *output, size_t length, char *why,
                            size_t size)
{
    const struct session_text *reference = &sweep->output[CHANNEL_ALL];
    size_t at = 0, line;

    while (at < length && at < reference->length && output[at] == reference->bytes[at])
        at++;
    for (line = at; line > 0 && reference->bytes[line - 1] != '\n';)
        line--;
    snprintf(why, size, "the output differs: \"%.*s\", not \"%.*s\"",
             (int)strcspn(output + line, "\n"), output + line,
             (int)strcspn(reference->bytes + line, "\n"), reference->bytes + line);
}

/* Whether a run that has ended is as good as the reference; else why not. A reference that fails
 * without the interrupt is none: then the scenario alone decides. */
static bool judge(struct sweep *sweep, char *why, size_t size)
{
    struct session *session = &sweep->session;
    const struct machine_outcome *outcome = &session->machine->outcome;
    size_t length = session->s.heard[CHANNEL_ALL];
    char *text = session->text[CHANNEL_ALL].bytes;

    if (session->verdict != VERDICT_PASS) {
        snprintf(why, size, "%s", session->message);
        return false;
    }
    if (sweep->verdict != VERDICT_PASS)
        return true;
    if (outcome->end != sweep->end || outcome->status != sweep->status) {
        snprintf(why, size, "the guest ended: %s, status %d; without the interrupt: %s, status %d",
                 machine_end_name(outcome->end), outcome->status, machine_end_name(sweep->end),
                 sweep->status);
        return false;
    }
    if (sweep->request->ignores_output)
        return true;
    if (length != sweep->output[CHANNEL_ALL].length ||
        (length && memcmp(text, sweep->output[CHANNEL_ALL].bytes, length) != 0)) {
        char *copy = malloc(length + 1);
        if (copy) {
            if (length)
                memcpy(copy, text, length);
            copy[length] = '\0';
            tell_difference(sweep, copy, length, why, size);
        }
        free(copy);
        return false;
    }
    return true;
}

static void forget_events(struct session *session, const struct session_events *until)
{
    while (session->events != until) {
        struct session_events *next = session->events->next;
        free(session->events);
        session->events = next;
    }
}

static void run_variant(struct sweep *sweep, uint64_t which)
{
    struct variant *variant = &sweep->board->variant[which];
    struct session *session = &sweep->session;
    uint64_t at[SWEEP_AT_ONCE];
    unsigned count = places_of(sweep, which, at);

    if (!go_near(sweep, at[0])) {
        variant->has_failed = true;
        snprintf(variant->why, sizeof(variant->why), "%s", session->message);
    } else {
        for (unsigned i = 0; i < count; i++)
            sweep->plan[i] =
                (struct session_irq){sweep->boundary[at[i]].count, sweep->request->irq};
        session->plan = sweep->plan;
        session->plan_end = sweep->plan + count;
        session_run(session);
        variant->has_failed = !judge(sweep, variant->why, sizeof(variant->why));
    }
    forget_events(session, sweep->events);
    atomic_fetch_add(&sweep->board->done, 1);
    if (variant->has_failed)
        atomic_fetch_add(&sweep->board->failed, 1);
}

static void work(struct sweep *sweep)
{
    uint64_t at;

    while ((at = atomic_fetch_add(&sweep->board->next, SHARE)) < sweep->variants) {
        for (uint64_t i = at; i < at + SHARE && i < sweep->variants; i++)
            run_variant(sweep, i);
    }
}

static void show_progress(const struct sweep *sweep, uint64_t start)
{
    uint64_t done = atomic_load(&sweep->board->done), all = sweep->variants;
    double seconds = (double)(clock_host_ns() - start) / 1e9, rate = (double)done / seconds;

    fprintf(stderr, "\r  [%-30.*s] %llu of %llu, %.0f a second, %.0f s left, %llu failed ",
            (int)(30 * done / all), "##############################", (unsigned long long)done,
            (unsigned long long)all, rate, rate > 0 ? (double)(all - done) / rate : 0.0,
            (unsigned long long)atomic_load(&sweep->board->failed));
}

/* Starts the processes and waits for them. Returns how many ended by themselves, without a word. */
static unsigned run_variants(struct sweep *sweep)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    uint64_t start = clock_host_ns();
    bool shows = isatty(STDERR_FILENO);
    unsigned running = 0, broken = 0;

    fflush(stdout);
    for (unsigned i = 0; i < sweep->request->jobs; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            work(sweep);
            _exit(0);
        }
        running += pid > 0;
    }
    if (running == 0)
        work(sweep);
    while (running > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, shows ? WNOHANG : 0);
        if (pid > 0) {
            running--;
            broken += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        } else if (pid < 0 && errno != EINTR) {
            break;
        } else if (shows) {
            show_progress(sweep, start);
            nanosleep(&pause, NULL);
        }
    }
    if (shows)
        fprintf(stderr, "\r%*s\r", 100, "");
    return broken;
}

/* ---- what was found ---- */

struct group {
    char where[200];
    uint64_t tried, failed, first; /* the first variant that failed */
};

/* Where a boundary is, without the offset in its function: so that those of a line are one. */
static void where_is(struct sweep *sweep, uint64_t boundary, char *to, size_t size)
{
    char *plus, *line;

    session_describe(&sweep->session, sweep->boundary[boundary].eip, to, size);
    plus = strchr(to, '+');
    line = strstr(to, " (");
    if (plus && line && line > plus)
        memmove(plus, line, strlen(line) + 1);
    else if (plus)
        *plus = '\0';
}

static void print_replay(const struct sweep *sweep, uint64_t which)
{
    uint64_t at[SWEEP_AT_ONCE];
    unsigned count = places_of(sweep, which, at);

    printf("      vmm replay %s --irq %u", sweep->request->path, sweep->request->irq);
    if (sweep->request->irq == 1 && sweep->request->scancode != MACHINE_SCANCODE)
        printf(" --scancode %#x", sweep->request->scancode);
    printf("%s --at ", sweep->request->ignores_output ? " --ignore-output" : "");
    for (unsigned i = 0; i < count; i++)
        printf("%s%llu", i ? "," : "", (unsigned long long)sweep->boundary[at[i]].count);
    printf("\n");
}

static struct group *group_of(struct group *groups, size_t *count, const char *where)
{
    size_t i = 0;

    while (i < *count && strcmp(groups[i].where, where) != 0)
        i++;
    if (i == *count) {
        groups[i] = (struct group){.first = UINT64_MAX};
        snprintf(groups[i].where, sizeof(groups[i].where), "%s", where);
        ++*count;
    }
    return &groups[i];
}

static bool report(struct sweep *sweep)
{
    struct group *groups = calloc(sweep->boundaries, sizeof(*groups));
    size_t count = 0, shown = 0, failing = 0;
    const char *why = "";
    char where[200];

    if (!groups)
        return complain("out of memory");
    for (uint64_t i = 0; i < sweep->variants; i++) {
        const struct variant *variant = &sweep->board->variant[i];
        uint64_t at[SWEEP_AT_ONCE];
        struct group *group;
        places_of(sweep, i, at);
        where_is(sweep, at[0], where, sizeof(where));
        group = group_of(groups, &count, where);
        group->tried++;
        if (variant->has_failed) {
            group->failed++;
            if (group->first == UINT64_MAX)
                group->first = i;
        }
    }
    for (size_t i = 0; i < count; i++)
        failing += groups[i].failed > 0;
    /* In the order of their first failures, which is the order of execution. */
    for (uint64_t i = 0; i < sweep->variants && shown < GROUPS_SHOWN; i++) {
        for (size_t j = 0; sweep->board->variant[i].has_failed && j < count; j++) {
            if (groups[j].first != i)
                continue;
            shown++;
            printf("  %s: %llu of %llu fail\n", groups[j].where,
                   (unsigned long long)groups[j].failed, (unsigned long long)groups[j].tried);
            if (strcmp(sweep->board->variant[i].why, why) != 0)
                printf("      %s\n", why = sweep->board->variant[i].why);
            print_replay(sweep, i);
        }
    }
    if (failing > shown)
        printf("  and %zu more places\n", failing - shown);
    free(groups);
    return true;
}

/* ---- begin and end ---- */

static bool prepare(struct sweep *sweep, const struct sweep_request *request)
{
    char error[600];

    *sweep =
        (struct sweep){.request = request, .session = {.inbox = {.wake_fd = -1, .room_fd = -1}}};
    sweep->scenario = scenario_read(request->path, error, sizeof(error));
    if (!sweep->scenario)
        return complain(error);
    /* A place is a count of instructions, which must come once. */
    for (size_t i = 1; i < sweep->scenario->count; i++) {
        const struct step *step = &sweep->scenario->steps[i];
        if (step->verb != VERB_BOOT && step->verb != VERB_RESTORE)
            continue;
        fprintf(stderr,
                "vmm: %s:%u: %s: a sweep needs a scenario that goes through its guest once\n",
                request->path, step->line, step->source);
        return false;
    }
    return true;
}

static void finish(struct sweep *sweep)
{
    for (uint64_t i = 0; sweep->mark && i <= MARKS; i++)
        snapshot_free(sweep->mark[i].snapshot);
    session_free(&sweep->session);
    scenario_free(sweep->scenario);
    free(sweep->mark);
    free(sweep->boundary);
    for (unsigned i = 0; i < CHANNEL_SCREEN; i++)
        free(sweep->output[i].bytes);
    free(sweep->from.name);
    free(sweep->to.name);
    if (sweep->board)
        munmap(sweep->board, sweep->board_size);
}

static bool make_board(struct sweep *sweep)
{
    const struct sweep_request *request = sweep->request;
    uint64_t pairs = all_pairs(sweep);

    sweep->singles = request->jitter ? 0 : sweep->boundaries;
    sweep->variants = request->jitter ? request->jitter : sweep->singles;
    if (request->bound == 2 && !request->jitter)
        sweep->variants += pairs < request->budget ? pairs : request->budget;
    sweep->board_size = sizeof(*sweep->board) + sweep->variants * sizeof(struct variant);
    sweep->board = mmap(NULL, sweep->board_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sweep->board == MAP_FAILED) {
        sweep->board = NULL;
        return complain("out of memory");
    }
    return true;
}

static enum verdict sum_up(const struct sweep *sweep, double seconds, unsigned broken)
{
    uint64_t done = atomic_load(&sweep->board->done), failed = atomic_load(&sweep->board->failed);

    printf("%s: IRQ %u at %llu boundaries, %llu to %llu instructions: %llu runs, %llu failed "
           "(%.2f s, %.0f a second)\n",
           sweep->request->path, sweep->request->irq, (unsigned long long)sweep->boundaries,
           (unsigned long long)sweep->boundary[0].count,
           (unsigned long long)sweep->boundary[sweep->boundaries - 1].count,
           (unsigned long long)done, (unsigned long long)failed, seconds, (double)done / seconds);
    if (sweep->verdict != VERDICT_PASS)
        printf("  without the interrupt it fails, so the scenario alone decides: %s\n",
               sweep->session.message);
    if (broken > 0 || done < sweep->variants) {
        fprintf(stderr, "vmm: %u processes of the sweep ended early\n", broken);
        return VERDICT_FAIL;
    }
    return failed == 0 ? VERDICT_PASS : VERDICT_FAIL;
}

enum verdict sweep_run(const struct sweep_request *request)
{
    enum verdict verdict = VERDICT_REFUSED;
    struct sweep sweep;

    if (prepare(&sweep, request) && find_window(&sweep) && make_reference(&sweep) &&
        make_board(&sweep)) {
        uint64_t start = clock_host_ns();
        unsigned broken = run_variants(&sweep);
        verdict = sum_up(&sweep, (double)(clock_host_ns() - start) / 1e9, broken);
        if (!report(&sweep))
            verdict = VERDICT_REFUSED;
    }
    finish(&sweep);
    return verdict;
}

/* Called at each boundary from the first interrupt to the last: says where they come. */
static bool tell_place(void *owner, uint64_t count)
{
    struct sweep *sweep = owner;
    struct session *session = &sweep->session;
    char where[200];

    for (const struct session_irq *irq = session->plan; irq != session->plan_end; irq++) {
        if (irq->at != count || count < session->trace_from)
            continue;
        session_describe(session, machine_eip(session->machine), where, sizeof(where));
        printf("IRQ %u comes behind %llu instructions, at %s\n", irq->irq,
               (unsigned long long)count, where);
        session->trace_from = count + 1; /* once, where it sleeps here */
    }
    return true;
}

enum verdict sweep_replay(const struct sweep_request *request, const uint64_t *at, unsigned count)
{
    enum verdict verdict = VERDICT_REFUSED;
    char why[600];
    struct sweep sweep;

    if (prepare(&sweep, request) && begin(&sweep) && run_reference(&sweep) && begin(&sweep)) {
        for (unsigned i = 0; i < count; i++)
            sweep.plan[i] = (struct session_irq){at[i], request->irq};
        sweep.session.plan = sweep.plan;
        sweep.session.plan_end = sweep.plan + count;
        sweep.session.trace = tell_place;
        sweep.session.trace_owner = &sweep;
        sweep.session.trace_from = at[0];
        sweep.session.trace_to = at[count - 1];
        session_run(&sweep.session);
        if (session_count(&sweep.session) < at[count - 1])
            printf("the run ends behind %llu instructions: no interrupt came at %llu\n",
                   (unsigned long long)session_count(&sweep.session),
                   (unsigned long long)at[count - 1]);
        verdict = sweep.session.verdict;
        if (verdict == VERDICT_REFUSED) {
            complain(sweep.session.message);
        } else if (judge(&sweep, why, sizeof(why))) {
            printf("ok    %s\n", request->path);
        } else {
            verdict = VERDICT_FAIL;
            printf("FAIL  %s\n  %s\n", request->path, why);
            session_explain(&sweep.session, stdout);
        }
    }
    finish(&sweep);
    return verdict;
}
