/*
 * How operation handlers are written and joined. OP(name) { ... NEXT; } becomes, where the compiler
 * turns calls in tail position into jumps, a function that jumps to the next handler; elsewhere
 * (no optimisation, sanitizers) a function that returns the next operation to a loop in execute.c.
 */
#ifndef VMM_CPU_SOFT_HANDLER_H
#define VMM_CPU_SOFT_HANDLER_H

#include "cpu/soft/code/block.h"
#include "cpu/soft/state/flags.h"
#include "cpu/soft/state/paging.h"
#include "cpu/soft/state/registers.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define SOFT_LOOP 1
#endif
#endif
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    !(defined(__GNUC__) || defined(__clang__))
#define SOFT_LOOP 1
#endif

/* The asm has gcc step `op` and jump through it; left alone, it works out both addresses. */
#ifdef SOFT_LOOP
#define CONTINUE_AT(op) return (void)c, (op)
#elif defined(__clang__)
#define CONTINUE_AT(op) __attribute__((musttail)) return (op)->run(c, (op))
#else
#define CONTINUE_AT(op) return (op)->run(c, (op))
#endif

#define OP(name) struct op *name(struct soft *c, struct op *op)
#define NEXT                    \
    do {                        \
        op++;                   \
        __asm__("" : "+r"(op)); \
        CONTINUE_AT(op);        \
    } while (0)
#define ABORT         return soft_abort(c, op)
#define TAKE_BRANCH() GO_LINK(op->link, op, op->imm)

/* Enters the block a direct branch was linked to, if it is still good and fits the budget. */
#define GO_LINK(block_, op_, eip_)                      \
    do {                                                \
        struct block *to_ = (block_);                   \
        if (likely(to_->generation == c->generation)) { \
            int64_t left_ = c->budget - to_->count;     \
            if (likely(left_ >= 0)) {                   \
                c->budget = left_;                      \
                c->block = to_;                         \
                CONTINUE_AT(to_->ops);                  \
            }                                           \
        }                                               \
        return soft_follow(c, (op_), (eip_));           \
    } while (0)

/* Goes on at an address known only now. */
#define GO_INDIRECT(eip_)                                                     \
    do {                                                                      \
        uint32_t target_ = (eip_);                                            \
        struct block *to_ = c->jumps[soft_jump_slot(target_)];                \
        if (likely(to_->eip == target_ && to_->generation == c->generation && \
                   to_->mode == c->mode)) {                                   \
            int64_t left_ = c->budget - to_->count;                           \
            if (likely(left_ >= 0)) {                                         \
                c->budget = left_;                                            \
                c->block = to_;                                               \
                CONTINUE_AT(to_->ops);                                        \
            }                                                                 \
        }                                                                     \
        c->s.eip = target_;                                                   \
        return NULL;                                                          \
    } while (0)

/* The offset of the memory operand in its segment. */
static inline uint32_t effective_address(const struct soft *c, const struct op *op)
{
    return (c->s.gpr[op->base] + (c->s.gpr[op->index] << op->scale) + op->disp) & op->mask;
}

/*
 * Handlers with a memory operand come in two: `name` does the fast path and calls nothing, so that
 * the compiler has no registers to save; anything else it leaves to `name`_slow. What both do with
 * the value is the last argument.
 */
/* `var`, of type T, is read from segment:offset. */
#define OP_LOADING_AT(name, T, var, segment_, offset_, ...)                    \
    SLOW OP(name##_slow)                                                       \
    {                                                                          \
        T var = (T)soft_load(c, (segment_), (offset_), sizeof(T));             \
        if (unlikely(c->raised))                                               \
            ABORT;                                                             \
        __VA_ARGS__                                                            \
    }                                                                          \
    static OP(name)                                                            \
    {                                                                          \
        const uint8_t *from_ = fast_read(c, (segment_), (offset_), sizeof(T)); \
        T var;                                                                 \
        if (unlikely(!from_))                                                  \
            return name##_slow(c, op);                                         \
        memcpy(&var, from_, sizeof(T));                                        \
        __VA_ARGS__                                                            \
    }
#define OP_LOADING(name, T, var, ...) \
    OP_LOADING_AT(name, T, var, op->seg, effective_address(c, op), __VA_ARGS__)

#define OP_STORING_AT(name, T, segment_, offset_, value_, ...)             \
    SLOW OP(name##_slow)                                                   \
    {                                                                      \
        if (!soft_store(c, (segment_), (offset_), sizeof(T), (T)(value_))) \
            ABORT;                                                         \
        __VA_ARGS__                                                        \
    }                                                                      \
    static OP(name)                                                        \
    {                                                                      \
        uint8_t *host_ = fast_write(c, (segment_), (offset_), sizeof(T));  \
        T out_ = (T)(value_);                                              \
        if (unlikely(!host_))                                              \
            return name##_slow(c, op);                                     \
        memcpy(host_, &out_, sizeof(T));                                   \
        __VA_ARGS__                                                        \
    }
#define OP_STORING(name, T, value_, ...) \
    OP_STORING_AT(name, T, op->seg, effective_address(c, op), value_, __VA_ARGS__)

/* Read, changed and written back: in `expression`, `old` is the value. */
#define OP_MODIFYING(name, T, expression, ...)                                            \
    SLOW OP(name##_slow)                                                                  \
    {                                                                                     \
        uint8_t *at_ =                                                                    \
            soft_modify_begin(c, op->seg, effective_address(c, op), (uint32_t)sizeof(T)); \
        T old, new_;                                                                      \
        if (!at_)                                                                         \
            ABORT;                                                                        \
        memcpy(&old, at_, sizeof(T));                                                     \
        new_ = (T)(expression);                                                           \
        memcpy(at_, &new_, sizeof(T));                                                    \
        if (!soft_modify_end(c))                                                          \
            ABORT;                                                                        \
        __VA_ARGS__                                                                       \
    }                                                                                     \
    static OP(name)                                                                       \
    {                                                                                     \
        uint8_t *at_ = fast_write(c, op->seg, effective_address(c, op), sizeof(T));       \
        T old, new_;                                                                      \
        if (unlikely(!at_))                                                               \
            return name##_slow(c, op);                                                    \
        memcpy(&old, at_, sizeof(T));                                                     \
        new_ = (T)(expression);                                                           \
        memcpy(at_, &new_, sizeof(T));                                                    \
        __VA_ARGS__                                                                       \
    }

/* The same for functions that aren't handlers: operands by op->size, in register or memory. */
static inline bool rm_read(struct soft *c, const struct op *op, uint32_t *value)
{
    if (!(op->flags & OP_MEMORY)) {
        *value = get_sized(c, op->size, op->rm);
        return true;
    }
    *value = soft_load(c, op->seg, effective_address(c, op), op->size);
    return !c->raised;
}

static inline bool rm_write(struct soft *c, const struct op *op, uint32_t value)
{
    if (!(op->flags & OP_MEMORY)) {
        put_sized(c, op->size, op->rm, value);
        return true;
    }
    return soft_store(c, op->seg, effective_address(c, op), op->size, value);
}

/* Reads an operand that rm_write will change: a fault comes now, as a write. */
static inline bool rm_read_to_modify(struct soft *c, const struct op *op, uint32_t *value)
{
    if ((op->flags & OP_MEMORY) &&
        !soft_check_write(c, op->seg, effective_address(c, op), op->size))
        return false;
    return rm_read(c, op, value);
}

/* Sets of handlers by operand size (1, 2, 4 bytes: 0, 1, 2), for a register or memory r/m. NULL
 * where there is none. */
struct handlers {
    op_run *with_register[3], *with_memory[3];
};

/* ops_integer.c */
/* Has the operations of a block set no flags that are set again before anything can see them. */
void soft_drop_flags(struct op *ops, unsigned count);

/* ops_integer.c and ops_flow.c */
extern const struct handlers handlers_end, handlers_add_eg, handlers_or_eg, handlers_adc_eg,
    handlers_sbb_eg, handlers_and_eg, handlers_sub_eg, handlers_xor_eg, handlers_cmp_eg,
    handlers_test_eg, handlers_add_ge, handlers_or_ge, handlers_adc_ge, handlers_sbb_ge,
    handlers_and_ge, handlers_sub_ge, handlers_xor_ge, handlers_cmp_ge, handlers_test_ge,
    handlers_add_ei, handlers_or_ei, handlers_adc_ei, handlers_sbb_ei, handlers_and_ei,
    handlers_sub_ei, handlers_xor_ei, handlers_cmp_ei, handlers_test_ei, handlers_mov_eg,
    handlers_mov_ge, handlers_mov_ei, handlers_inc, handlers_dec, handlers_not, handlers_neg,
    handlers_lea, handlers_movzx8, handlers_movzx16, handlers_movsx8, handlers_movsx16,
    handlers_imul_ge, handlers_imul_gei, handlers_shl_i, handlers_shr_i, handlers_sar_i,
    handlers_shl_c, handlers_shr_c, handlers_sar_c, handlers_push, handlers_pop, handlers_push_i,
    handlers_leave, handlers_xchg, handlers_cwd, handlers_cbw, handlers_nop, handlers_call,
    handlers_ret, handlers_jmp, handlers_jmp_e, handlers_call_e;
extern const struct handlers handlers_jcc[16], handlers_setcc[16], handlers_cmov[16];

/* Handlers of no operation's own. */
op_run op_call_function, op_call_last, op_stale, op_repeat;

#endif
