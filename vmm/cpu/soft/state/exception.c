/*
 * Exceptions and interrupts: what was raised becomes a call of the guest's handler, through the
 * real-mode vector table or the IDT; double and triple faults; IRET, the way back. Intel SDM vol.
 * 3, chapter 6 and section 20.3 (virtual-8086); vol. 2, INT n and IRET.
 *
 * Delivery changes registers only when nothing can fail any more. So after a triple fault they are
 * what they were at the first fault.
 */
#include "exception.h"

#include "flags.h"
#include "paging.h"
#include "task.h"
#include "transfer.h"

/* Real mode: the vector table holds far pointers. */
static bool interrupt_real(struct soft *c, uint8_t vector)
{
    struct stack stack = soft_stack(c);
    uint8_t entry[4];

    if (vector * 4u + 3 > c->s.idtr.limit)
        return soft_raise_error(c, EXCEPTION_GP, vector * 8u + 2);
    if (!soft_read_linear(c, c->s.idtr.base + vector * 4u, entry, 4, false) ||
        !soft_stack_push(c, &stack, 2, soft_eflags(c)) ||
        !soft_stack_push(c, &stack, 2, c->s.segment[CPU_CS].selector) ||
        !soft_stack_push(c, &stack, 2, c->s.eip))
        return false;
    soft_stack_commit(c, &stack);
    c->s.eip = (uint32_t)entry[0] | (uint32_t)entry[1] << 8;
    soft_set_real_segment(c, CPU_CS, (uint16_t)(entry[2] | entry[3] << 8));
    soft_set_eflags(c, 0, EFLAGS_IF | EFLAGS_TF | EFLAGS_AC | EFLAGS_RF);
    return true;
}

/* EFLAGS as pushed: after a fault, RF is set so that an instruction breakpoint is passed over. */
static uint32_t pushed_eflags(const struct soft *c, uint8_t vector, enum event kind)
{
    bool is_fault = kind == EVENT_EXCEPTION && vector != EXCEPTION_DB && vector != EXCEPTION_DF;

    return soft_eflags(c) | (is_fault ? EFLAGS_RF : 0);
}

struct frame {
    uint8_t vector;
    enum event kind;
    bool has_error;
    uint32_t error;
    uint16_t cs; /* of the handler */
    struct descriptor code;
    uint32_t eip;
    unsigned size;
    bool clears_if;
};

/* What every frame ends with, and the jump to the handler at privilege `cpl`; `ss` describes the
 * stack if it is a new one. */
static bool enter_handler(struct soft *c, const struct frame *f, struct stack *stack, uint32_t cpl,
                          const struct descriptor *ss)
{
    struct descriptor code = f->code;
    bool from_v86 = is_v86(c);
    uint32_t cleared = EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM;

    if (!soft_stack_push(c, stack, f->size, pushed_eflags(c, f->vector, f->kind)) ||
        !soft_stack_push(c, stack, f->size, c->s.segment[CPU_CS].selector) ||
        !soft_stack_push(c, stack, f->size, c->s.eip) ||
        (f->has_error && !soft_stack_push(c, stack, f->size, f->error)))
        return false;
    if (f->eip > descriptor_limit(f->code))
        return soft_raise_error(c, EXCEPTION_GP, c->external);
    if (!soft_set_accessed(c, f->cs, &code))
        return false;
    if (f->clears_if)
        cleared |= EFLAGS_IF;
    c->s.eflags &= ~cleared;
    if (from_v86) {
        c->s.segment[CPU_ES] = c->s.segment[CPU_DS] = c->s.segment[CPU_FS] = c->s.segment[CPU_GS] =
            (struct cpu_segment){.selector = 0};
    }
    if (ss)
        soft_set_code_and_stack(c, f->cs, code, cpl, stack->selector, *ss);
    else
        soft_set_code(c, f->cs, code, cpl);
    if (from_v86)
        soft_mode_changed(c);
    soft_stack_commit(c, stack);
    c->s.eip = f->eip;
    return true;
}

static bool interrupt_same(struct soft *c, const struct frame *f)
{
    struct stack stack = soft_stack(c);

    return enter_handler(c, f, &stack, c->s.cpl, NULL);
}

static bool interrupt_inner(struct soft *c, const struct frame *f)
{
    static const unsigned v86_segments[] = {CPU_GS, CPU_FS, CPU_DS, CPU_ES};
    uint32_t cpl = descriptor_dpl(f->code), esp;
    struct stack stack;
    struct descriptor d;
    uint16_t ss;
    uint32_t vm = c->s.eflags & EFLAGS_VM;
    bool ok;

    if (!soft_inner_stack(c, cpl, &ss, &esp))
        return false;
    c->s.eflags &= ~EFLAGS_VM; /* the new stack is a protected-mode one */
    ok = soft_check_stack(c, ss, &d, cpl, EXCEPTION_TS);
    c->s.eflags |= vm;
    if (!ok)
        return false;
    stack = soft_stack_of(soft_segment_from(ss, d), esp, cpl == 3);
    stack.selector = ss;
    for (unsigned i = 0; vm && i < 4; i++) {
        if (!soft_stack_push(c, &stack, f->size, c->s.segment[v86_segments[i]].selector))
            return false;
    }
    return soft_stack_push(c, &stack, f->size, c->s.segment[CPU_SS].selector) &&
           soft_stack_push(c, &stack, f->size, c->s.gpr[CPU_ESP]) &&
           enter_handler(c, f, &stack, cpl, &d);
}

static bool interrupt_task(struct soft *c, struct descriptor gate, const struct frame *f)
{
    uint16_t selector = (uint16_t)(gate.low >> 16);
    uint32_t before = c->s.eflags;
    struct descriptor tss;

    if (selector & 4)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!soft_descriptor(c, selector, &tss, EXCEPTION_GP))
        return false;
    if (descriptor_type(tss) != 1 && descriptor_type(tss) != 9)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!(tss.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    c->s.eflags |= pushed_eflags(c, f->vector, f->kind) & EFLAGS_RF; /* for the old task's TSS */
    if (soft_task_switch(c, selector, tss, TASK_GATE, f->has_error, f->error))
        return true;
    if (!c->in_new_task)
        c->s.eflags = before;
    return false;
}

static bool interrupt_protected(struct soft *c, struct frame *f)
{
    struct descriptor gate;
    uint32_t error = f->vector * 8u + 2 + c->external, dpl, type;
    uint8_t vector = f->vector;

    if (vector * 8u + 7 > c->s.idtr.limit)
        return soft_raise_error(c, EXCEPTION_GP, error);
    if (!soft_read_linear(c, c->s.idtr.base + vector * 8u, &gate, 8, false))
        return false;
    type = descriptor_type(gate);
    if (type != 5 && (type & 0x16) != 6)
        return soft_raise_error(c, EXCEPTION_GP, error);
    if (f->kind == EVENT_SOFTWARE && descriptor_dpl(gate) < c->s.cpl)
        return soft_raise_error(c, EXCEPTION_GP, error);
    if (!(gate.high & DESCRIPTOR_P))
        return soft_raise_error(c, EXCEPTION_NP, error);
    if (type == 5)
        return interrupt_task(c, gate, f);

    f->cs = (uint16_t)(gate.low >> 16);
    f->size = type & 8 ? 4 : 2;
    f->eip = (gate.low & 0xffff) | (type & 8 ? gate.high & UINT32_C(0xffff0000) : 0);
    f->clears_if = !(type & 1);
    if (!(f->cs & ~3u))
        return soft_raise_error(c, EXCEPTION_GP, c->external);
    if (!soft_descriptor(c, f->cs, &f->code, EXCEPTION_GP))
        return false;
    dpl = descriptor_dpl(f->code);
    type = descriptor_type(f->code);
    if ((type & 0x18) != 0x18 || dpl > c->s.cpl)
        return soft_raise_selector(c, EXCEPTION_GP, f->cs);
    if (!(f->code.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, f->cs);
    if (is_v86(c) && (dpl != 0 || (type & 4)))
        return soft_raise_selector(c, EXCEPTION_GP, f->cs);
    if (!(type & 4) && dpl < c->s.cpl)
        return interrupt_inner(c, f);
    return interrupt_same(c, f);
}

/* The time, amid a block as well, whose instructions are counted when it is left. */
static uint64_t time_of_call(const struct soft *c)
{
    uint64_t count = c->count_end - (uint64_t)c->budget;

    return soft_time(c, count > c->s.count ? count : c->s.count);
}

SLOW void report_call(struct soft *c, const struct frame *f, uint32_t from,
                      const struct cpu_undelivered *undelivered)
{
    struct cpu_call call = {.time = time_of_call(c),
                            .vector = f->vector,
                            .is_software = f->kind == EVENT_SOFTWARE,
                            .has_error = f->has_error,
                            .error = f->error,
                            .from = from,
                            .cr2 = c->s.cr2,
                            .undelivered = undelivered};

    c->cpu.calls(c->cpu.observer, &call);
}

/* For the report of a triple fault: what has just been raised is why this event came to nothing. */
SLOW void note_undelivered(struct soft *c, const struct frame *f, uint32_t from, uint32_t cr2)
{
    static const enum cpu_event kinds[] = {[EVENT_EXCEPTION] = CPU_EVENT_EXCEPTION,
                                           [EVENT_SOFTWARE] = CPU_EVENT_SOFTWARE,
                                           [EVENT_EXTERNAL] = CPU_EVENT_INTERRUPT};
    struct cpu_exit *exit = &c->cpu.exit;
    struct cpu_undelivered event = {.kind = kinds[f->kind],
                                    .vector = f->vector,
                                    .has_error = f->has_error,
                                    .error = f->error,
                                    .cr2 = cr2,
                                    .by = c->vector,
                                    .by_error = c->has_error ? c->error : 0,
                                    .by_cr2 = c->s.cr2};

    if (exit->undelivered_count < CPU_UNDELIVERED_MAX)
        exit->undelivered[exit->undelivered_count++] = event;
    if (c->cpu.calls)
        report_call(c, f, from, &event);
}

/* Whether an exception repeats the one told last: then it has been counted. */
static inline bool is_repeated(struct soft *c, uint8_t vector, uint32_t error, uint32_t from)
{
    struct cpu_call_count *repeated = c->cpu.repeated;

    if (!repeated || repeated->from != from || repeated->vector != vector ||
        repeated->error != error || repeated->cr2 != (vector == EXCEPTION_PF ? c->s.cr2 : 0) ||
        repeated->count == 0)
        return false;
    repeated->count++;
    repeated->last = time_of_call(c);
    return true;
}

bool soft_interrupt(struct soft *c, uint8_t vector, enum event kind, bool has_error, uint32_t error)
{
    struct frame f = {.vector = vector, .kind = kind, .has_error = has_error, .error = error};
    uint32_t external = c->external, cr2 = c->s.cr2, from = c->s.segment[CPU_CS].base + c->s.eip;
    bool was_in_delivery = c->in_delivery, ok;

    c->external = kind != EVENT_SOFTWARE;
    c->in_delivery = true;
    if (c->s.cr0 & CR0_PE)
        ok = interrupt_protected(c, &f);
    else
        ok = interrupt_real(c, vector);
    c->external = external;
    c->in_delivery = was_in_delivery;
    if (!ok) {
        note_undelivered(c, &f, from, cr2);
        return false;
    }
    if (kind == EVENT_SOFTWARE) {
        c->no_step_trap = true;
        soft_note_far(c);
    } else {
        soft_note_branch(c, kind == EVENT_EXCEPTION ? CPU_BRANCH_EXCEPTION : CPU_BRANCH_INTERRUPT,
                         vector, from, c->s.segment[CPU_CS].base + c->s.eip);
    }
    if (c->cpu.calls && (kind == EVENT_EXCEPTION ? !is_repeated(c, vector, error, from)
                                                 : kind == EVENT_SOFTWARE && c->cpu.tells_software))
        report_call(c, &f, from, NULL);
    return true;
}

/* Intel SDM vol. 3, table 6-5: 0 benign, 1 contributory, 2 page fault. */
static unsigned fault_class(uint8_t vector)
{
    if (vector == EXCEPTION_PF)
        return 2;
    return vector == EXCEPTION_DE || (vector >= EXCEPTION_TS && vector <= EXCEPTION_GP);
}

bool soft_deliver_raised(struct soft *c)
{
    uint8_t vector = c->vector;
    bool has_error = c->has_error;
    uint32_t error = c->error;

    for (;;) {
        unsigned first = fault_class(vector), second;

        c->in_new_task = false;

        c->raised = RAISED_NOTHING;
        if (!(c->s.cr0 & CR0_PE))
            has_error = false;
        if (soft_interrupt(c, vector, EVENT_EXCEPTION, has_error, error)) {
            c->cpu.exit.undelivered_count = 0;
            return true;
        }
        c->raised = RAISED_NOTHING;
        second = fault_class(c->vector);
        if (vector == EXCEPTION_DF && second) {
            c->s.is_shutdown = true;
            return false;
        }
        if ((first == 1 && second == 1) || (first == 2 && second)) {
            vector = EXCEPTION_DF;
            has_error = true;
            error = 0;
        } else {
            vector = c->vector;
            has_error = c->has_error;
            error = c->error;
        }
    }
}

/* IRET. The flags that may change depend on the privilege before the return. */
static uint32_t iret_mask(const struct soft *c, unsigned size)
{
    uint32_t mask = EFLAGS_ARITHMETIC | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT;

    if (size == 4)
        mask |= EFLAGS_RF | EFLAGS_AC | EFLAGS_ID;
    if (c->s.cpl == 0 || !(c->s.cr0 & CR0_PE))
        mask |= EFLAGS_IOPL;
    if (c->s.cpl <= iopl(c))
        mask |= EFLAGS_IF;
    return mask;
}

static bool iret_real(struct soft *c, unsigned size)
{
    struct stack stack = soft_stack(c);
    uint32_t eip, cs, flags;

    if (is_v86(c) && iopl(c) < 3)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_stack_pop(c, &stack, size, &eip) || !soft_stack_pop(c, &stack, size, &cs) ||
        !soft_stack_pop(c, &stack, size, &flags))
        return false;
    if (eip > c->s.segment[CPU_CS].limit)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    soft_stack_commit(c, &stack);
    soft_set_real_segment(c, CPU_CS, (uint16_t)cs);
    c->s.eip = eip;
    soft_set_eflags(c, flags, iret_mask(c, size));
    return true;
}

static bool iret_to_v86(struct soft *c, struct stack *stack, uint32_t eip, uint32_t cs,
                        uint32_t flags)
{
    static const unsigned order[] = {CPU_ES, CPU_DS, CPU_FS, CPU_GS};
    uint32_t esp, ss, values[4];

    if (!soft_stack_pop(c, stack, 4, &esp) || !soft_stack_pop(c, stack, 4, &ss))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        if (!soft_stack_pop(c, stack, 4, &values[i]))
            return false;
    }
    if (eip > 0xffff)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    soft_set_eflags(c, flags, iret_mask(c, 4) | EFLAGS_VM);
    c->s.cpl = 3;
    for (unsigned i = 0; i < 4; i++)
        soft_set_real_segment(c, order[i], (uint16_t)values[i]);
    soft_set_real_segment(c, CPU_SS, (uint16_t)ss);
    soft_set_real_segment(c, CPU_CS, (uint16_t)cs);
    soft_mode_changed(c);
    c->s.gpr[CPU_ESP] = esp;
    c->s.eip = eip;
    return true;
}

/* With NT set, IRET goes back to the task that the present one was called from. */
static bool iret_task(struct soft *c)
{
    struct descriptor tss;
    uint16_t link;

    if (!soft_read_linear(c, c->s.tr.base, &link, 2, false))
        return false;
    if (link & 4)
        return soft_raise_selector(c, EXCEPTION_TS, link);
    if (!soft_descriptor(c, link, &tss, EXCEPTION_TS))
        return false;
    if (descriptor_type(tss) != 3 && descriptor_type(tss) != 11)
        return soft_raise_selector(c, EXCEPTION_TS, link);
    if (!(tss.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, link);
    return soft_task_switch(c, link, tss, TASK_IRET, false, 0);
}

static bool iret(struct soft *c, unsigned size)
{
    struct stack stack = soft_stack(c);
    uint32_t eip, cs, flags, mask;
    struct descriptor d;

    if (!is_protected(c))
        return iret_real(c, size);
    if (c->s.eflags & EFLAGS_NT)
        return iret_task(c);
    if (!soft_stack_pop(c, &stack, size, &eip) || !soft_stack_pop(c, &stack, size, &cs) ||
        !soft_stack_pop(c, &stack, size, &flags))
        return false;
    if (size == 4 && (flags & EFLAGS_VM) && c->s.cpl == 0)
        return iret_to_v86(c, &stack, eip, cs, flags);
    mask = iret_mask(c, size);
    if (!soft_check_return(c, (uint16_t)cs, &d) ||
        !soft_finish_return(c, &stack, (uint16_t)cs, d, eip, size, 0))
        return false;
    soft_set_eflags(c, flags, mask);
    return true;
}

bool soft_iret(struct soft *c, unsigned size)
{
    if (!iret(c, size))
        return false;
    soft_note_far(c);
    return true;
}
