/*
 * Descriptors and segment registers, with their checks of privilege, and what follows from them;
 * stacks. Intel SDM vol. 3,
 * chapters 3 and 5; vol. 2, MOV. Every check comes before any register changes.
 */
#include "segment.h"

#include "flags.h"
#include "paging.h"

/* Works out what handlers take for granted about a segment register that was loaded. */
static void segment_changed(struct soft *c, unsigned segment)
{
    const struct cpu_segment *s = &c->s.segment[segment];
    uint32_t end = s->limit >= 15 ? s->limit - 14 : 0;
    bool reads = true, writes = true;

    if (is_protected(c)) {
        bool is_code = s->attributes & 8, is_rw = s->attributes & 2;
        if (!(s->attributes & SEGMENT_P))
            reads = writes = false;
        else if (is_code)
            reads = is_rw, writes = false;
        else
            writes = is_rw;
    }
    if ((s->attributes & 0x1c) == 0x14)
        reads = writes = false; /* expand-down: the slow path knows */
    c->window.base[segment] = s->base;
    c->window.read_end[segment] = reads ? end : 0;
    c->window.write_end[segment] = writes ? end : 0;
    if (segment == CPU_CS) {
        if (s->limit != c->code_limit)
            c->generation++;
        c->code_limit = s->limit;
    }
}

/* What depends on CPL, CS, the stack's size, DR7 and AC: the mode of code, the TLB's tables. */
static void update_mode(struct soft *c)
{
    bool breaks = false;
    unsigned user = c->s.cpl == 3;

    for (unsigned i = 0; (c->s.dr[7] & 0xff) && i < 4; i++) {
        if ((c->s.dr[7] >> (2 * i) & 3) && (c->s.dr[7] >> (16 + 4 * i) & 1))
            breaks = true;
    }
    c->watches_memory = breaks || (user && (c->s.cr0 & CR0_AM) && (c->s.eflags & EFLAGS_AC));
    c->tlb_read = c->watches_memory ? c->tlb_none : c->tlb[user][0];
    c->tlb_write = c->watches_memory ? c->tlb_none : c->tlb[user][1];
    c->mode = (uint64_t)c->s.segment[CPU_CS].base << 32 | (code_is_32(c) ? MODE_CODE32 : 0) |
              (c->s.segment[CPU_SS].attributes & SEGMENT_DB ? MODE_STACK32 : 0) |
              (user ? MODE_USER : 0) | (c->has_stops ? MODE_STOPS : 0);
}

void soft_mode_changed(struct soft *c)
{
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        segment_changed(c, i);
    update_mode(c);
}

void soft_set_cpl(struct soft *c, uint32_t cpl)
{
    c->s.cpl = cpl;
    update_mode(c);
}

void soft_set_eflags(struct soft *c, uint32_t value, uint32_t mask)
{
    uint32_t arithmetic = mask & EFLAGS_ARITHMETIC, other = mask & ~EFLAGS_ARITHMETIC;
    uint32_t before = c->s.eflags;

    if (arithmetic)
        flags_store(c, (flags_load(c) & ~arithmetic) | (value & arithmetic));
    c->s.eflags = (c->s.eflags & ~other) | (value & other);
    if ((before ^ c->s.eflags) & (EFLAGS_VM | EFLAGS_AC))
        soft_mode_changed(c);
    if ((c->s.eflags & (EFLAGS_TF | EFLAGS_RF)) || (c->wants_window && (c->s.eflags & EFLAGS_IF)))
        c->attention = true;
}

static void set_segment(struct soft *c, unsigned segment, struct cpu_segment value)
{
    c->s.segment[segment] = value;
    segment_changed(c, segment);
    if (segment == CPU_CS || segment == CPU_SS)
        update_mode(c);
}

bool soft_raise_selector(struct soft *c, uint8_t vector, uint16_t selector)
{
    return soft_raise_error(c, vector, (selector & ~3u) | c->external);
}

/* The linear address of a descriptor; false if its table doesn't reach so far. */
static bool descriptor_address(const struct soft *c, uint16_t selector, uint32_t *linear)
{
    uint32_t offset = selector & ~7u;

    if (selector & 4) {
        if (!(c->s.ldtr.attributes & SEGMENT_P) || offset + 7 > c->s.ldtr.limit)
            return false;
        *linear = c->s.ldtr.base + offset;
        return true;
    }
    *linear = c->s.gdtr.base + offset;
    return offset + 7 <= c->s.gdtr.limit;
}

bool soft_descriptor_probe(struct soft *c, uint16_t selector, struct descriptor *d, bool *found)
{
    uint32_t linear;

    *found = (selector & ~3u) && descriptor_address(c, selector, &linear);
    return !*found || soft_read_linear(c, linear, d, sizeof(*d), false);
}

bool soft_descriptor(struct soft *c, uint16_t selector, struct descriptor *d, uint8_t vector)
{
    uint32_t linear;

    if (!descriptor_address(c, selector, &linear))
        return soft_raise_selector(c, vector, selector);
    return soft_read_linear(c, linear, d, sizeof(*d), false);
}

bool soft_set_accessed(struct soft *c, uint16_t selector, struct descriptor *d)
{
    uint32_t linear;
    uint8_t byte;

    if (d->high & 0x100)
        return true;
    d->high |= 0x100;
    byte = (uint8_t)(d->high >> 8);
    return descriptor_address(c, selector, &linear) &&
           soft_write_linear(c, linear + 5, &byte, 1, false);
}

/* Real mode keeps limits (so "unreal" mode works); virtual-8086 mode has its own. */
static struct cpu_segment real_segment(const struct soft *c, unsigned segment, uint16_t selector)
{
    struct cpu_segment s = c->s.segment[segment];

    s.selector = selector;
    s.base = (uint32_t)selector << 4;
    if (is_v86(c)) {
        s.limit = 0xffff;
        s.attributes = 0xf3;
    } else if (segment != CPU_CS) {
        if (!(s.attributes & SEGMENT_P))
            s.limit = 0xffff;
        s.attributes = (s.attributes & (SEGMENT_DB | SEGMENT_G)) | 0x93;
    }
    return s;
}

void soft_set_real_segment(struct soft *c, unsigned segment, uint16_t selector)
{
    set_segment(c, segment, real_segment(c, segment, selector));
}

bool soft_check_stack(struct soft *c, uint16_t selector, struct descriptor *d, uint32_t cpl,
                      uint8_t vector)
{
    if (!(selector & ~3u))
        return soft_raise_error(c, vector, vector == EXCEPTION_TS ? c->external : 0);
    if (!soft_descriptor(c, selector, d, vector))
        return false;
    if ((selector & 3u) != cpl || (descriptor_type(*d) & 0x1a) != 0x12 || descriptor_dpl(*d) != cpl)
        return soft_raise_selector(c, vector, selector);
    if (!(d->high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_SS, selector);
    return soft_set_accessed(c, selector, d);
}

/* MOV, POP, LDS and the like. CS can't be loaded this way. */
bool soft_load_segment(struct soft *c, unsigned segment, uint16_t selector)
{
    struct descriptor d;
    uint32_t type;

    if (!is_protected(c)) {
        soft_set_real_segment(c, segment, selector);
        return true;
    }
    if (segment == CPU_SS) {
        if (!soft_check_stack(c, selector, &d, c->s.cpl, EXCEPTION_GP))
            return false;
    } else if (!(selector & ~3u)) {
        set_segment(c, segment, (struct cpu_segment){.selector = selector});
        return true;
    } else {
        if (!soft_descriptor(c, selector, &d, EXCEPTION_GP))
            return false;
        type = descriptor_type(d);
        if (!(type & 0x10) || (type & 0xa) == 8) /* system, or code that can't be read */
            return soft_raise_selector(c, EXCEPTION_GP, selector);
        if ((type & 0xc) != 0xc &&
            ((selector & 3u) > descriptor_dpl(d) || c->s.cpl > descriptor_dpl(d)))
            return soft_raise_selector(c, EXCEPTION_GP, selector);
        if (!(d.high & DESCRIPTOR_P))
            return soft_raise_selector(c, EXCEPTION_NP, selector);
        if (!soft_set_accessed(c, selector, &d))
            return false;
    }
    set_segment(c, segment, soft_segment_from(selector, d));
    return true;
}

static void set_code(struct soft *c, uint16_t selector, struct descriptor d, uint32_t cpl)
{
    c->s.cpl = cpl;
    c->s.segment[CPU_CS] = soft_segment_from((uint16_t)((selector & ~3u) | cpl), d);
    segment_changed(c, CPU_CS);
}

void soft_set_code(struct soft *c, uint16_t selector, struct descriptor d, uint32_t cpl)
{
    set_code(c, selector, d, cpl);
    update_mode(c);
}

void soft_set_code_and_stack(struct soft *c, uint16_t cs, struct descriptor code, uint32_t cpl,
                             uint16_t ss, struct descriptor stack)
{
    set_code(c, cs, code, cpl);
    set_segment(c, CPU_SS, soft_segment_from(ss, stack));
}

/* After a return to a less privileged level: data segments it may not have become null. */
void soft_drop_segments(struct soft *c)
{
    static const unsigned segments[] = {CPU_ES, CPU_DS, CPU_FS, CPU_GS};

    for (unsigned i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        const struct cpu_segment *s = &c->s.segment[segments[i]];
        if ((s->attributes & SEGMENT_P) && (s->attributes & 0x0c) != 0x0c &&
            SEGMENT_DPL((uint32_t)s->attributes) < c->s.cpl)
            set_segment(c, segments[i], (struct cpu_segment){.selector = 0});
    }
}

/* Stacks */

static bool stack_allows(struct soft *c, const struct stack *stack, uint32_t offset, unsigned size,
                         bool is_write)
{
    uint32_t last = offset + size - 1;
    bool ok;

    if ((stack->attributes & 0x1c) == 0x14)
        ok = offset > stack->limit && last >= offset && last <= stack->mask;
    else
        ok = last >= offset && last <= stack->limit;
    if (ok && is_protected(c) && !(stack->attributes & SEGMENT_P))
        ok = false;
    if (!ok)
        return soft_raise_error(
            c, EXCEPTION_SS, stack->selector ? (stack->selector & ~3u) | c->external : c->external);
    return !c->watches_memory || c->in_delivery || stack->is_user != (c->s.cpl == 3) ||
           soft_watch(c, stack->base + offset, size, is_write);
}

bool soft_stack_push(struct soft *c, struct stack *stack, unsigned size, uint32_t value)
{
    uint32_t offset = (stack->esp - size) & stack->mask;
    uint8_t data[4];

    for (unsigned i = 0; i < 4; i++)
        data[i] = (uint8_t)(value >> (8 * i));
    if (!stack_allows(c, stack, offset, size, true) ||
        !soft_write_linear(c, stack->base + offset, data, size, stack->is_user))
        return false;
    stack->esp = (stack->esp & ~stack->mask) | offset;
    return true;
}

bool soft_stack_pop(struct soft *c, struct stack *stack, unsigned size, uint32_t *value)
{
    uint32_t offset = stack->esp & stack->mask;
    uint8_t data[4] = {0};

    if (!stack_allows(c, stack, offset, size, false) ||
        !soft_read_linear(c, stack->base + offset, data, size, stack->is_user))
        return false;
    *value = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
             (uint32_t)data[3] << 24;
    stack->esp = (stack->esp & ~stack->mask) | ((offset + size) & stack->mask);
    return true;
}

void soft_stack_commit(struct soft *c, const struct stack *stack)
{
    c->s.gpr[CPU_ESP] = stack->esp;
}

bool soft_push(struct soft *c, unsigned size, uint32_t value)
{
    uint32_t mask = stack_mask(c), esp = c->s.gpr[CPU_ESP], offset = (esp - size) & mask;

    if (!soft_store(c, CPU_SS, offset, size, value))
        return false;
    c->s.gpr[CPU_ESP] = (esp & ~mask) | offset;
    return true;
}

bool soft_pop(struct soft *c, unsigned size, uint32_t *value)
{
    uint32_t mask = stack_mask(c), esp = c->s.gpr[CPU_ESP];

    *value = soft_load(c, CPU_SS, esp & mask, size);
    if (c->raised)
        return false;
    c->s.gpr[CPU_ESP] = (esp & ~mask) | ((esp + size) & mask);
    return true;
}

/* SS:ESP for `cpl`, from the TSS: Intel SDM vol. 3, figures 7-2 and 7-10. */
bool soft_inner_stack(struct soft *c, uint32_t cpl, uint16_t *ss, uint32_t *esp)
{
    bool is_32 = c->s.tr.attributes & 8;
    uint32_t at = is_32 ? 4 + cpl * 8 : 2 + cpl * 4;
    uint8_t data[6];

    if (at + (is_32 ? 5 : 3) > c->s.tr.limit)
        return soft_raise_selector(c, EXCEPTION_TS, c->s.tr.selector);
    if (!soft_read_linear(c, c->s.tr.base + at, data, is_32 ? 6 : 4, false))
        return false;
    *esp = (uint32_t)data[0] | (uint32_t)data[1] << 8;
    if (is_32)
        *esp |= (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
    *ss = (uint16_t)(data[is_32 ? 4 : 2] | data[is_32 ? 5 : 3] << 8);
    return true;
}
