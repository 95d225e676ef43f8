/*
 * A flag for all threads; the waits, and the first of them in each direction, for the guest's own.
 */
#include "run_control.h"

#include <string.h>

const struct machine_pause run_control_never = {.time = CLOCK_NEVER, .instructions = UINT64_MAX};

void run_control_init(struct run_control *run, struct inbox *inbox)
{
    *run = (struct run_control){.inbox = inbox, .first = run_control_never};
}

void run_control_hold(struct run_control *run, bool held)
{
    atomic_store(&run->is_held, held);
    inbox_ask(run->inbox);
}

bool run_control_is_held(const struct run_control *run)
{
    return atomic_load(&run->is_held);
}

/* ---- the guest's thread ---- */

static uint64_t instructions(struct machine *machine)
{
    const struct cpu_ops *ops = machine->cpu->ops;

    return ops->instructions ? ops->instructions(machine->cpu) : 0;
}

/* What is first of all that is waited for: a time, a count, and any of the addresses. */
static void find_first(struct run_control *run)
{
    struct machine_pause *first = &run->first;

    *first = run_control_never;
    first->addresses = run->addresses;
    for (unsigned i = 0; i < run->count; i++) {
        const struct machine_pause *pause = &run->waits[i]->pause;
        if (pause->time < first->time)
            first->time = pause->time;
        if (pause->instructions < first->instructions)
            first->instructions = pause->instructions;
        if (pause->address_count > 0)
            memcpy(run->addresses + first->address_count, pause->addresses,
                   pause->address_count * sizeof(*pause->addresses));
        first->address_count += pause->address_count;
    }
}

bool run_control_wait(struct run_control *run, struct machine *machine, struct run_wait *wait)
{
    if (run->count == RUN_CONTROL_WAITS)
        return false;
    wait->begin = instructions(machine);
    wait->begin_eip = machine_eip(machine);
    run->waits[run->count++] = wait;
    find_first(run);
    atomic_store(&run->is_held, false);
    return true;
}

void run_control_leave(struct run_control *run, const struct run_wait *wait)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < run->count; i++) {
        if (run->waits[i] != wait)
            run->waits[kept++] = run->waits[i];
    }
    run->count = kept;
    find_first(run);
}

/* Whether the guest is where somebody waits for it. An interrupt may have brought it there without
 * an instruction. */
static bool has_come(const struct run_wait *wait, struct machine *machine)
{
    struct machine_pause pause = wait->pause;

    if (instructions(machine) == wait->begin && machine_eip(machine) == wait->begin_eip)
        pause.address_count = 0;
    return machine_is_at(machine, &pause);
}

bool run_control_has_stopped(struct run_control *run, struct machine *machine)
{
    for (unsigned i = 0; i < run->count; i++) {
        if (has_come(run->waits[i], machine))
            atomic_store(&run->is_held, true);
    }
    return machine->outcome.end != END_NONE || run_control_is_held(run);
}

const struct machine_pause *run_control_pause(const struct run_control *run)
{
    return run->count > 0 ? &run->first : NULL;
}
