/*
 * Interrupts in words, for a line of a report. It knows no chip: it asks the machine's controller.
 */
#include "interrupt_words.h"

/* A number in a list: "masked: 0, 1". */
static void print_item(FILE *to, const char *head, unsigned *count, unsigned irq)
{
    fprintf(to, "%s%u", (*count)++ ? ", " : head, irq);
}

void interrupt_words_hindrance(FILE *to, const struct machine *machine, unsigned irq)
{
    struct interrupt_input input = machine_input(machine, irq);

    if (input.is_uninitialised)
        fprintf(to, "its controller was not set up (ICW1 to ICW4)");
    else if (input.is_masked)
        fprintf(to, "masked");
    else if (input.is_controller_masked)
        fprintf(to, "its controller is masked (IRQ 2)");
    else if (input.held_by >= 0)
        fprintf(to, "held back by IRQ %d, which had no EOI", input.held_by);
}

static void print_pending(FILE *to, const struct machine *machine, unsigned irq)
{
    struct interrupt_input input = machine_input(machine, irq);
    const char *label = board_irq_label(irq);
    bool is_free = !input.is_uninitialised && !input.is_masked && !input.is_controller_masked &&
                   input.held_by < 0;

    fprintf(to, "; IRQ %u (%s%svector 0x%02x) is pending", irq, label, *label ? ", " : "",
            input.vector);
    if (is_free)
        return;
    fprintf(to, ", ");
    interrupt_words_hindrance(to, machine, irq);
}

/* Masked inputs, or those that are not if they are fewer. */
static void print_masks(FILE *to, const struct machine *machine)
{
    unsigned inputs = machine->interrupts->inputs, masked = 0, count = 0, told = 0;
    bool shows_masked;

    for (unsigned irq = 0; irq < inputs; irq++) {
        struct interrupt_input input = machine_input(machine, irq);
        count += !input.is_cascade;
        masked += !input.is_cascade && (input.is_masked || input.is_controller_masked);
    }
    if (masked == 0 || masked == count) {
        fprintf(to, "; %s masked", masked ? "all are" : "none is");
        return;
    }
    shows_masked = masked <= count / 2;
    for (unsigned irq = 0; irq < inputs; irq++) {
        struct interrupt_input input = machine_input(machine, irq);
        bool is_masked = input.is_masked || input.is_controller_masked;
        if (!input.is_cascade && is_masked == shows_masked)
            print_item(to, shows_masked ? "; masked: " : "; masked: all but ", &told, irq);
    }
}

void interrupt_words_print(FILE *to, const struct machine *machine, const struct cpu_state *state)
{
    unsigned inputs = machine->interrupts->inputs, pending = 0, served = 0;

    fprintf(to, "%s", state->eflags & EFLAGS_IF ? "on (IF=1)" : "off (IF=0)");
    for (unsigned irq = 0; irq < inputs; irq++) {
        struct interrupt_input input = machine_input(machine, irq);
        if (input.is_requested && !input.is_cascade) {
            print_pending(to, machine, irq);
            pending++;
        }
    }
    if (!pending)
        fprintf(to, "; nothing is pending");
    for (unsigned irq = 0; irq < inputs; irq++) {
        struct interrupt_input input = machine_input(machine, irq);
        if (input.is_in_service && !input.is_cascade)
            print_item(to, "; in service, no EOI yet: IRQ ", &served, irq);
    }
    print_masks(to, machine);
}
