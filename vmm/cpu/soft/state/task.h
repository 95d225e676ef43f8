/*
 * Hardware tasks and the I/O permission bitmap.
 */
#ifndef VMM_CPU_SOFT_TASK_H
#define VMM_CPU_SOFT_TASK_H

#include "segment.h"

/* To the task of `tss`, at `selector`; EIP is where the present one goes on later. With has_error,
 * `error` is pushed on the new task's stack. False: raised, in the new task if c->in_new_task. */
enum task_switch { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE };
bool soft_task_switch(struct soft *c, uint16_t selector, struct descriptor tss,
                      enum task_switch how, bool has_error, uint32_t error);
/* Whether the program may access ports [port, port + width); raises #GP. */
bool soft_port_allowed(struct soft *c, uint16_t port, uint32_t width);

#endif
