/*
 * Raising.
 */
#include "state.h"

bool soft_raise_error(struct soft *c, uint8_t vector, uint32_t error)
{
    c->raised = RAISED_EXCEPTION;
    c->vector = vector;
    c->has_error = true;
    c->error = error;
    return false;
}

bool soft_raise(struct soft *c, uint8_t vector)
{
    soft_raise_error(c, vector, 0);
    c->has_error = false;
    return false;
}

bool soft_raise_stop(struct soft *c, enum cpu_stop stop)
{
    c->raised = RAISED_STOP;
    c->stop = stop;
    return false;
}

/* The processor clears B0 to B3 for a new #DB, and leaves the other bits to the program. Intel SDM
 * vol. 3, section 17.2.3. */
void soft_report_hits(struct soft *c, uint32_t hits)
{
    c->s.dr[6] = (c->s.dr[6] & ~UINT32_C(15)) | hits;
}
