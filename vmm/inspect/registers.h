/*
 * The registers of a guest by name, as debuggers number them: a table that says where each is, and
 * what may be written to it.
 */
#ifndef VMM_INSPECT_REGISTERS_H
#define VMM_INSPECT_REGISTERS_H

#include "cpu/cpu.h"

#include <stddef.h>

/* All of them, as an engine gives and takes them. */
struct registers {
    struct cpu_state state;
    struct cpu_fpu fpu;
};

/* What kind of register one is: gdb's standard features, and ours. */
enum register_set { REGISTERS_CORE, REGISTERS_X87, REGISTERS_SSE, REGISTERS_SYSTEM, REGISTER_SETS };

struct register_row {
    const char *name;
    enum register_set set;
    unsigned bits; /* as debuggers see it: 32, 80 or 128 */
    size_t at;     /* in struct registers; what it has there: */
    unsigned bytes;
    /* Takes a new value; NULL: it is stored as it is. False: the register can't have it. */
    bool (*put)(struct registers *registers, const struct memory *memory, unsigned which,
                uint32_t value);
    unsigned which; /* for put */
};

/* All registers, in gdb's order. */
extern const struct register_row register_rows[];
extern const unsigned register_count;

#define REGISTER_BYTES_MAX 16

/* The number of a register; -1: there is none of this name. */
int register_find(const char *name, size_t length);

/* Copies bits / 8 bytes, the lowest first, from one or to one. False, with nothing changed: the
 * processor can't have that value, as a selector of no segment. */
void register_get(const struct registers *registers, unsigned number, uint8_t *to);
bool register_put(struct registers *registers, const struct memory *memory, unsigned number,
                  const uint8_t *from);

#endif
