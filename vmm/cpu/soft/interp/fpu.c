/*
 * The x87 unit: registers, environment, exceptions and the decoding of D8 to DF. The arithmetic is
 * in fpu_host.h. Intel SDM vol. 1, chapter 8; vol. 2, F2XM1 to FYL2XP1.
 *
 * One thing is left out: with overflow or underflow unmasked, a register gets the masked result
 * and not one with an adjusted exponent.
 */
#include "fpu_host.h"
#include "ops.h"

static const union fpu_register indefinite = {
    .bits = {.significand = UINT64_C(0xc000000000000000), .exponent = 0xffff}};

static union fpu_register *st(struct soft *c, unsigned i)
{
    return &c->s.fpu.r[(c->s.fpu.top + i) & 7];
}

static bool is_empty(const struct soft *c, unsigned i)
{
    return c->s.fpu.empty >> ((c->s.fpu.top + i) & 7) & 1;
}

static void set_empty(struct soft *c, unsigned i, bool empty)
{
    unsigned bit = 1u << ((c->s.fpu.top + i) & 7);

    c->s.fpu.empty = (uint8_t)(empty ? c->s.fpu.empty | bit : c->s.fpu.empty & ~bit);
}

static void pop(struct soft *c)
{
    set_empty(c, 0, true);
    c->s.fpu.top = (c->s.fpu.top + 1) & 7;
}

/* The host's unit works for the guest from its first instruction until the run ends. */
static void use_host(struct soft *c)
{
    if (!c->host_fpu_loaded) {
        host_begin(c->s.fpu.control);
        c->host_fpu_loaded = true;
    } else if ((c->s.fpu.control & FPU_EXCEPTIONS) != FPU_EXCEPTIONS) {
        host_clear(); /* this instruction's own flags are needed */
    }
}

void soft_fpu_leave(struct soft *c)
{
    if (c->host_fpu_loaded)
        host_end();
    c->host_fpu_loaded = false;
}

static void set_control(struct soft *c, uint16_t control)
{
    c->s.fpu.control = (control & 0x1f3f) | 0x0040; /* bit 12 does nothing, but is kept */
    soft_fpu_leave(c);
}

/* Recomputes the summary bit after status or control changed. */
static void summarise(struct soft *c)
{
    struct fpu *fpu = &c->s.fpu;

    if (fpu->status & ~fpu->control & FPU_EXCEPTIONS)
        fpu->status |= FPU_ES | FPU_B;
    else
        fpu->status &= (uint16_t) ~(FPU_ES | FPU_B);
}

void soft_fpu_reset(struct soft *c)
{
    struct fpu *fpu = &c->s.fpu;

    set_control(c, 0x037f);
    fpu->status = 0;
    fpu->top = 0;
    fpu->empty = 0xff;
    fpu->opcode = fpu->code_selector = fpu->data_selector = 0;
    fpu->code_offset = fpu->data_offset = 0;
}

static bool available(struct soft *c)
{
    if (c->s.cr0 & (CR0_EM | CR0_TS))
        return soft_raise(c, EXCEPTION_NM);
    return true;
}

/* An unmasked exception is reported by the next instruction that waits. Without CR0.NE it would go
 * through the interrupt controller; no such wire exists here. */
static bool wait(struct soft *c)
{
    if ((c->s.fpu.status & FPU_ES) && (c->s.cr0 & CR0_NE))
        return soft_raise(c, EXCEPTION_MF);
    return true;
}

bool do_fwait(struct soft *c, struct op *op)
{
    (void)op;
    if ((c->s.cr0 & CR0_MP) && (c->s.cr0 & CR0_TS))
        return soft_raise(c, EXCEPTION_NM);
    return wait(c);
}

/* What every instruction but those of control does first. */
static bool begin(struct soft *c, const struct op *op)
{
    struct fpu *fpu = &c->s.fpu;

    if (!available(c) || !wait(c))
        return false;
    fpu->code_offset = op_eip(op);
    fpu->code_selector = c->s.segment[CPU_CS].selector;
    fpu->opcode = (uint16_t)((op->opcode & 7) << 8 | op->modrm);
    if (op->flags & OP_MEMORY) {
        fpu->data_offset = effective_address(c, op);
        fpu->data_selector = c->s.segment[op->seg].selector;
    }
    use_host(c);
    return true;
}

/* Enters exceptions and C1; true if they leave the result to be stored. */
static bool conclude(struct soft *c, uint32_t status)
{
    struct fpu *fpu = &c->s.fpu;
    uint32_t exceptions = status & FPU_EXCEPTIONS, unmasked = exceptions & ~fpu->control;

    /* One of these unmasked keeps the operation from being carried out. */
    if (unmasked & (FPU_IE | FPU_DE | FPU_ZE)) {
        exceptions &= FPU_IE | FPU_DE | FPU_ZE;
        status &= status & FPU_SF ? UINT32_MAX : ~FPU_C1;
    }
    fpu->status = (uint16_t)((fpu->status & ~FPU_C1) | exceptions | (status & (FPU_C1 | FPU_SF)));
    if (unmasked)
        fpu->status |= FPU_ES | FPU_B;
    return !(unmasked & (FPU_IE | FPU_ZE | FPU_DE));
}

/* Something empty was read. True: go on with the indefinite value. */
static bool underflow(struct soft *c)
{
    return conclude(c, FPU_IE | FPU_SF);
}

static void push(struct soft *c, const union fpu_register *value, uint32_t status)
{
    union fpu_register copy = *value;

    if (!is_empty(c, 7)) {
        if (!conclude(c, FPU_IE | FPU_SF | FPU_C1))
            return;
        copy = indefinite;
    } else if (!conclude(c, status) && !(status & FPU_DE)) {
        return; /* a denormal is loaded all the same */
    }
    c->s.fpu.top = (c->s.fpu.top - 1) & 7;
    set_empty(c, 0, false);
    *st(c, 0) = copy;
}

/* Arithmetic in the order of the opcode maps; FCOM and FCOMP have places of their own. */
static fpu_binary *const arithmetic[8] = {host_add, host_mul,  NULL,     NULL,
                                          host_sub, host_subr, host_div, host_divr};

/* ST(to) <- ST(to) op b; b_empty says that the register b stands for is. */
static bool arithmetic_into(struct soft *c, unsigned to, const union fpu_register *a,
                            const union fpu_register *b, bool any_empty, fpu_binary *operation)
{
    union fpu_register result = indefinite;

    if (any_empty) {
        if (!underflow(c))
            return false;
    } else if (!conclude(c, operation(a, b, &result))) {
        return false;
    }
    *st(c, to) = result;
    set_empty(c, to, false);
    return true;
}

static void set_codes(struct soft *c, uint32_t status)
{
    const uint32_t codes = FPU_C0 | FPU_C2 | FPU_C3;

    c->s.fpu.status = (uint16_t)((c->s.fpu.status & ~codes) | (status & codes));
}

/* Compares ST0 with b; false if an unmasked exception keeps the stack from being popped. */
static bool compare(struct soft *c, const union fpu_register *b, bool any_empty,
                    fpu_compare *operation)
{
    uint32_t status = FPU_IE | FPU_SF | FPU_C0 | FPU_C2 | FPU_C3;

    if (!any_empty)
        status = operation(st(c, 0), b) & ~FPU_SF;
    set_codes(c, status);
    return conclude(c, status & ~FPU_C1);
}

/* Kinds of memory operand: of the eight opcodes, and of fild, fist, fld, fst. */
struct format {
    fpu_load *load;
    fpu_store *store;
    uint32_t size;
};

static const struct format f32 = {host_load_f32, host_store_f32, 4};
static const struct format f64 = {host_load_f64, host_store_f64, 8};
static const struct format i16 = {host_load_i16, host_store_i16, 2};
static const struct format i32 = {host_load_i32, host_store_i32, 4};
static const struct format i64 = {host_load_i64, host_store_i64, 8};
static const struct format bcd = {host_load_bcd, host_store_bcd, 10};

static bool read_operand(struct soft *c, const struct op *op, void *data, uint32_t size)
{
    uint32_t at = effective_address(c, op);
    const uint8_t *fast = size <= 8 ? fast_read(c, op->seg, at, 8) : NULL;

    if (fast) {
        memcpy(data, fast, size);
        return true;
    }
    return soft_read(c, op->seg, at, data, size);
}

static bool write_operand(struct soft *c, const struct op *op, const void *data, uint32_t size)
{
    uint32_t at = effective_address(c, op);
    uint8_t *fast = size <= 8 ? fast_write(c, op->seg, at, 8) : NULL;

    if (fast) {
        memcpy(fast, data, size);
        return true;
    }
    return soft_write(c, op->seg, at, data, size);
}

/* D8, DA, DC, DE with memory: ST0 op a number of the opcode's format. */
#define MEMORY_ROW(f)                                                                        \
    {                                                                                        \
        host_add_##f, host_mul_##f, host_com_##f, host_com_##f, host_sub_##f, host_subr_##f, \
            host_div_##f, host_divr_##f                                                      \
    }
static bool arithmetic_memory(struct soft *c, struct op *op)
{
    static fpu_memory *const operations[4][8] = {MEMORY_ROW(f32), MEMORY_ROW(i32), MEMORY_ROW(f64),
                                                 MEMORY_ROW(i16)};
    static const uint8_t sizes[4] = {4, 4, 8, 2};
    unsigned format = op->opcode >> 1 & 3, kind = op->modrm >> 3 & 7;
    bool compares = kind == 2 || kind == 3;
    union fpu_register result = indefinite;
    uint8_t data[8];
    uint32_t status = FPU_IE | FPU_SF | FPU_C0 | FPU_C2 | FPU_C3;

    if (!begin(c, op) || !read_operand(c, op, data, sizes[format]))
        return false;
    if (!is_empty(c, 0))
        status = operations[format][kind](st(c, 0), data, &result) & ~FPU_SF;
    if (compares) {
        set_codes(c, status);
        if (conclude(c, status & ~FPU_C1) && kind == 3)
            pop(c);
        return true;
    }
    if (!conclude(c, status))
        return true;
    *st(c, 0) = result;
    set_empty(c, 0, false);
    return true;
}

/* D8: ST0 <- ST0 op ST(i); DC, DE: ST(i) <- ST(i) op ST0, where sub and div have changed places
 * with their reverses. */
static bool arithmetic_register(struct soft *c, struct op *op)
{
    unsigned kind = op->modrm >> 3 & 7, i = op->modrm & 7;
    bool any_empty, done;

    if (!begin(c, op))
        return false;
    any_empty = is_empty(c, 0) || is_empty(c, i);
    if (kind == 2 || kind == 3) {
        if (compare(c, st(c, i), any_empty, host_com) && kind == 3)
            pop(c);
        return true;
    }
    if (op->opcode == 0xd8)
        done = arithmetic_into(c, 0, st(c, 0), st(c, i), any_empty, arithmetic[kind]);
    else
        done = arithmetic_into(c, i, st(c, 0), st(c, i), any_empty, arithmetic[kind]);
    if (done && op->opcode == 0xde)
        pop(c);
    return true;
}

/* FCOMPP, FUCOM, FUCOMP, FUCOMPP, FCOMP5 and the forms that set EFLAGS. */
static bool compare_register(struct soft *c, struct op *op)
{
    unsigned kind = op->modrm >> 3 & 7, i = op->modrm & 7, pops;
    bool to_flags = op->opcode == 0xdb || op->opcode == 0xdf, is_unordered = kind == 4 || kind == 5;
    uint16_t codes = c->s.fpu.status & (FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3), status;
    bool any_empty, done;

    if (!begin(c, op))
        return false;
    switch (op->opcode) {
    case 0xda:
        pops = 2; /* FUCOMPP */
        break;
    case 0xdb:
        pops = 0; /* FUCOMI, FCOMI */
        break;
    case 0xdd:
        pops = kind == 5 ? 1 : 0; /* FUCOM, FUCOMP */
        break;
    case 0xde:
        pops = kind == 3 ? 2 : 1; /* FCOMPP, FCOMP */
        break;
    default:
        pops = 1; /* FUCOMIP, FCOMIP */
        break;
    }
    any_empty = is_empty(c, 0) || is_empty(c, i);
    done = compare(c, st(c, i), any_empty, is_unordered ? host_ucom : host_com);
    if (to_flags) {
        status = c->s.fpu.status;
        flags_store(c, (status & FPU_C0 ? EFLAGS_CF : 0) | (status & FPU_C2 ? EFLAGS_PF : 0) |
                           (status & FPU_C3 ? EFLAGS_ZF : 0));
        set_codes(c, codes);
        if (!any_empty)
            c->s.fpu.status |= codes & FPU_C1;
    }
    if (!done)
        return true;
    while (pops--)
        pop(c);
    return true;
}

/* Loads */

static bool load_memory(struct soft *c, struct op *op)
{
    /* By opcode bits 1-2 (D9 DB DD DF) and whether modrm's reg is 0, 4 or 5. */
    static const struct format *const formats[4] = {&f32, &i32, &f64, &i16};
    unsigned kind = op->modrm >> 3 & 7;
    const struct format *format = formats[op->opcode >> 1 & 3];
    union fpu_register value;
    uint8_t data[10];

    if (op->opcode == 0xdf && kind)
        format = kind == 4 ? &bcd : &i64;
    if (!begin(c, op) || !read_operand(c, op, data, format->size))
        return false;
    push(c, &value, format->load(data, &value) & (FPU_EXCEPTIONS & ~FPU_PE));
    return true;
}

static bool load_80(struct soft *c, struct op *op)
{
    union fpu_register value = indefinite;
    uint8_t data[10];

    if (!begin(c, op) || !read_operand(c, op, data, 10))
        return false;
    memcpy(&value.bits.significand, data, 8);
    memcpy(&value.bits.exponent, data + 8, 2);
    push(c, &value, 0);
    return true;
}

static bool load_register(struct soft *c, struct op *op)
{
    unsigned i = op->modrm & 7;
    union fpu_register value;

    if (!begin(c, op))
        return false;
    value = *st(c, i);
    if (is_empty(c, i)) {
        if (!underflow(c))
            return true;
        value = indefinite;
        c->s.fpu.top = (c->s.fpu.top - 1) & 7;
        set_empty(c, 0, false);
        *st(c, 0) = value;
        return true;
    }
    push(c, &value, 0);
    return true;
}

/* FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ: rounded as the rounding control says. */
static bool load_constant(struct soft *c, struct op *op)
{
    static const struct {
        uint64_t significand; /* rounded down */
        uint16_t exponent;
        bool round_up; /* whether nearest is the next one */
        bool exact;
    } constants[8] = {
        {UINT64_C(0x8000000000000000), 0x3fff, false, true},
        {UINT64_C(0xd49a784bcd1b8afe), 0x4000, false, false},
        {UINT64_C(0xb8aa3b295c17f0bb), 0x3fff, true, false},
        {UINT64_C(0xc90fdaa22168c234), 0x4000, true, false},
        {UINT64_C(0x9a209a84fbcff798), 0x3ffd, true, false},
        {UINT64_C(0xb17217f7d1cf79ab), 0x3ffe, true, false},
        {0, 0, false, true},
        {0, 0, false, true},
    };
    unsigned i = op->modrm & 7, rounding = c->s.fpu.control >> 10 & 3;
    union fpu_register value = indefinite;

    if (!begin(c, op))
        return false;
    value.bits.significand = constants[i].significand;
    value.bits.exponent = constants[i].exponent;
    if (!constants[i].exact && (rounding == 2 || (rounding == 0 && constants[i].round_up)))
        value.bits.significand++;
    push(c, &value, 0);
    return true;
}

/* Stores */

static bool store_memory(struct soft *c, struct op *op)
{
    static const struct format *const formats[4] = {&f32, &i32, &f64, &i16};
    /* The indefinite value in each format: real, integer, packed decimal. */
    static const uint8_t packed_indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
    unsigned kind = op->modrm >> 3 & 7;
    const struct format *format = formats[op->opcode >> 1 & 3];
    struct fpu before;
    uint8_t data[10];
    uint32_t status;

    if (op->opcode == 0xdf && kind > 3)
        format = kind == 6 ? &bcd : &i64;
    before = c->s.fpu;
    if (!begin(c, op))
        return false;
    if (is_empty(c, 0)) {
        status = FPU_IE | FPU_SF;
        if (format == &bcd)
            memcpy(data, packed_indefinite, 10);
        else
            format->store(&indefinite, data);
    } else {
        status = format->store(st(c, 0), data);
    }
    /* Memory comes first: if it faults, the unit has seen nothing. */
    if (status & ~c->s.fpu.control & (FPU_IE | FPU_DE | FPU_OE | FPU_UE)) {
        if (!soft_check_write(c, op->seg, effective_address(c, op), format->size)) {
            c->s.fpu = before;
            return false;
        }
        conclude(c, status & (FPU_EXCEPTIONS | FPU_SF | FPU_C1));
        return true;
    }
    if (!write_operand(c, op, data, format->size)) {
        c->s.fpu = before;
        return false;
    }
    conclude(c, status & (FPU_EXCEPTIONS | FPU_C1 | (is_empty(c, 0) ? FPU_SF : 0)));
    if (kind != 2)
        pop(c);
    return true;
}

static bool store_80(struct soft *c, struct op *op)
{
    union fpu_register value;
    uint8_t data[10];
    bool empty;

    if (!begin(c, op))
        return false;
    empty = is_empty(c, 0);
    value = empty ? indefinite : *st(c, 0);
    memcpy(data, &value.bits.significand, 8);
    memcpy(data + 8, &value.bits.exponent, 2);
    if (empty && !(c->s.fpu.control & FPU_IE)) {
        if (!soft_check_write(c, op->seg, effective_address(c, op), 10))
            return false;
        underflow(c);
        return true;
    }
    if (!write_operand(c, op, data, 10))
        return false;
    conclude(c, empty ? FPU_IE | FPU_SF : 0);
    pop(c);
    return true;
}

/* FST ST(i), FSTP ST(i) */
static bool store_register(struct soft *c, struct op *op)
{
    unsigned i = op->modrm & 7;

    if (!begin(c, op))
        return false;
    if (is_empty(c, 0)) {
        if (!underflow(c))
            return true;
        *st(c, i) = indefinite;
    } else {
        conclude(c, 0);
        *st(c, i) = *st(c, 0);
    }
    set_empty(c, i, false);
    if ((op->modrm >> 3 & 7) != 2 || op->opcode == 0xdf)
        pop(c);
    return true;
}

static bool exchange(struct soft *c, struct op *op)
{
    unsigned i = op->modrm & 7;
    union fpu_register value;

    if (!begin(c, op))
        return false;
    if (is_empty(c, 0) || is_empty(c, i)) {
        if (!underflow(c))
            return true;
        if (is_empty(c, 0))
            *st(c, 0) = indefinite;
        if (is_empty(c, i))
            *st(c, i) = indefinite;
        set_empty(c, 0, false);
        set_empty(c, i, false);
    } else {
        conclude(c, 0);
    }
    value = *st(c, 0);
    *st(c, 0) = *st(c, i);
    *st(c, i) = value;
    return true;
}

/* FCMOVcc */
static bool move_if(struct soft *c, struct op *op)
{
    unsigned i = op->modrm & 7;
    bool condition;

    if (!begin(c, op))
        return false;
    switch (op->modrm >> 3 & 3) {
    case 0:
        condition = CONDITION_B(c);
        break;
    case 1:
        condition = CONDITION_Z(c);
        break;
    case 2:
        condition = CONDITION_BE(c);
        break;
    default:
        condition = CONDITION_P(c);
        break;
    }
    if (op->opcode == 0xdb)
        condition = !condition;
    if (is_empty(c, 0) || is_empty(c, i)) {
        if (!underflow(c))
            return true;
        *st(c, 0) = indefinite; /* whatever the condition */
        set_empty(c, 0, false);
        return true;
    }
    if (condition)
        *st(c, 0) = *st(c, i);
    return true;
}

/* D9 E0 to FF, as far as they compute. */

static bool change_sign(struct soft *c, struct op *op)
{
    if (!begin(c, op))
        return false;
    if (is_empty(c, 0)) {
        if (underflow(c)) {
            *st(c, 0) = indefinite;
            set_empty(c, 0, false);
        }
        return true;
    }
    conclude(c, 0);
    if (op->modrm == 0xe0)
        st(c, 0)->bits.exponent ^= 0x8000;
    else
        st(c, 0)->bits.exponent &= 0x7fff;
    return true;
}

static bool test(struct soft *c, struct op *op)
{
    static const uint8_t zero[4];
    union fpu_register value;

    if (!begin(c, op))
        return false;
    host_load_f32(zero, &value);
    compare(c, &value, is_empty(c, 0), host_com);
    return true;
}

static bool examine(struct soft *c, struct op *op)
{
    uint64_t significand = st(c, 0)->bits.significand;
    uint32_t exponent = st(c, 0)->bits.exponent & 0x7fff, class;

    if (!begin(c, op))
        return false;
    if (is_empty(c, 0))
        class = FPU_C3 | FPU_C0;
    else if (exponent == 0)
        class = significand ? FPU_C3 | FPU_C2 : FPU_C3;
    else if (!(significand >> 63))
        class = 0; /* unsupported */
    else if (exponent == 0x7fff)
        class = significand << 1 ? FPU_C0 : FPU_C2 | FPU_C0;
    else
        class = FPU_C2;
    set_codes(c, class);
    c->s.fpu.status =
        (uint16_t)((c->s.fpu.status & ~FPU_C1) | (st(c, 0)->bits.exponent & 0x8000 ? FPU_C1 : 0));
    return true;
}

static bool unary(struct soft *c, struct op *op)
{
    union fpu_register result = indefinite;
    uint32_t status;
    bool is_partial = op->modrm >= 0xfe; /* FSIN, FCOS report with C2 that they did nothing */

    if (!begin(c, op))
        return false;
    if (is_partial)
        c->s.fpu.status &= (uint16_t)~FPU_C2;
    if (is_empty(c, 0)) {
        if (underflow(c)) {
            *st(c, 0) = indefinite;
            set_empty(c, 0, false);
        }
        return true;
    }
    switch (op->modrm) {
    case 0xf0:
        status = host_2xm1(st(c, 0), &result);
        break;
    case 0xfa:
        status = host_sqrt(st(c, 0), &result);
        break;
    case 0xfc:
        status = host_rndint(st(c, 0), &result);
        break;
    case 0xfe:
        status = host_sin(st(c, 0), &result);
        break;
    default:
        status = host_cos(st(c, 0), &result);
        break;
    }
    if (is_partial)
        c->s.fpu.status |= status & FPU_C2;
    if (conclude(c, status & ~FPU_SF))
        *st(c, 0) = result;
    return true;
}

/* FYL2X FPATAN FYL2XP1 pop, FPREM FPREM1 FSCALE don't. */
static bool binary(struct soft *c, struct op *op)
{
    union fpu_register result = indefinite;
    bool pops = op->modrm == 0xf1 || op->modrm == 0xf3 || op->modrm == 0xf9;
    bool is_remainder = op->modrm == 0xf5 || op->modrm == 0xf8;
    fpu_binary *operation;
    uint32_t status;

    if (!begin(c, op))
        return false;
    switch (op->modrm) {
    case 0xf1:
        operation = host_yl2x;
        break;
    case 0xf3:
        operation = host_patan;
        break;
    case 0xf5:
        operation = host_prem1;
        break;
    case 0xf8:
        operation = host_prem;
        break;
    case 0xf9:
        operation = host_yl2xp1;
        break;
    default:
        operation = host_scale;
        break;
    }
    if (is_remainder)
        c->s.fpu.status &= (uint16_t)~FPU_C2;
    if (is_empty(c, 0) || is_empty(c, 1)) {
        if (!underflow(c))
            return true;
    } else {
        status = operation(st(c, 0), st(c, 1), &result);
        if (!conclude(c, status & ~FPU_SF))
            return true;
        if (is_remainder && (result.bits.exponent & 0x7fff) != 0x7fff)
            set_codes(c, status); /* no quotient comes with a NaN */
    }
    *st(c, pops) = result;
    set_empty(c, pops, false);
    if (pops)
        pop(c);
    return true;
}

/* FPTAN FXTRACT FSINCOS: replace ST0 and push. */
static bool pair(struct soft *c, struct op *op)
{
    union fpu_register first = indefinite, second = indefinite;
    uint32_t status;

    if (!begin(c, op))
        return false;
    if (op->modrm != 0xf4)
        c->s.fpu.status &= (uint16_t)~FPU_C2;
    if (is_empty(c, 0) || !is_empty(c, 7)) {
        if (!conclude(c, FPU_IE | FPU_SF | (is_empty(c, 0) ? 0 : FPU_C1)))
            return true;
    } else {
        if (op->modrm == 0xf4)
            status = host_xtract(st(c, 0), &first, &second) & ~FPU_C2;
        else if (op->modrm == 0xf2)
            status = host_ptan(st(c, 0), &first, &second);
        else
            status = host_sincos(st(c, 0), &first, &second);
        c->s.fpu.status |= status & FPU_C2;
        if (!conclude(c, status & ~FPU_SF) || (status & FPU_C2))
            return true;
    }
    *st(c, 0) = first;
    set_empty(c, 0, false);
    c->s.fpu.top = (c->s.fpu.top - 1) & 7;
    *st(c, 0) = second;
    set_empty(c, 0, false);
    return true;
}

/* Control */

static bool nothing(struct soft *c, struct op *op)
{
    (void)op;
    return available(c) && wait(c);
}

/* FENI, FDISI, FSETPM */
static bool nothing_at_all(struct soft *c, struct op *op)
{
    (void)op;
    return available(c);
}

/* FDECSTP, FINCSTP, FFREE, FFREEP */
static bool stack_control(struct soft *c, struct op *op)
{
    if (!begin(c, op))
        return false;
    if (op->opcode == 0xd9) {
        c->s.fpu.top = (c->s.fpu.top + (op->modrm == 0xf6 ? 7 : 1)) & 7;
        conclude(c, 0);
        return true;
    }
    conclude(c, 0);
    set_empty(c, op->modrm & 7, true);
    if (op->opcode == 0xdf)
        pop(c);
    return true;
}

static bool initialise(struct soft *c, struct op *op)
{
    (void)op;
    if (!available(c))
        return false;
    soft_fpu_reset(c);
    return true;
}

static bool clear_exceptions(struct soft *c, struct op *op)
{
    (void)op;
    if (!available(c))
        return false;
    c->s.fpu.status &= FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3;
    if (c->host_fpu_loaded)
        host_clear();
    return true;
}

static uint16_t status_word(const struct soft *c)
{
    return (uint16_t)(c->s.fpu.status | c->s.fpu.top << 11);
}

static void set_status_word(struct soft *c, uint16_t status)
{
    c->s.fpu.status = status & 0xc7ff & (uint16_t)~0x3800;
    c->s.fpu.top = status >> 11 & 7;
    soft_fpu_leave(c);
}

/* Vol. 1, figure 8-7: 0 valid, 1 zero, 2 special, 3 empty. */
static uint16_t tag_word(const struct soft *c)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t significand = c->s.fpu.r[i].bits.significand;
        uint32_t exponent = c->s.fpu.r[i].bits.exponent & 0x7fff, tag;
        if (c->s.fpu.empty >> i & 1)
            tag = 3;
        else if (exponent == 0 && significand == 0)
            tag = 1;
        else if (exponent == 0 || exponent == 0x7fff || !(significand >> 63))
            tag = 2;
        else
            tag = 0;
        tags = (uint16_t)(tags | tag << (2 * i));
    }
    return tags;
}

static void set_tag_word(struct soft *c, uint16_t tags)
{
    c->s.fpu.empty = 0;
    for (unsigned i = 0; i < 8; i++) {
        if ((tags >> (2 * i) & 3) == 3)
            c->s.fpu.empty |= (uint8_t)(1u << i);
    }
}

static bool store_word(struct soft *c, struct op *op)
{
    uint16_t value = op->opcode == 0xd9 ? c->s.fpu.control : status_word(c);

    if (!available(c))
        return false;
    if (op->opcode == 0xdf) {
        put16(c, CPU_EAX, value);
        return true;
    }
    return soft_store(c, op->seg, effective_address(c, op), 2, value);
}

static bool load_control(struct soft *c, struct op *op)
{
    uint16_t value;

    if (!available(c) || !wait(c))
        return false;
    value = (uint16_t)soft_load(c, op->seg, effective_address(c, op), 2);
    if (c->raised)
        return false;
    set_control(c, value);
    summarise(c);
    return true;
}

/* The environment in memory, in one of four layouts: vol. 1, figures 8-9 to 8-12. */
static uint32_t environment_size(const struct op *op)
{
    return op->size == 4 ? 28 : 14;
}

static void put_field(uint8_t *image, unsigned size, unsigned index, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        image[index * size + i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_field(const uint8_t *image, unsigned size, unsigned index)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)image[index * size + i] << (8 * i);
    return value;
}

static void put_environment(const struct soft *c, const struct op *op, uint8_t *image)
{
    const struct fpu *fpu = &c->s.fpu;
    unsigned size = op->size;
    uint32_t high = size == 4 ? UINT32_C(0xffff0000) : 0;

    put_field(image, size, 0, fpu->control | high);
    put_field(image, size, 1, status_word(c) | high);
    put_field(image, size, 2, tag_word(c) | high);
    if (is_protected(c)) {
        put_field(image, size, 3, fpu->code_offset);
        put_field(image, size, 4,
                  fpu->code_selector | (size == 4 ? (uint32_t)fpu->opcode << 16 : 0));
        put_field(image, size, 5, fpu->data_offset);
        put_field(image, size, 6, fpu->data_selector | high);
    } else {
        uint32_t code = ((uint32_t)fpu->code_selector << 4) + fpu->code_offset;
        uint32_t data = ((uint32_t)fpu->data_selector << 4) + fpu->data_offset;
        put_field(image, size, 3, (code & 0xffff) | high);
        put_field(image, size, 4, (code >> 16) << 12 | fpu->opcode);
        put_field(image, size, 5, (data & 0xffff) | high);
        put_field(image, size, 6, (data >> 16) << 12);
    }
}

static void get_environment(struct soft *c, const struct op *op, const uint8_t *image)
{
    struct fpu *fpu = &c->s.fpu;
    unsigned size = op->size;

    set_control(c, (uint16_t)get_field(image, size, 0));
    set_status_word(c, (uint16_t)get_field(image, size, 1));
    set_tag_word(c, (uint16_t)get_field(image, size, 2));
    fpu->code_offset = get_field(image, size, 3);
    fpu->data_offset = get_field(image, size, 5);
    if (is_protected(c)) {
        fpu->code_selector = (uint16_t)get_field(image, size, 4);
        fpu->data_selector = (uint16_t)get_field(image, size, 6);
        if (size == 4)
            fpu->opcode = get_field(image, size, 4) >> 16 & 0x7ff;
    } else {
        fpu->opcode = get_field(image, size, 4) & 0x7ff;
        fpu->code_selector = fpu->data_selector = 0;
        fpu->code_offset = (fpu->code_offset & 0xffff) | get_field(image, size, 4) >> 12 << 16;
        fpu->data_offset = (fpu->data_offset & 0xffff) | get_field(image, size, 6) >> 12 << 16;
    }
    summarise(c);
}

/* FNSTENV masks all exceptions afterwards; FNSAVE initialises. */
static bool store_environment(struct soft *c, struct op *op)
{
    uint8_t image[108];
    uint32_t size = environment_size(op);
    bool is_save = op->opcode == 0xdd;

    if (!available(c))
        return false;
    put_environment(c, op, image);
    for (unsigned i = 0; is_save && i < 8; i++) {
        memcpy(image + size, &st(c, i)->bits.significand, 8);
        memcpy(image + size + 8, &st(c, i)->bits.exponent, 2);
        size += 10;
    }
    if (!soft_write(c, op->seg, effective_address(c, op), image, size))
        return false;
    if (is_save) {
        soft_fpu_reset(c);
    } else {
        set_control(c, c->s.fpu.control | FPU_EXCEPTIONS);
        summarise(c);
    }
    return true;
}

static bool load_environment(struct soft *c, struct op *op)
{
    uint8_t image[108];
    uint32_t size = environment_size(op), at = size;
    bool is_restore = op->opcode == 0xdd;

    if (!available(c) || !wait(c) ||
        !soft_read(c, op->seg, effective_address(c, op), image, is_restore ? size + 80 : size))
        return false;
    get_environment(c, op, image);
    for (unsigned i = 0; is_restore && i < 8; i++, at += 10) {
        memcpy(&st(c, i)->bits.significand, image + at, 8);
        memcpy(&st(c, i)->bits.exponent, image + at + 8, 2);
    }
    return true;
}

/* FXSAVE and FXRSTOR: vol. 1, table 10-2. */
#define FXSAVE_SIZE 512
#define MXCSR_MASK  UINT32_C(0xffff)

static bool fxsave_address(struct soft *c, const struct op *op, uint32_t *at)
{
    *at = effective_address(c, op);
    if (!available(c))
        return false;
    if ((c->s.segment[op->seg].base + *at) & 15)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    return true;
}

void soft_fpu_get(const struct soft *c, struct cpu_fpu *to)
{
    const struct fpu *fpu = &c->s.fpu;

    memset(to, 0, sizeof(*to));
    to->control = fpu->control;
    to->status = status_word(c);
    to->valid = (uint8_t)~fpu->empty;
    to->opcode = fpu->opcode;
    to->code_offset = fpu->code_offset;
    to->data_offset = fpu->data_offset;
    to->code_selector = fpu->code_selector;
    to->data_selector = fpu->data_selector;
    to->mxcsr = c->s.mxcsr;
    for (unsigned i = 0; i < 8; i++) {
        const union fpu_register *r = &fpu->r[(fpu->top + i) & 7];
        memcpy(to->st[i], &r->bits.significand, 8);
        memcpy(to->st[i] + 8, &r->bits.exponent, 2);
        memcpy(to->xmm[i], &c->s.xmm[i], 16);
    }
}

void soft_fpu_set(struct soft *c, const struct cpu_fpu *from)
{
    struct fpu *fpu = &c->s.fpu;

    set_control(c, from->control);
    set_status_word(c, from->status);
    fpu->empty = (uint8_t)~from->valid;
    fpu->opcode = from->opcode & 0x7ff;
    fpu->code_offset = from->code_offset;
    fpu->data_offset = from->data_offset;
    fpu->code_selector = from->code_selector;
    fpu->data_selector = from->data_selector;
    c->s.mxcsr = from->mxcsr & MXCSR_MASK;
    for (unsigned i = 0; i < 8; i++) {
        memcpy(&st(c, i)->bits.significand, from->st[i], 8);
        memcpy(&st(c, i)->bits.exponent, from->st[i] + 8, 2);
        memcpy(&c->s.xmm[i], from->xmm[i], 16);
    }
    summarise(c);
}

bool soft_fxsave(struct soft *c, struct op *op)
{
    uint8_t image[FXSAVE_SIZE];
    uint32_t at, mask = MXCSR_MASK;
    struct cpu_fpu fpu;

    /* The reserved parts keep what is there. */
    if (!fxsave_address(c, op, &at) || !soft_check_write(c, op->seg, at, FXSAVE_SIZE) ||
        !soft_read(c, op->seg, at, image, FXSAVE_SIZE))
        return false;
    soft_fpu_get(c, &fpu);
    memcpy(image, &fpu.control, 2);
    memcpy(image + 2, &fpu.status, 2);
    image[4] = fpu.valid;
    image[5] = 0;
    memcpy(image + 6, &fpu.opcode, 2);
    memcpy(image + 8, &fpu.code_offset, 4);
    memcpy(image + 12, &fpu.code_selector, 2);
    memcpy(image + 16, &fpu.data_offset, 4);
    memcpy(image + 20, &fpu.data_selector, 2);
    memset(image + 14, 0, 2);
    memset(image + 22, 0, 2);
    memcpy(image + 24, &fpu.mxcsr, 4);
    memcpy(image + 28, &mask, 4);
    for (unsigned i = 0; i < 8; i++) {
        memset(image + 32 + 16 * i, 0, 16);
        memcpy(image + 32 + 16 * i, fpu.st[i], 10);
    }
    memcpy(image + 160, fpu.xmm, sizeof(fpu.xmm));
    return soft_write(c, op->seg, at, image, FXSAVE_SIZE);
}

bool soft_fxrstor(struct soft *c, struct op *op)
{
    uint8_t image[FXSAVE_SIZE];
    struct cpu_fpu fpu;
    uint32_t at;

    if (!fxsave_address(c, op, &at) || !soft_read(c, op->seg, at, image, FXSAVE_SIZE))
        return false;
    memcpy(&fpu.mxcsr, image + 24, 4);
    if (fpu.mxcsr & ~MXCSR_MASK)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    memcpy(&fpu.control, image, 2);
    memcpy(&fpu.status, image + 2, 2);
    fpu.valid = image[4];
    memcpy(&fpu.opcode, image + 6, 2);
    memcpy(&fpu.code_offset, image + 8, 4);
    memcpy(&fpu.code_selector, image + 12, 2);
    memcpy(&fpu.data_offset, image + 16, 4);
    memcpy(&fpu.data_selector, image + 20, 2);
    for (unsigned i = 0; i < 8; i++)
        memcpy(fpu.st[i], image + 32 + 16 * i, 10);
    memcpy(fpu.xmm, image + 160, sizeof(fpu.xmm));
    soft_fpu_set(c, &fpu);
    return true;
}

op_call *const soft_x87_calls[KINDS] = {
    [KIND_X87_ARITHMETIC_M] = arithmetic_memory,
    [KIND_X87_ARITHMETIC_R] = arithmetic_register,
    [KIND_X87_COMPARE_R] = compare_register,
    [KIND_X87_LOAD_M] = load_memory,
    [KIND_X87_LOAD_80] = load_80,
    [KIND_X87_LOAD_R] = load_register,
    [KIND_X87_LOAD_CONSTANT] = load_constant,
    [KIND_X87_STORE_M] = store_memory,
    [KIND_X87_STORE_80] = store_80,
    [KIND_X87_STORE_R] = store_register,
    [KIND_X87_EXCHANGE] = exchange,
    [KIND_X87_MOVE_IF] = move_if,
    [KIND_X87_CHANGE_SIGN] = change_sign,
    [KIND_X87_TEST] = test,
    [KIND_X87_EXAMINE] = examine,
    [KIND_X87_UNARY] = unary,
    [KIND_X87_BINARY] = binary,
    [KIND_X87_PAIR] = pair,
    [KIND_X87_NOP] = nothing,
    [KIND_X87_IGNORED] = nothing_at_all,
    [KIND_X87_STACK_CONTROL] = stack_control,
    [KIND_X87_INIT] = initialise,
    [KIND_X87_CLEAR] = clear_exceptions,
    [KIND_X87_STORE_WORD] = store_word,
    [KIND_X87_LOAD_CONTROL] = load_control,
    [KIND_X87_STORE_ENVIRONMENT] = store_environment,
    [KIND_X87_LOAD_ENVIRONMENT] = load_environment,
};
