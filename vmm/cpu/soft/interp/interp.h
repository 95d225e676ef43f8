/*
 * The interpreter: the back end that executes every operation.
 */
#ifndef VMM_CPU_SOFT_INTERP_H
#define VMM_CPU_SOFT_INTERP_H

#include "cpu/soft/code/block.h"

extern const struct back_end soft_interpreter;

/* Executes until the budget doesn't allow for the next block, or something is raised or wants
 * attention. With `step`, in blocks of one instruction. */
void soft_execute(struct soft *c, bool step);

/* The host's x87 and SSE units work for the guest until these; to be called when a run ends. */
void soft_fpu_leave(struct soft *c);
void soft_sse_leave(struct soft *c);

/* All of x87 and SSE. Bits of the control words that do not exist are not stored. */
void soft_fpu_get(const struct soft *c, struct cpu_fpu *to);
void soft_fpu_set(struct soft *c, const struct cpu_fpu *from);

/* As FNINIT leaves it. */
void soft_fpu_reset(struct soft *c);

#endif
