/*
 * Does a CPU engine work here? A /dev/kvm that opens is not yet a KVM that runs guests: the probe
 * runs a small guest (boot/probe.asm) through what every kernel needs, under a deadline.
 */
#ifndef VMM_ENGINE_PROBE_H
#define VMM_ENGINE_PROBE_H

#include "cpu/cpu.h"

#define PROBE_DEADLINE_NS UINT64_C(500000000)

/* The steps of boot/probe.asm. */
enum probe_step {
    PROBE_START,
    PROBE_REAL_INTERRUPT,
    PROBE_PROTECTED,
    PROBE_INTERRUPT,
    PROBE_FPU,
    PROBE_PAGING,
    PROBE_RING3,
    PROBE_WINDOW,
    PROBE_INJECTION,
    PROBE_HALT,
    PROBE_STEPS
};

struct probe {
    bool works;
    unsigned passed;       /* steps that passed: the first that did not has this number */
    uint64_t elapsed_ns;   /* for all of it, the making of the CPU included */
    double instruction_ns; /* in a plain loop, the best of several */
    char why[200];         /* where it does not work: one sentence */
};

/* Runs the probe on a CPU from `make_cpu`. About a millisecond on hardware; PROBE_DEADLINE_NS at
 * most, which a KVM that is itself emulated may come near to while its host is cold. */
void probe_run(struct probe *probe,
               struct cpu *(*make_cpu)(const struct memory *memory, char *why, size_t why_size));

/* What a step shows, in words: "an interrupt in protected mode (int, iret)". */
const char *probe_step_name(enum probe_step step);

#endif
