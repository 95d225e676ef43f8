/*
 * The software CPU as an engine of cpu.h: making one, its run loop, its clock, its state.
 *
 * Time is 2 ns an instruction, plus what was skipped while halted. Whether an instruction is
 * executed in a block or by itself makes no difference, so an interrupt that the machine places by
 * its clock lands behind the same instruction in every run.
 */
#include "soft.h"

#include "interp/interp.h"
#include "state/exception.h"
#include "state/flags.h"
#include "state/paging.h"
#include "state/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A kick is noticed after at most so many instructions. */
#define SLICE 16384

static uint64_t soft_now(void *cpu)
{
    const struct soft *c = soft_of(cpu);

    return soft_time(c, c->s.count);
}

static void soft_skip_to(struct cpu *cpu, uint64_t time)
{
    struct soft *c = soft_of(cpu);
    uint64_t now = soft_now(cpu);

    if (time > now)
        c->s.skew += time - now;
}

static bool access_pending(const struct soft *c)
{
    return c->logged != 0;
}

static bool soft_can_interrupt(struct cpu *cpu)
{
    const struct soft *c = soft_of(cpu);

    return (c->s.eflags & EFLAGS_IF) && !c->s.shadow && !c->s.is_shutdown && !access_pending(c);
}

static bool soft_interrupts_enabled(struct cpu *cpu)
{
    return soft_of(cpu)->s.eflags & EFLAGS_IF;
}

static int soft_external_interrupt(struct cpu *cpu, uint8_t vector)
{
    struct soft *c = soft_of(cpu);

    if (!soft_can_interrupt(cpu))
        return -EBUSY;
    c->raised = RAISED_NOTHING;
    if (!soft_interrupt(c, vector, EVENT_EXTERNAL, false, 0))
        soft_deliver_raised(c); /* a triple fault is reported by the next run */
    return 0;
}

static void soft_want_window(struct cpu *cpu, bool wanted)
{
    soft_of(cpu)->wants_window = wanted;
}

static void soft_kick(struct cpu *cpu)
{
    atomic_store_explicit(&soft_of(cpu)->kicked, true, memory_order_release);
}

static bool take_kick(struct soft *c)
{
    return atomic_load_explicit(&c->kicked, memory_order_relaxed) &&
           atomic_exchange_explicit(&c->kicked, false, memory_order_acquire);
}

/* Executes up to `budget` instructions and brings the count up to date. */
static void execute(struct soft *c, int64_t budget, bool step)
{
    c->attention = false;
    c->budget = budget;
    c->count_end = c->s.count + (uint64_t)budget;
    soft_execute(c, step);
    c->s.count = c->count_end - (uint64_t)c->budget;
}

/* Whether an instruction breakpoint is at the next instruction; Intel SDM vol. 3, 17.3.1.1. */
static bool at_breakpoint(struct soft *c)
{
    uint32_t linear = c->s.segment[CPU_CS].base + c->s.eip, hits = 0;

    for (unsigned i = 0; i < 4; i++) {
        if ((c->s.dr[7] >> (2 * i) & 3) && !(c->s.dr[7] >> (16 + 4 * i) & 15) &&
            c->s.dr[i] == linear)
            hits |= UINT32_C(1) << i;
    }
    if (!hits || (c->s.eflags & EFLAGS_RF))
        return false;
    soft_report_hits(c, hits);
    return true;
}

/* After an instruction: the traps of single step, data breakpoints and task switches. */
static void raise_traps(struct soft *c, bool was_single_step)
{
    uint32_t hits = c->s.debug_hits;

    if (was_single_step && !c->no_step_trap)
        hits |= UINT32_C(1) << 14;
    c->s.debug_hits = 0;
    if (!hits)
        return;
    soft_report_hits(c, hits);
    soft_raise(c, EXCEPTION_DB);
}

/* One instruction with everything that may surround it. */
static void step(struct soft *c)
{
    uint32_t shadow = c->s.shadow, before = c->s.eflags;

    c->replayed = 0;
    c->no_step_trap = false;
    if ((c->s.dr[7] & 0xff) && shadow != SHADOW_SS && at_breakpoint(c)) {
        soft_raise(c, EXCEPTION_DB);
        return;
    }
    c->s.shadow = SHADOW_NONE;
    c->s.eflags &= ~EFLAGS_RF;
    execute(c, 1, true);
    if (c->raised == RAISED_STOP) {
        /* It has yet to be executed. */
        c->s.shadow = shadow;
        c->s.eflags |= before & EFLAGS_RF;
        return;
    }
    c->logged = 0;
    if (c->raised)
        c->s.debug_hits = 0;
    else if (c->s.shadow != SHADOW_SS)
        raise_traps(c, before & EFLAGS_TF);
}

static bool must_step(const struct soft *c)
{
    return c->s.shadow || c->logged || c->stepping || (c->s.dr[7] & 0xff) || c->s.debug_hits ||
           (c->s.eflags & (EFLAGS_TF | EFLAGS_RF));
}

static int64_t instructions_until(const struct soft *c, uint64_t deadline)
{
    uint64_t now = soft_time(c, c->s.count), left;

    if (deadline <= now)
        return 0;
    left = (deadline - now - 1) / SOFT_NS_PER_INSTRUCTION + 1;
    return left < SLICE ? (int64_t)left : SLICE;
}

static bool at_stop(const struct soft *c)
{
    return c->has_stops && soft_is_stop(c, c->s.segment[CPU_CS].base + c->s.eip);
}

static bool soft_stop_at(struct cpu *cpu, const uint32_t *addresses, unsigned count)
{
    struct soft *c = soft_of(cpu);
    bool had_stops = c->has_stops, fits = count <= STOPS_MAX;
    bool is_new = count != c->stop_count;

    c->has_stops = fits && count > 0;
    for (unsigned i = 0; c->has_stops && !is_new && i < count; i++)
        is_new = c->stops[i] != addresses[i];
    if (c->has_stops && is_new) {
        memcpy(c->stops, addresses, count * sizeof(*addresses));
        c->stop_count = count;
        soft_blocks_reset(c);
    }
    if (c->has_stops != had_stops) {
        soft_mode_changed(c);
        c->generation++;
    }
    return fits;
}

static int soft_watch_for(struct cpu *cpu, const struct cpu_watch *watches, unsigned count)
{
    return soft_set_watches(soft_of(cpu), watches, count);
}

static enum cpu_stop run(struct soft *c, uint64_t deadline)
{
    uint64_t start = c->s.count;

    for (;;) {
        int64_t budget = instructions_until(c, deadline);

        if (c->s.is_shutdown)
            return CPU_STOP_SHUTDOWN;
        if (!access_pending(c)) {
            if (c->has_access) {
                c->has_access = false;
                c->cpu.exit.access = c->access;
                return CPU_STOP_WATCH;
            }
            if (take_kick(c))
                return CPU_STOP_KICKED;
            if (c->wants_window && soft_can_interrupt(&c->cpu))
                return CPU_STOP_WINDOW;
            if (budget <= 0)
                return CPU_STOP_KICKED;
            if (c->s.count != start && at_stop(c))
                return CPU_STOP_DEBUG;
        }
        if (must_step(c) || at_stop(c)) {
            step(c);
        } else {
            c->replayed = 0;
            c->no_step_trap = false;
            execute(c, budget, false);
            if (!c->raised && c->s.debug_hits)
                raise_traps(c, false); /* of a task switch */
            else if (!c->raised && !c->attention && c->budget > 0)
                step(c); /* the next block is longer than what is left */
        }
        if (c->halts) {
            c->halts = false;
            if (!c->raised)
                return CPU_STOP_HALTED;
        }
        if (c->raised)
            c->has_access = false; /* the instruction was not executed; a delivery is yet to come */
        if (c->raised == RAISED_STOP) {
            c->raised = RAISED_NOTHING;
            return c->stop;
        }
        if (c->raised == RAISED_EXCEPTION) {
            c->logged = 0;
            c->s.shadow = SHADOW_NONE;
            soft_deliver_raised(c);
            c->s.count++; /* so that no chain of exceptions stops time */
        }
    }
}

static enum cpu_stop soft_run(struct cpu *cpu, uint64_t deadline)
{
    struct soft *c = soft_of(cpu);
    enum cpu_stop stop;

    /* Devices, loaders and debuggers may have written to RAM since the last run. */
    if (c->changes != c->memory->log->changes) {
        c->changes = c->memory->log->changes;
        c->epoch++;
        c->generation++;
    }
    if (c->map_version != c->memory->map->version) {
        c->map_version = c->memory->map->version;
        c->epoch++;
        soft_tlb_flush(c);
    }
    stop = run(c, deadline);
    soft_fpu_leave(c);
    soft_sse_leave(c);
    return stop;
}

/* An iteration of a repeated string instruction counts as one; what faults does not count, but the
 * delivery of its exception does. */
static uint64_t soft_instructions(struct cpu *cpu)
{
    return soft_of(cpu)->s.count;
}

static unsigned soft_branches(struct cpu *cpu, struct cpu_branch to[CPU_BRANCHES])
{
    struct soft *c = soft_of(cpu);
    unsigned count = 0;

    soft_settle_notes(c);
    for (unsigned i = 0; i < CPU_BRANCHES; i++) {
        const struct branch_note *note = &c->notes[(c->note_at / sizeof(*note) + i) % CPU_BRANCHES];
        if (note->what)
            to[count++] = soft_branch_of(note);
    }
    return count;
}

/* What led to the present state is another's. */
static void forget_branches(struct soft *c)
{
    memset(c->notes, 0, sizeof(c->notes));
    c->block = NULL;
}

static uint32_t soft_gpr(struct cpu *cpu, unsigned which)
{
    return which < CPU_GPRS ? soft_of(cpu)->s.gpr[which] : 0;
}

static int soft_get_state(struct cpu *cpu, struct cpu_state *state)
{
    const struct soft_state *s = &soft_of(cpu)->s;

    memset(state, 0, sizeof(*state));
    memcpy(state->gpr, s->gpr, sizeof(state->gpr));
    state->eip = s->eip;
    state->eflags = soft_eflags(soft_of(cpu));
    memcpy(state->segment, s->segment, sizeof(state->segment));
    state->ldtr = s->ldtr;
    state->tr = s->tr;
    state->gdtr = s->gdtr;
    state->idtr = s->idtr;
    state->cr0 = s->cr0;
    state->cr2 = s->cr2;
    state->cr3 = s->cr3;
    state->cr4 = s->cr4;
    memcpy(state->dr, s->dr, sizeof(state->dr));
    state->dr[4] = state->dr[5] = 0;
    return 0;
}

static int soft_set_state(struct cpu *cpu, const struct cpu_state *state)
{
    struct soft *c = soft_of(cpu);
    struct soft_state *s = &c->s;

    memcpy(s->gpr, state->gpr, sizeof(state->gpr));
    s->eip = state->eip;
    memcpy(s->segment, state->segment, sizeof(s->segment));
    s->ldtr = state->ldtr;
    s->tr = state->tr;
    s->gdtr = state->gdtr;
    s->idtr = state->idtr;
    s->cr0 = state->cr0 | CR0_ET;
    s->cr2 = state->cr2;
    s->cr3 = state->cr3;
    s->cr4 = state->cr4;
    memcpy(s->dr, state->dr, sizeof(s->dr));
    s->eflags = state->eflags & ~(EFLAGS_ARITHMETIC | EFLAGS_RESERVED);
    flags_store(c, state->eflags);
    if (!(s->cr0 & CR0_PE))
        s->cpl = 0;
    else if (s->eflags & EFLAGS_VM)
        s->cpl = 3;
    else
        s->cpl = SEGMENT_DPL((uint32_t)s->segment[CPU_SS].attributes);
    s->shadow = s->debug_hits = s->is_shutdown = 0;
    c->logged = 0;
    c->has_access = false;
    c->raised = RAISED_NOTHING;
    soft_tlb_flush(c);
    soft_mode_changed(c);
    return 0;
}

static int soft_get_fpu(struct cpu *cpu, struct cpu_fpu *fpu)
{
    soft_fpu_get(soft_of(cpu), fpu);
    return 0;
}

static int soft_set_fpu(struct cpu *cpu, const struct cpu_fpu *fpu)
{
    soft_fpu_set(soft_of(cpu), fpu);
    return 0;
}

/* What a snapshot keeps: the state, and what the machine has answered to the present instruction.
 */
struct saved {
    struct soft_state s;
    uint32_t logged;
    struct access_record log[ACCESS_LOG];
};

static int soft_save(struct cpu *cpu, void *to)
{
    const struct soft *c = soft_of(cpu);
    struct saved *saved = to;

    memset(saved, 0, sizeof(*saved));
    saved->s = c->s;
    saved->logged = c->logged;
    memcpy(saved->log, c->log, c->logged * sizeof(c->log[0]));
    return 0;
}

#define EFLAGS_KEPT    UINT32_C(0x003f7700) /* what soft_state.eflags may have */
#define FPU_TOP        0x3800u              /* of a status word: kept apart */
#define MXCSR_RESERVED UINT32_C(0xffff0000) /* the host raises #GP for them */

/* A state that some guest could be in. It may come from a file that anybody has written; whatever
 * is an index, or goes into the host's own registers, must be what the engine believes it is. */
static bool is_valid(const struct saved *saved)
{
    const struct soft_state *s = &saved->s;
    bool is_real = !(s->cr0 & CR0_PE), is_virtual = s->eflags & EFLAGS_VM;

    if (saved->logged > ACCESS_LOG)
        return false;
    for (uint32_t i = 0; i < saved->logged; i++) {
        const struct access_record *record = &saved->log[i];
        if (record->width > sizeof(record->data) || *(const unsigned char *)&record->is_write > 1 ||
            *(const unsigned char *)&record->is_port > 1)
            return false;
    }
    return s->gpr[CPU_GPRS] == 0 && s->cpl <= 3 && !(s->eflags & ~EFLAGS_KEPT) &&
           !(is_real && (s->cpl || is_virtual || s->cr0 & CR0_PG)) &&
           !(is_virtual && s->cpl != 3) && s->shadow <= SHADOW_SS && s->fpu.top < 8 &&
           !(s->fpu.status & FPU_TOP) && !(s->mxcsr & MXCSR_RESERVED) &&
           s->count <= CLOCK_MAX / 2 / SOFT_NS_PER_INSTRUCTION && s->skew <= CLOCK_MAX / 2;
}

static int soft_restore(struct cpu *cpu, const void *from)
{
    struct soft *c = soft_of(cpu);
    const struct saved *saved = from;

    if (!is_valid(saved))
        return -EINVAL;
    c->s = saved->s;
    c->logged = saved->logged;
    memcpy(c->log, saved->log, c->logged * sizeof(c->log[0]));
    c->has_access = false;
    c->raised = RAISED_NOTHING;
    forget_branches(c);
    soft_tlb_flush(c);
    soft_mode_changed(c);
    return 0;
}

/* They are marked when they enter the TLB: so it must forget them. */
static int soft_collect_writes(struct cpu *cpu)
{
    soft_tlb_forget_writes(soft_of(cpu));
    return 0;
}

static void soft_destroy(struct cpu *cpu)
{
    struct soft *c = soft_of(cpu);

    for (unsigned i = 0; i < 4; i++)
        free(c->tlb[i >> 1][i & 1]);
    free(c->tlb_none);
    free(c->watches);
    free(c->watched_pages);
    free(c->code_lines);
    free(c->is_table);
    free(c->page_blocks);
    free(c->hash);
    free(c->arena);
    free(c->no_block);
    free(c->scratch);
    free(c);
}

const struct cpu_ops cpu_soft_ops = {
    .name = "soft",
    .ns_per_instruction = SOFT_NS_PER_INSTRUCTION,
    .run = soft_run,
    .now = soft_now,
    .skip_to = soft_skip_to,
    .can_interrupt = soft_can_interrupt,
    .interrupts_enabled = soft_interrupts_enabled,
    .interrupt = soft_external_interrupt,
    .want_window = soft_want_window,
    .stop_at = soft_stop_at,
    .watch = soft_watch_for,
    .instructions = soft_instructions,
    .branches = soft_branches,
    .gpr = soft_gpr,
    .get_state = soft_get_state,
    .set_state = soft_set_state,
    .get_fpu = soft_get_fpu,
    .set_fpu = soft_set_fpu,
    .saved_size = sizeof(struct saved),
    .save = soft_save,
    .restore = soft_restore,
    .collect_writes = soft_collect_writes,
    .kick = soft_kick,
    .destroy = soft_destroy,
};

void cpu_soft_set_stepping(struct cpu *cpu, bool on)
{
    soft_of(cpu)->stepping = on;
}

/* The big tables are given by the host page by page, as they are touched. */
static bool allocate(struct soft *c)
{
    size_t pages = (size_t)(c->memory->size / PAGE_SIZE);
    bool ok = true;

    for (unsigned i = 0; i < 4; i++) {
        c->tlb[i >> 1][i & 1] = calloc(PAGE_COUNT, sizeof(uint8_t *));
        ok = ok && c->tlb[i >> 1][i & 1];
    }
    c->tlb_none = calloc(PAGE_COUNT, sizeof(uint8_t *));
    c->code_lines = calloc(pages, sizeof(c->code_lines[0]));
    c->is_table = calloc(pages, 1);
    c->page_blocks = calloc(pages, sizeof(c->page_blocks[0]));
    c->hash = calloc(1, soft_hash_size());
    c->arena = calloc(1, soft_arena_size());
    c->no_block = calloc(1, sizeof(struct block) + 2 * sizeof(struct op));
    c->scratch = calloc(1, sizeof(struct block) + 4 * sizeof(struct op));
    return ok && c->tlb_none && c->code_lines && c->is_table && c->page_blocks && c->hash &&
           c->arena && c->no_block && c->scratch;
}

struct cpu *cpu_soft_create(const struct memory *memory, char *why, size_t why_size)
{
    struct soft *c = calloc(1, sizeof(*c));

    if (!c) {
        snprintf(why, why_size, "no memory for the software CPU");
        return NULL;
    }
    c->memory = memory;
    c->cpu.ops = &cpu_soft_ops;
    atomic_init(&c->kicked, false);
    if (!allocate(c)) {
        soft_destroy(&c->cpu);
        snprintf(why, why_size, "no memory for the software CPU's tables");
        return NULL;
    }
    c->generation = 1;
    c->back_end = &soft_interpreter;
    soft_blocks_init(c);
    soft_fpu_reset(c);
    c->s.mxcsr = 0x1f80;
    soft_mode_changed(c);
    return &c->cpu;
}
