/*
 * SSE and SSE2 on the XMM registers: what compilers emit for an i686 with SSE2. Intel SDM vol. 1,
 * chapters 10 and 11; vol. 2. There is no MMX, and CPUID says so.
 *
 * A table, by prefix and opcode, names a kernel that computes, and a function that finds its
 * operands: one of a few shapes. Nothing is stored if an unmasked exception is due.
 */
#include "ops.h"
#include "sse_host.h"

#define MXCSR_FLAGS UINT32_C(0x003f)
#define MXCSR_MASKS UINT32_C(0x1f80)

struct sse_entry {
    op_call *call;
    sse_kernel *kernel;
    uint8_t size; /* bytes of a memory operand */
};

static const struct sse_entry *entry_of(const struct op *op);

/* The host's MXCSR works for the guest from the first use until the run ends. */
static void use_host(struct soft *c)
{
    if (!c->host_sse_loaded)
        host_set_mxcsr(c->s.mxcsr | MXCSR_MASKS);
    else if ((c->s.mxcsr & MXCSR_MASKS) != MXCSR_MASKS)
        host_set_mxcsr((c->s.mxcsr & ~MXCSR_FLAGS) | MXCSR_MASKS);
    c->host_sse_loaded = true;
}

/* Brings the guest's sticky flags up to date. */
void soft_sse_leave(struct soft *c)
{
    if (!c->host_sse_loaded)
        return;
    c->s.mxcsr |= host_get_mxcsr() & MXCSR_FLAGS;
    host_set_mxcsr(MXCSR_MASKS);
    c->host_sse_loaded = false;
}

static bool available(struct soft *c)
{
    if ((c->s.cr0 & CR0_EM) || !(c->s.cr4 & CR4_OSFXSR))
        return soft_raise(c, EXCEPTION_UD);
    if (c->s.cr0 & CR0_TS)
        return soft_raise(c, EXCEPTION_NM);
    return true;
}

/* Runs a kernel; false: an unmasked exception was raised, and *d is to be thrown away. */
static bool compute(struct soft *c, const struct sse_entry *entry, union xmm *d, const union xmm *s,
                    unsigned imm)
{
    uint32_t flags;

    use_host(c);
    entry->kernel(d, s, imm);
    if (likely((c->s.mxcsr & MXCSR_MASKS) == MXCSR_MASKS))
        return true;
    flags = host_get_mxcsr() & MXCSR_FLAGS;
    /* With one of invalid, denormal and division by zero unmasked nothing was computed. */
    if (flags & 7 & ~(c->s.mxcsr >> 7))
        flags &= 7;
    c->s.mxcsr |= flags;
    if (!(flags & ~(c->s.mxcsr >> 7)))
        return true;
    host_set_mxcsr(c->s.mxcsr | MXCSR_MASKS);
    return soft_raise(c, c->s.cr4 & CR4_OSXMMEXCPT ? EXCEPTION_XM : EXCEPTION_UD);
}

/* Memory operands of 16 bytes are aligned unless the instruction says otherwise. */
static bool check_aligned(struct soft *c, const struct op *op)
{
    if ((c->s.segment[op->seg].base + effective_address(c, op)) & 15)
        return soft_raise_error(c, EXCEPTION_GP, 0);
    return true;
}

static bool read_memory(struct soft *c, const struct op *op, void *to, uint32_t size)
{
    uint32_t at = effective_address(c, op);
    const uint8_t *fast = fast_read(c, op->seg, at, 16);

    if (fast) {
        memcpy(to, fast, size);
        return true;
    }
    return soft_read(c, op->seg, at, to, size);
}

static bool write_memory(struct soft *c, const struct op *op, const void *from, uint32_t size)
{
    uint32_t at = effective_address(c, op);
    uint8_t *fast = fast_write(c, op->seg, at, 16);

    if (fast) {
        memcpy(fast, from, size);
        return true;
    }
    return soft_write(c, op->seg, at, from, size);
}

static bool read_source(struct soft *c, const struct op *op, union xmm *s, uint32_t size)
{
    if (!available(c))
        return false;
    if (!(op->flags & OP_MEMORY)) {
        *s = c->s.xmm[op->rm];
        return true;
    }
    *s = (union xmm){.q = {0, 0}};
    if (size == 16 && !check_aligned(c, op))
        return false;
    return read_memory(c, op, s, size);
}

/* xmm <- kernel(xmm, xmm or memory) */
static bool two_operands(struct soft *c, struct op *op)
{
    const struct sse_entry *entry = entry_of(op);
    union xmm d = c->s.xmm[op->reg], s;

    if (!read_source(c, op, &s, entry->size) || !compute(c, entry, &d, &s, op->imm))
        return false;
    c->s.xmm[op->reg] = d;
    return true;
}

/* xmm <- kernel(xmm, r/m32) */
static bool from_general(struct soft *c, struct op *op)
{
    const struct sse_entry *entry = entry_of(op);
    union xmm d = c->s.xmm[op->reg], s = {.q = {0, 0}};

    if (!available(c))
        return false;
    if (op->flags & OP_MEMORY) {
        if (!read_memory(c, op, &s, entry->size))
            return false;
    } else {
        s.d[0] = get32(c, op->rm);
    }
    if (!compute(c, entry, &d, &s, op->imm))
        return false;
    c->s.xmm[op->reg] = d;
    return true;
}

/* r32 <- kernel(xmm or memory) */
static bool to_general(struct soft *c, struct op *op)
{
    const struct sse_entry *entry = entry_of(op);
    union xmm d = {.q = {0, 0}}, s;

    if (!read_source(c, op, &s, entry->size) || !compute(c, entry, &d, &s, op->imm))
        return false;
    put32(c, op->reg, d.d[0]);
    return true;
}

/* r32 <- kernel(xmm); there is no memory form. */
static bool to_general_register(struct soft *c, struct op *op)
{
    if (op->flags & OP_MEMORY)
        return soft_raise(c, EXCEPTION_UD);
    return to_general(c, op);
}

/* EFLAGS <- kernel(xmm, xmm or memory) */
static bool to_flags(struct soft *c, struct op *op)
{
    const struct sse_entry *entry = entry_of(op);
    union xmm d = c->s.xmm[op->reg], s;

    if (!read_source(c, op, &s, entry->size) || !compute(c, entry, &d, &s, 0))
        return false;
    flags_store(c, d.d[0]);
    return true;
}

/* Moves */

/* MOVUPS and the like: 16 bytes, no alignment; with `size` 16 and a kernel, aligned. */
static bool load(struct soft *c, struct op *op)
{
    const struct sse_entry *entry = entry_of(op);
    union xmm s = {.q = {0, 0}};

    if (!available(c))
        return false;
    if (!(op->flags & OP_MEMORY)) {
        /* MOVSS and MOVSD between registers keep the rest of the destination; MOVQ clears it. */
        s = c->s.xmm[op->rm];
        if (entry->size < 16 && op->opcode == 0x10)
            memcpy(&c->s.xmm[op->reg], &s, entry->size);
        else if (entry->size < 16)
            c->s.xmm[op->reg] = (union xmm){.q = {s.q[0], 0}};
        else
            c->s.xmm[op->reg] = s;
        return true;
    }
    if (!read_memory(c, op, &s, entry->size))
        return false;
    c->s.xmm[op->reg] = s;
    return true;
}

static bool load_aligned(struct soft *c, struct op *op)
{
    if ((op->flags & OP_MEMORY) && (!available(c) || !check_aligned(c, op)))
        return false;
    return load(c, op);
}

static bool store(struct soft *c, struct op *op)
{
    const struct sse_entry *entry = entry_of(op);

    if (!available(c))
        return false;
    if (op->flags & OP_MEMORY)
        return write_memory(c, op, &c->s.xmm[op->reg], entry->size);
    if (entry->size == 16 || op->opcode == 0x11)
        memcpy(&c->s.xmm[op->rm], &c->s.xmm[op->reg], entry->size);
    else
        c->s.xmm[op->rm] = (union xmm){.q = {c->s.xmm[op->reg].q[0], 0}};
    return true;
}

static bool store_aligned(struct soft *c, struct op *op)
{
    if ((op->flags & OP_MEMORY) && (!available(c) || !check_aligned(c, op)))
        return false;
    return store(c, op);
}

/* MOVNTPS, MOVNTPD, MOVNTDQ: memory only. */
static bool store_streaming(struct soft *c, struct op *op)
{
    if (!(op->flags & OP_MEMORY))
        return soft_raise(c, EXCEPTION_UD);
    return store_aligned(c, op);
}

/* MOVLPS MOVLPD MOVHLPS (12), MOVHPS MOVHPD MOVLHPS (16): one half of the destination. */
static bool load_half(struct soft *c, struct op *op)
{
    unsigned half = op->opcode == 0x16;
    uint64_t value;

    if (!(op->flags & OP_MEMORY) && (op->flags & OP_66))
        return soft_raise(c, EXCEPTION_UD);
    if (!available(c))
        return false;
    if (!(op->flags & OP_MEMORY))
        value = c->s.xmm[op->rm].q[!half];
    else if (!read_memory(c, op, &value, 8))
        return false;
    c->s.xmm[op->reg].q[half] = value;
    return true;
}

static bool store_half(struct soft *c, struct op *op)
{
    if (!(op->flags & OP_MEMORY))
        return soft_raise(c, EXCEPTION_UD);
    return available(c) && write_memory(c, op, &c->s.xmm[op->reg].q[op->opcode == 0x17], 8);
}

/* MOVD r/m32, xmm */
static bool store_general(struct soft *c, struct op *op)
{
    if (!available(c))
        return false;
    if (op->flags & OP_MEMORY)
        return write_memory(c, op, &c->s.xmm[op->reg], 4);
    put32(c, op->rm, c->s.xmm[op->reg].d[0]);
    return true;
}

static bool movnti(struct soft *c, struct op *op)
{
    uint32_t value = get32(c, op->reg);

    if (!(op->flags & OP_MEMORY))
        return soft_raise(c, EXCEPTION_UD);
    return write_memory(c, op, &value, 4);
}

static bool maskmovdqu(struct soft *c, struct op *op)
{
    uint32_t at = op->flags & OP_ADDR32 ? get32(c, CPU_EDI) : get16(c, CPU_EDI);

    if (op->flags & OP_MEMORY)
        return soft_raise(c, EXCEPTION_UD);
    if (!available(c))
        return false;
    for (unsigned i = 0; i < 16; i++) {
        if (c->s.xmm[op->rm].b[i] & 0x80 && !soft_check_write(c, op->seg, at + i, 1))
            return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        if (c->s.xmm[op->rm].b[i] & 0x80 &&
            !soft_write(c, op->seg, at + i, &c->s.xmm[op->reg].b[i], 1))
            return false;
    }
    return true;
}

/* Kernels of integers */

#define LANES(name, lane, count, expression)                         \
    static void name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                \
        (void)imm;                                                   \
        for (unsigned i = 0; i < (count); i++) {                     \
            uint64_t a = d->lane[i], b = s->lane[i];                 \
            (void)a, (void)b;                                        \
            d->lane[i] = (expression);                               \
        }                                                            \
    }
#define SB(x) ((int8_t)(uint8_t)(x))
#define SW(x) ((int16_t)(uint16_t)(x))
#define SD(x) ((int32_t)(uint32_t)(x))

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

LANES(paddb, b, 16, (uint8_t)(a + b))
LANES(paddw, w, 8, (uint16_t)(a + b))
LANES(paddd, d, 4, (uint32_t)(a + b))
LANES(paddq, q, 2, a + b)
LANES(psubb, b, 16, (uint8_t)(a - b))
LANES(psubw, w, 8, (uint16_t)(a - b))
LANES(psubd, d, 4, (uint32_t)(a - b))
LANES(psubq, q, 2, a - b)
LANES(paddsb, b, 16, (uint8_t)clamp(SB(a) + SB(b), -128, 127))
LANES(paddsw, w, 8, (uint16_t)clamp(SW(a) + SW(b), -32768, 32767))
LANES(psubsb, b, 16, (uint8_t)clamp(SB(a) - SB(b), -128, 127))
LANES(psubsw, w, 8, (uint16_t)clamp(SW(a) - SW(b), -32768, 32767))
LANES(paddusb, b, 16, (uint8_t)(a + b > 255 ? 255 : a + b))
LANES(paddusw, w, 8, (uint16_t)(a + b > 65535 ? 65535 : a + b))
LANES(psubusb, b, 16, (uint8_t)(a > b ? a - b : 0))
LANES(psubusw, w, 8, (uint16_t)(a > b ? a - b : 0))
LANES(pmullw, w, 8, (uint16_t)(a *b))
LANES(pmulhw, w, 8, (uint16_t)((uint32_t)(SW(a) * SW(b)) >> 16))
LANES(pmulhuw, w, 8, (uint16_t)((uint32_t)(a *b) >> 16))
LANES(pmuludq, q, 2, (a & UINT32_MAX) * (b & UINT32_MAX))
LANES(pavgb, b, 16, (uint8_t)((a + b + 1) >> 1))
LANES(pavgw, w, 8, (uint16_t)((a + b + 1) >> 1))
LANES(pminub, b, 16, (uint8_t)(a < b ? a : b))
LANES(pmaxub, b, 16, (uint8_t)(a > b ? a : b))
LANES(pminsw, w, 8, (uint16_t)(SW(a) < SW(b) ? a : b))
LANES(pmaxsw, w, 8, (uint16_t)(SW(a) > SW(b) ? a : b))
LANES(pcmpeqb, b, 16, a == b ? 0xff : 0)
LANES(pcmpeqw, w, 8, a == b ? 0xffff : 0)
LANES(pcmpeqd, d, 4, a == b ? UINT32_MAX : 0)
LANES(pcmpgtb, b, 16, SB(a) > SB(b) ? 0xff : 0)
LANES(pcmpgtw, w, 8, SW(a) > SW(b) ? 0xffff : 0)
LANES(pcmpgtd, d, 4, SD(a) > SD(b) ? UINT32_MAX : 0)
LANES(pand, q, 2, a &b)
LANES(pandn, q, 2, ~a &b)
LANES(por, q, 2, a | b)
LANES(pxor, q, 2, a ^ b)

/* Shifts of all lanes by the low quadword of the source, or by the immediate. */
#define SHIFTS(name, T, lane, count, bits, expression, beyond)       \
    static void name##_by(union xmm *d, uint64_t n)                  \
    {                                                                \
        for (unsigned i = 0; i < (count); i++) {                     \
            uint64_t a = d->lane[i];                                 \
            d->lane[i] = (T)(n < (bits) ? (expression) : (beyond));  \
        }                                                            \
    }                                                                \
    static void name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                \
        (void)imm;                                                   \
        name##_by(d, s->q[0]);                                       \
    }
SHIFTS(psrlw, uint16_t, w, 8, 16, (uint16_t)(a >> n), 0)
SHIFTS(psrld, uint32_t, d, 4, 32, (uint32_t)(a >> n), 0)
SHIFTS(psrlq, uint64_t, q, 2, 64, a >> n, 0)
SHIFTS(psllw, uint16_t, w, 8, 16, (uint16_t)(a << n), 0)
SHIFTS(pslld, uint32_t, d, 4, 32, (uint32_t)(a << n), 0)
SHIFTS(psllq, uint64_t, q, 2, 64, a << n, 0)
SHIFTS(psraw, uint16_t, w, 8, 16, (uint16_t)(SW(a) >> n), (uint16_t)(SW(a) >> 15))
SHIFTS(psrad, uint32_t, d, 4, 32, (uint32_t)(SD(a) >> n), (uint32_t)(SD(a) >> 31))

static void psrldq_by(union xmm *d, uint64_t n)
{
    union xmm a = *d;

    for (unsigned i = 0; i < 16; i++)
        d->b[i] = n < 16 - i ? a.b[i + n] : 0;
}

static void pslldq_by(union xmm *d, uint64_t n)
{
    union xmm a = *d;

    for (unsigned i = 0; i < 16; i++)
        d->b[i] = n <= i ? a.b[i - n] : 0;
}

/* 71, 72, 73: shifts by an immediate. */
static bool shift_immediate(struct soft *c, struct op *op)
{
    static void (*const shifts[3][8])(union xmm *, uint64_t) = {
        {NULL, NULL, psrlw_by, NULL, psraw_by, NULL, psllw_by, NULL},
        {NULL, NULL, psrld_by, NULL, psrad_by, NULL, pslld_by, NULL},
        {NULL, NULL, psrlq_by, psrldq_by, NULL, NULL, psllq_by, pslldq_by},
    };
    void (*shift)(union xmm *, uint64_t) = shifts[op->opcode - 0x71][op->modrm >> 3 & 7];

    if (!shift || (op->flags & OP_MEMORY))
        return soft_raise(c, EXCEPTION_UD);
    if (!available(c))
        return false;
    shift(&c->s.xmm[op->rm], op->imm & 0xff);
    return true;
}

/* Interleaving: from the low or the high half of each operand. */
#define UNPACK(name, lane, count, from)                              \
    static void name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                \
        union xmm a = *d, b = *s;                                    \
        (void)imm;                                                   \
        for (unsigned i = 0; i < (count) / 2; i++) {                 \
            d->lane[2 * i] = a.lane[(from) + i];                     \
            d->lane[2 * i + 1] = b.lane[(from) + i];                 \
        }                                                            \
    }
UNPACK(punpcklbw, b, 16, 0)
UNPACK(punpcklwd, w, 8, 0)
UNPACK(punpckldq, d, 4, 0)
UNPACK(punpcklqdq, q, 2, 0)
UNPACK(punpckhbw, b, 16, 8)
UNPACK(punpckhwd, w, 8, 4)
UNPACK(punpckhdq, d, 4, 2)
UNPACK(punpckhqdq, q, 2, 1)

#define PACK(name, lane, count, from, expression)                                \
    static void name(union xmm *d, const union xmm *s, unsigned imm)             \
    {                                                                            \
        union xmm a = *d;                                                        \
        (void)imm;                                                               \
        for (unsigned i = 0; i < (count); i++) {                                 \
            uint32_t x = i < (count) / 2 ? a.from[i] : s->from[i - (count) / 2]; \
            d->lane[i] = (expression);                                           \
        }                                                                        \
    }
PACK(packsswb, b, 16, w, (uint8_t)clamp(SW(x), -128, 127))
PACK(packuswb, b, 16, w, (uint8_t)clamp(SW(x), 0, 255))
PACK(packssdw, w, 8, d, (uint16_t)clamp(SD(x), -32768, 32767))

static void pmaddwd(union xmm *d, const union xmm *s, unsigned imm)
{
    (void)imm;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t low = (uint32_t)(SW(d->w[2 * i]) * SW(s->w[2 * i]));
        uint32_t high = (uint32_t)(SW(d->w[2 * i + 1]) * SW(s->w[2 * i + 1]));
        d->d[i] = low + high;
    }
}

static void psadbw(union xmm *d, const union xmm *s, unsigned imm)
{
    (void)imm;
    for (unsigned half = 0; half < 2; half++) {
        uint64_t sum = 0;
        for (unsigned i = 8 * half; i < 8 * half + 8; i++)
            sum += d->b[i] > s->b[i] ? (uint64_t)d->b[i] - s->b[i] : (uint64_t)s->b[i] - d->b[i];
        d->q[half] = sum;
    }
}

static void pshufd(union xmm *d, const union xmm *s, unsigned imm)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = s->d[imm >> (2 * i) & 3];
}

static void pshuflw(union xmm *d, const union xmm *s, unsigned imm)
{
    for (unsigned i = 0; i < 4; i++)
        d->w[i] = s->w[imm >> (2 * i) & 3];
    d->q[1] = s->q[1];
}

static void pshufhw(union xmm *d, const union xmm *s, unsigned imm)
{
    d->q[0] = s->q[0];
    for (unsigned i = 0; i < 4; i++)
        d->w[4 + i] = s->w[4 + (imm >> (2 * i) & 3)];
}

static void shufps(union xmm *d, const union xmm *s, unsigned imm)
{
    union xmm a = *d;

    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (i < 2 ? a.d : s->d)[imm >> (2 * i) & 3];
}

static void shufpd(union xmm *d, const union xmm *s, unsigned imm)
{
    d->q[0] = d->q[imm & 1];
    d->q[1] = s->q[imm >> 1 & 1];
}

static void movd(union xmm *d, const union xmm *s, unsigned imm)
{
    (void)imm;
    *d = *s;
}

static void pinsrw(union xmm *d, const union xmm *s, unsigned imm)
{
    d->w[imm & 7] = s->w[0];
}

static void pextrw(union xmm *d, const union xmm *s, unsigned imm)
{
    d->d[0] = s->w[imm & 7];
}

#define MASK(name, lane, count, bits)                                \
    static void name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                \
        (void)imm;                                                   \
        for (unsigned i = 0; i < (count); i++)                       \
            d->d[0] |= (uint32_t)(s->lane[i] >> ((bits)-1)) << i;    \
    }
MASK(pmovmskb, b, 16, 8)
MASK(movmskps, d, 4, 32)
MASK(movmskpd, q, 2, 64)

static const struct sse_entry sse[256][SSE_PREFIXES] = {
#define SSE(opcode, prefix, shape, kernel, size, has_immediate) \
    [opcode][prefix] = {(shape), (kernel), (size)},
#include "cpu/soft/code/sse_list.h"
};

static const struct sse_entry *entry_of(const struct op *op)
{
    return &sse[op->opcode][op_sse_prefix(op)];
}

op_call *soft_sse_call(const struct op *op)
{
    return entry_of(op)->call;
}

/* FXSAVE FXRSTOR LDMXCSR STMXCSR - LFENCE MFENCE SFENCE CLFLUSH. With a prefix ("NP" in vol. 2)
 * these are other instructions, newer ones. */
bool do_group15(struct soft *c, struct op *op)
{
    unsigned kind = op->modrm >> 3 & 7;
    uint32_t at, value;

    if (op->flags & (OP_66 | OP_REP | OP_REPNE))
        return soft_raise(c, EXCEPTION_UD);
    if (!(op->flags & OP_MEMORY))
        return kind >= 5 ? true : soft_raise(c, EXCEPTION_UD);
    at = effective_address(c, op);
    switch (kind) {
    case 0:
        soft_sse_leave(c);
        return soft_fxsave(c, op);
    case 1:
        soft_sse_leave(c);
        return soft_fxrstor(c, op);
    case 2:
        if (!available(c))
            return false;
        soft_sse_leave(c);
        value = soft_load(c, op->seg, at, 4);
        if (c->raised)
            return false;
        if (value & UINT32_C(0xffff0000))
            return soft_raise_error(c, EXCEPTION_GP, 0);
        c->s.mxcsr = value;
        return true;
    case 3:
        if (!available(c))
            return false;
        soft_sse_leave(c);
        return soft_store(c, op->seg, at, 4, c->s.mxcsr);
    default:
        return soft_raise(c, EXCEPTION_UD);
    }
}
