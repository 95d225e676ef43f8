/*
 * The software CPU: an IA-32 interpreter that keeps the contract of cpu.h on any host, and whose
 * time is the number of instructions it has executed.
 */
#ifndef VMM_CPU_SOFT_SOFT_H
#define VMM_CPU_SOFT_SOFT_H

#include "../cpu.h"

/* How long one instruction takes by the guest's clock: a nominal 100 MIPS. */
#define SOFT_NS_PER_INSTRUCTION UINT64_C(10)

/* Makes a CPU over `memory`, which outlives it. On failure returns NULL and writes why. */
struct cpu *cpu_soft_create(const struct memory *memory, char *why, size_t why_size);

/* How many instructions the CPU has executed; an iteration of a repeated string instruction counts
 * as one, an instruction that faults as none. */
uint64_t cpu_soft_count(const struct cpu *cpu);

/* Executes one instruction at a time and not in blocks. Slower; must make no other difference. */
void cpu_soft_set_stepping(struct cpu *cpu, bool on);

#endif
