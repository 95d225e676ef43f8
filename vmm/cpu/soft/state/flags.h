/*
 * Lazy arithmetic flags (Intel SDM vol. 1, section 3.4.3). An instruction stores its result,
 * sign-extended to 64 bits, and the vector of carries out of each bit, aligned so that the carry
 * out of the operand's top bit is bit 31. Flags are worked out when someone asks:
 *
 *   ZF  bits 0-31 of the result are 0          CF  carry bit 31
 *   SF  bit 63 of the result                   OF  carry bit 31 differs from bit 30
 *   PF  even parity of result byte 0 ^ byte 4  AF  carry bit 3
 *
 * Byte 4 is all zeros or all ones after an instruction, so it counts for nothing in PF; it and the
 * top bit are there so that any combination of flags can be stored.
 */
#ifndef VMM_CPU_SOFT_FLAGS_H
#define VMM_CPU_SOFT_FLAGS_H

#include "state.h"

static inline uint32_t flag_cf(const struct soft *c)
{
    return c->s.flag_carry >> 31;
}

static inline uint32_t flag_of(const struct soft *c)
{
    return (c->s.flag_carry ^ c->s.flag_carry << 1) >> 31;
}

static inline bool flag_zf(const struct soft *c)
{
    return (uint32_t)c->s.flag_result == 0;
}

static inline bool flag_sf(const struct soft *c)
{
    return c->s.flag_result < 0;
}

static inline uint32_t flag_pf(const struct soft *c)
{
    uint64_t result = (uint64_t)c->s.flag_result;
    uint32_t byte = (uint32_t)(result ^ result >> 32) & 0xff;
    return 0x9669 >> ((byte ^ byte >> 4) & 15) & 1;
}

/* A condition of Jcc, SETcc, CMOVcc by its low opcode bits; Intel SDM vol. 1, appendix B. */
#define CONDITION_O(c)  (flag_of(c) != 0)
#define CONDITION_B(c)  (flag_cf(c) != 0)
#define CONDITION_Z(c)  (flag_zf(c))
#define CONDITION_BE(c) (flag_zf(c) || flag_cf(c))
#define CONDITION_S(c)  (flag_sf(c))
#define CONDITION_P(c)  (flag_pf(c) != 0)
#define CONDITION_L(c)                                                              \
    ((int32_t)((uint32_t)((uint64_t)(c)->s.flag_result >> 32) ^ (c)->s.flag_carry ^ \
               (c)->s.flag_carry << 1) < 0)
#define CONDITION_LE(c) (flag_zf(c) || CONDITION_L(c))

/* Stores all six. */
static inline void flags_store(struct soft *c, uint32_t eflags)
{
    uint64_t result = eflags & EFLAGS_ZF ? 0 : 1;
    uint32_t is_even = eflags & EFLAGS_ZF ? 1 : 0;
    uint32_t wants_even = eflags & EFLAGS_PF ? 1 : 0;

    result |= (uint64_t)(is_even ^ wants_even) << 32;
    if (eflags & EFLAGS_SF)
        result |= UINT64_C(1) << 63;
    c->s.flag_result = (int64_t)result;
    c->s.flag_carry = (eflags & EFLAGS_CF ? UINT32_C(0x80000000) : 0) |
                      (!(eflags & EFLAGS_CF) != !(eflags & EFLAGS_OF) ? 0x40000000 : 0) |
                      (eflags & EFLAGS_AF ? 8 : 0);
}

static inline uint32_t flags_load(const struct soft *c)
{
    return (flag_cf(c) ? EFLAGS_CF : 0) | (flag_pf(c) ? EFLAGS_PF : 0) |
           (c->s.flag_carry & 8 ? EFLAGS_AF : 0) | (flag_zf(c) ? EFLAGS_ZF : 0) |
           (flag_sf(c) ? EFLAGS_SF : 0) | (flag_of(c) ? EFLAGS_OF : 0);
}

/* EFLAGS, as PUSHF sees it. */
static inline uint32_t soft_eflags(const struct soft *c)
{
    return c->s.eflags | flags_load(c) | EFLAGS_RESERVED;
}

/* CF alone. */
static inline void flags_store_cf(struct soft *c, uint32_t cf)
{
    uint32_t of = flag_of(c);
    c->s.flag_carry = (c->s.flag_carry & 8) | cf << 31 | (cf ^ of) << 30;
}

/* Puts back the CF that was in `old`, and keeps OF. */
static inline void flags_keep_cf(struct soft *c, uint32_t old)
{
    int32_t changed = (int32_t)(c->s.flag_carry ^ old);

    c->s.flag_carry ^= (uint32_t)(changed >> 31) & UINT32_C(0xc0000000);
}

/* Result of a logical operation or a shift: CF and OF as given, AF clear. */
static inline void flags_store_result(struct soft *c, int32_t result, uint32_t cf, uint32_t of)
{
    c->s.flag_result = result;
    c->s.flag_carry = cf << 31 | (cf ^ of) << 30;
}

/* Flags of an addition or subtraction of 8 << n bits: the carry vector is computed from the sum. */
#define DEFINE_FLAG_ARITHMETIC(n, T, S)                                                \
    static inline void flags_carry##n(struct soft *c, T result, uint32_t carry)        \
    {                                                                                  \
        c->s.flag_result = (S)result;                                                  \
        c->s.flag_carry = n == 32 ? carry : carry << (32 - n) | (carry & 8);           \
    }                                                                                  \
    static inline T alu_adc##n(struct soft *c, T a, T b, uint32_t cf)                  \
    {                                                                                  \
        T r = (T)((uint32_t)a + b + cf);                                               \
        flags_carry##n(c, r, ((uint32_t)a & b) | (((uint32_t)a | b) & ~(uint32_t)r));  \
        return r;                                                                      \
    }                                                                                  \
    static inline T alu_sbb##n(struct soft *c, T a, T b, uint32_t cf)                  \
    {                                                                                  \
        T r = (T)((uint32_t)a - b - cf);                                               \
        flags_carry##n(c, r, (~(uint32_t)a & b) | ((~(uint32_t)a | b) & (uint32_t)r)); \
        return r;                                                                      \
    }                                                                                  \
    static inline T alu_logic##n(struct soft *c, T r)                                  \
    {                                                                                  \
        c->s.flag_result = (S)r;                                                       \
        c->s.flag_carry = 0;                                                           \
        return r;                                                                      \
    }                                                                                  \
    /* INC and DEC leave CF alone. A bit carries going to 0, borrows going to 1. */    \
    static inline T alu_inc##n(struct soft *c, T a)                                    \
    {                                                                                  \
        uint32_t old = c->s.flag_carry;                                                \
        T r = (T)(a + 1u);                                                             \
        flags_carry##n(c, r, a & ~(uint32_t)r);                                        \
        flags_keep_cf(c, old);                                                         \
        return r;                                                                      \
    }                                                                                  \
    static inline T alu_dec##n(struct soft *c, T a)                                    \
    {                                                                                  \
        uint32_t old = c->s.flag_carry;                                                \
        T r = (T)(a - 1u);                                                             \
        flags_carry##n(c, r, ~(uint32_t)a &r);                                         \
        flags_keep_cf(c, old);                                                         \
        return r;                                                                      \
    }
DEFINE_FLAG_ARITHMETIC(8, uint8_t, int8_t)
DEFINE_FLAG_ARITHMETIC(16, uint16_t, int16_t)
DEFINE_FLAG_ARITHMETIC(32, uint32_t, int32_t)

#endif
