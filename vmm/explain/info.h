/*
 * The monitor's `info`: describes the machine in words, one function a subject. They change
 * nothing.
 */
#ifndef VMM_EXPLAIN_INFO_H
#define VMM_EXPLAIN_INFO_H

#include "inspect/symbols.h"
#include "machine/machine.h"
#include "run_control.h"

#include <stdio.h>

/* What there is to look at, and where to write. */
struct info {
    const struct machine *machine;
    bool is_held; /* by the user */
    const struct cpu_state *state;
    const struct symbols *symbols; /* NULL: the machine's configuration may know some */
    FILE *to;
    const struct run_control *run; /* whose breakpoints are meant; NULL: nobody's */
};

struct info_subject {
    const char *name;
    const char *help;
    void (*tell)(const struct info *info); /* NULL: devices of the board's table do */
};

/* The subject of this number, from 0 up; false behind the last one. */
bool info_subject_at(unsigned number, struct info_subject *subject);

void info_tell(const struct info *info, const struct info_subject *subject);

/* "0x00100123", with the symbol and source line that are there if they are known. */
void info_print_place(const struct info *info, uint32_t address);

/* The symbol and line at an address; false: none is known. */
bool info_describe(const struct info *info, uint32_t address, char *to, size_t size);

/* Prints them in `format`, which has one %s; nothing if none is known. */
__attribute__((format(printf, 3, 0))) void info_print_name(const struct info *info,
                                                           uint32_t address, const char *format);

/* A line on an input of the interrupt controller: "IRQ 1  keyboard vector 0x21: requested, masked".
 */
void info_print_irq(const struct info *info, unsigned irq);

/* breaks.c */
void info_breakpoints(const struct info *info);

/* info_devices.c: interrupts, and what the devices of a subject say. */
void info_irq(const struct info *info);
void info_device(const struct info *info, const char *subject);

/* info_cpu.c: the processor and its tables in memory. */
void info_regs(const struct info *info);
void info_branches(const struct info *info);
void info_idt(const struct info *info);
void info_gdt(const struct info *info);
void info_tss(const struct info *info);
void info_pages(const struct info *info);

#endif
