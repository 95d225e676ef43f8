/*
 * The subjects there are, and what is said of the machine as a whole.
 */
#include "info.h"

#include "os/inbox.h"

#include <stdatomic.h>
#include <string.h>

bool info_describe(const struct info *info, uint32_t address, char *to, size_t size)
{
    return info->symbols ? symbols_describe(info->symbols, address, to, size)
                         : machine_describe(info->machine, address, to, size);
}

void info_print_name(const struct info *info, uint32_t address, const char *format)
{
    char name[200];

    if (info_describe(info, address, name, sizeof(name)))
        fprintf(info->to, format, name);
}

void info_print_place(const struct info *info, uint32_t address)
{
    fprintf(info->to, "0x%08x", address);
    info_print_name(info, address, " %s");
}

static void info_status(const struct info *info)
{
    const struct machine *machine = info->machine;
    const struct machine_outcome *outcome = &machine->outcome;
    const struct cpu_ops *ops = machine->cpu->ops;

    if (outcome->end != END_NONE)
        fprintf(info->to, "ended: %s, status %d%s%s\n", machine_end_name(outcome->end),
                outcome->status, outcome->text[0] ? ": " : "", outcome->text);
    else
        fprintf(info->to, "%s%s\n", info->is_held ? "paused" : "running",
                machine->halted ? ", halted until an interrupt comes" : "");
    fprintf(info->to, "at ");
    info_print_place(info, info->state->segment[CPU_CS].base + info->state->eip);
    fprintf(info->to, ", interrupts %s\n%.9f s of the guest's time, CPU %s",
            info->state->eflags & EFLAGS_IF ? "on" : "off",
            (double)clock_now(&machine->clock) / 1e9, ops->name);
    if (ops->instructions)
        fprintf(info->to, ", %llu instructions",
                (unsigned long long)ops->instructions(machine->cpu));
    fprintf(info->to, "\n%llu MiB of RAM, %llu bytes printed\n",
            (unsigned long long)machine->memory.size >> 20,
            (unsigned long long)machine->output.total);
}

static const struct info_subject subjects[] = {
    {"status", "whether it runs, where it is, its time", info_status},
    {"regs", "or registers: those, the next instructions, who called, the stack", info_regs},
    {"branches", "the last returns, pointer calls and jumps, interrupts, the newest last",
     info_branches},
    {"idt", "gates: who handles which vector", info_idt},
    {"gdt", "segment descriptors", info_gdt},
    {"tss", "the task register and its segment", info_tss},
    {"pages", "ranges of mapped pages", info_pages},
    {"breakpoints", "breakpoints and watchpoints, and how often they were met", info_breakpoints},
    {"irq", "how often each interrupt was raised and taken", info_irq},
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

/* A row is the first one with its subject. */
static bool is_first(unsigned row)
{
    for (unsigned i = 0; i < row; i++) {
        if (board_rows[i].subject && strcmp(board_rows[i].subject, board_rows[row].subject) == 0)
            return false;
    }
    return true;
}

bool info_subject_at(unsigned number, struct info_subject *subject)
{
    if (number < SUBJECTS) {
        *subject = subjects[number];
        return true;
    }
    number -= (unsigned)SUBJECTS;
    for (unsigned row = 0; row < board_count; row++) {
        if (!board_rows[row].subject || !is_first(row) || number-- > 0)
            continue;
        *subject = (struct info_subject){board_rows[row].subject, board_rows[row].help, NULL};
        return true;
    }
    return false;
}

void info_tell(const struct info *info, const struct info_subject *subject)
{
    if (subject->tell)
        subject->tell(info);
    else
        info_device(info, subject->name);
}
