/*
 * Rules on what a processor's state may be. Multiboot Specification 0.6.96, section 3.2; Intel SDM
 * vol. 3, chapters 3, 6 and 7.
 */
#include "state_rules.h"

#include "cpu/arch.h"
#include "machine/board.h"
#include "machine/machine.h"
#include "mistakes.h"

#include <stdio.h>
#include <string.h>

void state_rules_init(struct state_rules *rules, struct machine *machine)
{
    struct cpu_state state;

    memset(rules, 0, sizeof(*rules));
    if (machine->image.start != IMAGE_START_MULTIBOOT ||
        machine->cpu->ops->get_state(machine->cpu, &state) < 0)
        return;
    rules->loaders_gdt = state.gdtr.base;
    rules->loaders_idt = state.idtr.base;
}

static bool is_protected(const struct cpu_state *state)
{
    return (state->cr0 & CR0_PE) && !(state->eflags & EFLAGS_VM);
}

static unsigned privilege(const struct cpu_state *state)
{
    return state->segment[CPU_CS].selector & 3;
}

/* ---- tables of the boot loader ---- */

static void check_idt(const struct state_rules *rules, struct mistakes *mistakes,
                      const struct cpu_state *state)
{
    if (rules->loaders_idt && state->idtr.base == rules->loaders_idt &&
        (state->eflags & EFLAGS_IF) && is_protected(state))
        MISTAKE(mistakes, LOADERS_IDT, 0,
                "interrupts were switched on while IDTR is undefined under Multiboot: what answers "
                "is the VMM's own table; LIDT comes before STI");
}

/* A descriptor of the boot loader's that the CPU has loaded since has its A bit set. */
static unsigned loaded_selector(const struct state_rules *rules, const struct machine *machine,
                                unsigned first)
{
    uint8_t access;

    for (unsigned selector = first; selector <= 0x20; selector += 8) {
        if (memory_read(&machine->memory, rules->loaders_gdt + selector + 5, &access, 1) &&
            (access & SEGMENT_ACCESSED))
            return selector;
    }
    return 0;
}

static void check_gdt(const struct state_rules *rules, struct mistakes *mistakes,
                      const struct cpu_state *state)
{
    /* The VMM's own handlers load 0x08. */
    bool has_idt = state->idtr.base != rules->loaders_idt;
    unsigned selector;

    if (!rules->loaders_gdt || state->gdtr.base != rules->loaders_gdt || !is_protected(state))
        return;
    selector = loaded_selector(rules, mistakes->machine, has_idt ? 0x08 : 0x10);
    if (selector)
        MISTAKE(mistakes, LOADERS_GDT, 0,
                "selector %#04x is the boot loader's, not in a GDT of the kernel's: under "
                "Multiboot GDTR is undefined, and other loaders have other descriptors; LGDT comes "
                "before segments and gates use it",
                selector);
}

/* ---- stacks ---- */

static bool is_ram(const struct machine *machine, const struct cpu_state *state, uint32_t linear)
{
    uint64_t physical;
    uint8_t byte;

    return arch_translate(state, &machine->memory, linear, &physical) &&
           memory_read(&machine->memory, physical, &byte, 1);
}

static void check_stack(struct mistakes *mistakes, const struct cpu_state *state)
{
    const struct machine *machine = mistakes->machine;
    const struct image *image = &machine->image;
    const struct cpu_segment *ss = &state->segment[CPU_SS];
    uint32_t sp = state->gpr[CPU_ESP] - 4;

    if (!(ss->attributes & SEGMENT_DB))
        sp &= 0xffff;
    if (!is_ram(machine, state, state->segment[CPU_CS].base + state->eip))
        return; /* nothing is mapped: that is not the stack's fault */
    if (!is_ram(machine, state, ss->base + sp))
        MISTAKE(mistakes, STACK_LOST, 0, "the stack (esp %#x) is not %s", state->gpr[CPU_ESP],
                state->cr0 & CR0_PG ? "mapped" : "in RAM");
    else if (!(state->cr0 & CR0_PG) && ss->base + sp >= image->code_lowest &&
             ss->base + sp < image->code_highest)
        MISTAKE(mistakes, STACK_IN_CODE, 0,
                "the stack (esp %#x) is inside the image's code, %#x to %#x: each push overwrites "
                "some",
                state->gpr[CPU_ESP], image->code_lowest, image->code_highest);
}

/* The first word of a 32-bit TSS is the back link; ESP0 and SS0 follow. */
static void check_esp0(struct mistakes *mistakes, const struct cpu_state *state)
{
    uint32_t stack[2]; /* ESP0, SS0 */
    bool is_tss32 = (state->tr.attributes & 0x1d) == 0x09 && state->tr.selector;

    if (!is_tss32)
        MISTAKE(mistakes, ESP0_UNSET, 0,
                "ring 3 runs, but no 32-bit TSS is loaded (LTR): an interrupt has no stack to come "
                "on");
    else if (arch_read_linear(state, &mistakes->machine->memory, state->tr.base + 4, stack,
                              sizeof(stack)) == sizeof(stack) &&
             (!(stack[1] & 0xfffc) || !is_ram(mistakes->machine, state, stack[0] - 4)))
        MISTAKE(mistakes, ESP0_UNSET, 0,
                "ring 3 runs, but SS0:ESP0 of the TSS at %#x is %#x:%#x: an interrupt has no stack "
                "to come on",
                state->tr.base, stack[1] & 0xffff, stack[0]);
}

/* ---- page 0 ---- */

#define ENTRY_P  UINT32_C(0x01)
#define ENTRY_A  UINT32_C(0x20)
#define ENTRY_PS UINT32_C(0x80)

/* The processor has noted an access in the entry of linear page 0; of a page of 4 MiB it does not
 * say where it was. Intel SDM vol. 3, section 4.8. */
static void check_page_0(struct mistakes *mistakes, const struct cpu_state *state)
{
    const struct memory *memory = &mistakes->machine->memory;
    uint32_t directory, entry;

    if (!(state->cr0 & CR0_PG) || mistakes->seen[PAGE_0] ||
        !memory_read(memory, state->cr3 & ~UINT32_C(0xfff), &directory, 4) ||
        !(directory & ENTRY_P) || ((directory & ENTRY_PS) && (state->cr4 & CR4_PSE)) ||
        !memory_read(memory, directory & ~UINT32_C(0xfff), &entry, 4) ||
        (entry & (ENTRY_P | ENTRY_A)) != (ENTRY_P | ENTRY_A))
        return;
    MISTAKE(mistakes, PAGE_0, 0,
            "page 0 is mapped, and was accessed before (its entry has the A bit): if it was left "
            "unmapped, a null pointer would be found at once");
}

void state_rules_look(struct state_rules *rules, struct mistakes *mistakes,
                      const struct cpu_state *state)
{
    if (!is_protected(state))
        return;
    check_idt(rules, mistakes, state);
    check_gdt(rules, mistakes, state);
    check_page_0(mistakes, state);
    if (privilege(state) == 0)
        check_stack(mistakes, state);
    else if (privilege(state) == 3)
        check_esp0(mistakes, state);
}

/* ---- interrupts ---- */

/* "#DF" of "#DF double fault". */
static void put_short_name(uint8_t vector, char *to, size_t size)
{
    snprintf(to, size, "%s", arch_exception_name(vector));
    if (to[0] == '#')
        to[strcspn(to, " ")] = '\0';
}

static void check_vector(const struct state_rules *rules, struct mistakes *mistakes,
                         const struct cpu_state *state, unsigned irq, uint8_t vector)
{
    char name[40];

    if (vector >= 32 || !(state->cr0 & CR0_PE) ||
        (rules->loaders_idt && state->idtr.base == rules->loaders_idt))
        return;
    put_short_name(vector, name, sizeof(name));
    MISTAKE(mistakes, IRQ_AT_EXCEPTION, irq,
            "IRQ %u came at vector %u, which is %s's: the PIC %s (ICW2 belongs above 31)", irq,
            vector, name,
            irq < 8 && vector >= 8 && vector < 16 ? "was not moved" : "was moved there");
}

void state_rules_interrupt(struct state_rules *rules, struct mistakes *mistakes,
                           const struct cpu_state *state, unsigned irq, uint8_t vector)
{
    rules->had_df = state->eflags & EFLAGS_DF;
    check_vector(rules, mistakes, state, irq, vector);
    state_rules_look(rules, mistakes, state);
}

void state_rules_eoi(const struct state_rules *rules, struct mistakes *mistakes, unsigned irq,
                     uint32_t eflags)
{
    if (rules->had_df && (eflags & EFLAGS_DF))
        MISTAKE(mistakes, DF_SET, 0,
                "the handler of IRQ %u runs with DF set, as the code that it interrupted has it: "
                "its string instructions go downwards (CLD first)",
                irq);
}

/* ---- how a handler ends ---- */

/* After an interrupt or exception that came at X, a RET to X and no IRET. */
void state_rules_handlers(struct mistakes *mistakes)
{
    struct machine *machine = mistakes->machine;
    const struct cpu_ops *ops = machine->cpu->ops;
    struct cpu_branch all[CPU_BRANCHES];
    const struct cpu_branch *event = NULL;
    unsigned count = ops->branches ? ops->branches(machine->cpu, all) : 0;
    char what[80];

    for (unsigned i = 0; i < count; i++) {
        if (all[i].kind == CPU_BRANCH_EXCEPTION || all[i].kind == CPU_BRANCH_INTERRUPT)
            event = &all[i];
        else if (all[i].kind == CPU_BRANCH_IRET)
            event = NULL;
        if (!event || all[i].kind != CPU_BRANCH_RET || all[i].to != event->from ||
            !mistake_is_new(mistakes, HANDLER_RET, 0))
            continue;
        if (event->kind == CPU_BRANCH_INTERRUPT)
            snprintf(what, sizeof(what), "the interrupt at vector %#x", event->vector);
        else
            put_short_name(event->vector, what, sizeof(what));
        mistake_at(mistakes, HANDLER_RET, 0, all[i].from,
                   "the handler of %s returns by RET: only IRET restores the flags, so interrupts "
                   "stay off (of a function in C: a stub calls it, or __attribute__((interrupt)))",
                   what);
    }
}

/* ---- HLT for good ---- */

#define CLI 0xfa

bool state_rules_has_handler(const struct machine *machine, const struct cpu_state *state,
                             uint8_t vector)
{
    uint32_t address;

    return arch_handler(state, &machine->memory, vector, &address) && address &&
           !((state->cr0 & CR0_PE) && address >= IMAGE_RESERVED_BASE &&
             address < IMAGE_RESERVED_END);
}

/* Interrupts are off. CLI before HLT says that it is meant to be the end. */
static void check_sti(struct mistakes *mistakes, const struct cpu_state *state, uint16_t opened)
{
    const struct machine *machine = mistakes->machine;
    uint64_t now = clock_now(&machine->clock), rise = machine->pit.s.rise_at;
    uint32_t hlt = state->segment[CPU_CS].base + state->eip - 1;
    char when[60] = "is open";
    uint8_t before;

    if (arch_read_linear(state, &machine->memory, hlt - 1, &before, 1) == 1 && before == CLI)
        return;
    for (unsigned irq = 0; irq < machine->interrupts->inputs && irq < 16; irq++) {
        struct interrupt_input input = machine_input(machine, irq);

        if (!(opened >> irq & 1) || input.is_cascade ||
            !machine->interrupts->is_enabled(machine->interrupt_chip, irq) ||
            !state_rules_has_handler(machine, state, input.vector))
            continue;
        if (input.is_requested)
            snprintf(when, sizeof(when), "is pending");
        else if (irq == 0 && rise != CLOCK_NEVER && machine->pit.timer.deadline > now)
            snprintf(when, sizeof(when), "will be pending in %.1f ms",
                     (double)(machine->pit.timer.deadline - now) / 1e6);
        MISTAKE(
            mistakes, STI_FORGOTTEN, 0,
            "HLT with interrupts off, though IRQ %u (%s) %s, is not masked and has a handler at "
            "vector %#x: STI was forgotten",
            irq, board_irq_label(irq), when, input.vector);
    }
}

#define CASCADE 2 /* the input of the first 8259 that the second one is at */

/* Interrupts are on, and no input is open. */
static void check_inputs(struct mistakes *mistakes, const struct cpu_state *state)
{
    const struct machine *machine = mistakes->machine;
    const struct i8259 *const chips[] = {&machine->pic.master, &machine->pic.slave};

    for (unsigned i = 0; i < 2; i++) {
        if (chips[i]->awaited_icw >= 2)
            MISTAKE(mistakes, ICW_UNFINISHED, i,
                    "HLT waits for an interrupt, but the %s 8259 got ICW1 and still waits for "
                    "ICW%u: it lets none through",
                    i ? "slave" : "master", chips[i]->awaited_icw);
    }
    for (unsigned irq = 0; irq < machine->interrupts->inputs && irq < 16; irq++) {
        struct interrupt_input input = machine_input(machine, irq);
        if (irq >= 8 && !input.is_masked && machine_input(machine, CASCADE).is_masked &&
            state_rules_has_handler(machine, state, input.vector))
            MISTAKE(mistakes, IRQ_MASKED, irq,
                    "HLT waits for an interrupt; IRQ %u (%s) is open at the second 8259 and has a "
                    "handler at vector %#x, but IRQ 2 of the first, through which it comes, is "
                    "masked (bit 2 of port 0x21)",
                    irq, board_irq_label(irq), input.vector);
        if (input.is_requested && input.is_masked && !input.is_cascade &&
            state_rules_has_handler(machine, state, input.vector))
            MISTAKE(
                mistakes, IRQ_MASKED, irq,
                "HLT waits for an interrupt; IRQ %u (%s) is pending and has a handler at vector "
                "%#x, but is masked in the 8259 (IMR)",
                irq, board_irq_label(irq), input.vector);
    }
}

void state_rules_halted(struct mistakes *mistakes, const struct cpu_state *state, uint16_t opened)
{
    if (state->eflags & EFLAGS_IF)
        check_inputs(mistakes, state);
    else
        check_sti(mistakes, state, opened);
}

/* ---- the screen ---- */

void state_rules_screen(struct mistakes *mistakes)
{
    const struct machine *machine = mistakes->machine;
    const uint8_t *start = &machine->vga.s.crtc.reg[12]; /* where the picture begins: high, low */
    const struct vga_text_size text = vga_text_size(&machine->vga);
    uint32_t from = VGA_TEXT_ADDRESS + 2 * text.pitch * text.rows;
    const uint8_t *cells = memory_at(&machine->memory, from, IMAGE_VIDEO_END - from);

    if (!cells || vga_is_graphic(&machine->vga) || start[0] ||
        start[1] ||                 /* other pages are in use */
        mistakes->seen[STACK_LOST]) /* or it was a stack that ran through here */
        return;
    for (uint32_t at = 0; at < IMAGE_VIDEO_END - from; at += 2) {
        uint8_t c = cells[at];
        if (c <= ' ' || c == 0xff)
            continue;
        if (mistake_is_new(mistakes, VGA_BEHIND, 0))
            mistake_at(mistakes, VGA_BEHIND, 0, machine_eip(mistakes->machine),
                       "text was written behind the screen's line %u, its last (%#x): at %#x is a "
                       "character %#04x",
                       text.rows, from, from + at, c);
        return;
    }
}
