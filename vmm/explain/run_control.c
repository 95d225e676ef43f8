/*
 * A flag for all threads; the waits, the breakpoints, and the first of them in each direction, for
 * the guest's own.
 */
#include "run_control.h"

#include "cpu/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct machine_pause run_control_never = {.time = CLOCK_NEVER, .instructions = UINT64_MAX};

void run_control_init(struct run_control *run, struct inbox *inbox)
{
    *run = (struct run_control){
        .inbox = inbox, .first = run_control_never, .stood = UINT64_MAX, .was_told = true};
}

void run_control_free(struct run_control *run)
{
    while (run->breaks) {
        struct run_break *next = run->breaks->next;
        free(run->breaks);
        run->breaks = next;
    }
    free(run->addresses);
    free(run->watches);
    run->addresses = NULL;
    run->watches = NULL;
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

/* Room for all addresses and watches; false: no memory. */
static bool make_room(struct run_control *run)
{
    size_t addresses = RUN_CONTROL_WAITS * PLACE_ADDRESSES, watches = 1;
    uint32_t *more_addresses;
    struct cpu_watch *more_watches;

    for (const struct run_break *at = run->breaks; at; at = at->next) {
        addresses += at->address_count;
        watches++;
    }
    more_addresses = realloc(run->addresses, addresses * sizeof(*more_addresses));
    if (more_addresses)
        run->addresses = more_addresses;
    more_watches = realloc(run->watches, watches * sizeof(*more_watches));
    if (more_watches)
        run->watches = more_watches;
    return more_addresses && more_watches;
}

static void add_addresses(struct run_control *run, const uint32_t *addresses, unsigned count)
{
    struct machine_pause *first = &run->first;

    for (unsigned i = 0; i < count; i++)
        run->addresses[first->address_count++] = addresses[i];
}

/* What is first of all that is waited for: a time, a count, and any of the addresses. */
static void find_first(struct run_control *run)
{
    struct machine_pause *first = &run->first;

    *first = run_control_never;
    first->addresses = run->addresses;
    first->watches = run->watches;
    for (unsigned i = 0; i < run->count; i++) {
        const struct machine_pause *pause = &run->waits[i]->pause;
        if (pause->time < first->time)
            first->time = pause->time;
        if (pause->instructions < first->instructions)
            first->instructions = pause->instructions;
        first->no_interrupts = first->no_interrupts || pause->no_interrupts;
        add_addresses(run, pause->addresses, pause->address_count);
    }
    for (const struct run_break *at = run->breaks; at; at = at->next) {
        add_addresses(run, at->addresses, at->address_count);
        if (at->address_count == 0)
            run->watches[first->watch_count++] = at->watch;
    }
}

bool run_control_wait(struct run_control *run, struct machine *machine, struct run_wait *wait)
{
    if (run->count == RUN_CONTROL_WAITS || !make_room(run))
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

/* ---- breakpoints ---- */

/* The first bytes of what is watched; 0 where no memory is. */
static uint64_t watched_value(struct machine *machine, const struct run_break *at)
{
    uint32_t length = at->watch.length < 8 ? at->watch.length : 8;
    struct cpu_state state;
    uint64_t value = 0;

    if (machine->cpu->ops->get_state(machine->cpu, &state) == 0)
        arch_read_linear(&state, &machine->memory, at->watch.address, &value, length);
    return value;
}

static bool can_break(const struct machine *machine, const struct run_break *wanted, char *error,
                      size_t error_size)
{
    const struct cpu_ops *ops = machine->cpu->ops;

    if (wanted->address_count ? ops->stop_at != NULL : ops->watch != NULL)
        return true;
    snprintf(error, error_size, "only --cpu soft stops at an exact place; this guest runs on %s",
             ops->name);
    return false;
}

const struct run_break *run_control_break(struct run_control *run, struct machine *machine,
                                          const struct run_break *wanted, char *error,
                                          size_t error_size)
{
    struct run_break *made, **last = &run->breaks;

    if (!can_break(machine, wanted, error, error_size))
        return NULL;
    made = malloc(sizeof(*made));
    if (made) {
        *made = *wanted;
        made->next = NULL;
        while (*last)
            last = &(*last)->next;
        *last = made;
    }
    if (!made || !make_room(run)) {
        if (made)
            *last = NULL;
        free(made);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    made->hits = 0;
    if (made->number)
        made->number = ++run->last_number;
    if (made->address_count == 0)
        made->value = made->before = watched_value(machine, made);
    find_first(run);
    return made;
}

void run_control_unbreak(struct run_control *run, const struct run_break *which)
{
    struct run_break **link = &run->breaks;

    while (*link && *link != which)
        link = &(*link)->next;
    if (!*link)
        return;
    if (run->reason.at == which)
        run->reason.at = NULL;
    *link = which->next;
    free((void *)which);
    find_first(run);
}

void run_control_unbreak_all(struct run_control *run, const void *owner)
{
    for (const struct run_break *at = run->breaks, *next; at; at = next) {
        next = at->next;
        if (at->owner == owner)
            run_control_unbreak(run, at);
    }
}

/* ---- stopping ---- */

static bool is_where(struct machine *machine, uint64_t count, uint32_t eip)
{
    return instructions(machine) == count && machine_eip(machine) == eip;
}

/* Whether the guest is where somebody waits for it. An interrupt may have brought it there without
 * an instruction. */
static bool has_come(struct run_control *run, struct run_wait *wait, struct machine *machine)
{
    struct machine_pause pause = wait->pause;
    uint32_t eip = machine_eip(machine);

    if (is_where(machine, wait->begin, wait->begin_eip))
        pause.address_count = 0;
    if (!machine_is_at(machine, &pause))
        return false;
    if (eip < wait->range || eip >= wait->range_end || machine->halted)
        return true;
    wait->pause.instructions = instructions(machine) + 1;
    find_first(run);
    return false;
}

static bool is_among(const struct run_break *at, uint32_t eip)
{
    for (unsigned i = 0; i < at->address_count; i++) {
        if (at->addresses[i] == eip)
            return true;
    }
    return false;
}

/* The watchpoint that the CPU has met, of those that were given to it in their order. */
static struct run_break *met_watch(const struct run_control *run, unsigned which)
{
    struct run_break *at = run->breaks;

    for (; at; at = at->next) {
        if (at->address_count == 0 && which-- == 0)
            break;
    }
    return at;
}

/* The breakpoint or watchpoint that the guest has come to; NULL: none. */
static struct run_break *find_break(struct run_control *run, struct machine *machine)
{
    uint32_t eip;

    if (machine->has_access) {
        machine->has_access = false; /* told once */
        run->reason.access = machine->access;
        return met_watch(run, machine->access.watch);
    }
    if (!run->breaks || machine->halted)
        return NULL;
    eip = machine_eip(machine);
    if (instructions(machine) == run->stood && eip == run->stood_eip)
        return NULL;
    for (struct run_break *at = run->breaks; at; at = at->next) {
        if (is_among(at, eip))
            return at;
    }
    return NULL;
}

void run_control_rearm(struct run_control *run, struct machine *machine, const void *owner)
{
    uint32_t eip = machine_eip(machine);

    for (const struct run_break *at = run->breaks; at; at = at->next) {
        if (at->owner == owner && is_among(at, eip))
            run->stood = UINT64_MAX;
    }
}

void run_control_arrived(struct run_control *run, struct machine *machine)
{
    run->reason.at = NULL;
    machine->has_access = false;
    run->stood = instructions(machine);
    run->stood_eip = machine_eip(machine);
    for (struct run_break *at = run->breaks; at; at = at->next)
        at->before = at->value = watched_value(machine, at);
}

bool run_control_back_to(struct run_control *run, struct machine *machine, uint64_t count)
{
    bool reached = history_go(run->history, count);

    run_control_arrived(run, machine);
    return reached;
}

bool run_control_back(struct run_control *run, struct machine *machine)
{
    struct history_hit hit;
    struct run_break *at = NULL;
    bool found;

    find_first(run);
    found = history_search(run->history, &run->first, &hit);
    if (found && hit.is_watch) {
        at = met_watch(run, hit.access.watch);
        run->reason.access = hit.access;
    }
    for (struct run_break *i = run->breaks; found && !at && i; i = i->next) {
        if (is_among(i, machine_eip(machine)))
            at = i;
    }
    run_control_arrived(run, machine);
    run->reason.at = at;
    return found;
}

static void stop_at_break(struct run_control *run, struct machine *machine, struct run_break *at)
{
    at->hits++;
    if (at->address_count == 0) {
        at->before = at->value;
        at->value = watched_value(machine, at);
    }
    run->reason.at = at;
    run->reason.before = at->before;
    run->reason.value = at->value;
    run->was_told = false;
    atomic_store(&run->is_held, true);
}

bool run_control_has_stopped(struct run_control *run, struct machine *machine)
{
    struct run_break *at;

    if (machine->outcome.end != END_NONE)
        return true;
    if (!run_control_is_held(run))
        run->reason.at = NULL;
    at = find_break(run, machine);
    if (at)
        stop_at_break(run, machine, at);
    for (unsigned i = 0; i < run->count; i++) {
        if (has_come(run, run->waits[i], machine))
            atomic_store(&run->is_held, true);
    }
    if (!run_control_is_held(run))
        return false;
    run->stood = instructions(machine);
    run->stood_eip = machine_eip(machine);
    return true;
}

const struct machine_pause *run_control_pause(const struct run_control *run)
{
    return run->count > 0 || run->breaks ? &run->first : NULL;
}
