/*
 * Far transfers of control.
 */
#ifndef VMM_CPU_SOFT_TRANSFER_H
#define VMM_CPU_SOFT_TRANSFER_H

#include "segment.h"

/* Far JMP and CALL; a call pushes CS and c->s.eip in operands of `size`. */
bool soft_far_jump(struct soft *c, uint16_t selector, uint32_t offset, bool is_call, unsigned size);
bool soft_far_return(struct soft *c, unsigned size, uint32_t release);
/* What far RET and IRET demand of the CS they find on the stack. */
bool soft_check_return(struct soft *c, uint16_t cs, struct descriptor *d);
/* The end of a return: to CS:EIP, and if that is less privileged to the stack found behind. */
bool soft_finish_return(struct soft *c, struct stack *stack, uint16_t cs, struct descriptor code,
                        uint32_t eip, unsigned size, uint32_t release);

#endif
