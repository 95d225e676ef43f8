/*
 * Delivery of exceptions and interrupts, and the return from them.
 */
#ifndef VMM_CPU_SOFT_EXCEPTION_H
#define VMM_CPU_SOFT_EXCEPTION_H

#include "state.h"

/* Delivers what was raised; double faults included. False after a triple fault. */
bool soft_deliver_raised(struct soft *c);
/* Calls the handler of `vector`: kind says who asks. c->s.eip is what it returns to. False:
 * something was raised, and no register has changed. */
enum event { EVENT_EXCEPTION, EVENT_SOFTWARE, EVENT_EXTERNAL };
bool soft_interrupt(struct soft *c, uint8_t vector, enum event kind, bool has_error,
                    uint32_t error);
bool soft_iret(struct soft *c, unsigned size);

#endif
