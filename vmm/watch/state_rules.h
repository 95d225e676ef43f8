/*
 * Mistakes that are seen in the processor's state: whose tables it uses, where its stack is, which
 * vectors interrupts have. They are looked for where the machine has stopped anyway.
 */
#ifndef VMM_WATCH_STATE_RULES_H
#define VMM_WATCH_STATE_RULES_H

#include "cpu/cpu.h"

struct machine;
struct mistakes;

struct state_rules {
    /* Multiboot: the tables that the kernel was started with and may not use; 0: they may be used,
     * or it is not known. */
    uint32_t loaders_gdt, loaders_idt;
    bool had_df; /* when the last interrupt came */
};

/* The machine is about to start. */
void state_rules_init(struct state_rules *rules, struct machine *machine);

/* The guest halts, goes on, or has ended, in this state. */
void state_rules_look(struct state_rules *rules, struct mistakes *mistakes,
                      const struct cpu_state *state);

/* An interrupt is about to be delivered, of an IRQ, to a vector. */
void state_rules_interrupt(struct state_rules *rules, struct mistakes *mistakes,
                           const struct cpu_state *state, unsigned irq, uint8_t vector);

/* A handler ends an interrupt, with these flags. */
void state_rules_eoi(const struct state_rules *rules, struct mistakes *mistakes, unsigned irq,
                     uint32_t eflags);

/* The guest has halted for good: was it to wait? `opened` are the inputs (bits) that it has
 * unmasked itself; 0 if it has taken interrupts. */
void state_rules_halted(struct mistakes *mistakes, const struct cpu_state *state, uint16_t opened);

/* The screen: text behind its last line. */
void state_rules_screen(struct mistakes *mistakes);

/* Whether a vector has a handler of the guest's own. */
bool state_rules_has_handler(const struct machine *machine, const struct cpu_state *state,
                             uint8_t vector);

/* The last branches are looked at for handlers that have returned by RET; at the end of a run. */
void state_rules_handlers(struct mistakes *mistakes);

#endif
