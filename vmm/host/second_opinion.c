/*
 * The second run: a machine of its own, input by the first run's times, slices that are short
 * enough to be ended at once.
 */
#include "second_opinion.h"

#include "cpu/arch.h"
#include "explain/crash.h"
#include "explain/hints.h"
#include "os/host_clock.h"

#include <stdlib.h>

/* Of the guest's time: 250,000 instructions. */
#define SLICE_NS UINT64_C(500000)

static void forget_machine(struct second_opinion *opinion)
{
    if (opinion->machine)
        machine_destroy(opinion->machine);
    opinion->machine = NULL;
    for (unsigned i = 0; i < MACHINE_ALL_DISKS; i++)
        disk_overlay_free(&opinion->disks[i]);
}

void second_opinion_free(struct second_opinion *opinion)
{
    forget_machine(opinion);
    free(opinion->inputs);
    *opinion = (struct second_opinion){0};
}

/* ---- the first run ---- */

void second_opinion_begin(struct second_opinion *opinion)
{
    opinion->count = 0;
    opinion->is_cut = false;
}

void second_opinion_hear(struct second_opinion *opinion, const struct machine_input *input)
{
    if (opinion->count == opinion->size && !opinion->is_cut) {
        size_t size = opinion->size ? 2 * opinion->size : 256;
        struct machine_input *grown =
            size <= SECOND_OPINION_INPUTS ? realloc(opinion->inputs, size * sizeof(*grown)) : NULL;
        opinion->is_cut = !grown;
        opinion->inputs = grown ? grown : opinion->inputs;
        opinion->size = grown ? size : opinion->size;
    }
    if (!opinion->is_cut)
        opinion->inputs[opinion->count++] = *input;
}

/* Whether the guest died in its image: else it is not known from where it came there. */
static bool died_in_image(const struct machine *machine)
{
    const struct cpu_state *state = &machine->outcome.state;
    uint64_t physical;

    return machine->outcome.has_state &&
           arch_translate(state, &machine->memory, state->segment[CPU_CS].base + state->eip,
                          &physical) &&
           physical >= machine->image.lowest && physical < machine->image.highest;
}

bool second_opinion_is_needed(const struct machine *machine)
{
    switch (machine->outcome.end) {
    case END_SHUTDOWN:
        return machine->cpu->exit.undelivered_count == 0;
    case END_FAULT:
        return !died_in_image(machine);
    case END_CPU_FAILED:
        return true;
    default:
        return false;
    }
}

/* ---- the second ---- */

static void drop_output(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

/* Whether an input's turn has come: when as much time has passed as the first time, or the guest
 * has made as many accesses to devices. One that polls makes them faster here, by its clock. */
static bool is_due(const struct machine *machine, const struct machine_input *input)
{
    const uint64_t *exits = machine->counts.exits;

    return input->time <= clock_now(&machine->clock) ||
           input->accesses <= exits[CPU_STOP_PORT] + exits[CPU_STOP_MMIO];
}

/* The next input of a ring, if its turn has come: the guest gets it no sooner than it listens. */
static bool take(struct inbox *inbox, enum inbox_ring ring, struct inbox_event *event)
{
    struct second_opinion *opinion = (struct second_opinion *)inbox;
    size_t *at = &opinion->next[ring];

    while (*at < opinion->count && opinion->inputs[*at].kind != (enum machine_input_kind)ring)
        ++*at;
    if (!opinion->machine || *at == opinion->count ||
        !is_due(opinion->machine, &opinion->inputs[*at]))
        return false;
    *event = opinion->inputs[(*at)++].event;
    return true;
}

static bool make_machine(struct second_opinion *opinion, const struct machine *first, char *why,
                         size_t why_size)
{
    struct machine_config config = first->config;

    for (unsigned i = 0; i < MACHINE_ALL_DISKS; i++) {
        const struct disk **disk = machine_config_disk(&config, i);
        if (!*disk)
            continue;
        disk_overlay_init(&opinion->disks[i], *disk);
        *disk = &opinion->disks[i].disk;
    }
    for (unsigned i = 0; i < INBOX_RINGS; i++) {
        config.script[i] = (struct input_script){0}; /* it is among what was given */
        opinion->next[i] = 0;
    }
    config.make_cpu = cpu_soft_create;
    config.timeout = CLOCK_NEVER;
    config.virtual_time = true;
    config.baud = 0;
    config.print = drop_output;
    config.heard = NULL;
    config.com2 = NULL;
    config.warn = NULL;
    config.record = NULL;
    config.take = take;
    config.inbox = (struct inbox *)opinion; /* for `take` alone */
    opinion->machine = machine_create(&config, why, why_size);
    return opinion->machine;
}

/* Up to the next slice's end, or to where the next input comes. */
static void run_slice(struct second_opinion *opinion)
{
    struct machine *machine = opinion->machine;
    uint64_t now = clock_now(&machine->clock);
    struct machine_pause pause = {.time = now + SLICE_NS, .instructions = UINT64_MAX};

    for (unsigned ring = 0; ring < INBOX_RINGS; ring++) {
        size_t at = opinion->next[ring];
        if (at < opinion->count && opinion->inputs[at].time > now &&
            opinion->inputs[at].time < pause.time)
            pause.time = opinion->inputs[at].time;
    }
    machine_input_came(machine);
    machine_run_until(machine, &pause);
}

static void tell(const struct second_opinion *opinion, const struct machine *first,
                 const char *path, FILE *to)
{
    const struct machine *machine = opinion->machine;
    const struct machine_outcome *outcome = &machine->outcome;
    bool has_written = first->floppy.has_written;

    fprintf(to, "vmm: %s: second opinion, from the software CPU: ", path);
    if (outcome->end == END_NONE)
        fprintf(to, "there the guest had not died after %.1f s (%.3f s of its time)\n",
                (double)SECOND_OPINION_NS / 1e9, (double)clock_now(&machine->clock) / 1e9);
    else if (!machine_end_is_death(outcome->end))
        fprintf(to, "there the guest did not die, but ended: %s%s%s\n",
                machine_end_name(outcome->end), outcome->text[0] ? ": " : "", outcome->text);
    else
        fprintf(to, "%s\n", outcome->text);
    if (outcome->has_state && machine_end_is_death(outcome->end))
        hints_print(&(struct info){.machine = machine, .state = &machine->outcome.state, .to = to});
    crash_print_state(to, machine);
    for (unsigned i = 0; i < MACHINE_DISKS; i++)
        has_written = has_written || first->disks[i].has_written;
    for (unsigned i = 0; i < MACHINE_ATA_DISKS / ATA_DEVICES; i++)
        has_written = has_written || first->ata[i].has_written;
    for (unsigned i = 0; i < MACHINE_ALL_DISKS; i++)
        has_written = has_written || opinion->disks[i].count > 0;
    if (has_written)
        fprintf(to, "  (its disk was as the first run had left it)\n");
    if (opinion->is_cut)
        fprintf(to, "  (it got only the first %zu inputs)\n", opinion->count);
}

void second_opinion_give(struct second_opinion *opinion, const struct machine *first,
                         const char *path, bool (*goes_on)(void *owner), void *owner, FILE *to)
{
    uint64_t end = clock_host_ns() + SECOND_OPINION_NS;
    bool is_wanted = true;
    char why[320];

    forget_machine(opinion);
    if (!make_machine(opinion, first, why, sizeof(why))) {
        fprintf(to, "vmm: %s: there is no second opinion from the software CPU: %s\n", path, why);
        return;
    }
    while (opinion->machine->outcome.end == END_NONE && clock_host_ns() < end &&
           (is_wanted = goes_on(owner)))
        run_slice(opinion);
    if (is_wanted)
        tell(opinion, first, path, to);
    if (!machine_end_is_death(opinion->machine->outcome.end))
        forget_machine(opinion);
}
