/*
 * The crash report: plain lines, addresses in hexadecimal, what matters most first.
 */
#include "crash.h"

#include "backtrace.h"
#include "cpu/arch.h"
#include "disassemble.h"
#include "hints.h"
#include "interrupt_words.h"

#include <string.h>

#define INSTRUCTIONS 3
#define FRAMES       6
#define STACK_WORDS  8

static void print_registers(FILE *to, const struct cpu_state *state)
{
    static const char *const flags[] = {
        [0] = "CF", [2] = "PF", [4] = "AF",  [6] = "ZF",  [7] = "SF",
        [8] = "TF", [9] = "IF", [10] = "DF", [11] = "OF",
    };
    const uint32_t *gpr = state->gpr;

    fprintf(to, "  eax %08x  ebx %08x  ecx %08x  edx %08x\n", gpr[CPU_EAX], gpr[CPU_EBX],
            gpr[CPU_ECX], gpr[CPU_EDX]);
    fprintf(to, "  esi %08x  edi %08x  ebp %08x  esp %08x\n", gpr[CPU_ESI], gpr[CPU_EDI],
            gpr[CPU_EBP], gpr[CPU_ESP]);
    fprintf(to, "  eip %08x  eflags %08x", state->eip, state->eflags);
    for (size_t bit = 0; bit < sizeof(flags) / sizeof(flags[0]); bit++) {
        if (flags[bit] && (state->eflags >> bit & 1))
            fprintf(to, " %s", flags[bit]);
    }
    fprintf(to, "\n  cr0 %08x  cr2 %08x  cr3 %08x  cr4 %08x  %s mode%s\n", state->cr0, state->cr2,
            state->cr3, state->cr4,
            !(state->cr0 & CR0_PE)      ? "real"
            : state->eflags & EFLAGS_VM ? "virtual-8086"
                                        : "protected",
            state->cr0 & CR0_PG ? ", paging" : "");
}

static void print_segments(FILE *to, const struct cpu_state *state)
{
    static const char *const names[CPU_SEGMENTS] = {"es", "cs", "ss", "ds", "fs", "gs"};

    fprintf(to, " ");
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        fprintf(to, " %s %04x", names[i], state->segment[i].selector);
    fprintf(to, "  tr %04x  gdt %08x+%x  idt %08x+%x\n", state->tr.selector, state->gdtr.base,
            state->gdtr.limit, state->idtr.base, state->idtr.limit);
}

static void print_stack(FILE *to, const struct machine *machine, const struct cpu_state *state)
{
    bool wide = state->segment[CPU_SS].attributes & SEGMENT_DB;
    uint32_t step = wide ? 4 : 2;
    uint32_t sp = wide ? state->gpr[CPU_ESP] : state->gpr[CPU_ESP] & 0xffff;
    uint32_t at = state->segment[CPU_SS].base + sp;

    fprintf(to, "  stack:");
    for (uint32_t i = 0; i < STACK_WORDS; i++) {
        uint32_t word = 0;
        if (arch_read_linear(state, &machine->memory, at + i * step, &word, step) < step) {
            fprintf(to, "%s", i ? "" : " no memory can be read there");
            break;
        }
        fprintf(to, " %0*x", (int)step * 2, word);
    }
    fputc('\n', to);
}

void crash_print_screen(FILE *to, const struct machine *machine)
{
    char screen[80 * 25 * 4 + 32];
    const char *line = screen;
    const struct info info = {.machine = machine, .state = &machine->outcome.state, .to = to};

    if (vga_text_dump(&machine->vga, screen, sizeof(screen)) == 0)
        return;
    if (machine->outcome.has_state && hints_stack_is_on_screen(&info)) {
        fprintf(to, "  screen: not shown: the stack has run through it\n");
        return;
    }
    fprintf(to, "  screen:\n");
    while (*line) {
        size_t length = strcspn(line, "\n");
        fprintf(to, "  | %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_interrupts(const struct info *info)
{
    fprintf(info->to, "  interrupts: ");
    interrupt_words_print(info->to, info->machine, info->state);
    fputc('\n', info->to);
}

void crash_print_brief(FILE *to, const struct machine *machine)
{
    const struct info info = {.machine = machine, .state = &machine->outcome.state, .to = to};

    if (!machine->outcome.has_state)
        return;
    print_interrupts(&info);
}

void crash_print_cpu(const struct info *info)
{
    print_registers(info->to, info->state);
    print_segments(info->to, info->state);
    print_stack(info->to, info->machine, info->state);
    print_interrupts(info);
}

void crash_print_place(const struct info *info)
{
    disassemble_print(info, info->state->segment[CPU_CS].base + info->state->eip, INSTRUCTIONS,
                      "  ");
    backtrace_print(info, FRAMES, "  ");
}

void crash_print_state(FILE *to, const struct machine *machine)
{
    const struct info info = {.machine = machine, .state = &machine->outcome.state, .to = to};

    crash_print_place(&info);
    crash_print_cpu(&info);
}

void crash_print(FILE *to, const struct machine *machine)
{
    const struct cpu_state *state = &machine->outcome.state;

    if (!machine->outcome.has_state)
        return;
    if (machine->outcome.end == END_SHUTDOWN && arch_is_reset(state)) {
        fprintf(
            to,
            "  the host's processor clears the guest's registers on a triple fault, so they are\n"
            "  not known; --cpu soft keeps them\n");
    } else {
        crash_print_state(to, machine);
    }
    crash_print_screen(to, machine);
}
