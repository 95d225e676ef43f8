/*
 * The runs with interrupts, the variants: which there are, how each begins at a snapshot shortly
 * before its first interrupt, and the processes that run them.
 */
#include "sweep_parts.h"

#include "os/host_clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHARE          32 /* variants that a process takes at a time */
#define UNFINISHED_MAX 10 /* variants that the host's time is too short for end the sweep */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
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

unsigned variants_places(const struct sweep *sweep, uint64_t which, uint64_t at[SWEEP_AT_ONCE])
{
    uint64_t random = sweep->request->seed * UINT64_C(0x5851f42d4c957f2d) + which;
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
        count = 1 + (unsigned)(next_random(&random) % SWEEP_AT_ONCE);
    for (unsigned i = 0; i < count; i++)
        at[i] = next_random(&random) % sweep->boundaries;
    qsort(at, count, sizeof(*at), by_number);
    return count;
}

static bool leave(void *owner, uint64_t count)
{
    struct session *session = owner;

    return count < session->trace_from;
}

/* Restores the last mark at or before a boundary; makes those that are not there yet. */
static bool go_near(struct sweep *sweep, uint64_t boundary)
{
    struct session *session = &sweep->session;
    uint64_t wanted = boundary / sweep->stride, have = wanted;

    while (!sweep->mark[have].snapshot)
        have--;
    if (!session_restore(session, &sweep->mark[have]))
        return false;
    session->plan = session->plan_end = NULL;
    while (have < wanted) {
        session->trace = leave;
        session->trace_owner = session;
        session->trace_from = sweep->boundary[++have * sweep->stride].count;
        session->trace_to = UINT64_MAX;
        session_run(session);
        session->trace = NULL;
        if (!session->is_left || !session_take(session, &sweep->mark[have]))
            return false;
    }
    return true;
}

void variants_compare(struct sweep *sweep)
{
    compare_begin(&sweep->output);
    sweep->session.output =
        sweep->request->ignores_output || sweep->verdict != VERDICT_PASS ? NULL : compare_check;
    sweep->session.output_owner = &sweep->output;
}

bool variants_judge(struct sweep *sweep, char *why, size_t size)
{
    struct session *session = &sweep->session;
    const struct machine_outcome *outcome = &session->machine->outcome;

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
    if (!session->output || !compare_end(&sweep->output, session->listener.s.count))
        return true;
    snprintf(why, size, "the output differs: \"%s\", not \"%s\"", sweep->output.line.text,
             sweep->output.expected.text);
    return false;
}

/* Keeps why a variant failed, once. Returns where; 0: there is no room. */
static uint16_t keep_reason(struct board *board, const char *why)
{
    unsigned count = atomic_load(&board->reasons), at;

    for (at = 0; at < count && at < SWEEP_REASONS; at++) {
        if (atomic_load(&board->reason[at].is_there) && strcmp(board->reason[at].text, why) == 0)
            return (uint16_t)(at + 1);
    }
    if (count >= SWEEP_REASONS || (at = atomic_fetch_add(&board->reasons, 1)) >= SWEEP_REASONS)
        return 0;
    snprintf(board->reason[at].text, sizeof(board->reason[at].text), "%s", why);
    atomic_store(&board->reason[at].is_there, true);
    return (uint16_t)(at + 1);
}

static void run_variant(struct sweep *sweep, uint64_t which)
{
    struct board *board = sweep->board;
    struct variant *variant = &board->variant[which];
    struct session *session = &sweep->session;
    uint64_t at[SWEEP_AT_ONCE];
    unsigned count = variants_places(sweep, which, at);
    char why[sizeof(session->message)];
    bool passed = false;

    host_limit_begin(&sweep->limit);
    session->limit = &sweep->limit;
    variants_compare(sweep);
    if (!go_near(sweep, at[0])) {
        snprintf(why, sizeof(why), "%s", session->message);
    } else {
        for (unsigned i = 0; i < count; i++)
            sweep->plan[i] =
                (struct session_irq){sweep->boundary[at[i]].count, sweep->request->irq};
        session->plan = sweep->plan;
        session->plan_end = sweep->plan + count;
        session_run(session);
        passed = variants_judge(sweep, why, sizeof(why));
    }
    if (session->is_unfinished) {
        variant->how = VARIANT_UNFINISHED;
        atomic_fetch_add(&board->unfinished, 1);
    } else if (passed) {
        variant->how = VARIANT_PASSED;
    } else {
        variant->how = VARIANT_FAILED;
        variant->reason = keep_reason(board, why);
        atomic_fetch_add(&board->failed, 1);
    }
    atomic_fetch_add(&board->done, 1);
}

static void work(struct sweep *sweep)
{
    uint64_t at;

    host_limit_end(); /* that of the process before the fork */
    while ((at = atomic_fetch_add(&sweep->board->next, SHARE)) < sweep->variants) {
        for (uint64_t i = at; i < at + SHARE && i < sweep->variants; i++) {
            if (atomic_load(&sweep->board->unfinished) >= UNFINISHED_MAX)
                return;
            run_variant(sweep, i);
        }
    }
}

bool variants_prepare(struct sweep *sweep)
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
        return sweep_refuse("out of memory");
    }
    return true;
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

unsigned variants_run(struct sweep *sweep)
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
