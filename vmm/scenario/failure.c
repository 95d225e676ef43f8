/*
 * What a failure is explained by: the last output, registers, the interrupt controllers.
 */
#include "internal.h"

#include "explain/crash.h"
#include "explain/hints.h"

static void put_indented(void *to, const char *text)
{
    fprintf(to, "  %s", text);
}

static void print_interrupts(const struct session *session, FILE *to)
{
    const struct machine *machine = session->machine;
    struct words words = {.put = put_indented, .to = to};

    machine->interrupts->tell_registers(machine->interrupt_chip, &words);
    for (unsigned i = 0; i < machine->interrupts->inputs; i++) {
        struct interrupt_input input = machine_input(machine, i);
        bool wants = input.is_requested, served = input.is_in_service;
        const char *name = board_irq_label(i);
        if (wants || served)
            fprintf(to, "  IRQ %u%s%s is %s%s%s%s\n", i, *name ? ", " : "", name,
                    wants ? "requested" : "", wants && served ? " and " : "",
                    served ? "in service" : "", wants && input.is_masked ? ", and masked" : "");
    }
}

void session_explain(struct session *session, FILE *to)
{
    struct machine *machine = session->machine;
    char place[200];

    if (!machine)
        return;
    listener_print(&session->listener, to);
    if (!machine->outcome.has_state)
        machine->outcome.has_state =
            machine->cpu->ops->get_state(machine->cpu, &machine->outcome.state) == 0;
    session_describe(session, machine_eip(machine), place, sizeof(place));
    fprintf(to, "  %.9f s, %llu instructions, %s%s, interrupts %s\n",
            (double)session_now(session) / 1e9, (unsigned long long)session_count(session),
            machine->halted ? "halted before " : "at ", place,
            machine->outcome.state.eflags & EFLAGS_IF ? "on" : "off");
    if (machine->outcome.has_state)
        hints_print(&(struct info){.machine = machine, .state = &machine->outcome.state, .to = to});
    crash_print(to, machine);
    print_interrupts(session, to);
}
