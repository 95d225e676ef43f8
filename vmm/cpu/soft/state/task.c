/*
 * Hardware tasks: the switch from one task-state segment to another, and the I/O permission bitmap.
 * Intel SDM vol. 3, chapter 7; vol. 1, section 18.5.2.
 */
#include "task.h"

#include "flags.h"
#include "paging.h"

/* Offsets in a 32-bit TSS (figure 7-2) and a 16-bit one (figure 7-10). The order of registers is
 * that of the TSS: EIP, EFLAGS, eight general, then segments ES CS SS DS FS GS, LDT. */
#define TSS32_CR3      28u
#define TSS32_EIP      32u
#define TSS32_SEGMENTS 72u
#define TSS32_LDT      96u
#define TSS32_TRAP     100u
#define TSS32_IO_MAP   102u
#define TSS32_LIMIT    103u
#define TSS16_IP       14u
#define TSS16_SEGMENTS 34u
#define TSS16_LDT      42u
#define TSS16_LIMIT    43u

struct task {
    uint32_t cr3, eip, eflags, gpr[CPU_GPRS];
    uint16_t segment[CPU_SEGMENTS], ldt;
    bool traps;
};

static uint32_t get_le(const uint8_t *at, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)at[i] << (8 * i);
    return value;
}

static void put_le(uint8_t *at, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static bool save_task(struct soft *c, uint32_t eflags)
{
    bool is_32 = c->s.tr.attributes & 8;
    unsigned size = is_32 ? 4 : 2, segments = is_32 ? CPU_SEGMENTS : 4;
    uint8_t image[TSS32_LDT - TSS32_EIP] = {0};
    uint32_t from = is_32 ? TSS32_EIP : TSS16_IP;

    put_le(image, size, c->s.eip);
    put_le(image + size, size, eflags);
    for (unsigned i = 0; i < CPU_GPRS; i++)
        put_le(image + (2 + i) * size, size, c->s.gpr[i]);
    if (is_32) {
        /* The upper halves of the selectors are reserved: they stay as they are. */
        if (!soft_write_linear(c, c->s.tr.base + from, image, 10 * size, false))
            return false;
        for (unsigned i = 0; i < segments; i++) {
            uint8_t selector[2];
            put_le(selector, 2, c->s.segment[i].selector);
            if (!soft_write_linear(c, c->s.tr.base + TSS32_SEGMENTS + 4 * i, selector, 2, false))
                return false;
        }
        return true;
    }
    for (unsigned i = 0; i < segments; i++)
        put_le(image + TSS16_SEGMENTS - TSS16_IP + 2 * i, 2, c->s.segment[i].selector);
    return soft_write_linear(c, c->s.tr.base + from, image, 14 * 2, false);
}

static bool read_task(struct soft *c, const struct cpu_segment *tss, struct task *task)
{
    uint8_t image[TSS32_LIMIT + 1];

    *task = (struct task){.cr3 = c->s.cr3};
    if (tss->attributes & 8) {
        if (!soft_read_linear(c, tss->base, image, TSS32_LIMIT + 1, false))
            return false;
        task->cr3 = get_le(image + TSS32_CR3, 4);
        task->eip = get_le(image + TSS32_EIP, 4);
        task->eflags = get_le(image + TSS32_EIP + 4, 4);
        for (unsigned i = 0; i < CPU_GPRS; i++)
            task->gpr[i] = get_le(image + TSS32_EIP + 8 + 4 * i, 4);
        for (unsigned i = 0; i < CPU_SEGMENTS; i++)
            task->segment[i] = (uint16_t)get_le(image + TSS32_SEGMENTS + 4 * i, 2);
        task->ldt = (uint16_t)get_le(image + TSS32_LDT, 2);
        task->traps = image[TSS32_TRAP] & 1;
        return true;
    }
    if (!soft_read_linear(c, tss->base, image, TSS16_LIMIT + 1, false))
        return false;
    task->eip = get_le(image + TSS16_IP, 2);
    task->eflags = get_le(image + TSS16_IP + 2, 2);
    for (unsigned i = 0; i < CPU_GPRS; i++)
        task->gpr[i] = get_le(image + TSS16_IP + 4 + 2 * i, 2) | UINT32_C(0xffff0000);
    for (unsigned i = 0; i < 4; i++)
        task->segment[i] = (uint16_t)get_le(image + TSS16_SEGMENTS + 2 * i, 2);
    task->ldt = (uint16_t)get_le(image + TSS16_LDT, 2);
    return true;
}

static bool set_busy(struct soft *c, uint16_t selector, bool busy)
{
    uint32_t at = c->s.gdtr.base + (selector & ~7u) + 5;
    uint8_t type;

    if (!soft_read_linear(c, at, &type, 1, false))
        return false;
    type = (uint8_t)(busy ? type | 2 : type & ~2);
    return soft_write_linear(c, at, &type, 1, false);
}

/* From here on the new task is the present one, and faults are its own. */

static bool load_ldt(struct soft *c, uint16_t selector)
{
    struct descriptor d;

    c->s.ldtr = (struct cpu_segment){.selector = selector};
    if (!(selector & ~3u))
        return true;
    if (selector & 4)
        return soft_raise_selector(c, EXCEPTION_TS, selector);
    if (!soft_descriptor(c, selector, &d, EXCEPTION_TS))
        return false;
    if (descriptor_type(d) != 2 || !(d.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_TS, selector);
    c->s.ldtr = soft_segment_from(selector, d);
    return true;
}

static bool load_code(struct soft *c, uint16_t selector)
{
    struct descriptor d;
    uint32_t type, dpl, rpl = selector & 3u;

    if (!(selector & ~3u))
        return soft_raise_error(c, EXCEPTION_TS, c->external);
    if (!soft_descriptor(c, selector, &d, EXCEPTION_TS))
        return false;
    type = descriptor_type(d);
    dpl = descriptor_dpl(d);
    if ((type & 0x18) != 0x18 || (type & 4 ? dpl > rpl : dpl != rpl))
        return soft_raise_selector(c, EXCEPTION_TS, selector);
    if (!(d.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    if (!soft_set_accessed(c, selector, &d))
        return false;
    soft_set_code(c, selector, d, rpl);
    return true;
}

static bool load_data(struct soft *c, unsigned segment, uint16_t selector)
{
    struct descriptor d;
    uint32_t type, dpl;

    if (!(selector & ~3u))
        return true;
    if (!soft_descriptor(c, selector, &d, EXCEPTION_TS))
        return false;
    type = descriptor_type(d);
    dpl = descriptor_dpl(d);
    if (!(type & 0x10) || (type & 0xa) == 8 ||
        ((type & 0xc) != 0xc && ((selector & 3u) > dpl || c->s.cpl > dpl)))
        return soft_raise_selector(c, EXCEPTION_TS, selector);
    if (!(d.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    if (!soft_set_accessed(c, selector, &d))
        return false;
    c->s.segment[segment] = soft_segment_from(selector, d);
    return true;
}

static bool load_segments(struct soft *c, const struct task *task)
{
    static const unsigned order[] = {CPU_DS, CPU_ES, CPU_FS, CPU_GS};
    struct descriptor d;
    uint32_t cpl = task->segment[CPU_CS] & 3u;

    if (!load_ldt(c, task->ldt))
        return false;
    if (task->eflags & EFLAGS_VM) {
        c->s.cpl = 3;
        for (unsigned i = 0; i < CPU_SEGMENTS; i++)
            soft_set_real_segment(c, i, task->segment[i]);
        return true;
    }
    if (!load_code(c, task->segment[CPU_CS]) ||
        !soft_check_stack(c, task->segment[CPU_SS], &d, cpl, EXCEPTION_TS))
        return false;
    c->s.segment[CPU_SS] = soft_segment_from(task->segment[CPU_SS], d);
    for (unsigned i = 0; i < 4; i++) {
        if (!load_data(c, order[i], task->segment[order[i]]))
            return false;
    }
    return true;
}

/* Intel SDM vol. 3, section 7.3. `c->s.eip` is where the present task goes on later. */
bool soft_task_switch(struct soft *c, uint16_t selector, struct descriptor tss,
                      enum task_switch how, bool has_error, uint32_t error)
{
    struct cpu_segment next = soft_segment_from(selector, tss);
    uint32_t old_eflags = soft_eflags(c);
    uint16_t old_selector = c->s.tr.selector;
    struct task task;
    bool is_32 = next.attributes & 8, ok;

    if (next.limit < (is_32 ? TSS32_LIMIT : TSS16_LIMIT))
        return soft_raise_selector(c, EXCEPTION_TS, selector);
    /* All that can fault in the old task comes first. */
    if (!soft_check_linear(c, c->s.tr.base, (c->s.tr.attributes & 8) ? 104 : 44, true, false) ||
        !soft_check_linear(c, next.base, 2, how == TASK_CALL || how == TASK_GATE, false) ||
        !soft_check_linear(c, c->s.gdtr.base + (selector & ~7u), 8, true, false) ||
        !read_task(c, &next, &task))
        return false;
    if (how == TASK_IRET)
        old_eflags &= ~EFLAGS_NT;
    if ((how == TASK_JUMP || how == TASK_IRET) && !set_busy(c, old_selector, false))
        return false;
    if (!save_task(c, old_eflags))
        return false;
    if (how == TASK_CALL || how == TASK_GATE) {
        if (!soft_write_linear(c, next.base, &old_selector, 2, false))
            return false;
        task.eflags |= EFLAGS_NT;
    }
    if (how != TASK_IRET && !set_busy(c, selector, true))
        return false;

    next.attributes |= 2;
    c->s.tr = next;
    c->s.cr0 |= CR0_TS;
    if (is_32 && (c->s.cr0 & CR0_PG) && task.cr3 != c->s.cr3) {
        c->s.cr3 = task.cr3;
        soft_tlb_flush(c);
    }
    c->s.eip = task.eip;
    memcpy(c->s.gpr, task.gpr, sizeof(task.gpr));
    c->s.eflags = 0;
    soft_set_eflags(c, task.eflags,
                    EFLAGS_ARITHMETIC | EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL |
                        EFLAGS_NT | EFLAGS_RF | EFLAGS_VM | EFLAGS_AC | EFLAGS_ID);
    c->s.dr[7] &= ~UINT32_C(0x155); /* local breakpoints end with the task */
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        c->s.segment[i] = (struct cpu_segment){.selector = task.segment[i]};
    c->s.cpl = task.eflags & EFLAGS_VM ? 3 : task.segment[CPU_CS] & 3;
    ok = load_segments(c, &task);
    soft_mode_changed(c);
    c->in_new_task = !ok;
    if (!ok)
        return false;
    if (has_error) {
        struct stack stack = soft_stack(c);
        if (!soft_stack_push(c, &stack, is_32 ? 4 : 2, error)) {
            c->in_new_task = true;
            return false;
        }
        soft_stack_commit(c, &stack);
    }
    if (task.eip > c->s.segment[CPU_CS].limit) {
        c->in_new_task = true;
        return soft_raise_error(c, EXCEPTION_GP, c->external);
    }
    if (task.traps) {
        c->s.debug_hits |= UINT32_C(1) << 15;
        c->attention = true;
    }
    return true;
}

/* For privilege IOPL doesn't give: a clear bit for each byte of the access. */
bool soft_port_allowed(struct soft *c, uint16_t port, uint32_t width)
{
    uint16_t map, bits;
    uint32_t at;

    if (!(c->s.cr0 & CR0_PE) || (c->s.cpl <= iopl(c) && !is_v86(c)))
        return true;
    if (!(c->s.tr.attributes & SEGMENT_P) || !(c->s.tr.attributes & 8) ||
        c->s.tr.limit < TSS32_LIMIT)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_read_linear(c, c->s.tr.base + TSS32_IO_MAP, &map, 2, false))
        return false;
    at = map + (uint32_t)port / 8;
    if (at + 1 > c->s.tr.limit)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_read_linear(c, c->s.tr.base + at, &bits, 2, false))
        return false;
    if ((uint32_t)bits >> (port & 7) & ((1u << width) - 1))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    return true;
}
