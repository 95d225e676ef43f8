/*
 * The report of a crashed guest: registers, the code at EIP, the stack, the screen.
 */
#ifndef VMM_EXPLAIN_CRASH_H
#define VMM_EXPLAIN_CRASH_H

#include "machine/machine.h"

#include <stdio.h>

/* Prints the state in which a machine ended, if it has one. */
void crash_print(FILE *to, const struct machine *machine);

/* Prints registers, the code at EIP, the stack. */
void crash_print_cpu(FILE *to, const struct machine *machine, const struct cpu_state *state);

/* Prints a line, "  interrupts: off (IF=0); nothing is pending; ...". */
void crash_print_interrupts(FILE *to, const struct machine *machine, const struct cpu_state *state);

/* Prints the VGA text screen, if anything is on it. */
void crash_print_screen(FILE *to, const struct machine *machine);

#endif
