/*
 * The probe: feeds boot/probe.asm to a CPU and follows its steps. It needs no devices: the guest
 * reports by port, and the two interrupts it waits for are injected here.
 */
#include "probe.h"

#include "base/blobs.h"
#include "cpu/arch.h"
#include "os/host_clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PROBE_BASE   UINT32_C(0x10000)
#define PROBE_MEMORY UINT64_C(0x100000)
#define PROBE_PORT   0x80
#define PROBE_VECTOR 0x32

#define SPIN_PORT 0x81

/* After the steps the guest spins, and how long a round takes tells hardware, where an instruction
 * is well below 1 ns, from a host whose kernel emulates each one, at about 1 us. */
#define SPIN_INSTRUCTIONS   5000
#define SPIN_ROUNDS         8
#define SLOW_INSTRUCTION_NS 250.0

static const char *const step_names[PROBE_STEPS] = {
    [PROBE_START] = "the first instructions of a guest",
    [PROBE_REAL_INTERRUPT] = "an interrupt in real mode (int, iret)",
    [PROBE_PROTECTED] = "entering protected mode (lgdt, ltr, lidt)",
    [PROBE_INTERRUPT] = "an interrupt in protected mode (int, iret)",
    [PROBE_FPU] = "the floating-point unit",
    [PROBE_PAGING] = "paging",
    [PROBE_RING3] = "going to ring 3 and back",
    [PROBE_WINDOW] = "an interrupt window",
    [PROBE_INJECTION] = "an injected interrupt",
    [PROBE_HALT] = "HLT, and an interrupt that ends it",
};

const char *probe_step_name(enum probe_step step)
{
    return step_names[step];
}

/* What a stop means to a guest that has steps to go: NULL if all is well so far. */
static const char *problem(struct probe *probe, struct cpu *cpu, enum cpu_stop stop, uint64_t end)
{
    static const char wrong[] = "a wrong result";

    switch (stop) {
    case CPU_STOP_PORT:
        if (cpu->exit.port.port == SPIN_PORT && probe->passed == PROBE_STEPS)
            return NULL;
        return cpu->exit.port.port == PROBE_PORT && *cpu->exit.port.data == probe->passed ? NULL
                                                                                          : wrong;
    case CPU_STOP_HALTED:
        return probe->passed == PROBE_HALT ? NULL : wrong;
    case CPU_STOP_FAILED:
        return cpu->exit.failure;
    case CPU_STOP_SHUTDOWN:
        return "triple fault";
    default:
        return cpu->ops->now(cpu) >= end ? "it has not come back in time" : NULL;
    }
}

/* Runs the guest through its steps and its spins; returns what went wrong, or NULL. */
static const char *follow(struct probe *probe, struct cpu *cpu)
{
    uint64_t end = cpu->ops->now(cpu) + PROBE_DEADLINE_NS, spin_start = 0;
    bool wants_interrupt = false;
    unsigned rounds = 0;

    while (rounds < SPIN_ROUNDS) {
        if (wants_interrupt && cpu->ops->can_interrupt(cpu)) {
            if (cpu->ops->interrupt(cpu, PROBE_VECTOR) < 0)
                return "the interrupt was refused";
            wants_interrupt = false;
        }
        cpu->ops->want_window(cpu, wants_interrupt);

        enum cpu_stop stop = cpu_run(cpu, end);
        const char *trouble = problem(probe, cpu, stop, end);
        if (trouble)
            return trouble;
        if (stop == CPU_STOP_HALTED) {
            wants_interrupt = true;
        } else if (stop == CPU_STOP_PORT && cpu->exit.port.port == PROBE_PORT) {
            wants_interrupt = probe->passed == PROBE_WINDOW;
            probe->passed++;
            spin_start = clock_host_ns();
        } else if (stop == CPU_STOP_PORT) {
            double each = (double)(clock_host_ns() - spin_start) / SPIN_INSTRUCTIONS;
            if (rounds++ == 0 || each < probe->instruction_ns)
                probe->instruction_ns = each;
            spin_start = clock_host_ns();
        }
    }
    return NULL;
}

void probe_run(struct probe *probe,
               struct cpu *(*make_cpu)(const struct memory *memory, char *why, size_t why_size))
{
    struct memory memory = {0};
    struct cpu *cpu = NULL;
    struct cpu_state state;
    uint64_t start = clock_host_ns();
    int error = memory_init(&memory, PROBE_MEMORY);

    memset(probe, 0, sizeof(*probe));
    if (error < 0) {
        snprintf(probe->why, sizeof(probe->why), "no memory: %s", strerror(-error));
        return;
    }
    cpu = make_cpu(&memory, probe->why, sizeof(probe->why));
    if (!cpu)
        goto out;
    memory_write(&memory, PROBE_BASE, boot_probe, (uint64_t)(boot_probe_end - boot_probe));
    arch_real_mode(&state, PROBE_BASE >> 4, 0, 0);
    error = cpu->ops->set_state(cpu, &state);
    if (error < 0) {
        snprintf(probe->why, sizeof(probe->why), "the start state was refused: %s",
                 strerror(-error));
        goto out;
    }
    const char *trouble = follow(probe, cpu);
    if (trouble)
        snprintf(probe->why, sizeof(probe->why), "it fails at %s: %.120s",
                 probe->passed < PROBE_STEPS ? probe_step_name(probe->passed) : "a plain loop",
                 trouble);
    else if (probe->instruction_ns > SLOW_INSTRUCTION_NS)
        snprintf(probe->why, sizeof(probe->why),
                 "instructions are emulated by the host's kernel, about %.0f ns each",
                 probe->instruction_ns);
    else
        probe->works = true;
out:
    if (cpu)
        cpu->ops->destroy(cpu);
    memory_free(&memory);
    probe->elapsed_ns = clock_host_ns() - start;
}
