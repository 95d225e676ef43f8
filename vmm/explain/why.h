/*
 * Why nothing moves: what a guest does, what it waits for and why that can't come, and the mistakes
 * that were found on the way, in a few sentences.
 */
#ifndef VMM_EXPLAIN_WHY_H
#define VMM_EXPLAIN_WHY_H

#include "machine/machine.h"

#include <stdio.h>

/* What the guest does now, or did at its end, a line for each sentence. On the machine's thread,
 * between two instructions, or where the machine is lent. */
void why_tell(FILE *to, struct machine *machine);

/* After the sentence on how a run ended: why nothing moved, if it ended for that, and the mistakes
 * that may have led to it, three at most; nothing if all was well. */
void why_conclude(FILE *to, struct machine *machine);

#endif
