/*
 * Handlers that go elsewhere: near jumps, calls and returns, and the ends of blocks. Direct targets
 * were checked against the limit of CS by the decoder. Intel SDM vol. 2, Jcc, JMP, CALL, RET.
 */
#include "ops.h"

/* The block ends here without a jump. */
static OP(end)
{
    TAKE_BRANCH();
}

const struct handlers handlers_end = {.with_register = {end}};

/* An instruction that is a function and may change anything: the execution loop finds out. */
OP(op_call_last)
{
    c->s.eip = op->next;
    if (unlikely(!op->call(c, op)))
        ABORT;
    return NULL;
}

/* The code of this block was overwritten: look again. Nothing was raised. */
OP(op_stale)
{
    ABORT;
}

static OP(jmp)
{
    TAKE_BRANCH();
}

const struct handlers handlers_jmp = {.with_register = {NULL, jmp, jmp}};

#define BRANCH(number, condition) \
    static OP(jcc_##number)       \
    {                             \
        if (likely(condition))    \
            TAKE_BRANCH();        \
        NEXT; /* a KIND_END */    \
    }
BRANCH(0, CONDITION_O(c))
BRANCH(1, !CONDITION_O(c))
BRANCH(2, CONDITION_B(c))
BRANCH(3, !CONDITION_B(c))
BRANCH(4, CONDITION_Z(c))
BRANCH(5, !CONDITION_Z(c))
BRANCH(6, CONDITION_BE(c))
BRANCH(7, !CONDITION_BE(c))
BRANCH(8, CONDITION_S(c))
BRANCH(9, !CONDITION_S(c))
BRANCH(10, CONDITION_P(c))
BRANCH(11, !CONDITION_P(c))
BRANCH(12, CONDITION_L(c))
BRANCH(13, !CONDITION_L(c))
BRANCH(14, CONDITION_LE(c))
BRANCH(15, !CONDITION_LE(c))

#define JCC_ENTRY(n)                                \
    {                                               \
        .with_register = { NULL, jcc_##n, jcc_##n } \
    }
#define SIXTEEN(E)                                                                                 \
    E(0), E(1), E(2), E(3), E(4), E(5), E(6), E(7), E(8), E(9), E(10), E(11), E(12), E(13), E(14), \
        E(15)

const struct handlers handlers_jcc[16] = {SIXTEEN(JCC_ENTRY)};

/* 32-bit operands on a 32-bit stack from here on; ops_rare.c has the others. */
OP_STORING_AT(call, uint32_t, CPU_SS, get32(c, CPU_ESP) - 4, op->next, {
    put32(c, CPU_ESP, get32(c, CPU_ESP) - 4);
    TAKE_BRANCH();
})

/* A target beyond the limit of CS; reached only in small segments. */
SLOW OP(beyond_limit)
{
    soft_raise_error(c, EXCEPTION_GP, 0);
    ABORT;
}

#define CHECK_LIMIT(target)                              \
    if (unlikely((target) > c->s.segment[CPU_CS].limit)) \
    return beyond_limit(c, op)

OP_LOADING_AT(ret, uint32_t, target, CPU_SS, get32(c, CPU_ESP), {
    CHECK_LIMIT(target);
    put32(c, CPU_ESP, get32(c, CPU_ESP) + 4 + op->imm);
    soft_note_near(c, target);
    GO_INDIRECT(target);
})

const struct handlers handlers_call = {.with_register = {NULL, NULL, call}};
const struct handlers handlers_ret = {.with_register = {NULL, NULL, ret}};

static OP(jmp_r)
{
    CHECK_LIMIT(get32(c, op->rm));
    soft_note_near(c, get32(c, op->rm));
    GO_INDIRECT(get32(c, op->rm));
}

OP_LOADING(jmp_m, uint32_t, target, {
    CHECK_LIMIT(target);
    soft_note_near(c, target);
    GO_INDIRECT(target);
})

/* A call whose return address doesn't go the fast way. */
SLOW OP(call_other_way)
{
    c->s.eip = op->next;
    if (!do_call_e(c, op))
        ABORT;
    return NULL;
}

#define CALL_TO(target)                                          \
    {                                                            \
        uint32_t next_ = op->next, esp_ = get32(c, CPU_ESP) - 4; \
        uint8_t *at_ = fast_write(c, CPU_SS, esp_, 4);           \
        if (unlikely(!at_))                                      \
            return call_other_way(c, op);                        \
        CHECK_LIMIT(target);                                     \
        memcpy(at_, &next_, 4);                                  \
        put32(c, CPU_ESP, esp_);                                 \
        soft_note_near(c, target);                               \
        GO_INDIRECT(target);                                     \
    }

static OP(call_r)
{
    uint32_t target = get32(c, op->rm);
    CALL_TO(target)
}

OP_LOADING(call_m, uint32_t, target, CALL_TO(target))

const struct handlers handlers_jmp_e = {{NULL, NULL, jmp_r}, {NULL, NULL, jmp_m}};
const struct handlers handlers_call_e = {{NULL, NULL, call_r}, {NULL, NULL, call_m}};
