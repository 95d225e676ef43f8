/*
 * Far JMP, CALL and RET, call gates and the stack switch they make. Intel SDM vol. 3, chapter 5;
 * vol. 2, CALL, JMP, RET. Every check comes before any register changes.
 */
#include "transfer.h"

#include "task.h"

static bool offset_inside(struct soft *c, uint32_t offset, uint32_t limit)
{
    return offset <= limit || soft_raise_error(c, EXCEPTION_GP, c->external);
}

static bool far_jump_real(struct soft *c, uint16_t selector, uint32_t offset, bool is_call,
                          unsigned size)
{
    struct stack stack = soft_stack(c);

    if (is_call && (!soft_stack_push(c, &stack, size, c->s.segment[CPU_CS].selector) ||
                    !soft_stack_push(c, &stack, size, c->s.eip)))
        return false;
    if (!offset_inside(c, offset, c->s.segment[CPU_CS].limit))
        return false;
    if (is_call)
        soft_stack_commit(c, &stack);
    soft_set_real_segment(c, CPU_CS, selector);
    c->s.eip = offset;
    return true;
}

/* To a code segment at the same privilege. What is wrong with the stack comes before what is wrong
 * with the offset: vol. 2, CALL. */
static bool far_jump_code(struct soft *c, uint16_t selector, struct descriptor d, uint32_t offset,
                          bool is_call, unsigned size)
{
    struct stack stack = soft_stack(c);

    if (is_call && (!soft_stack_push(c, &stack, size, c->s.segment[CPU_CS].selector) ||
                    !soft_stack_push(c, &stack, size, c->s.eip)))
        return false;
    if (!offset_inside(c, offset, descriptor_limit(d)) || !soft_set_accessed(c, selector, &d))
        return false;
    if (is_call)
        soft_stack_commit(c, &stack);
    soft_set_code(c, selector, d, c->s.cpl);
    c->s.eip = offset;
    return true;
}

/* Through a call gate to more privilege: Intel SDM vol. 3, section 5.8.5. */
static bool call_inner(struct soft *c, uint16_t selector, struct descriptor code, uint32_t offset,
                       unsigned count, unsigned size)
{
    struct stack outer = soft_stack(c), inner;
    uint32_t cpl = descriptor_dpl(code), esp, parameters[31];
    struct descriptor d;
    uint16_t ss;

    if (!soft_inner_stack(c, cpl, &ss, &esp) || !soft_check_stack(c, ss, &d, cpl, EXCEPTION_TS))
        return false;
    inner = soft_stack_of(soft_segment_from(ss, d), esp, cpl == 3);
    inner.selector = ss;
    for (unsigned i = 0; i < count; i++) {
        if (!soft_stack_pop(c, &outer, size, &parameters[i]))
            return false;
    }
    if (!soft_stack_push(c, &inner, size, c->s.segment[CPU_SS].selector) ||
        !soft_stack_push(c, &inner, size, c->s.gpr[CPU_ESP]))
        return false;
    for (unsigned i = count; i-- > 0;) {
        if (!soft_stack_push(c, &inner, size, parameters[i]))
            return false;
    }
    if (!soft_stack_push(c, &inner, size, c->s.segment[CPU_CS].selector) ||
        !soft_stack_push(c, &inner, size, c->s.eip) ||
        !offset_inside(c, offset, descriptor_limit(code)) || !soft_set_accessed(c, selector, &code))
        return false;
    soft_set_code_and_stack(c, selector, code, cpl, ss, d);
    soft_stack_commit(c, &inner);
    c->s.eip = offset;
    return true;
}

static bool through_call_gate(struct soft *c, uint16_t gate_selector, struct descriptor gate,
                              bool is_call)
{
    uint16_t selector = (uint16_t)(gate.low >> 16);
    unsigned size = gate.high & 0x800 ? 4 : 2;
    uint32_t offset = gate.low & 0xffff, dpl;
    struct descriptor code;
    bool conforms;

    if (size == 4)
        offset |= gate.high & UINT32_C(0xffff0000);
    if (!(gate.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, gate_selector);
    if (!(selector & ~3u))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_descriptor(c, selector, &code, EXCEPTION_GP))
        return false;
    dpl = descriptor_dpl(code);
    conforms = descriptor_type(code) & 4;
    if ((descriptor_type(code) & 0x18) != 0x18 || dpl > c->s.cpl ||
        (!is_call && !conforms && dpl != c->s.cpl))
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!(code.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    if (is_call && !conforms && dpl < c->s.cpl)
        return call_inner(c, selector, code, offset, gate.high & 31, size);
    return far_jump_code(c, selector, code, offset, is_call, size);
}

static bool to_task(struct soft *c, uint16_t selector, struct descriptor d, bool is_call)
{
    if (descriptor_type(d) == 5) {
        if (!(d.high & DESCRIPTOR_P))
            return soft_raise_selector(c, EXCEPTION_NP, selector);
        selector = (uint16_t)(d.low >> 16);
        if ((selector & 4) || !(selector & ~3u))
            return soft_raise_selector(c, EXCEPTION_GP, selector);
        if (!soft_descriptor(c, selector, &d, EXCEPTION_GP))
            return false;
        if (descriptor_type(d) != 1 && descriptor_type(d) != 9)
            return soft_raise_selector(c, EXCEPTION_GP, selector);
    } else if (selector & 4) { /* a TSS descriptor counts in the GDT only */
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    }
    if (!(d.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    return soft_task_switch(c, selector, d, is_call ? TASK_CALL : TASK_JUMP, false, 0);
}

bool soft_far_jump(struct soft *c, uint16_t selector, uint32_t offset, bool is_call, unsigned size)
{
    struct descriptor d;
    uint32_t type, rpl = selector & 3u, dpl;

    if (!is_protected(c))
        return far_jump_real(c, selector, offset, is_call, size);
    if (!(selector & ~3u))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_descriptor(c, selector, &d, EXCEPTION_GP))
        return false;
    type = descriptor_type(d);
    dpl = descriptor_dpl(d);
    if (type & 0x10) {
        if (!(type & 8) || (type & 4 ? dpl > c->s.cpl : rpl > c->s.cpl || dpl != c->s.cpl))
            return soft_raise_selector(c, EXCEPTION_GP, selector);
        if (!(d.high & DESCRIPTOR_P))
            return soft_raise_selector(c, EXCEPTION_NP, selector);
        return far_jump_code(c, selector, d, offset, is_call, size);
    }
    if (dpl < c->s.cpl || dpl < rpl)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    switch (type) {
    case 1: /* 16-bit TSS */
    case 5: /* task gate */
    case 9: /* 32-bit TSS */
        return to_task(c, selector, d, is_call);
    case 4: /* call gates */
    case 12:
        return through_call_gate(c, selector, d, is_call);
    default:
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    }
}

static bool far_return_real(struct soft *c, unsigned size, uint32_t release)
{
    struct stack stack = soft_stack(c);
    uint32_t eip, cs;

    if (!soft_stack_pop(c, &stack, size, &eip) || !soft_stack_pop(c, &stack, size, &cs) ||
        !offset_inside(c, eip, c->s.segment[CPU_CS].limit))
        return false;
    stack.esp = (stack.esp & ~stack.mask) | ((stack.esp + release) & stack.mask);
    soft_stack_commit(c, &stack);
    soft_set_real_segment(c, CPU_CS, (uint16_t)cs);
    c->s.eip = eip;
    return true;
}

bool soft_check_return(struct soft *c, uint16_t cs, struct descriptor *d)
{
    uint32_t type, rpl = cs & 3u;

    if (!(cs & ~3u))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_descriptor(c, cs, d, EXCEPTION_GP))
        return false;
    type = descriptor_type(*d);
    if ((type & 0x18) != 0x18 || rpl < c->s.cpl ||
        (type & 4 ? descriptor_dpl(*d) > rpl : descriptor_dpl(*d) != rpl))
        return soft_raise_selector(c, EXCEPTION_GP, cs);
    if (!(d->high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, cs);
    return true;
}

bool soft_finish_return(struct soft *c, struct stack *stack, uint16_t cs, struct descriptor code,
                        uint32_t eip, unsigned size, uint32_t release)
{
    uint32_t rpl = cs & 3u, esp, ss, mask;
    struct descriptor d;

    if (rpl == c->s.cpl) {
        if (!offset_inside(c, eip, descriptor_limit(code)) || !soft_set_accessed(c, cs, &code))
            return false;
        stack->esp = (stack->esp & ~stack->mask) | ((stack->esp + release) & stack->mask);
        soft_stack_commit(c, stack);
        soft_set_code(c, cs, code, rpl);
        c->s.eip = eip;
        return true;
    }
    stack->esp = (stack->esp & ~stack->mask) | ((stack->esp + release) & stack->mask);
    if (!soft_stack_pop(c, stack, size, &esp) || !soft_stack_pop(c, stack, size, &ss) ||
        !soft_check_stack(c, (uint16_t)ss, &d, rpl, EXCEPTION_GP) ||
        !offset_inside(c, eip, descriptor_limit(code)) || !soft_set_accessed(c, cs, &code))
        return false;
    soft_set_code_and_stack(c, cs, code, rpl, (uint16_t)ss, d);
    mask = stack_mask(c);
    esp += release;
    c->s.gpr[CPU_ESP] = (c->s.gpr[CPU_ESP] & ~mask) | (esp & mask);
    soft_drop_segments(c);
    c->s.eip = eip;
    return true;
}

bool soft_far_return(struct soft *c, unsigned size, uint32_t release)
{
    struct stack stack = soft_stack(c);
    struct descriptor d;
    uint32_t eip, cs;

    if (!is_protected(c))
        return far_return_real(c, size, release);
    return soft_stack_pop(c, &stack, size, &eip) && soft_stack_pop(c, &stack, size, &cs) &&
           soft_check_return(c, (uint16_t)cs, &d) &&
           soft_finish_return(c, &stack, (uint16_t)cs, d, eip, size, release);
}
