/*
 * Descriptors, segment registers and stacks.
 */
#ifndef VMM_CPU_SOFT_SEGMENT_H
#define VMM_CPU_SOFT_SEGMENT_H

#include "state.h"

/* To be called after any change of segments, CPL, CR0, DR7, VM or AC: works out what depends on
 * them. */
void soft_mode_changed(struct soft *c);
void soft_set_cpl(struct soft *c, uint32_t cpl);
/* Sets the flags in `mask`, as POPF would. */
void soft_set_eflags(struct soft *c, uint32_t value, uint32_t mask);

bool soft_load_segment(struct soft *c, unsigned segment, uint16_t selector);
void soft_set_real_segment(struct soft *c, unsigned segment, uint16_t selector);
struct descriptor {
    uint32_t low, high;
};
static inline uint32_t descriptor_base(struct descriptor d)
{
    return d.low >> 16 | (d.high & 0xff) << 16 | (d.high & UINT32_C(0xff000000));
}
static inline uint32_t descriptor_limit(struct descriptor d)
{
    uint32_t limit = (d.low & 0xffff) | (d.high & UINT32_C(0x000f0000));
    return d.high & UINT32_C(0x00800000) ? limit << 12 | 0xfff : limit;
}
static inline uint32_t descriptor_dpl(struct descriptor d)
{
    return d.high >> 13 & 3;
}
#define DESCRIPTOR_P UINT32_C(0x00008000)
/* Type field with S: 0x10 is S, 0x08 code, 0x04 conforming or expand-down, 0x02 readable or
 * writable, 0x01 accessed. */
static inline uint32_t descriptor_type(struct descriptor d)
{
    return d.high >> 8 & 0x1f;
}
/* Inline, as is soft_stack_of: a struct returned through memory is stored by fields and loaded
 * whole at once, for which a processor waits. */
static inline struct cpu_segment soft_segment_from(uint16_t selector, struct descriptor d)
{
    return (struct cpu_segment){
        .base = descriptor_base(d),
        .limit = descriptor_limit(d),
        .selector = selector,
        .attributes = (uint16_t)(d.high >> 8 & 0xf0ff),
    };
}
/* Reads a descriptor; `vector` with the selector as error code if it is outside its table. */
bool soft_descriptor(struct soft *c, uint16_t selector, struct descriptor *d, uint8_t vector);
/* The same without an exception for a bad selector: *found says. False: a page fault was raised. */
bool soft_descriptor_probe(struct soft *c, uint16_t selector, struct descriptor *d, bool *found);
bool soft_set_accessed(struct soft *c, uint16_t selector, struct descriptor *d);
bool soft_raise_selector(struct soft *c, uint8_t vector, uint16_t selector);
/* Checks a descriptor that is to become SS at privilege `cpl`. */
bool soft_check_stack(struct soft *c, uint16_t selector, struct descriptor *d, uint32_t cpl,
                      uint8_t vector);
void soft_set_code(struct soft *c, uint16_t selector, struct descriptor d, uint32_t cpl);
/* The same with a new stack. */
void soft_set_code_and_stack(struct soft *c, uint16_t cs, struct descriptor code, uint32_t cpl,
                             uint16_t ss, struct descriptor stack);
/* SS:ESP for privilege `cpl` from the task-state segment. */
bool soft_inner_stack(struct soft *c, uint32_t cpl, uint16_t *ss, uint32_t *esp);
void soft_drop_segments(struct soft *c);

/* A stack being written or read before ESP is committed. */
struct stack {
    uint32_t base, limit, attributes, esp, mask;
    uint16_t selector; /* for the error code of #SS; 0: the present stack */
    bool is_user;
};
static inline struct stack soft_stack_of(struct cpu_segment ss, uint32_t esp, bool is_user)
{
    return (struct stack){
        .base = ss.base,
        .limit = ss.limit,
        .attributes = ss.attributes,
        .esp = esp,
        .mask = ss.attributes & SEGMENT_DB ? UINT32_MAX : 0xffff,
        .is_user = is_user,
    };
}
static inline struct stack soft_stack(const struct soft *c)
{
    return soft_stack_of(c->s.segment[CPU_SS], c->s.gpr[CPU_ESP], c->s.cpl == 3);
}
bool soft_stack_push(struct soft *c, struct stack *stack, unsigned size, uint32_t value);
bool soft_stack_pop(struct soft *c, struct stack *stack, unsigned size, uint32_t *value);
void soft_stack_commit(struct soft *c, const struct stack *stack);
bool soft_push(struct soft *c, unsigned size, uint32_t value);
bool soft_pop(struct soft *c, unsigned size, uint32_t *value);

#endif
