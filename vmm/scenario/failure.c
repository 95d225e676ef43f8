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

/* How the pixels that were looked at last are other than those of the picture. */
static void explain_pixels(const struct display *shown, const struct display *wanted, FILE *to)
{
    size_t count = (size_t)wanted->width * wanted->height, differ = 0, first = 0;

    if (shown->width != wanted->width || shown->height != wanted->height) {
        fprintf(to, "  the screen shows %u x %u pixels, the picture has %u x %u\n", shown->width,
                shown->height, wanted->width, wanted->height);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (shown->pixels[i] != wanted->pixels[i] && differ++ == 0)
            first = i;
    }
    if (differ > 0)
        fprintf(to,
                "  %zu of %zu pixels are other ones; the first, column %zu of line %zu, is #%06x, "
                "and #%06x in the picture\n",
                differ, count, first % wanted->width, first / wanted->width, shown->pixels[first],
                wanted->pixels[first]);
}

void session_explain(struct session *session, FILE *to)
{
    struct machine *machine = session->machine;
    char place[200];

    if (!machine)
        return;
    if (session->s.at < session->scenario->count && session_step(session)->picture)
        explain_pixels(&session->shown, session_step(session)->picture, to);
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
