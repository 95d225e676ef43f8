/*
 * What a failure is explained by: the last output, registers, the interrupt controllers.
 */
#include "internal.h"

#include "explain/crash.h"
#include "explain/info.h"

static void print_pic(const struct session *session, FILE *to)
{
    const struct i8259_pair *pair = &session->machine->pic;

    for (unsigned i = 0; i < 2; i++) {
        const struct i8259 *chip = i ? &pair->slave : &pair->master;
        fprintf(to, "  pic%u: irr %02x  isr %02x  imr %02x  base %02x\n", i, i8259_irr(chip),
                chip->isr, chip->imr, chip->icw2);
    }
    for (unsigned i = 0; i < I8259_INPUTS; i++) {
        const struct i8259 *chip = i < 8 ? &pair->master : &pair->slave;
        bool wants = i8259_irr(chip) >> (i & 7) & 1, served = chip->isr >> (i & 7) & 1;
        const char *name = info_irq_name(i);
        if (wants || served)
            fprintf(to, "  IRQ %u%s%s is %s%s%s%s\n", i, *name ? ", " : "", name,
                    wants ? "requested" : "", wants && served ? " and " : "",
                    served ? "in service" : "",
                    wants && (chip->imr >> (i & 7) & 1) ? ", and masked" : "");
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
    crash_print(to, machine);
    print_pic(session, to);
}
