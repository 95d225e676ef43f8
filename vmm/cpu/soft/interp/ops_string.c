/*
 * String instructions and their repetition. Intel SDM vol. 1, section 7.3.9; vol. 2, REP. Each
 * iteration is an instruction of its own in the count of instructions, and an interrupt, a fault or
 * the end of the budget may come between two of them.
 */
#include "cpu/soft/state/task.h"
#include "ops.h"

static uint32_t get_index(const struct soft *c, const struct op *op, unsigned r)
{
    return op->flags & OP_ADDR32 ? get32(c, r) : get16(c, r);
}

static void put_index(struct soft *c, const struct op *op, unsigned r, uint32_t value)
{
    put_sized(c, op->flags & OP_ADDR32 ? 4 : 2, r, value);
}

static void advance(struct soft *c, const struct op *op, unsigned r)
{
    uint32_t step = c->s.eflags & EFLAGS_DF ? 0u - op->size : op->size;

    put_index(c, op, r, get_index(c, op, r) + step);
}

bool do_movs(struct soft *c, struct op *op)
{
    uint32_t value = soft_load(c, op->seg, get_index(c, op, CPU_ESI), op->size);

    if (c->raised || !soft_store(c, CPU_ES, get_index(c, op, CPU_EDI), op->size, value))
        return false;
    advance(c, op, CPU_ESI);
    advance(c, op, CPU_EDI);
    return true;
}

bool do_stos(struct soft *c, struct op *op)
{
    if (!soft_store(c, CPU_ES, get_index(c, op, CPU_EDI), op->size, get32(c, CPU_EAX)))
        return false;
    advance(c, op, CPU_EDI);
    return true;
}

bool do_lods(struct soft *c, struct op *op)
{
    uint32_t value = soft_load(c, op->seg, get_index(c, op, CPU_ESI), op->size);

    if (c->raised)
        return false;
    put_sized(c, op->size, CPU_EAX, value);
    advance(c, op, CPU_ESI);
    return true;
}

static void compare(struct soft *c, unsigned size, uint32_t a, uint32_t b)
{
    if (size == 1)
        alu_sbb8(c, (uint8_t)a, (uint8_t)b, 0);
    else if (size == 2)
        alu_sbb16(c, (uint16_t)a, (uint16_t)b, 0);
    else
        alu_sbb32(c, a, b, 0);
}

bool do_cmps(struct soft *c, struct op *op)
{
    uint32_t a, b;

    a = soft_load(c, op->seg, get_index(c, op, CPU_ESI), op->size);
    if (c->raised)
        return false;
    b = soft_load(c, CPU_ES, get_index(c, op, CPU_EDI), op->size);
    if (c->raised)
        return false;
    compare(c, op->size, a, b);
    advance(c, op, CPU_ESI);
    advance(c, op, CPU_EDI);
    return true;
}

bool do_scas(struct soft *c, struct op *op)
{
    uint32_t b = soft_load(c, CPU_ES, get_index(c, op, CPU_EDI), op->size);

    if (c->raised)
        return false;
    compare(c, op->size, get_sized(c, op->size, CPU_EAX), b);
    advance(c, op, CPU_EDI);
    return true;
}

bool do_ins(struct soft *c, struct op *op)
{
    uint32_t value = 0, at = get_index(c, op, CPU_EDI);

    if (!soft_port_allowed(c, get16(c, CPU_EDX), op->size) ||
        !soft_check_write(c, CPU_ES, at, op->size) ||
        !soft_port(c, get16(c, CPU_EDX), op->size, false, &value) ||
        !soft_store(c, CPU_ES, at, op->size, value))
        return false;
    advance(c, op, CPU_EDI);
    return true;
}

bool do_outs(struct soft *c, struct op *op)
{
    uint32_t value;

    if (!soft_port_allowed(c, get16(c, CPU_EDX), op->size))
        return false;
    value = soft_load(c, op->seg, get_index(c, op, CPU_ESI), op->size);
    if (c->raised || !soft_port(c, get16(c, CPU_EDX), op->size, true, &value))
        return false;
    advance(c, op, CPU_ESI);
    return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* How many elements from `offset` up lie in one page and inside the window. */
static uint32_t run_length(const struct soft *c, const struct op *op, unsigned segment,
                           uint32_t offset, uint32_t end, uint32_t most)
{
    uint32_t linear = c->window.base[segment] + offset;
    uint32_t mask = op->flags & OP_ADDR32 ? UINT32_MAX : 0xffff;

    if (offset >= end)
        return 0;
    most = least(most, (PAGE_SIZE - (linear & PAGE_MASK)) / op->size);
    most = least(most, (end - offset) / op->size);
    return least(most, (mask - offset) / op->size);
}

/* MOVS and STOS, upwards, several elements at once; returns how many. Not inlined: a handler whose
 * locals have addresses can't end in a jump. */
static __attribute__((noinline)) uint32_t move_many(struct soft *c, struct op *op, uint32_t most)
{
    uint32_t di = get_index(c, op, CPU_EDI), si = get_index(c, op, CPU_ESI), n, bytes;
    const uint8_t *from = NULL;
    uint8_t *to;

    if ((c->s.eflags & EFLAGS_DF) || (op->kind != KIND_MOVS && op->kind != KIND_STOS))
        return 0;
    n = run_length(c, op, CPU_ES, di, c->window.write_end[CPU_ES], most);
    if (op->kind == KIND_MOVS)
        n = run_length(c, op, op->seg, si, c->window.read_end[op->seg], n);
    if (n < 2)
        return 0;
    to = fast_write(c, CPU_ES, di, op->size);
    if (op->kind == KIND_MOVS)
        from = fast_read(c, op->seg, si, op->size);
    if (!to || (op->kind == KIND_MOVS && !from))
        return 0;
    bytes = n * op->size;
    if (op->kind == KIND_STOS) {
        uint32_t value = get32(c, CPU_EAX);
        if (op->size == 1) {
            memset(to, (int)(value & 0xff), bytes);
        } else {
            for (uint32_t i = 0; i < bytes; i += op->size)
                memcpy(to + i, &value, op->size);
        }
    } else if (to <= from || to >= from + bytes) {
        memmove(to, from, bytes);
    } else {
        for (uint32_t i = 0; i < bytes; i += op->size) {
            uint32_t value;
            memcpy(&value, from + i, op->size);
            memcpy(to + i, &value, op->size);
        }
    }
    put_index(c, op, CPU_EDI, di + bytes);
    if (op->kind == KIND_MOVS)
        put_index(c, op, CPU_ESI, si + bytes);
    return n;
}

/* One repeated instruction; the last of its block, which has paid for its first iteration. */
OP(op_repeat)
{
    uint32_t left = get_index(c, op, CPU_ECX), done = 0, n;
    uint32_t may = c->budget >= INT32_MAX ? INT32_MAX : (uint32_t)c->budget + 1;
    bool compares = op->kind == KIND_CMPS || op->kind == KIND_SCAS;

    /* Permission is checked even if there is nothing to do. */
    if ((op->kind == KIND_INS || op->kind == KIND_OUTS) &&
        !soft_port_allowed(c, get16(c, CPU_EDX), op->size))
        ABORT;
    while (left) {
        if (done == may || op->run != op_repeat) {
            /* Time is over, or this very instruction was overwritten. */
            c->budget -= (int64_t)done - 1;
            c->s.eip = op_eip(op);
            return NULL;
        }
        n = move_many(c, op, least(left, may - done));
        if (!n) {
            if (!op->call(c, op)) {
                c->budget -= (int64_t)done;
                ABORT;
            }
            n = 1;
        }
        left -= n;
        done += n;
        put_index(c, op, CPU_ECX, left);
        if (compares && flag_zf(c) != !!(op->flags & OP_REP))
            break;
    }
    c->budget -= done ? (int64_t)done - 1 : 0;
    NEXT;
}
