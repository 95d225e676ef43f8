/*
 * General registers, by number and size.
 */
#ifndef VMM_CPU_SOFT_REGISTERS_H
#define VMM_CPU_SOFT_REGISTERS_H

#include "state.h"

/* Byte registers are numbered by their offset, so AH is just another byte. */
static inline uint32_t get32(const struct soft *c, unsigned r)
{
    return c->s.gpr[r];
}

static inline uint16_t get16(const struct soft *c, unsigned r)
{
    return (uint16_t)c->s.gpr[r];
}

static inline uint8_t get8(const struct soft *c, unsigned r)
{
    return ((const uint8_t *)c->s.gpr)[r];
}

static inline void put32(struct soft *c, unsigned r, uint32_t value)
{
    c->s.gpr[r] = value;
}

static inline void put16(struct soft *c, unsigned r, uint16_t value)
{
    memcpy(&c->s.gpr[r], &value, 2);
}

static inline void put8(struct soft *c, unsigned r, uint8_t value)
{
    ((uint8_t *)c->s.gpr)[r] = value;
}

static inline uint32_t get_sized(const struct soft *c, unsigned size, unsigned r)
{
    return size == 1 ? get8(c, r) : size == 2 ? get16(c, r) : get32(c, r);
}

static inline void put_sized(struct soft *c, unsigned size, unsigned r, uint32_t value)
{
    if (size == 1)
        put8(c, r, (uint8_t)value);
    else if (size == 2)
        put16(c, r, (uint16_t)value);
    else
        put32(c, r, value);
}

#endif
