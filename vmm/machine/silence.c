/*
 * Ends a run in which nothing can happen any more: its input has ended, the guest waits for more,
 * and has done nothing else for some time. This is checked by the guest's clock and by the count of
 * its accesses, so that a repeated run ends at the same place.
 */
#include "internal.h"

/* How often it is looked, and how many times in turn it must have been quiet. An access to a port
 * takes about a microsecond on hardware, and hardly any counted time here. */
#define LOOK_NS       UINT64_C(500000000)
#define LOOK_ACCESSES UINT64_C(500000)
#define QUIET_LOOKS   4

/* Accesses to ports between two looks from which on a guest that does not halt is polling. */
#define POLLS 1000

/* Counts of what a guest does besides waiting; any change shows that it is active. */
static struct silence_signs signs_of(const struct machine *machine)
{
    return (struct silence_signs){
        .printed = machine->output.total,
        .mmio = machine->counts.exits[CPU_STOP_MMIO], /* the screen, disks */
        .inputs = machine->silence.inputs,
    };
}

/* Whether a device has nothing for the guest, which looks for input there. */
static bool listens(const struct machine *machine)
{
    return (machine->com1.s.listening && machine->com1.s.count == 0) ||
           (machine->keyboard.s.listening && !machine->keyboard.s.obf);
}

static void look(void *owner)
{
    struct machine *machine = owner;
    struct silence *silence = &machine->silence;
    struct silence_signs signs = signs_of(machine);
    uint64_t idle = machine_idle_ns(machine), polls = machine->counts.exits[CPU_STOP_PORT];
    bool is_quiet = listens(machine) && signs.printed == silence->signs.printed &&
                    signs.mmio == silence->signs.mmio && signs.inputs == silence->signs.inputs &&
                    (idle - silence->idle >= LOOK_NS / 2 || polls - silence->polls >= POLLS);

    silence->looks = is_quiet ? silence->looks + 1 : 0;
    silence->signs = signs;
    silence->idle = idle;
    silence->polls = polls;
    if (silence->looks == QUIET_LOOKS)
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
    silence->looks = 0;
    timer_arm(&machine->clock, &silence->timer, clock_now(&machine->clock) + LOOK_NS);
}

void silence_count(struct machine *machine)
{
    if (machine->counts.exits[CPU_STOP_PORT] - machine->silence.polls >= LOOK_ACCESSES)
        look(machine);
}
