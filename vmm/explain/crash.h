/*
 * The report of a crashed guest: the code at EIP, who called, registers, the stack, interrupts, the
 * screen.
 */
#ifndef VMM_EXPLAIN_CRASH_H
#define VMM_EXPLAIN_CRASH_H

#include "info.h"

#include <stdio.h>

/* Prints the state in which a machine ended, if it has one. */
void crash_print(FILE *to, const struct machine *machine);

/* Prints the next instructions and who called. */
void crash_print_place(const struct info *info);

/* Prints registers, the stack, the state of interrupts. */
void crash_print_cpu(const struct info *info);

/* Prints all of these, of the state in which a machine ended. */
void crash_print_state(FILE *to, const struct machine *machine);

/* Of an end that is no crash: prints the state of interrupts. */
void crash_print_brief(FILE *to, const struct machine *machine);

/* Prints the VGA text screen, if anything is on it. */
void crash_print_screen(FILE *to, const struct machine *machine);

#endif
