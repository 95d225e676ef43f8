/*
 * The state of interrupts in words: IF, and what is pending, in service and masked. For reports of
 * a guest's end, and for whoever asks why it stands still.
 */
#ifndef VMM_EXPLAIN_INTERRUPT_WORDS_H
#define VMM_EXPLAIN_INTERRUPT_WORDS_H

#include "machine/machine.h"

#include <stdio.h>

/*
 * Prints one line, without its newline: "off (IF=0); IRQ 0 (timer, vector 0x20) is pending; no EOI
 * yet: IRQ 1; masked: all but 0, 1". `state` has the IF that is meant. An input that holds another
 * one back, and a controller without vectors, are named, since both are common mistakes.
 */
void interrupt_words_print(FILE *to, const struct machine *machine, const struct cpu_state *state);

/* Prints why the request at an input does not come to the CPU now, whatever IF is: "masked", "held
 * back by IRQ 1, which had no EOI"; nothing if it would. Without a newline. */
void interrupt_words_hindrance(FILE *to, const struct machine *machine, unsigned irq);

#endif
