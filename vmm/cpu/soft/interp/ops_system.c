/*
 * System instructions, port I/O, software interrupts and far transfers. Intel SDM vol. 3, sections
 * 2.5 to 2.8 (control registers and the instructions around them), 17.2 (debug registers); vol. 2.
 */
#include "cpu/soft/state/exception.h"
#include "cpu/soft/state/task.h"
#include "cpu/soft/state/transfer.h"
#include "ops.h"

bool do_ud(struct soft *c, struct op *op)
{
    (void)op;
    return soft_raise(c, EXCEPTION_UD);
}

/* More than 15 bytes. */
bool do_too_long(struct soft *c, struct op *op)
{
    (void)op;
    return soft_raise_error(c, EXCEPTION_GP, 0);
}

static bool needs_ring0(struct soft *c)
{
    return c->s.cpl == 0 || soft_raise_error(c, EXCEPTION_GP, 0);
}

/* Ports */

bool do_in(struct soft *c, struct op *op)
{
    uint16_t port = op->opcode & 8 ? get16(c, CPU_EDX) : (uint16_t)op->imm;
    uint32_t value = 0;

    if (!soft_port_allowed(c, port, op->size) || !soft_port(c, port, op->size, false, &value))
        return false;
    put_sized(c, op->size, CPU_EAX, value);
    return true;
}

bool do_out(struct soft *c, struct op *op)
{
    uint16_t port = op->opcode & 8 ? get16(c, CPU_EDX) : (uint16_t)op->imm;
    uint32_t value = get32(c, CPU_EAX);

    return soft_port_allowed(c, port, op->size) && soft_port(c, port, op->size, true, &value);
}

/* Interrupt flag and halt */

bool do_cli(struct soft *c, struct op *op)
{
    (void)op;
    if (c->s.cpl > iopl(c))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    c->s.eflags &= ~EFLAGS_IF;
    return true;
}

bool do_sti(struct soft *c, struct op *op)
{
    (void)op;
    if (c->s.cpl > iopl(c))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!(c->s.eflags & EFLAGS_IF)) {
        c->s.shadow = SHADOW_STI;
        c->attention = true;
    }
    c->s.eflags |= EFLAGS_IF;
    return true;
}

bool do_hlt(struct soft *c, struct op *op)
{
    (void)op;
    if (!needs_ring0(c))
        return false;
    c->halts = c->attention = true;
    return true;
}

/* Software interrupts; c->s.eip is that of the next instruction. */

bool do_int3(struct soft *c, struct op *op)
{
    (void)op;
    return soft_interrupt(c, EXCEPTION_BP, EVENT_SOFTWARE, false, 0);
}

bool do_into(struct soft *c, struct op *op)
{
    (void)op;
    return !flag_of(c) || soft_interrupt(c, EXCEPTION_OF, EVENT_SOFTWARE, false, 0);
}

bool do_int(struct soft *c, struct op *op)
{
    if (is_v86(c) && iopl(c) < 3)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    return soft_interrupt(c, (uint8_t)op->imm, EVENT_SOFTWARE, false, 0);
}

/* ICEBP is its instruction's debug trap: the one #DB that it raises stands for a step and reports a
 * data breakpoint that MOV SS or POP SS before it has met. By itself it sets no bit of DR6. Vol. 2,
 * INT1. */
bool do_icebp(struct soft *c, struct op *op)
{
    uint32_t hits = c->s.debug_hits;

    (void)op;
    if (!soft_interrupt(c, EXCEPTION_DB, EVENT_EXCEPTION, false, 0))
        return false;
    c->no_step_trap = true;
    if (hits)
        soft_report_hits(c, hits);
    c->s.debug_hits &= ~hits;
    return true;
}

bool do_iret(struct soft *c, struct op *op)
{
    return soft_iret(c, op->size);
}

/* Far transfers, whose CS is another afterwards */

static bool go_far(struct soft *c, const struct op *op, uint16_t selector, uint32_t offset,
                   bool is_call)
{
    uint32_t from = c->s.segment[CPU_CS].base + op_eip(op);

    if (!soft_far_jump(c, selector, offset, is_call, op->size))
        return false;
    soft_note_branch(c, is_call ? CPU_BRANCH_CALL_FAR : CPU_BRANCH_JUMP_FAR, 0, from,
                     c->s.segment[CPU_CS].base + c->s.eip);
    return true;
}

bool do_jmp_far(struct soft *c, struct op *op)
{
    return go_far(c, op, op->imm2, op->imm, false);
}

bool do_call_far(struct soft *c, struct op *op)
{
    return go_far(c, op, op->imm2, op->imm, true);
}

static bool read_far_pointer(struct soft *c, const struct op *op, uint32_t *offset,
                             uint16_t *selector)
{
    uint32_t at = effective_address(c, op);

    *offset = soft_load(c, op->seg, at, op->size);
    if (c->raised)
        return false;
    *selector = (uint16_t)soft_load(c, op->seg, (at + op->size) & op->mask, 2);
    return !c->raised;
}

bool do_jmp_far_e(struct soft *c, struct op *op)
{
    uint32_t offset;
    uint16_t selector;

    return read_far_pointer(c, op, &offset, &selector) && go_far(c, op, selector, offset, false);
}

bool do_call_far_e(struct soft *c, struct op *op)
{
    uint32_t offset;
    uint16_t selector;

    return read_far_pointer(c, op, &offset, &selector) && go_far(c, op, selector, offset, true);
}

bool do_ret_far(struct soft *c, struct op *op)
{
    uint32_t from = c->s.segment[CPU_CS].base + op_eip(op);

    if (!soft_far_return(c, op->size, op->imm))
        return false;
    soft_note_branch(c, CPU_BRANCH_RET_FAR, 0, from, c->s.segment[CPU_CS].base + c->s.eip);
    return true;
}

/* LES, LDS, LSS, LFS, LGS */
bool do_load_far(struct soft *c, struct op *op)
{
    uint32_t offset;
    uint16_t selector;
    unsigned segment;

    switch (op->opcode) {
    case 0xc4:
        segment = CPU_ES;
        break;
    case 0xc5:
        segment = CPU_DS;
        break;
    case 0xb2:
        segment = CPU_SS;
        break;
    case 0xb4:
        segment = CPU_FS;
        break;
    default:
        segment = CPU_GS;
        break;
    }
    if (!read_far_pointer(c, op, &offset, &selector) || !soft_load_segment(c, segment, selector))
        return false;
    put_sized(c, op->size, op->reg, offset);
    return true;
}

/* Segment registers */

/* Selectors go to memory as words, to registers in the operand's size. */
static bool store_selector(struct soft *c, struct op *op, uint32_t value)
{
    if (op->flags & OP_MEMORY)
        return soft_store(c, op->seg, effective_address(c, op), 2, value);
    put_sized(c, op->size, op->rm, value);
    return true;
}

static bool load_selector(struct soft *c, const struct op *op, uint16_t *selector)
{
    if (op->flags & OP_MEMORY)
        *selector = (uint16_t)soft_load(c, op->seg, effective_address(c, op), 2);
    else
        *selector = get16(c, op->rm);
    return !c->raised;
}

bool do_mov_from_segment(struct soft *c, struct op *op)
{
    unsigned segment = op->modrm >> 3 & 7;

    if (segment >= CPU_SEGMENTS)
        return soft_raise(c, EXCEPTION_UD);
    return store_selector(c, op, c->s.segment[segment].selector);
}

bool do_mov_to_segment(struct soft *c, struct op *op)
{
    unsigned segment = op->modrm >> 3 & 7;
    uint16_t selector;

    if (segment >= CPU_SEGMENTS || segment == CPU_CS)
        return soft_raise(c, EXCEPTION_UD);
    if (!load_selector(c, op, &selector) || !soft_load_segment(c, segment, selector))
        return false;
    if (segment == CPU_SS) {
        c->s.shadow = SHADOW_SS;
        c->attention = true;
    }
    return true;
}

static void set_zf(struct soft *c, bool value)
{
    flags_store(c, (flags_load(c) & ~EFLAGS_ZF) | (value ? EFLAGS_ZF : 0));
}

/* For LAR, LSL, VERR, VERW: the descriptor, if this program may know of it. */
static bool visible_descriptor(struct soft *c, uint16_t selector, struct descriptor *d,
                               bool *visible)
{
    uint32_t rpl = selector & 3u;

    if (!soft_descriptor_probe(c, selector, d, visible))
        return false;
    if (*visible && (descriptor_type(*d) & 0x1c) != 0x1c &&
        (descriptor_dpl(*d) < c->s.cpl || descriptor_dpl(*d) < rpl))
        *visible = false;
    return true;
}

bool do_lar_lsl(struct soft *c, struct op *op)
{
    /* System types each accepts: vol. 2, tables 3-51 (LAR) and 3-53 (LSL). */
    static const uint16_t valid_lar = 0x1a3e, valid_lsl = 0x0a0e;
    bool is_lar = op->opcode == 0x02, visible;
    uint16_t selector;
    struct descriptor d;
    uint32_t type;

    if (!is_protected(c))
        return soft_raise(c, EXCEPTION_UD);
    if (!load_selector(c, op, &selector) || !visible_descriptor(c, selector, &d, &visible))
        return false;
    if (visible) {
        type = descriptor_type(d);
        if (!(type & 0x10) && !((is_lar ? valid_lar : valid_lsl) >> type & 1))
            visible = false;
    }
    set_zf(c, visible);
    if (visible)
        put_sized(c, op->size, op->reg,
                  is_lar ? d.high & UINT32_C(0x00f0ff00) : descriptor_limit(d));
    return true;
}

bool do_arpl(struct soft *c, struct op *op)
{
    uint32_t value, rpl = get16(c, op->reg) & 3;
    bool raises;

    if (!is_protected(c))
        return soft_raise(c, EXCEPTION_UD);
    op->size = 2;
    if (!rm_read(c, op, &value))
        return false;
    raises = (value & 3) < rpl;
    if (raises && !rm_write(c, op, (value & ~3u) | rpl))
        return false;
    set_zf(c, raises);
    return true;
}

static bool load_ldt(struct soft *c, uint16_t selector)
{
    struct descriptor d;

    if (!(selector & ~3u)) {
        c->s.ldtr = (struct cpu_segment){.selector = selector};
        return true;
    }
    if (selector & 4)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!soft_descriptor(c, selector, &d, EXCEPTION_GP))
        return false;
    if (descriptor_type(d) != 2)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!(d.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    c->s.ldtr = soft_segment_from(selector, d);
    return true;
}

static bool load_task_register(struct soft *c, uint16_t selector)
{
    struct descriptor d;
    uint8_t busy;

    if (!(selector & ~3u))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (selector & 4)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!soft_descriptor(c, selector, &d, EXCEPTION_GP))
        return false;
    if (descriptor_type(d) != 1 && descriptor_type(d) != 9)
        return soft_raise_selector(c, EXCEPTION_GP, selector);
    if (!(d.high & DESCRIPTOR_P))
        return soft_raise_selector(c, EXCEPTION_NP, selector);
    d.high |= 0x200;
    busy = (uint8_t)(d.high >> 8);
    if (!soft_write_linear(c, c->s.gdtr.base + (selector & ~7u) + 5, &busy, 1, false))
        return false;
    c->s.tr = soft_segment_from(selector, d);
    return true;
}

/* VERR and VERW */
static bool verify(struct soft *c, uint16_t selector, bool write)
{
    struct descriptor d;
    bool ok;
    uint32_t type;

    if (!visible_descriptor(c, selector, &d, &ok))
        return false;
    if (ok) {
        type = descriptor_type(d);
        if (!(type & 0x10))
            ok = false;
        else if (write)
            ok = (type & 0xa) == 2;
        else
            ok = !(type & 8) || (type & 2);
    }
    set_zf(c, ok);
    return true;
}

/* SLDT STR LLDT LTR VERR VERW */
bool do_group6(struct soft *c, struct op *op)
{
    unsigned kind = op->modrm >> 3 & 7;
    uint16_t selector;

    if (!is_protected(c) || kind > 5)
        return soft_raise(c, EXCEPTION_UD);
    if (kind < 2)
        return store_selector(c, op, kind ? c->s.tr.selector : c->s.ldtr.selector);
    if (kind < 4 && !needs_ring0(c))
        return false;
    if (!load_selector(c, op, &selector))
        return false;
    switch (kind) {
    case 2:
        return load_ldt(c, selector);
    case 3:
        return load_task_register(c, selector);
    default:
        return verify(c, selector, kind == 5);
    }
}

/* Descriptor-table registers and the machine status word */

static bool set_cr0(struct soft *c, uint32_t value)
{
    uint32_t old = c->s.cr0, known = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM |
                                     CR0_NW | CR0_CD | CR0_PG;

    if (((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
        return soft_raise_error(c, EXCEPTION_GP, 0);
    c->s.cr0 = (value & known) | CR0_ET;
    if ((old ^ value) & (CR0_PE | CR0_PG | CR0_WP))
        soft_tlb_flush(c);
    soft_mode_changed(c);
    return true;
}

static bool store_table(struct soft *c, const struct op *op, struct cpu_table table)
{
    uint8_t data[6];

    data[0] = (uint8_t)table.limit;
    data[1] = (uint8_t)(table.limit >> 8);
    for (unsigned i = 0; i < 4; i++)
        data[2 + i] = (uint8_t)(table.base >> (8 * i));
    return soft_write(c, op->seg, effective_address(c, op), data, 6);
}

static bool load_table(struct soft *c, const struct op *op, struct cpu_table *table)
{
    uint8_t data[6];

    if (!needs_ring0(c) || !soft_read(c, op->seg, effective_address(c, op), data, 6))
        return false;
    table->limit = (uint16_t)(data[0] | data[1] << 8);
    table->base = (uint32_t)data[2] | (uint32_t)data[3] << 8 | (uint32_t)data[4] << 16;
    if (op->size == 4)
        table->base |= (uint32_t)data[5] << 24;
    return true;
}

static bool load_msw(struct soft *c, const struct op *op)
{
    uint16_t value;

    if (!needs_ring0(c) || !load_selector(c, op, &value))
        return false;
    return set_cr0(c, (c->s.cr0 & ~UINT32_C(0xe)) | (value & 0xf));
}

/* SGDT SIDT LGDT LIDT SMSW - LMSW INVLPG */
bool do_group7(struct soft *c, struct op *op)
{
    unsigned kind = op->modrm >> 3 & 7;

    if (kind == 5 || (!(op->flags & OP_MEMORY) && kind != 4 && kind != 6))
        return soft_raise(c, EXCEPTION_UD);
    switch (kind) {
    case 0:
        return store_table(c, op, c->s.gdtr);
    case 1:
        return store_table(c, op, c->s.idtr);
    case 2:
        return load_table(c, op, &c->s.gdtr);
    case 3:
        return load_table(c, op, &c->s.idtr);
    case 4:
        return store_selector(c, op, c->s.cr0);
    case 6:
        return load_msw(c, op);
    default:
        if (!needs_ring0(c))
            return false;
        soft_tlb_flush_page(c, c->s.segment[op->seg].base + effective_address(c, op));
        return true;
    }
}

bool do_clts(struct soft *c, struct op *op)
{
    (void)op;
    if (!needs_ring0(c))
        return false;
    c->s.cr0 &= ~CR0_TS;
    return true;
}

bool do_invd(struct soft *c, struct op *op)
{
    (void)op;
    return needs_ring0(c);
}

/* Control and debug registers */

bool do_mov_from_control(struct soft *c, struct op *op)
{
    uint32_t value;

    switch (op->modrm >> 3 & 7) {
    case 0:
        value = c->s.cr0;
        break;
    case 2:
        value = c->s.cr2;
        break;
    case 3:
        value = c->s.cr3;
        break;
    case 4:
        value = c->s.cr4;
        break;
    default:
        return soft_raise(c, EXCEPTION_UD);
    }
    if (!needs_ring0(c))
        return false;
    put32(c, op->modrm & 7, value);
    return true;
}

#define CR4_KNOWN \
    (CR4_TSD | CR4_DE | CR4_PSE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

bool do_mov_to_control(struct soft *c, struct op *op)
{
    uint32_t value = get32(c, op->modrm & 7);
    unsigned number = op->modrm >> 3 & 7;

    if (number == 1 || number > 4)
        return soft_raise(c, EXCEPTION_UD);
    if (!needs_ring0(c))
        return false;
    switch (number) {
    case 0:
        return set_cr0(c, value);
    case 2:
        c->s.cr2 = value;
        return true;
    case 3:
        c->s.cr3 = value;
        soft_tlb_flush(c);
        return true;
    default:
        if (value & ~CR4_KNOWN)
            return soft_raise_error(c, EXCEPTION_GP, 0);
        if ((value ^ c->s.cr4) & (CR4_PSE | CR4_PGE))
            soft_tlb_flush(c);
        c->s.cr4 = value;
        return true;
    }
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE takes them away; DR7.GD guards all. */
static bool debug_register(struct soft *c, const struct op *op, unsigned *number)
{
    *number = op->modrm >> 3 & 7;
    if (*number == 4 || *number == 5) {
        if (c->s.cr4 & CR4_DE)
            return soft_raise(c, EXCEPTION_UD);
        *number += 2;
    }
    if (!needs_ring0(c))
        return false;
    if (c->s.dr[7] & 0x2000) {
        c->s.dr[6] |= 0x2000;
        c->s.dr[7] &= ~UINT32_C(0x2000);
        return soft_raise(c, EXCEPTION_DB);
    }
    return true;
}

bool do_mov_from_debug(struct soft *c, struct op *op)
{
    unsigned number;

    if (!debug_register(c, op, &number))
        return false;
    put32(c, op->modrm & 7, c->s.dr[number]);
    return true;
}

bool do_mov_to_debug(struct soft *c, struct op *op)
{
    uint32_t value = get32(c, op->modrm & 7);
    unsigned number;

    if (!debug_register(c, op, &number))
        return false;
    if (number == 6)
        value = (value & 0xe00f) | UINT32_C(0xffff0ff0);
    else if (number == 7)
        value = (value & UINT32_C(0xffff23ff)) | 0x400;
    c->s.dr[number] = value;
    soft_mode_changed(c);
    c->attention = true;
    return true;
}

/* Time, model-specific registers, identification */

/* The time-stamp counter counts ns of the guest's time: it runs at 1 GHz. */
static uint64_t time_stamp(const struct soft *c, const struct op *op)
{
    return soft_time(c, soft_count_before(c, op)) + c->s.tsc_offset;
}

bool do_rdtsc(struct soft *c, struct op *op)
{
    uint64_t now = time_stamp(c, op);

    if ((c->s.cr4 & CR4_TSD) && !needs_ring0(c))
        return false;
    put32(c, CPU_EAX, (uint32_t)now);
    put32(c, CPU_EDX, (uint32_t)(now >> 32));
    return true;
}

bool do_rdpmc(struct soft *c, struct op *op)
{
    (void)op;
    return soft_raise_error(c, EXCEPTION_GP, 0);
}

#define MSR_TSC 0x10

bool do_rdmsr(struct soft *c, struct op *op)
{
    if (!needs_ring0(c))
        return false;
    if (get32(c, CPU_ECX) != MSR_TSC)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    put32(c, CPU_EAX, (uint32_t)time_stamp(c, op));
    put32(c, CPU_EDX, (uint32_t)(time_stamp(c, op) >> 32));
    return true;
}

bool do_wrmsr(struct soft *c, struct op *op)
{
    uint64_t value = (uint64_t)get32(c, CPU_EDX) << 32 | get32(c, CPU_EAX);

    if (!needs_ring0(c))
        return false;
    if (get32(c, CPU_ECX) != MSR_TSC)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    c->s.tsc_offset += value - time_stamp(c, op);
    return true;
}

/* Vol. 2, CPUID: a processor of family 6 that has what is implemented here and no more. */
bool do_cpuid(struct soft *c, struct op *op)
{
    static const char vendor[13] = "SoftwareIA32";
    static const char brand[48] = "Software IA-32 processor";
    enum {
        FPU = 1 << 0,
        DE = 1 << 2,
        PSE = 1 << 3,
        TSC = 1 << 4,
        MSR = 1 << 5,
        CX8 = 1 << 8,
        PGE = 1 << 13,
        CMOV = 1 << 15,
        PSE36 = 1 << 17,
        MMX = 1 << 23,
        FXSR = 1 << 24,
        SSE = 1 << 25,
        SSE2 = 1 << 26,
    };
    uint32_t leaf = get32(c, CPU_EAX), out[4] = {0};

    (void)op;
    if (leaf == 0) {
        out[0] = 1;
        memcpy(&out[1], vendor, 4);
        memcpy(&out[3], vendor + 4, 4);
        memcpy(&out[2], vendor + 8, 4);
    } else if (leaf == 1) {
        out[0] = 0x00000690;
        out[3] = FPU | DE | PSE | TSC | MSR | CX8 | PGE | CMOV | PSE36 | FXSR | SSE | SSE2 |
                 (SOFT_HAS_MMX ? MMX : 0);
    } else if (leaf == UINT32_C(0x80000000)) {
        out[0] = UINT32_C(0x80000004);
    } else if (leaf >= UINT32_C(0x80000002) && leaf <= UINT32_C(0x80000004)) {
        memcpy(out, brand + 16 * (leaf - UINT32_C(0x80000002)), 16);
    }
    put32(c, CPU_EAX, out[0]);
    put32(c, CPU_EBX, out[1]);
    put32(c, CPU_ECX, out[2]);
    put32(c, CPU_EDX, out[3]);
    return true;
}
