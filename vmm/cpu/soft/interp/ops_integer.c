/*
 * Handlers of the common integer instructions: moves, arithmetic, logic, shifts of doublewords,
 * stack. Each comes per operand size, for a register and for a memory operand. Intel SDM vol. 2,
 * chapters 3 and 4. What is rarer is in ops_rare.c, as functions over op->size.
 */
#include "handler.h"

/* name_eg: r/m <- r/m op reg; name_ge: reg <- reg op r/m; name_ei: r/m <- r/m op immediate.
 * A register form of ge is decoded as eg with the operands exchanged. */
#define ALU_SIZE(name, n, T, CALC)                                               \
    static OP(name##_rr##n)                                                      \
    {                                                                            \
        T a = (T)get##n(c, op->rm), b = (T)get##n(c, op->reg);                   \
        put##n(c, op->rm, CALC(n, T, a, b));                                     \
        NEXT;                                                                    \
    }                                                                            \
    OP_MODIFYING(name##_mr##n, T, CALC(n, T, old, (T)get##n(c, op->reg)), NEXT;) \
    OP_LOADING(name##_rm##n, T, b, {                                             \
        T a = (T)get##n(c, op->reg);                                             \
        put##n(c, op->reg, CALC(n, T, a, b));                                    \
        NEXT;                                                                    \
    })                                                                           \
    static OP(name##_ri##n)                                                      \
    {                                                                            \
        T a = (T)get##n(c, op->rm), b = (T)op->imm;                              \
        put##n(c, op->rm, CALC(n, T, a, b));                                     \
        NEXT;                                                                    \
    }                                                                            \
    OP_MODIFYING(name##_mi##n, T, CALC(n, T, old, (T)op->imm), NEXT;)

/* The same for CMP and TEST, which keep only flags. */
#define COMPARE_SIZE(name, n, T, CALC)                         \
    static OP(name##_rr##n)                                    \
    {                                                          \
        T a = (T)get##n(c, op->rm), b = (T)get##n(c, op->reg); \
        CALC(n, T, a, b);                                      \
        NEXT;                                                  \
    }                                                          \
    OP_LOADING(name##_mr##n, T, a, {                           \
        T b = (T)get##n(c, op->reg);                           \
        CALC(n, T, a, b);                                      \
        NEXT;                                                  \
    })                                                         \
    OP_LOADING(name##_rm##n, T, b, {                           \
        T a = (T)get##n(c, op->reg);                           \
        CALC(n, T, a, b);                                      \
        NEXT;                                                  \
    })                                                         \
    static OP(name##_ri##n)                                    \
    {                                                          \
        T a = (T)get##n(c, op->rm), b = (T)op->imm;            \
        CALC(n, T, a, b);                                      \
        NEXT;                                                  \
    }                                                          \
    OP_LOADING(name##_mi##n, T, a, {                           \
        T b = (T)op->imm;                                      \
        CALC(n, T, a, b);                                      \
        NEXT;                                                  \
    })

#define SIZES3(DEFINE, name, CALC)   \
    DEFINE(name, 8, uint8_t, CALC)   \
    DEFINE(name, 16, uint16_t, CALC) \
    DEFINE(name, 32, uint32_t, CALC)

#define TABLE3(table, with_reg, with_mem)          \
    const struct handlers table = {                \
        {with_reg##8, with_reg##16, with_reg##32}, \
        {with_mem##8, with_mem##16, with_mem##32}, \
    }

#define ALU(DEFINE, name, CALC)                         \
    SIZES3(DEFINE, name, CALC)                          \
    TABLE3(handlers_##name##_eg, name##_rr, name##_mr); \
    TABLE3(handlers_##name##_ge, name##_rr, name##_rm); \
    TABLE3(handlers_##name##_ei, name##_ri, name##_mi);

#define CALC_ADD(n, T, a, b)  alu_adc##n(c, a, b, 0)
#define CALC_ADC(n, T, a, b)  alu_adc##n(c, a, b, flag_cf(c))
#define CALC_SUB(n, T, a, b)  alu_sbb##n(c, a, b, 0)
#define CALC_SBB(n, T, a, b)  alu_sbb##n(c, a, b, flag_cf(c))
#define CALC_AND(n, T, a, b)  alu_logic##n(c, (T)((a) & (b)))
#define CALC_OR(n, T, a, b)   alu_logic##n(c, (T)((a) | (b)))
#define CALC_XOR(n, T, a, b)  alu_logic##n(c, (T)((a) ^ (b)))
#define CALC_MOVE(n, T, a, b) b

ALU(ALU_SIZE, add, CALC_ADD)
ALU(ALU_SIZE, or, CALC_OR)
ALU(ALU_SIZE, adc, CALC_ADC)
ALU(ALU_SIZE, sbb, CALC_SBB)
ALU(ALU_SIZE, and, CALC_AND)
ALU(ALU_SIZE, sub, CALC_SUB)
ALU(ALU_SIZE, xor, CALC_XOR)
ALU(COMPARE_SIZE, cmp, CALC_SUB)
ALU(COMPARE_SIZE, test, CALC_AND)

#define MOVE_SIZE(name, n, T, CALC)                        \
    static OP(name##_rr##n)                                \
    {                                                      \
        put##n(c, op->rm, (T)get##n(c, op->reg));          \
        NEXT;                                              \
    }                                                      \
    OP_STORING(name##_mr##n, T, get##n(c, op->reg), NEXT;) \
    OP_LOADING(name##_rm##n, T, b, {                       \
        put##n(c, op->reg, b);                             \
        NEXT;                                              \
    })                                                     \
    static OP(name##_ri##n)                                \
    {                                                      \
        put##n(c, op->rm, (T)op->imm);                     \
        NEXT;                                              \
    }                                                      \
    OP_STORING(name##_mi##n, T, op->imm, NEXT;)
ALU(MOVE_SIZE, mov, CALC_MOVE)

/* One operand, changed. */
#define UNARY_SIZE(name, n, T, CALC)         \
    static OP(name##_r##n)                   \
    {                                        \
        T a = (T)get##n(c, op->rm);          \
        put##n(c, op->rm, CALC(n, T, a, 0)); \
        NEXT;                                \
    }                                        \
    OP_MODIFYING(name##_m##n, T, CALC(n, T, old, 0), NEXT;)
#define UNARY(name, CALC)          \
    SIZES3(UNARY_SIZE, name, CALC) \
    TABLE3(handlers_##name, name##_r, name##_m);

#define CALC_INC(n, T, a, b) alu_inc##n(c, a)
#define CALC_DEC(n, T, a, b) alu_dec##n(c, a)
#define CALC_NOT(n, T, a, b) (T) ~(a)
#define CALC_NEG(n, T, a, b) alu_sbb##n(c, 0, a, 0)

UNARY(inc, CALC_INC)
UNARY(dec, CALC_DEC)
UNARY(not, CALC_NOT)
UNARY(neg, CALC_NEG)

#define XCHG_SIZE(name, n, T, CALC)                       \
    static OP(name##_r##n)                                \
    {                                                     \
        T a = (T)get##n(c, op->rm);                       \
        put##n(c, op->rm, (T)get##n(c, op->reg));         \
        put##n(c, op->reg, a);                            \
        NEXT;                                             \
    }                                                     \
    OP_MODIFYING(name##_m##n, T, (T)get##n(c, op->reg), { \
        put##n(c, op->reg, old);                          \
        NEXT;                                             \
    })
SIZES3(XCHG_SIZE, xchg, )
TABLE3(handlers_xchg, xchg_r, xchg_m);

/* LEA takes the offset, whatever the segment holds; only the memory form exists. */
static OP(lea16)
{
    put16(c, op->reg, (uint16_t)effective_address(c, op));
    NEXT;
}

static OP(lea32)
{
    put32(c, op->reg, effective_address(c, op));
    NEXT;
}

const struct handlers handlers_lea = {.with_memory = {NULL, lea16, lea32}};

/* MOVZX, MOVSX: from T to 16 or 32 bits. */
#define EXTEND(name, m, T, n, U)                     \
    static OP(name##m##_r##n)                        \
    {                                                \
        put##n(c, op->reg, (U)(T)get##m(c, op->rm)); \
        NEXT;                                        \
    }                                                \
    OP_LOADING(name##m##_m##n, T, b, {               \
        put##n(c, op->reg, (U)b);                    \
        NEXT;                                        \
    })
#define EXTENDS(name, m, T)                      \
    EXTEND(name, m, T, 16, uint16_t)             \
    EXTEND(name, m, T, 32, uint32_t)             \
    const struct handlers handlers_##name##m = { \
        {NULL, name##m##_r16, name##m##_r32},    \
        {NULL, name##m##_m16, name##m##_m32},    \
    };
EXTENDS(movzx, 8, uint8_t)
EXTENDS(movzx, 16, uint16_t)
EXTENDS(movsx, 8, int8_t)
EXTENDS(movsx, 16, int16_t)

/* IMUL with two and three operands; CF = OF = the product didn't fit. */
static inline uint32_t imul32(struct soft *c, uint32_t a, uint32_t b)
{
    int64_t product = (int64_t)(int32_t)a * (int32_t)b;
    uint32_t overflow = product != (int32_t)product;

    flags_store_result(c, (int32_t)product, overflow, overflow);
    return (uint32_t)product;
}

static OP(imul_ge_r)
{
    put32(c, op->reg, imul32(c, get32(c, op->reg), get32(c, op->rm)));
    NEXT;
}

OP_LOADING(imul_ge_m, uint32_t, b, {
    put32(c, op->reg, imul32(c, get32(c, op->reg), b));
    NEXT;
})

static OP(imul_gei_r)
{
    put32(c, op->reg, imul32(c, get32(c, op->rm), op->imm));
    NEXT;
}

OP_LOADING(imul_gei_m, uint32_t, b, {
    put32(c, op->reg, imul32(c, b, op->imm));
    NEXT;
})

const struct handlers handlers_imul_ge = {{NULL, NULL, imul_ge_r}, {NULL, NULL, imul_ge_m}};
const struct handlers handlers_imul_gei = {{NULL, NULL, imul_gei_r}, {NULL, NULL, imul_gei_m}};

/* Shifts of 32-bit registers by `n`, not 0. OF is defined for n = 1; for more, this is what
 * processors do. */
static inline void shl32(struct soft *c, unsigned r, uint32_t n)
{
    uint32_t a = get32(c, r), result = a << n, cf = a >> (32 - n) & 1;

    flags_store_result(c, (int32_t)result, cf, (result >> 31) ^ cf);
    put32(c, r, result);
}

static inline void shr32(struct soft *c, unsigned r, uint32_t n)
{
    uint32_t a = get32(c, r), result = a >> n;

    flags_store_result(c, (int32_t)result, a >> (n - 1) & 1, (result << 1 ^ result) >> 31);
    put32(c, r, result);
}

static inline void sar32(struct soft *c, unsigned r, uint32_t n)
{
    int32_t a = (int32_t)get32(c, r);

    flags_store_result(c, a >> n, (uint32_t)(a >> (n - 1)) & 1, 0);
    put32(c, r, (uint32_t)(a >> n));
}

/* By an immediate: the decoder has masked it and found it not to be 0. By CL: it may be. */
#define SHIFT(name)                                                                        \
    static OP(name##_i)                                                                    \
    {                                                                                      \
        name##32(c, op->rm, op->imm);                                                      \
        NEXT;                                                                              \
    }                                                                                      \
    static OP(name##_c)                                                                    \
    {                                                                                      \
        uint32_t n = get8(c, CPU_ECX * 4) & 31;                                            \
        if (n)                                                                             \
            name##32(c, op->rm, n);                                                        \
        NEXT;                                                                              \
    }                                                                                      \
    const struct handlers handlers_##name##_i = {.with_register = {NULL, NULL, name##_i}}; \
    const struct handlers handlers_##name##_c = {.with_register = {NULL, NULL, name##_c}};
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)

/*
 * Flags that nobody sees: where an instruction sets them all, those before it need not. A fault
 * shows them, and so does the end of a block.
 */
#define QUIET(name, operator, operand)                        \
    static OP(name##_quiet)                                   \
    {                                                         \
        put32(c, op->rm, get32(c, op->rm) operator(operand)); \
        NEXT;                                                 \
    }
QUIET(add_rr, +, get32(c, op->reg))
QUIET(add_ri, +, op->imm)
QUIET(sub_rr, -, get32(c, op->reg))
QUIET(sub_ri, -, op->imm)
QUIET(and_rr, &, get32(c, op->reg))
QUIET(and_ri, &, op->imm)
QUIET(or_rr, |, get32(c, op->reg))
QUIET(or_ri, |, op->imm)
QUIET(xor_rr, ^, get32(c, op->reg))
QUIET(xor_ri, ^, op->imm)
QUIET(shl_i, <<, op->imm)
QUIET(shr_i, >>, op->imm)

static OP(imul_r_quiet)
{
    put32(c, op->reg, get32(c, op->reg) * get32(c, op->rm));
    NEXT;
}

/* The slow path may end the block, so it is not quiet. */
static OP(imul_m_quiet)
{
    const uint8_t *from = fast_read(c, op->seg, effective_address(c, op), 4);
    uint32_t value;

    if (unlikely(!from))
        return imul_ge_m_slow(c, op);
    memcpy(&value, from, 4);
    put32(c, op->reg, get32(c, op->reg) * value);
    NEXT;
}

/* Operations that read no flags, and go on to the next one. */
static const struct {
    op_run *run, *quiet; /* quiet: the same without flags, if there is that */
    bool sets_all, may_fault;
} flag_uses[] = {
    {add_rr32, add_rr_quiet, true, false},
    {add_ri32, add_ri_quiet, true, false},
    {sub_rr32, sub_rr_quiet, true, false},
    {sub_ri32, sub_ri_quiet, true, false},
    {and_rr32, and_rr_quiet, true, false},
    {and_ri32, and_ri_quiet, true, false},
    {or_rr32, or_rr_quiet, true, false},
    {or_ri32, or_ri_quiet, true, false},
    {xor_rr32, xor_rr_quiet, true, false},
    {xor_ri32, xor_ri_quiet, true, false},
    {shl_i, shl_i_quiet, true, false},
    {shr_i, shr_i_quiet, true, false},
    {imul_ge_r, imul_r_quiet, true, false},
    {imul_ge_m, imul_m_quiet, true, true},
    {cmp_rr32, NULL, true, false},
    {cmp_ri32, NULL, true, false},
    {test_rr32, NULL, true, false},
    {test_ri32, NULL, true, false},
    {mov_rr32, NULL, false, false},
    {mov_ri32, NULL, false, false},
    {lea32, NULL, false, false},
};

void soft_drop_flags(struct op *ops, unsigned count)
{
    const size_t known = sizeof(flag_uses) / sizeof(flag_uses[0]);
    bool unseen = false; /* the flags as they are behind the operation */

    while (count-- > 0) {
        size_t i = 0;

        while (i < known && flag_uses[i].run != ops[count].run)
            i++;
        if (i == known) {
            unseen = false;
            continue;
        }
        if (unseen && flag_uses[i].quiet)
            ops[count].run = flag_uses[i].quiet;
        unseen = (unseen || flag_uses[i].sets_all) && !flag_uses[i].may_fault;
    }
}

/* The stack, for 32-bit operands on a 32-bit stack; other sizes are in ops_rare.c. */
#define PUSHED (get32(c, CPU_ESP) - 4)

/* Once the value is written. */
#define PUSH_DONE                  \
    {                              \
        put32(c, CPU_ESP, PUSHED); \
        NEXT;                      \
    }
OP_STORING_AT(push_r, uint32_t, CPU_SS, PUSHED, get32(c, op->rm), PUSH_DONE)
OP_STORING_AT(push_i, uint32_t, CPU_SS, PUSHED, op->imm, PUSH_DONE)

OP_LOADING_AT(pop_r, uint32_t, value, CPU_SS, get32(c, CPU_ESP), {
    put32(c, CPU_ESP, get32(c, CPU_ESP) + 4);
    put32(c, op->rm, value); /* POP ESP: the value wins */
    NEXT;
})

OP_LOADING_AT(leave, uint32_t, value, CPU_SS, get32(c, CPU_EBP), {
    put32(c, CPU_ESP, get32(c, CPU_EBP) + 4);
    put32(c, CPU_EBP, value);
    NEXT;
})

const struct handlers handlers_push = {.with_register = {NULL, NULL, push_r}};
const struct handlers handlers_push_i = {.with_register = {NULL, NULL, push_i}};
const struct handlers handlers_pop = {.with_register = {NULL, NULL, pop_r}};
const struct handlers handlers_leave = {.with_register = {NULL, NULL, leave}};

static OP(cbw)
{
    put16(c, CPU_EAX, (uint16_t)(int8_t)get8(c, CPU_EAX));
    NEXT;
}

static OP(cwde)
{
    put32(c, CPU_EAX, (uint32_t)(int16_t)get16(c, CPU_EAX));
    NEXT;
}

static OP(cwd)
{
    put16(c, CPU_EDX, get16(c, CPU_EAX) & 0x8000 ? 0xffff : 0);
    NEXT;
}

static OP(cdq)
{
    put32(c, CPU_EDX, get32(c, CPU_EAX) & UINT32_C(0x80000000) ? UINT32_MAX : 0);
    NEXT;
}

static OP(nop)
{
    NEXT;
}

const struct handlers handlers_cbw = {.with_register = {NULL, cbw, cwde}};
const struct handlers handlers_cwd = {.with_register = {NULL, cwd, cdq}};
const struct handlers handlers_nop = {{nop, nop, nop}, {nop, nop, nop}};

/* SETcc and CMOVcc. A CMOV from memory reads it even if the condition is false. */
#define CONDITIONAL(number, condition)                     \
    static OP(setcc_r##number)                             \
    {                                                      \
        put8(c, op->rm, (condition));                      \
        NEXT;                                              \
    }                                                      \
    OP_STORING(setcc_m##number, uint8_t, condition, NEXT;) \
    static OP(cmov_r##number)                              \
    {                                                      \
        if (condition)                                     \
            put32(c, op->reg, get32(c, op->rm));           \
        NEXT;                                              \
    }                                                      \
    OP_LOADING(cmov_m##number, uint32_t, value, {          \
        if (condition)                                     \
            put32(c, op->reg, value);                      \
        NEXT;                                              \
    })                                                     \
    static OP(cmov_w##number)                              \
    {                                                      \
        if (condition)                                     \
            put16(c, op->reg, get16(c, op->rm));           \
        NEXT;                                              \
    }                                                      \
    OP_LOADING(cmov_n##number, uint16_t, value, {          \
        if (condition)                                     \
            put16(c, op->reg, value);                      \
        NEXT;                                              \
    })
CONDITIONAL(0, CONDITION_O(c))
CONDITIONAL(1, !CONDITION_O(c))
CONDITIONAL(2, CONDITION_B(c))
CONDITIONAL(3, !CONDITION_B(c))
CONDITIONAL(4, CONDITION_Z(c))
CONDITIONAL(5, !CONDITION_Z(c))
CONDITIONAL(6, CONDITION_BE(c))
CONDITIONAL(7, !CONDITION_BE(c))
CONDITIONAL(8, CONDITION_S(c))
CONDITIONAL(9, !CONDITION_S(c))
CONDITIONAL(10, CONDITION_P(c))
CONDITIONAL(11, !CONDITION_P(c))
CONDITIONAL(12, CONDITION_L(c))
CONDITIONAL(13, !CONDITION_L(c))
CONDITIONAL(14, CONDITION_LE(c))
CONDITIONAL(15, !CONDITION_LE(c))

#define SETCC_ENTRY(n)             \
    {                              \
        {setcc_r##n, NULL, NULL},  \
        {                          \
            setcc_m##n, NULL, NULL \
        }                          \
    }
#define CMOV_ENTRY(n)                  \
    {                                  \
        {NULL, cmov_w##n, cmov_r##n},  \
        {                              \
            NULL, cmov_n##n, cmov_m##n \
        }                              \
    }
#define SIXTEEN(E)                                                                                 \
    E(0), E(1), E(2), E(3), E(4), E(5), E(6), E(7), E(8), E(9), E(10), E(11), E(12), E(13), E(14), \
        E(15)

const struct handlers handlers_setcc[16] = {SIXTEEN(SETCC_ENTRY)};
const struct handlers handlers_cmov[16] = {SIXTEEN(CMOV_ENTRY)};

/* An instruction that is a function. */
OP(op_call_function)
{
    if (unlikely(!op->call(c, op)))
        ABORT;
    NEXT;
}
