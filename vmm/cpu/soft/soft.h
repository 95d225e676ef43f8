/*
 * The software CPU (cpu_soft_create in ../cpu.h): an IA-32 interpreter whose time is the number of
 * instructions it has executed. Here is what it has beyond the contract.
 */
#ifndef VMM_CPU_SOFT_SOFT_H
#define VMM_CPU_SOFT_SOFT_H

#include "cpu/cpu.h"

/* Executes one instruction at a time and not in blocks. Slower; must make no other difference. */
void cpu_soft_set_stepping(struct cpu *cpu, bool on);

#endif
