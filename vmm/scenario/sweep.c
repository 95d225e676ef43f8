/*
 * The sweep: one run without the interrupt, which is the reference and has the boundaries between
 * instructions; then the variants, by processes that each have the machine and its snapshots.
 */
#include "sweep_parts.h"

#include "os/host_clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool sweep_refuse(const char *text)
{
    fprintf(stderr, "vmm: %s\n", text);
    return false;
}

static bool prepare(struct sweep *sweep, const struct sweep_request *request)
{
    char error[600];

    *sweep = (struct sweep){.request = request,
                            .session = {.inbox = {.wake_fd = -1, .room_fd = -1}},
                            .limit = request->limit,
                            .refusal = VERDICT_REFUSED};
    sweep->scenario = scenario_read(request->path, error, sizeof(error));
    if (!sweep->scenario)
        return sweep_refuse(error);
    /* A place is a count of instructions, which must come once only. */
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
    for (uint64_t i = 0; sweep->mark && i <= SWEEP_MARKS; i++)
        session_mark_free(&sweep->mark[i]);
    session_free(&sweep->session);
    scenario_free(sweep->scenario);
    free(sweep->mark);
    free(sweep->boundary);
    compare_free(&sweep->output);
    free(sweep->from.name);
    free(sweep->to.name);
    if (sweep->board)
        munmap(sweep->board, sweep->board_size);
}

static void print_sums(const struct sweep *sweep, double seconds)
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
}

static enum verdict judge_all(const struct sweep *sweep, unsigned broken)
{
    const struct board *board = sweep->board;
    uint64_t done = atomic_load(&board->done), unfinished = atomic_load(&board->unfinished);

    if (broken > 0) {
        fprintf(stderr, "vmm: %u processes of the sweep ended early\n", broken);
        return VERDICT_FAIL;
    }
    if (done < sweep->variants)
        fprintf(stderr, "vmm: the sweep was ended: too many of its runs do not finish\n");
    return atomic_load(&board->failed) > 0 ? VERDICT_FAIL
           : unfinished > 0                ? VERDICT_TIMEOUT
                                           : VERDICT_PASS;
}

enum verdict sweep_run(const struct sweep_request *request)
{
    enum verdict verdict;
    struct sweep sweep;

    if (prepare(&sweep, request) && reference_find_window(&sweep) &&
        reference_find_boundaries(&sweep) && variants_prepare(&sweep)) {
        uint64_t start = clock_host_ns();
        unsigned broken = variants_run(&sweep);
        print_sums(&sweep, (double)(clock_host_ns() - start) / 1e9);
        verdict = judge_all(&sweep, broken);
        if (!findings_print(&sweep))
            verdict = VERDICT_REFUSED;
    } else {
        verdict = sweep.refusal;
    }
    finish(&sweep);
    return verdict;
}

/* ---- one of them again ---- */

/* Called at each boundary from the first interrupt to the last: prints where they come. */
static bool print_place(void *owner, uint64_t count)
{
    struct sweep *sweep = owner;
    struct session *session = &sweep->session;
    char where[200];

    for (const struct session_irq *irq = session->plan; irq != session->plan_end; irq++) {
        if (irq->at != count || count < session->trace_from)
            continue;
        session_describe(session, machine_eip(session->machine), where, sizeof(where));
        printf("IRQ %u is raised after %llu instructions, at %s\n", irq->irq,
               (unsigned long long)count, where);
        session->trace_from = count + 1; /* once, where it sleeps here */
    }
    return true;
}

/* Runs it with the interrupts, and says how it ends. */
static enum verdict replay(struct sweep *sweep, const uint64_t *at, unsigned count)
{
    struct session *session = &sweep->session;
    const char *path = sweep->request->path;
    char why[sizeof(session->message)];

    for (unsigned i = 0; i < count; i++)
        sweep->plan[i] = (struct session_irq){at[i], sweep->request->irq};
    session->plan = sweep->plan;
    session->plan_end = sweep->plan + count;
    session->trace = print_place;
    session->trace_owner = sweep;
    session->trace_from = at[0];
    session->trace_to = at[count - 1];
    variants_compare(sweep);
    session_run(session);
    if (session_count(session) < at[count - 1])
        printf("the run ends after %llu instructions: no interrupt came at %llu\n",
               (unsigned long long)session_count(session), (unsigned long long)at[count - 1]);
    if (session->verdict == VERDICT_REFUSED) {
        sweep_refuse(session->message);
        return VERDICT_REFUSED;
    }
    if (variants_judge(sweep, why, sizeof(why))) {
        printf("ok    %s\n", path);
        return session->verdict;
    }
    printf("FAIL  %s\n  %s\n", path, why);
    session_explain(session, stdout);
    return session->is_unfinished ? VERDICT_TIMEOUT : VERDICT_FAIL;
}

enum verdict sweep_replay(const struct sweep_request *request, const uint64_t *at, unsigned count)
{
    enum verdict verdict;
    struct sweep sweep;

    if (prepare(&sweep, request) && reference_begin(&sweep, true) && reference_run(&sweep) &&
        reference_begin(&sweep, true))
        verdict = replay(&sweep, at, count);
    else
        verdict = sweep.refusal;
    host_limit_end();
    finish(&sweep);
    return verdict;
}
