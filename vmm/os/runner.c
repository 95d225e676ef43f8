/*
 * A machine's time and the host's.
 */
#include "runner.h"

#include "host_clock.h"

/* How long the CPU may run between two turns: as nothing to the guest, as much to the host. */
#define TURN_NS UINT64_C(1000000)

/* --cpu-limit: how long it may run before what it has used is looked at. */
#define LIMIT_SLICE_NS UINT64_C(5000000)

void runner_init(struct runner *runner, struct machine *machine, struct inbox *inbox,
                 const struct runner_config *config)
{
    *runner = (struct runner){.machine = machine, .inbox = inbox, .config = *config};
    turn_init(&runner->turn, config->turns);
}

void runner_free(struct runner *runner)
{
    turn_free(&runner->turn);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t guest_now(const struct runner *runner)
{
    return clock_now(&runner->machine->clock);
}

/* Whether the guest's time is counted, and has to be kept in step with the host's by us. */
static bool is_counted(const struct runner *runner)
{
    return runner->machine->cpu->ops->skip_to != NULL;
}

/* Sleeps until the inbox has something, or `ns` have passed. It returns its turn; after it wakes up
 * it may run for the length of one turn without waiting for one. */
static void sleep_for(struct runner *runner, uint64_t ns)
{
    turn_give(&runner->turn);
    runner->turn_end = 0;
    inbox_wait(runner->inbox, ns);
}

static void change_turns(struct runner *runner)
{
    if (!runner->turn_end || guest_now(runner) < runner->turn_end)
        return;
    turn_give(&runner->turn);
    turn_take(&runner->turn);
    runner->turn_end = 0;
}

static void count_wakeup(struct runner_wakeups *wakeups, uint64_t late_ns)
{
    wakeups->count++;
    wakeups->late += late_ns > RUNNER_LAG_NS;
    if (late_ns > wakeups->latest_ns)
        wakeups->latest_ns = late_ns;
}

/*
 * Lets the guest's time come to `time`, or to where it is when the inbox has something: by sleeping
 * where it is the host's time, or is to look like it; at once where it is counted and nobody waits.
 */
static void pass_time(struct runner *runner, uint64_t time)
{
    uint64_t now = guest_now(runner);
    bool counted = is_counted(runner);

    if (counted && runner->machine->config.virtual_time && time != CLOCK_NEVER) {
        machine_skip_to(runner->machine, time);
        return;
    }
    if (counted) {
        uint64_t host = clock_host_ns() - runner->host_start;
        if (host > now + RUNNER_LAG_NS)
            runner->host_start += host - now;
        else
            now = host;
    }
    if (time > now) {
        sleep_for(runner, time == CLOCK_NEVER ? CLOCK_NEVER : time - now);
        now = counted ? clock_host_ns() - runner->host_start : guest_now(runner);
        if (now >= time)
            count_wakeup(&runner->wakeups, now - time);
    }
    if (counted)
        machine_skip_to(runner->machine, sooner(now, time));
}

/* A software CPU may be faster than its clock says: then the host's time catches up here. If it is
 * slower, the time limit is the host's all the same. */
static void pace(struct runner *runner)
{
    struct machine *machine = runner->machine;

    if (!is_counted(runner) || machine->config.virtual_time)
        return;
    pass_time(runner, guest_now(runner));
    if (runner->host_used + clock_host_ns() - runner->host_begin >= machine->config.timeout)
        machine_time_out(machine);
}

/* Sleeps off what the thread has used over its share since it was last here. */
static void keep_limit(struct runner *runner)
{
    uint64_t now = clock_host_ns(), used, end;

    if (!runner->config.cpu_limit || now - runner->limit_start < LIMIT_SLICE_NS)
        return;
    used = clock_thread_ns();
    end = runner->limit_start + (used - runner->limit_used) * 100 / runner->config.cpu_limit;
    for (; now < end && !atomic_load(&runner->inbox->quit); now = clock_host_ns()) {
        sleep_for(runner, end - now);
        runner_show(runner);
    }
    runner->limit_start = now;
    runner->limit_used = used;
}

/* When the CPU must come back at the latest, for others or to be looked at. */
static uint64_t slice_end(struct runner *runner)
{
    uint64_t end = CLOCK_NEVER;

    if (runner->config.turns) {
        if (!runner->turn_end)
            runner->turn_end = guest_now(runner) + TURN_NS;
        end = runner->turn_end;
    }
    if (runner->config.cpu_limit)
        end = sooner(end, guest_now(runner) + LIMIT_SLICE_NS);
    return end;
}

void runner_show(struct runner *runner)
{
    if (atomic_exchange(&runner->inbox->look, false) && runner->config.show)
        runner->config.show(runner->config.owner, runner->machine);
}

/* What has come from outside since it was last looked at; a kick says that there is something. */
static void look_into_inbox(struct runner *runner)
{
    struct inbox *inbox = runner->inbox;

    if (atomic_load_explicit(&inbox->news, memory_order_relaxed) &&
        atomic_exchange(&inbox->news, false)) {
        runner_show(runner);
        machine_input_came(runner->machine);
        if (atomic_load(&inbox->asked))
            machine_pause(runner->machine);
    }
    if (atomic_load_explicit(&inbox->closed, memory_order_relaxed))
        machine_input_closed(runner->machine);
    if (atomic_load_explicit(&inbox->quit, memory_order_relaxed))
        machine_quit(runner->machine);
}

bool runner_run_until(struct runner *runner, const struct machine_pause *pause)
{
    struct machine *machine = runner->machine;
    enum machine_stop stop;

    runner->host_begin = clock_host_ns();
    runner->host_start = runner->host_begin - guest_now(runner);
    runner->limit_start = runner->host_begin;
    runner->limit_used = clock_thread_ns();
    inbox_listen(runner->inbox, machine->cpu);
    machine_begin(machine, pause);
    do {
        look_into_inbox(runner);
        stop = machine_advance(machine, slice_end(runner));
        if (stop == MACHINE_IDLE) {
            pass_time(runner, machine_deadline(machine));
        } else if (stop == MACHINE_RUNNING) {
            pace(runner);
            change_turns(runner);
            keep_limit(runner);
        }
    } while (stop == MACHINE_IDLE || stop == MACHINE_RUNNING);
    inbox_listen(runner->inbox, NULL);
    turn_give(&runner->turn);
    runner->host_used += clock_host_ns() - runner->host_begin;
    return stop == MACHINE_PAUSED;
}
