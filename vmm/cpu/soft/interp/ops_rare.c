/*
 * Integer instructions as functions over op->size: the stack in all its sizes, rotates, multiply
 * and divide, bits, decimal adjustment, LOOP. Intel SDM vol. 2, chapters 3 and 4.
 *
 * A function returns false if something was raised, and then has changed nothing.
 */
#include "cpu/soft/state/segment.h"
#include "ops.h"

static uint32_t sign_bit(unsigned size)
{
    return UINT32_C(1) << (8 * size - 1);
}

static uint32_t size_mask(unsigned size)
{
    return size == 4 ? UINT32_MAX : (UINT32_C(1) << (8 * size)) - 1;
}

static int32_t sign_extend(uint32_t value, unsigned size)
{
    return size == 1 ? (int8_t)value : size == 2 ? (int16_t)value : (int32_t)value;
}

static void result_flags(struct soft *c, unsigned size, uint32_t result, bool cf, bool of)
{
    flags_store_result(c, sign_extend(result, size), cf, of);
}

static uint32_t subtract(struct soft *c, unsigned size, uint32_t a, uint32_t b)
{
    return size == 1   ? alu_sbb8(c, (uint8_t)a, (uint8_t)b, 0)
           : size == 2 ? alu_sbb16(c, (uint16_t)a, (uint16_t)b, 0)
                       : alu_sbb32(c, a, b, 0);
}

/* Stack */

bool do_push(struct soft *c, struct op *op)
{
    uint32_t value;

    return rm_read(c, op, &value) && soft_push(c, op->size, value);
}

bool do_push_imm(struct soft *c, struct op *op)
{
    return soft_push(c, op->size, op->imm);
}

/* An address based on ESP is computed with ESP already incremented. */
bool do_pop(struct soft *c, struct op *op)
{
    uint32_t esp = get32(c, CPU_ESP), value;

    if (!soft_pop(c, op->size, &value))
        return false;
    if (rm_write(c, op, value))
        return true;
    put32(c, CPU_ESP, esp);
    return false;
}

static unsigned segment_of_opcode(const struct op *op)
{
    return op->opcode >= 0xa8 ? CPU_GS : op->opcode >= 0xa0 ? CPU_FS : op->opcode >> 3 & 3;
}

bool do_push_segment(struct soft *c, struct op *op)
{
    return soft_push(c, op->size, c->s.segment[segment_of_opcode(op)].selector);
}

bool do_pop_segment(struct soft *c, struct op *op)
{
    uint32_t esp = get32(c, CPU_ESP), mask = stack_mask(c), value;
    unsigned segment = segment_of_opcode(op);

    value = soft_load(c, CPU_SS, esp & mask, op->size);
    if (c->raised || !soft_load_segment(c, segment, (uint16_t)value))
        return false;
    put32(c, CPU_ESP, (esp & ~mask) | ((esp + op->size) & mask));
    if (segment == CPU_SS) {
        c->s.shadow = SHADOW_SS;
        c->attention = true;
    }
    return true;
}

/* Outside of protected mode a PUSHA that begins at 7, 9, 11, 13 or 15 and crosses offset 0 is #GP,
 * not the #SS of other pushes: vol. 2, PUSHA/PUSHAD. (At 1, 3 and 5 there is no room for #SS's own
 * frame either: a real-mode guest shuts down.) */
static bool pusha_failed(struct soft *c, uint32_t sp)
{
    bool is_gp = !is_protected(c) && sp >= 7 && sp <= 15 && (sp & 1);

    if (is_gp && c->raised == RAISED_EXCEPTION && c->vector == EXCEPTION_SS)
        soft_raise_error(c, EXCEPTION_GP, 0);
    return false;
}

bool do_pusha(struct soft *c, struct op *op)
{
    struct stack stack = soft_stack(c);
    uint32_t sp = stack.esp & stack.mask;

    for (unsigned i = 0; i < CPU_GPRS; i++) {
        if (!soft_stack_push(c, &stack, op->size, get32(c, i)))
            return pusha_failed(c, sp);
    }
    soft_stack_commit(c, &stack);
    return true;
}

bool do_popa(struct soft *c, struct op *op)
{
    struct stack stack = soft_stack(c);
    uint32_t values[CPU_GPRS];

    for (unsigned i = CPU_GPRS; i-- > 0;) {
        if (!soft_stack_pop(c, &stack, op->size, &values[i]))
            return false;
    }
    for (unsigned i = 0; i < CPU_GPRS; i++) {
        if (i != CPU_ESP)
            put_sized(c, op->size, i, values[i]);
    }
    soft_stack_commit(c, &stack);
    return true;
}

bool do_enter(struct soft *c, struct op *op)
{
    struct stack stack = soft_stack(c), display = stack;
    unsigned level = op->imm2 & 31;
    uint32_t frame, value;

    if (!soft_stack_push(c, &stack, op->size, get32(c, CPU_EBP)))
        return false;
    frame = stack.esp;
    display.esp = get32(c, CPU_EBP);
    for (unsigned i = 1; i < level; i++) {
        uint32_t at = display.esp - op->size;
        display.esp = (display.esp & ~stack.mask) | (at & stack.mask);
        struct stack peek = display;
        if (!soft_stack_pop(c, &peek, op->size, &value) ||
            !soft_stack_push(c, &stack, op->size, value))
            return false;
    }
    if (level && !soft_stack_push(c, &stack, op->size, frame))
        return false;
    stack.esp = (stack.esp & ~stack.mask) | ((stack.esp - op->imm) & stack.mask);
    /* Faults now if the first use of the new stack top would. */
    if (!soft_check_write(c, CPU_SS, stack.esp & stack.mask, op->size))
        return false;
    soft_stack_commit(c, &stack);
    put_sized(c, op->size, CPU_EBP, frame);
    return true;
}

bool do_leave(struct soft *c, struct op *op)
{
    struct stack stack = soft_stack(c);
    uint32_t value;

    stack.esp = (stack.esp & ~stack.mask) | (get32(c, CPU_EBP) & stack.mask);
    if (!soft_stack_pop(c, &stack, op->size, &value))
        return false;
    soft_stack_commit(c, &stack);
    put_sized(c, op->size, CPU_EBP, value);
    return true;
}

bool do_pushf(struct soft *c, struct op *op)
{
    if (is_v86(c) && iopl(c) < 3)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    return soft_push(c, op->size, soft_eflags(c) & ~(EFLAGS_VM | EFLAGS_RF));
}

bool do_popf(struct soft *c, struct op *op)
{
    uint32_t mask = EFLAGS_ARITHMETIC | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT, value;

    if (is_v86(c) && iopl(c) < 3)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    if (!soft_pop(c, op->size, &value))
        return false;
    if (op->size == 4) {
        mask |= EFLAGS_AC | EFLAGS_ID | EFLAGS_RF;
        value &= ~EFLAGS_RF;
    }
    if (c->s.cpl == 0)
        mask |= EFLAGS_IOPL;
    if (c->s.cpl <= iopl(c))
        mask |= EFLAGS_IF;
    soft_set_eflags(c, value, mask);
    return true;
}

/* Flags and small moves */

bool do_sahf(struct soft *c, struct op *op)
{
    (void)op;
    flags_store(c, (flags_load(c) & EFLAGS_OF) | (get8(c, 1) & EFLAGS_ARITHMETIC & ~EFLAGS_OF));
    return true;
}

bool do_lahf(struct soft *c, struct op *op)
{
    (void)op;
    put8(c, 1, (uint8_t)(flags_load(c) | EFLAGS_RESERVED));
    return true;
}

bool do_flag(struct soft *c, struct op *op)
{
    switch (op->opcode) {
    case 0xf5:
        flags_store_cf(c, !flag_cf(c));
        break;
    case 0xf8:
        flags_store_cf(c, 0);
        break;
    case 0xf9:
        flags_store_cf(c, 1);
        break;
    case 0xfc:
        c->s.eflags &= ~EFLAGS_DF;
        break;
    default:
        c->s.eflags |= EFLAGS_DF;
        break;
    }
    return true;
}

bool do_salc(struct soft *c, struct op *op)
{
    (void)op;
    put8(c, 0, flag_cf(c) ? 0xff : 0);
    return true;
}

bool do_xlat(struct soft *c, struct op *op)
{
    uint32_t at = get32(c, CPU_EBX) + get8(c, 0), value;

    value = soft_load(c, op->seg, op->flags & OP_ADDR32 ? at : at & 0xffff, 1);
    if (c->raised)
        return false;
    put8(c, 0, (uint8_t)value);
    return true;
}

/* Decimal */

static bool adjust_packed(struct soft *c, bool subtracts)
{
    uint32_t before = flags_load(c), cf = 0, af = 0;
    uint8_t old_al = get8(c, 0), al = old_al;

    if ((al & 15) > 9 || (before & EFLAGS_AF)) {
        cf = (before & EFLAGS_CF) || (subtracts ? al < 6 : al > 0xf9);
        al = (uint8_t)(subtracts ? al - 6 : al + 6);
        af = EFLAGS_AF;
    }
    if (old_al > 0x99 || (before & EFLAGS_CF)) {
        al = (uint8_t)(subtracts ? al - 0x60 : al + 0x60);
        cf = 1;
    }
    put8(c, 0, al);
    flags_store_result(c, (int8_t)al, cf, 0);
    c->s.flag_carry |= af ? 8 : 0;
    return true;
}

bool do_daa(struct soft *c, struct op *op)
{
    (void)op;
    return adjust_packed(c, false);
}

bool do_das(struct soft *c, struct op *op)
{
    (void)op;
    return adjust_packed(c, true);
}

static bool adjust_unpacked(struct soft *c, uint32_t step)
{
    bool adjusts = (get8(c, 0) & 15) > 9 || (flags_load(c) & EFLAGS_AF);

    if (adjusts)
        put16(c, CPU_EAX, (uint16_t)(get16(c, CPU_EAX) + step));
    put8(c, 0, get8(c, 0) & 15);
    flags_store_result(c, (int8_t)get8(c, 0), adjusts, 0);
    c->s.flag_carry |= adjusts ? 8 : 0;
    return true;
}

bool do_aaa(struct soft *c, struct op *op)
{
    (void)op;
    return adjust_unpacked(c, 0x106);
}

bool do_aas(struct soft *c, struct op *op)
{
    (void)op;
    return adjust_unpacked(c, 0x10000 - 0x106);
}

bool do_aam(struct soft *c, struct op *op)
{
    uint8_t base = (uint8_t)op->imm, al = get8(c, 0);

    if (base == 0)
        return soft_raise(c, EXCEPTION_DE);
    put16(c, CPU_EAX, (uint16_t)((al / base) << 8 | al % base));
    flags_store_result(c, (int8_t)get8(c, 0), 0, 0);
    return true;
}

bool do_aad(struct soft *c, struct op *op)
{
    uint8_t al = (uint8_t)(get8(c, 0) + get8(c, 1) * op->imm);

    put16(c, CPU_EAX, al);
    flags_store_result(c, (int8_t)al, 0, 0);
    return true;
}

bool do_bound(struct soft *c, struct op *op)
{
    uint32_t at = effective_address(c, op), low, high;
    int32_t index = sign_extend(get_sized(c, op->size, op->reg), op->size);

    low = soft_load(c, op->seg, at, op->size);
    if (c->raised)
        return false;
    high = soft_load(c, op->seg, (at + op->size) & op->mask, op->size);
    if (c->raised)
        return false;
    if (index < sign_extend(low, op->size) || index > sign_extend(high, op->size))
        return soft_raise(c, EXCEPTION_BR);
    return true;
}

/* Shifts and rotates. OF is defined for a count of 1; beyond, it is what the same formula gives. */

static uint32_t rotate(struct soft *c, unsigned kind, unsigned size, uint32_t a, unsigned n)
{
    unsigned bits = 8 * size, k = n % bits;
    uint32_t result, mask = size_mask(size), flags = flags_load(c) & ~(EFLAGS_CF | EFLAGS_OF);
    uint64_t wide;
    bool cf, of;

    switch (kind) {
    case 0: /* ROL */
        result = k ? (a << k | a >> (bits - k)) & mask : a;
        cf = result & 1;
        of = !(result & sign_bit(size)) != !cf;
        break;
    case 1: /* ROR */
        result = k ? (a >> k | a << (bits - k)) & mask : a;
        cf = result & sign_bit(size);
        of = !(result & sign_bit(size)) != !(result & sign_bit(size) >> 1);
        break;
    default: /* RCL, RCR: through CF, as a value of one bit more */
        k = n % (bits + 1);
        wide = (uint64_t)flag_cf(c) << bits | a;
        if (k == 0)
            return a;
        if (kind == 3)
            k = bits + 1 - k;
        wide = wide << k | wide >> (bits + 1 - k);
        result = (uint32_t)wide & mask;
        cf = wide >> bits & 1;
        if (kind == 2)
            of = !(result & sign_bit(size)) != !cf;
        else
            of = !(result & sign_bit(size)) != !(result & sign_bit(size) >> 1);
        break;
    }
    flags_store(c, flags | (cf ? EFLAGS_CF : 0) | (of ? EFLAGS_OF : 0));
    return result;
}

static uint32_t shift(struct soft *c, unsigned kind, unsigned size, uint32_t a, unsigned n)
{
    unsigned bits = 8 * size;
    uint64_t wide;
    uint32_t result;
    bool cf, of;

    switch (kind) {
    case 5: /* SHR */
        wide = (uint64_t)a << 1 >> n;
        result = (uint32_t)(wide >> 1);
        cf = wide & 1;
        of = !(result & sign_bit(size)) != !(result & sign_bit(size) >> 1);
        break;
    case 7: /* SAR */
        wide = (uint64_t)((int64_t)sign_extend(a, size) * 2);
        wide = (uint64_t)((int64_t)wide >> n);
        result = (uint32_t)(wide >> 1) & size_mask(size);
        cf = wide & 1;
        of = false;
        break;
    default: /* SHL, also as 6 */
        wide = (uint64_t)a << n;
        result = (uint32_t)wide & size_mask(size);
        cf = wide >> bits & 1;
        of = !(result & sign_bit(size)) != !cf;
        break;
    }
    result_flags(c, size, result, cf, of);
    return result;
}

bool do_shift(struct soft *c, struct op *op)
{
    unsigned kind = op->modrm >> 3 & 7;
    unsigned n = (op->opcode >= 0xd2 ? get8(c, 4 * CPU_ECX) : op->imm) & 31;
    int64_t result = c->s.flag_result;
    uint32_t carry = c->s.flag_carry, value;

    if (!rm_read_to_modify(c, op, &value))
        return false;
    if (n == 0)
        return true;
    value = kind < 4 ? rotate(c, kind, op->size, value, n) : shift(c, kind, op->size, value, n);
    if (rm_write(c, op, value))
        return true;
    c->s.flag_result = result;
    c->s.flag_carry = carry;
    return false;
}

/* SHLD and SHRD. With 16-bit operands and a count above 16 the manual leaves the result open: the
 * bits that follow are those of the second operand again. */
static bool double_shift(struct soft *c, struct op *op, bool left)
{
    unsigned n = (op->opcode & 1 ? get8(c, 4 * CPU_ECX) : op->imm) & 31, bits = 8 * op->size;
    uint32_t a, b = get_sized(c, op->size, op->reg), result;
    int64_t old_result = c->s.flag_result;
    uint32_t old_carry = c->s.flag_carry;
    bool cf, of;

    if (!rm_read_to_modify(c, op, &a))
        return false;
    if (n == 0)
        return true;
    if (bits == 32) {
        result = left ? a << n | b >> (32 - n) : a >> n | b << (32 - n);
        cf = left ? a >> (32 - n) & 1 : a >> (n - 1) & 1;
    } else {
        uint64_t wide = (uint64_t)(left ? a : b) << 32 | b << 16 | (left ? b : a);
        if (left) {
            result = (uint32_t)(wide << n >> 32) & 0xffff;
            cf = wide << n >> 48 & 1;
        } else {
            result = (uint32_t)(wide >> n) & 0xffff;
            cf = wide >> (n - 1) & 1;
        }
    }
    of = (a ^ result) & sign_bit(op->size);
    result_flags(c, op->size, result, cf, of);
    if (rm_write(c, op, result))
        return true;
    c->s.flag_result = old_result;
    c->s.flag_carry = old_carry;
    return false;
}

bool do_shld(struct soft *c, struct op *op)
{
    return double_shift(c, op, true);
}

bool do_shrd(struct soft *c, struct op *op)
{
    return double_shift(c, op, false);
}

/* Multiply and divide */

/* AX, DX:AX or EDX:EAX */
static void put_double(struct soft *c, unsigned size, uint32_t low, uint32_t high)
{
    if (size == 1) {
        put16(c, CPU_EAX, (uint16_t)((low & 0xff) | high << 8));
        return;
    }
    put_sized(c, size, CPU_EAX, low);
    put_sized(c, size, CPU_EDX, high);
}

bool do_mul(struct soft *c, struct op *op)
{
    uint32_t a = get_sized(c, op->size, CPU_EAX), b, low, high;
    uint64_t product;

    if (!rm_read(c, op, &b))
        return false;
    product = (uint64_t)a * b;
    low = (uint32_t)product & size_mask(op->size);
    high = (uint32_t)(product >> (8 * op->size));
    put_double(c, op->size, low, high);
    result_flags(c, op->size, low, high != 0, high != 0);
    return true;
}

bool do_imul(struct soft *c, struct op *op)
{
    int64_t a = sign_extend(get_sized(c, op->size, CPU_EAX), op->size), product;
    uint32_t b, low;
    bool overflow;

    if (!rm_read(c, op, &b))
        return false;
    product = a * sign_extend(b, op->size);
    low = (uint32_t)product & size_mask(op->size);
    overflow = product != sign_extend(low, op->size);
    put_double(c, op->size, low, (uint32_t)((uint64_t)product >> (8 * op->size)));
    result_flags(c, op->size, low, overflow, overflow);
    return true;
}

static bool imul_into(struct soft *c, struct op *op, uint32_t a, uint32_t b)
{
    int64_t product = (int64_t)sign_extend(a, op->size) * sign_extend(b, op->size);
    uint32_t low = (uint32_t)product & size_mask(op->size);
    bool overflow = product != sign_extend(low, op->size);

    put_sized(c, op->size, op->reg, low);
    result_flags(c, op->size, low, overflow, overflow);
    return true;
}

bool do_imul_ge(struct soft *c, struct op *op)
{
    uint32_t b;

    return rm_read(c, op, &b) && imul_into(c, op, get_sized(c, op->size, op->reg), b);
}

bool do_imul_gei(struct soft *c, struct op *op)
{
    uint32_t a;

    return rm_read(c, op, &a) && imul_into(c, op, a, op->imm);
}

static uint64_t get_double(const struct soft *c, unsigned size)
{
    if (size == 1)
        return get16(c, CPU_EAX);
    return (uint64_t)get_sized(c, size, CPU_EDX) << (8 * size) | get_sized(c, size, CPU_EAX);
}

/* The flags stay as they are: all are undefined. */
bool do_div(struct soft *c, struct op *op)
{
    uint64_t dividend = get_double(c, op->size), quotient;
    uint32_t divisor;

    if (!rm_read(c, op, &divisor))
        return false;
    if (divisor == 0)
        return soft_raise(c, EXCEPTION_DE);
    quotient = dividend / divisor;
    if (quotient > size_mask(op->size))
        return soft_raise(c, EXCEPTION_DE);
    put_double(c, op->size, (uint32_t)quotient, (uint32_t)(dividend % divisor));
    return true;
}

bool do_idiv(struct soft *c, struct op *op)
{
    unsigned shift_up = 64u - 16u * op->size;
    int64_t dividend = (int64_t)(get_double(c, op->size) << shift_up) >> shift_up, quotient;
    int64_t divisor;
    uint32_t value;

    if (!rm_read(c, op, &value))
        return false;
    divisor = sign_extend(value, op->size);
    if (divisor == 0 || (dividend == INT64_MIN && divisor == -1))
        return soft_raise(c, EXCEPTION_DE);
    quotient = dividend / divisor;
    if (quotient != sign_extend((uint32_t)quotient, op->size))
        return soft_raise(c, EXCEPTION_DE);
    put_double(c, op->size, (uint32_t)quotient & size_mask(op->size),
               (uint32_t)(dividend % divisor) & size_mask(op->size));
    return true;
}

/* Bits */

/* BT, BTS, BTR, BTC by bits 3-4 of the opcode or of modrm. */
static bool bit_operation(struct soft *c, struct op *op, unsigned kind, uint32_t at, unsigned bit)
{
    bool is_memory = op->flags & OP_MEMORY;
    uint32_t value, mask = UINT32_C(1) << bit;
    bool was_set;

    if (is_memory && kind && !soft_check_write(c, op->seg, at, op->size))
        return false;
    value = is_memory ? soft_load(c, op->seg, at, op->size) : get_sized(c, op->size, op->rm);
    if (c->raised)
        return false;
    was_set = value & mask;
    if (kind == 1)
        value |= mask;
    else if (kind == 2)
        value &= ~mask;
    else if (kind == 3)
        value ^= mask;
    if (is_memory && kind && !soft_store(c, op->seg, at, op->size, value))
        return false;
    if (!is_memory && kind)
        put_sized(c, op->size, op->rm, value);
    flags_store_cf(c, was_set);
    return true;
}

/* The bit number in a register counts from the operand on, up and down. */
bool do_bit_e(struct soft *c, struct op *op)
{
    uint32_t at = 0, number = get_sized(c, op->size, op->reg);
    int32_t offset = sign_extend(number, op->size);
    unsigned bits = 8 * op->size;

    if (op->flags & OP_MEMORY) {
        int32_t unit = offset >> (op->size == 4 ? 5 : 4);
        at = (effective_address(c, op) + (uint32_t)unit * op->size) & op->mask;
    }
    return bit_operation(c, op, op->opcode >> 3 & 3, at, number & (bits - 1));
}

bool do_bit_i(struct soft *c, struct op *op)
{
    uint32_t at = op->flags & OP_MEMORY ? effective_address(c, op) : 0;

    return bit_operation(c, op, op->modrm >> 3 & 3, at, op->imm & (8u * op->size - 1));
}

/* BSF, BSR: a source of 0 leaves the destination alone. */
static bool bit_scan(struct soft *c, struct op *op, bool from_top)
{
    uint32_t value;
    unsigned index = from_top ? 31 : 0;

    if (!rm_read(c, op, &value))
        return false;
    if (value) {
        while (!(value >> index & 1))
            index = from_top ? index - 1 : index + 1;
        put_sized(c, op->size, op->reg, index);
    }
    flags_store(c, (flags_load(c) & ~EFLAGS_ZF) | (value ? 0 : EFLAGS_ZF));
    return true;
}

bool do_bsf(struct soft *c, struct op *op)
{
    return bit_scan(c, op, false);
}

bool do_bsr(struct soft *c, struct op *op)
{
    return bit_scan(c, op, true);
}

bool do_bswap(struct soft *c, struct op *op)
{
    uint32_t a = get32(c, op->rm);

    if (op->size == 2) /* undefined; processors clear the register's low half */
        put16(c, op->rm, 0);
    else
        put32(c, op->rm, a >> 24 | (a >> 8 & 0xff00) | (a << 8 & 0xff0000) | a << 24);
    return true;
}

bool do_cmpxchg(struct soft *c, struct op *op)
{
    uint32_t accumulator = get_sized(c, op->size, CPU_EAX), value;
    bool equal;

    if (!rm_read_to_modify(c, op, &value))
        return false;
    equal = value == accumulator;
    if (!rm_write(c, op, equal ? get_sized(c, op->size, op->reg) : value))
        return false;
    subtract(c, op->size, accumulator, value);
    if (!equal)
        put_sized(c, op->size, CPU_EAX, value);
    return true;
}

bool do_cmpxchg8b(struct soft *c, struct op *op)
{
    uint32_t at = effective_address(c, op), old[2], new[2];
    bool equal;

    if (!soft_check_write(c, op->seg, at, 8) || !soft_read(c, op->seg, at, old, 8))
        return false;
    equal = old[0] == get32(c, CPU_EAX) && old[1] == get32(c, CPU_EDX);
    new[0] = equal ? get32(c, CPU_EBX) : old[0];
    new[1] = equal ? get32(c, CPU_ECX) : old[1];
    if (!soft_write(c, op->seg, at, new, 8))
        return false;
    flags_store(c, (flags_load(c) & ~EFLAGS_ZF) | (equal ? EFLAGS_ZF : 0));
    if (!equal) {
        put32(c, CPU_EAX, old[0]);
        put32(c, CPU_EDX, old[1]);
    }
    return true;
}

bool do_xadd(struct soft *c, struct op *op)
{
    uint32_t a, b = get_sized(c, op->size, op->reg), sum;

    if (!rm_read_to_modify(c, op, &a))
        return false;
    sum = (a + b) & size_mask(op->size);
    if ((op->flags & OP_MEMORY) && !rm_write(c, op, sum))
        return false;
    if (op->size == 1)
        alu_adc8(c, (uint8_t)a, (uint8_t)b, 0);
    else if (op->size == 2)
        alu_adc16(c, (uint16_t)a, (uint16_t)b, 0);
    else
        alu_adc32(c, a, b, 0);
    put_sized(c, op->size, op->reg, a);
    if (!(op->flags & OP_MEMORY))
        put_sized(c, op->size, op->rm, sum);
    return true;
}

/* Near transfers that have no handler; c->s.eip is that of the next instruction. */

static bool go(struct soft *c, uint32_t eip)
{
    if (eip > c->s.segment[CPU_CS].limit)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    c->s.eip = eip;
    return true;
}

bool do_call(struct soft *c, struct op *op)
{
    uint32_t next = c->s.eip;

    return go(c, op->imm) && soft_push(c, op->size, next);
}

bool do_call_e(struct soft *c, struct op *op)
{
    uint32_t next = c->s.eip, target;

    if (!rm_read(c, op, &target) || !go(c, target) || !soft_push(c, op->size, next))
        return false;
    soft_note_near(c, target);
    return true;
}

bool do_jmp_e(struct soft *c, struct op *op)
{
    uint32_t target;

    if (!rm_read(c, op, &target) || !go(c, target))
        return false;
    soft_note_near(c, target);
    return true;
}

bool do_ret(struct soft *c, struct op *op)
{
    struct stack stack = soft_stack(c);
    uint32_t target;

    if (!soft_stack_pop(c, &stack, op->size, &target) || !go(c, target))
        return false;
    stack.esp = (stack.esp & ~stack.mask) | ((stack.esp + op->imm) & stack.mask);
    soft_stack_commit(c, &stack);
    soft_note_near(c, target);
    return true;
}

/* LOOPNE, LOOPE, LOOP, JECXZ */
bool do_loop(struct soft *c, struct op *op)
{
    unsigned size = op->flags & OP_ADDR32 ? 4 : 2;
    uint32_t count = get_sized(c, size, CPU_ECX);
    bool taken;

    if (op->opcode == 0xe3)
        return count ? true : go(c, op->imm);
    count = (count - 1) & size_mask(size);
    taken = count && (op->opcode == 0xe2 || flag_zf(c) == (op->opcode == 0xe1));
    if (taken && !go(c, op->imm))
        return false;
    put_sized(c, size, CPU_ECX, count);
    return true;
}

static bool condition(const struct soft *c, unsigned number)
{
    bool value = false;

    switch (number >> 1) {
    case 0:
        value = CONDITION_O(c);
        break;
    case 1:
        value = CONDITION_B(c);
        break;
    case 2:
        value = CONDITION_Z(c);
        break;
    case 3:
        value = CONDITION_BE(c);
        break;
    case 4:
        value = CONDITION_S(c);
        break;
    case 5:
        value = CONDITION_P(c);
        break;
    case 6:
        value = CONDITION_L(c);
        break;
    default:
        value = CONDITION_LE(c);
        break;
    }
    return value != (number & 1);
}

/* Direct branches to beyond the limit of CS fault if they are taken. */

bool do_jmp_outside(struct soft *c, struct op *op)
{
    (void)op;
    return soft_raise_error(c, EXCEPTION_GP, 0);
}

bool do_jcc_outside(struct soft *c, struct op *op)
{
    return !condition(c, op->opcode & 15) || do_jmp_outside(c, op);
}
