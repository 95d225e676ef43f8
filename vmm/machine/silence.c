/*
 * Ends a run in which nothing can happen any more: its input has ended, the guest waits for more,
 * and has done nothing else for some time. This is checked by the guest's clock and by the count of
 * its accesses, so that a repeated run ends at the same place.
 */
#include "internal.h"

/* How often it is looked, and how often in turn it must have been quiet: a guest that reads in
 * vain, and one that sleeps, which may be waiting for a timer as well. An access to a port takes
 * about a microsecond on hardware, and hardly any counted time here. */
#define LOOK_NS       UINT64_C(500000000)
#define LOOK_ACCESSES UINT64_C(500000)
#define QUIET_READS   4
#define QUIET_SLEEPS  10

/* Reads for input, in vain, between two looks, from which on a guest does nothing but poll: what a
 * timer's handler does a thousand times a second is less. */
#define POLLS 20000

/* Counts of what a guest does besides waiting; any change shows that it is active. */
static struct silence_signs signs_of(const struct machine *machine)
{
    return (struct silence_signs){
        .printed = machine->output.total,
        .mmio = machine->counts.exits[CPU_STOP_MMIO], /* the screen, virtio disks */
        .inputs = machine->silence.inputs,
        .commands = machine->ata[0].commands + machine->ata[1].commands + machine->floppy.commands,
    };
}

static bool is_enabled(const struct machine *machine, unsigned irq)
{
    return machine->interrupts->is_enabled(machine->interrupt_chip, irq);
}

/* Whether an interrupt would bring input to the guest. */
static bool expects_interrupt(const struct machine *machine)
{
    return (ns16550_waits(&machine->com1) && is_enabled(machine, IRQ_COM1)) ||
           (i8042_waits(&machine->keyboard) && is_enabled(machine, IRQ_KEYBOARD));
}

static void look(void *owner)
{
    struct machine *machine = owner;
    struct silence *silence = &machine->silence;
    struct silence_signs signs = signs_of(machine);
    uint64_t idle = machine_idle_ns(machine), accesses = machine->counts.exits[CPU_STOP_PORT];
    uint64_t vain = machine->com1.vain_reads + machine->keyboard.vain_reads;
    uint64_t reads = vain - silence->vain;
    bool is_active = signs.printed != silence->signs.printed || signs.mmio != silence->signs.mmio ||
                     signs.inputs != silence->signs.inputs ||
                     signs.commands != silence->signs.commands;
    bool polls = reads >= POLLS && reads >= (accesses - silence->accesses) / 2;
    bool sleeps =
        idle - silence->idle >= LOOK_NS / 10 * 9 && (expects_interrupt(machine) || reads > 0);

    silence->reads = !is_active && polls ? silence->reads + 1 : 0;
    silence->sleeps = !is_active && (sleeps || polls) ? silence->sleeps + 1 : 0;
    silence->signs = signs;
    silence->idle = idle;
    silence->accesses = accesses;
    silence->vain = vain;
    if (silence->reads == QUIET_READS || silence->sleeps == QUIET_SLEEPS)
        end_with_silence(machine);
    else
        timer_arm(&machine->clock, &silence->timer, clock_now(&machine->clock) + LOOK_NS);
}

void silence_init(struct machine *machine)
{
    machine->silence = (struct silence){0};
    timer_init(&machine->silence.timer, look, machine);
}

void silence_begin(struct machine *machine)
{
    struct silence *silence = &machine->silence;

    silence->is_closed = true;
    silence->reads = silence->sleeps = 0;
    timer_arm(&machine->clock, &silence->timer, clock_now(&machine->clock) + LOOK_NS);
}

void silence_count(struct machine *machine)
{
    if (machine->counts.exits[CPU_STOP_PORT] - machine->silence.accesses >= LOOK_ACCESSES)
        look(machine);
}
