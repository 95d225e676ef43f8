/*
 * The software CPU against the processor this runs on: random instructions that need no privilege,
 * each executed once by both from the same registers and memory, then everything is compared. The
 * host executes them in 32-bit mode (a signal frame that names the kernel's 32-bit code segment),
 * one at a time by the trap flag.
 *
 *   test_silicon [CASES [SEED]]
 *
 * Only x86-64 Linux can do this; elsewhere it says so and passes.
 */
#include <stdio.h>

#if !defined(__x86_64__) || !defined(__linux__)
int main(void)
{
    printf("1 passed, 0 failed (this host can't execute IA-32 code)\n");
    return 0;
}
#else

#include "cpu/soft/engine.h"

#include "cpu/arch.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>

/* Linear addresses of the test program: its code, data it may write, data it may only read. All
 * else is absent. */
#define CODE      UINT32_C(0x10000000)
#define DATA      UINT32_C(0x10010000)
#define DATA_SIZE UINT32_C(0x2000)
#define CONSTANT  (DATA + DATA_SIZE)
#define CODE_AT   64               /* the instruction's place in its page */
#define DIRECTORY UINT32_C(0x1000) /* physical addresses in the soft guest */
#define TABLE     UINT32_C(0x2000)
#define PHYSICAL  UINT32_C(0x10000)

struct fpu_image {
    uint8_t bytes[512]; /* as FXSAVE writes it */
};

struct registers {
    uint32_t gpr[8], eip, eflags;
    struct fpu_image fpu;
    int trap; /* 1: executed; else the exception */
    uint32_t error, cr2;
};

struct instruction {
    uint8_t bytes[16];
    unsigned length; /* of what was generated; what follows is random too */
    uint32_t undefined_flags;
};

static struct {
    uint64_t random;
    uint64_t cases, done, failed, executed, faulted;
    struct registers before;
    struct instruction instruction;
    uint8_t data[DATA_SIZE + PAGE_SIZE];
    uint8_t *code, *host; /* writable views of the host's pages */
    struct memory memory;
    struct soft *soft;
    uint64_t by_trap[32];
} test;

static uint32_t random32(void)
{
    test.random ^= test.random << 13;
    test.random ^= test.random >> 7;
    test.random ^= test.random << 17;
    return (uint32_t)(test.random >> 16);
}

static uint32_t below(uint32_t limit)
{
    return random32() % limit;
}

/* Numbers at which things change. */
static uint32_t interesting(void)
{
    static const uint32_t values[] = {0,          1,          2,          0x7f,       0x80,
                                      0xff,       0x100,      0x7fff,     0x8000,     0xffff,
                                      0x10000,    0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
                                      0x55555555, 0xaaaaaaaa, 31,         32,         33};
    switch (below(4)) {
    case 0:
        return values[below(sizeof(values) / sizeof(values[0]))];
    case 1:
        return below(40);
    case 2:
        return DATA + below(DATA_SIZE);
    default:
        return random32();
    }
}

static void random_real80(uint8_t *to)
{
    static const uint16_t exponents[] = {0x3fff, 0x3ffe, 0x4000, 0x0000, 0x0001, 0x7ffe,
                                         0x7fff, 0x3f80, 0x407e, 0x3c00, 0x43fe, 0x403e};
    uint64_t significand = (uint64_t)random32() << 32 | random32();
    uint16_t exponent = exponents[below(sizeof(exponents) / sizeof(exponents[0]))];

    if (below(3) == 0)
        exponent = (uint16_t)(0x3fff + below(64) - 32);
    if (below(4) == 0)
        significand = (uint64_t)random32() << 32;
    if (below(6) == 0)
        significand = 0;
    if (exponent)
        significand |= UINT64_C(1) << 63;
    if (below(40) == 0)
        significand ^= UINT64_C(1) << 63;
    if (below(2))
        exponent |= 0x8000;
    memcpy(to, &significand, 8);
    memcpy(to + 8, &exponent, 2);
}

static void random_xmm(uint8_t *to)
{
    static const uint32_t floats[] = {0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
                                      0xff800000, 0x7fc00000, 0x7f800001, 0x00000001, 0x007fffff,
                                      0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000, 0x3f000000};
    static const uint32_t highs[] = {0x00000000, 0x80000000, 0x3ff00000, 0xbff00000, 0x7ff00000,
                                     0xfff00000, 0x7ff80000, 0x7ff00001, 0x00000001, 0x000fffff,
                                     0x00100000, 0x7fefffff, 0x41e00000, 0xc1e00000, 0x3fe00000};
    unsigned kind = below(3);

    for (unsigned i = 0; i < 4; i++) {
        uint32_t value = random32();
        if (kind == 0 && below(2))
            value = floats[below(15)] ^ (below(4) ? 0 : below(16));
        else if (kind == 1 && (i & 1) && below(2))
            value = highs[below(15)];
        else if (kind == 1 && !(i & 1) && below(2))
            value = 0;
        memcpy(to + 4 * i, &value, 4);
    }
}

static void random_fpu(struct fpu_image *image)
{
    uint16_t control = 0x037f, status;
    uint32_t mxcsr = 0x1f80, mask = 0xffff;
    uint8_t tags = 0;

    memset(image, 0, sizeof(*image));
    if (below(2))
        control = (uint16_t)(0x007f | below(4) << 10 | (below(4) == 1 ? 0 : 0x300));
    if (below(8) == 0)
        control &= (uint16_t)(below(64) | 0xffd8); /* IE, DE and ZE may be unmasked */
    if (below(2))
        mxcsr |= below(4) << 13 | (below(4) == 0 ? 0x8000 : 0) | (below(4) == 0 ? 0x40 : 0);
    if (below(8) == 0)
        mxcsr &= ~((below(64) & ~24u) << 7); /* all but overflow and underflow */
    status = (uint16_t)(below(8) << 11 | (random32() & 0x4700));
    for (unsigned i = 0; i < 8; i++) {
        random_real80(image->bytes + 32 + 16 * i);
        random_xmm(image->bytes + 160 + 16 * i);
        if (below(5))
            tags |= (uint8_t)(1u << i);
    }
    memcpy(image->bytes, &control, 2);
    memcpy(image->bytes + 2, &status, 2);
    image->bytes[4] = tags;
    memcpy(image->bytes + 24, &mxcsr, 4);
    memcpy(image->bytes + 28, &mask, 4);
}

/* Instructions */

#define ALL_FLAGS EFLAGS_ARITHMETIC

/* What may not be tried: it would leave the process or see the difference between two systems. */
static bool forbidden(unsigned map, uint8_t opcode, uint8_t modrm)
{
    unsigned reg = modrm >> 3 & 7;

    if (map == 1) {
        switch (opcode) {
        case 0x07: /* segment loads */
        case 0x17:
        case 0x1f:
        case 0x8e:
        case 0xc4:
        case 0xc5:
        case 0x9a: /* far transfers, interrupts */
        case 0xea:
        case 0xca:
        case 0xcb:
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
        case 0xf1:
        case 0x63: /* arpl is tested, but see below */
            return opcode != 0x63;
        case 0x06: /* selectors differ */
        case 0x0e:
        case 0x16:
        case 0x1e:
        case 0x8c:
            return true;
        case 0x26: /* prefixes, and the way to the other map */
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0x66:
        case 0x67:
        case 0xf0:
        case 0xf2:
        case 0xf3:
        case 0x0f:
            return true;
        case 0x8f: /* XOP, on some processors of AMD */
            return reg != 0;
        case 0x62: /* with a register operand: EVEX, where there is AVX-512 */
            return modrm >= 0xc0;
        case 0xff:
            return reg == 3 || reg == 5;
        case 0xc6:
        case 0xc7: /* XABORT, XBEGIN */
            return reg == 7;
        case 0xd9: /* pointers, which processors keep differently; also FNSAVE */
            return modrm < 0xc0 ? reg == 6 || reg == 4 : reg == 3; /* not a documented FSTP */
        case 0xdd:
            return modrm < 0xc0 && (reg == 6 || reg == 4 || reg == 1);
        case 0xdb: /* FISTTP is SSE3 */
        case 0xdf:
            return modrm < 0xc0 && reg == 1;
        default:
            return false;
        }
    }
    if (opcode <= 0x0f && opcode != 0x0b) /* system, 3DNow! */
        return true;
    if (opcode >= 0x20 && opcode <= 0x27)
        return true;
    if (opcode >= 0x30 && opcode <= 0x3f) /* rdtsc, sysenter, newer maps */
        return true;
    switch (opcode) {
    case 0x77: /* MMX and what is newer than this processor */
    case 0x78:
    case 0x79:
    case 0x7c:
    case 0x7d:
    case 0xa0:
    case 0xa1:
    case 0xa8:
    case 0xa9:
    case 0xa2:
    case 0xa6:
    case 0xa7:
    case 0xaa:
    case 0xae:
    case 0xb2:
    case 0xb4:
    case 0xb5:
    case 0xb8:
    case 0xb9:
    case 0xd0:
    case 0xf0:
    case 0xff:
    case 0x52: /* approximations are each processor's own, but here it is the same one */
    case 0x53:
        return true;
    case 0xc7:
        return reg != 1 || modrm >= 0xc0;
    default:
        return false;
    }
}

/* SSE opcodes for which the prefix decides that it is MMX, or SSE3 and later. */
static bool forbidden_sse(uint8_t opcode, uint8_t prefix)
{
    uint8_t immediate;

    if (prefix == 0xf3 && (opcode == 0xbc || opcode == 0xbd)) /* TZCNT, LZCNT */
        return true;
    if ((opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
        (opcode >= 0x50 && opcode <= 0x7f) || opcode >= 0xd0 || opcode == 0xc2 ||
        (opcode >= 0xc4 && opcode <= 0xc6))
        return !soft_sse_operation(opcode, prefix, &immediate);
    return false;
}

/* Flags the manual leaves undefined. */
static uint32_t undefined_flags(unsigned map, uint8_t opcode, uint8_t modrm)
{
    unsigned reg = modrm >> 3 & 7;

    if (map == 1) {
        switch (opcode) {
        case 0x27:
        case 0x2f:
            return EFLAGS_OF;
        case 0x37:
        case 0x3f:
            return EFLAGS_OF | EFLAGS_SF | EFLAGS_ZF | EFLAGS_PF;
        case 0xd4:
        case 0xd5:
            return EFLAGS_OF | EFLAGS_AF | EFLAGS_CF;
        case 0x69:
        case 0x6b:
            return EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF;
        case 0xc0:
        case 0xc1:
        case 0xd2:
        case 0xd3:
            return reg < 4 ? EFLAGS_OF : EFLAGS_OF | EFLAGS_AF | EFLAGS_CF * 0;
        case 0xd0:
        case 0xd1:
            return reg < 4 ? 0 : EFLAGS_AF;
        case 0xf6:
        case 0xf7:
            if (reg == 4 || reg == 5)
                return EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF;
            return reg >= 6 ? ALL_FLAGS : reg < 2 ? EFLAGS_AF : 0;
        default:
            /* AND, OR, XOR, TEST */
            if ((opcode < 0x40 && (opcode & 7) < 6 &&
                 ((opcode >> 3) == 1 || (opcode >> 3) == 4 || (opcode >> 3) == 6)) ||
                opcode == 0x84 || opcode == 0x85 || opcode == 0xa8 || opcode == 0xa9)
                return EFLAGS_AF;
            if (opcode >= 0x80 && opcode <= 0x83 && (reg == 1 || reg == 4 || reg == 6))
                return EFLAGS_AF;
            return 0;
        }
    }
    switch (opcode) {
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad:
        return EFLAGS_OF | EFLAGS_AF;
    case 0xaf:
        return EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF;
    case 0xbc:
    case 0xbd:
        return ALL_FLAGS & ~EFLAGS_ZF;
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xba:
    case 0xbb:
        return EFLAGS_OF | EFLAGS_SF | EFLAGS_AF | EFLAGS_PF;
    default:
        return 0;
    }
}

static void generate(struct instruction *in)
{
    static const uint8_t prefixes[] = {0x66, 0x66, 0x66, 0x66, 0x67, 0xf2, 0xf3,
                                       0xf3, 0x26, 0x2e, 0x36, 0x3e, 0xf0};
    unsigned map, at;
    uint8_t opcode, modrm, mandatory;
    bool has_66, has_f3;

    do {
        at = 0;
        mandatory = 0;
        has_66 = has_f3 = false;
        while (below(3) == 0 && at < 4) {
            uint8_t prefix = prefixes[below(sizeof(prefixes))];
            in->bytes[at++] = prefix;
            if (prefix == 0xf2 || prefix == 0xf3)
                mandatory = prefix;
            if (prefix == 0x66)
                has_66 = true;
            if (prefix == 0xf3)
                has_f3 = true;
        }
        map = below(2) ? 1 : 2;
        opcode = (uint8_t)random32();
        modrm = (uint8_t)random32();
        if (map == 1 && below(6) == 0)
            opcode = (uint8_t)(0xd8 + below(8));
        if (map == 2)
            in->bytes[at++] = 0x0f;
        in->bytes[at++] = opcode;
    } while (forbidden(map, opcode, modrm) ||
             (map == 2 && forbidden_sse(opcode, mandatory ? mandatory
                                                : has_66  ? 0x66
                                                          : 0)) ||
             (map == 2 && has_f3 && forbidden_sse(opcode, 0xf3)) ||
             (map == 1 && mandatory && (opcode & 0xfc) == 0xe0)); /* LOOP with REP is odd */
    in->bytes[at++] = modrm;
    in->undefined_flags = undefined_flags(map, opcode, modrm);
    in->length = at;
    while (at < sizeof(in->bytes))
        in->bytes[at++] = (uint8_t)random32();
    at = in->length;
    /* Without a base register the displacement is the address; else it is better small. */
    if ((modrm & 7) == 4 && modrm < 0xc0)
        at++;
    if (modrm < 0x40 && ((modrm & 7) == 5 || ((modrm & 7) == 4 && (in->bytes[at - 1] & 7) == 5))) {
        uint32_t address = DATA - 8 + below(DATA_SIZE + 16);
        memcpy(in->bytes + at, &address, 4);
    } else if (modrm >= 0x80 && modrm < 0xc0 && below(8)) {
        uint32_t small = below(256) - 128;
        memcpy(in->bytes + at, &small, 4);
    } else if (below(2)) {
        /* Immediates near 0 and branch targets nearby */
        uint32_t value = below(2) ? below(64) : interesting();
        memcpy(in->bytes + at, &value, 4);
    }
}

static void generate_case(void)
{
    struct registers *r = &test.before;

    generate(&test.instruction);
    for (unsigned i = 0; i < 8; i++)
        r->gpr[i] = interesting();
    if (below(8))
        r->gpr[CPU_ESP] = DATA + DATA_SIZE / 2 + below(64) * 4;
    if (below(3)) {
        r->gpr[CPU_ESI] = DATA + below(DATA_SIZE + PAGE_SIZE - 16);
        r->gpr[CPU_EDI] = DATA + below(DATA_SIZE);
        r->gpr[CPU_EBX] = (DATA + below(DATA_SIZE)) & ~15u;
    }
    if (below(2))
        r->gpr[CPU_ECX] = below(80);
    r->eip = CODE + CODE_AT;
    r->eflags = (random32() & (ALL_FLAGS | EFLAGS_DF)) | EFLAGS_IF | EFLAGS_RESERVED | EFLAGS_TF;
    random_fpu(&r->fpu);
    /* Memory changes little by little. */
    for (unsigned i = 0; i < 4; i++) {
        uint32_t at = below(DATA_SIZE + PAGE_SIZE - 16);
        if (below(2))
            random_real80(test.data + at);
        else
            random_xmm(test.data + (at & ~15u));
    }
    memcpy(test.code + CODE_AT, test.instruction.bytes, sizeof(test.instruction.bytes));
    memcpy(test.host, test.data, sizeof(test.data));
}

/* The software CPU */

static void put_memory(uint32_t physical, const void *from, uint32_t length)
{
    memory_write(&test.memory, physical, from, length);
}

static void map_page(uint32_t linear, uint32_t physical, uint32_t flags)
{
    uint32_t pde = TABLE | 0x67, pte = physical | flags | 0x61;

    put_memory(DIRECTORY + (linear >> 22) * 4, &pde, 4);
    put_memory(TABLE + (linear >> 12 & 0x3ff) * 4, &pte, 4);
}

static bool make_soft(void)
{
    struct cpu_state state;
    struct cpu *cpu;
    char why[160];

    if (memory_init(&test.memory, MEMORY_MIN) < 0)
        return false;
    cpu = cpu_soft_create(&test.memory, why, sizeof(why));
    if (!cpu) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    test.soft = soft_of(cpu);
    map_page(CODE, PHYSICAL, 4);
    memset(memory_at(&test.memory, PHYSICAL, PAGE_SIZE), 0x90, PAGE_SIZE);
    for (uint32_t i = 0; i < DATA_SIZE; i += PAGE_SIZE)
        map_page(DATA + i, PHYSICAL + PAGE_SIZE + i, 6);
    map_page(CONSTANT, PHYSICAL + PAGE_SIZE + DATA_SIZE, 4);
    arch_flat_protected(&state, 0, 0, (struct cpu_table){0, 0}, (struct cpu_table){0, 0});
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        state.segment[i].selector = i == CPU_CS ? 0x23 : 0x2b;
        state.segment[i].attributes |= 0x60;
    }
    state.tr.limit = 0; /* no I/O map */
    state.cr0 |= CR0_PG | CR0_WP | CR0_NE | CR0_MP;
    state.cr3 = DIRECTORY;
    state.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    return cpu->ops->set_state(cpu, &state) == 0;
}

static void set_soft_fpu(struct soft *c, const uint8_t *image)
{
    uint16_t status;

    memcpy(&c->s.fpu.control, image, 2);
    memcpy(&status, image + 2, 2);
    c->s.fpu.status = status & 0xc7ff;
    c->s.fpu.top = status >> 11 & 7;
    c->s.fpu.empty = (uint8_t)~image[4];
    memcpy(&c->s.mxcsr, image + 24, 4);
    for (unsigned i = 0; i < 8; i++) {
        union fpu_register *r = &c->s.fpu.r[(c->s.fpu.top + i) & 7];
        memcpy(&r->bits.significand, image + 32 + 16 * i, 8);
        memcpy(&r->bits.exponent, image + 40 + 16 * i, 2);
        memcpy(&c->s.xmm[i], image + 160 + 16 * i, 16);
    }
}

static void get_soft_fpu(const struct soft *c, uint8_t *image)
{
    uint16_t status = (uint16_t)(c->s.fpu.status | c->s.fpu.top << 11);

    memset(image, 0, 512);
    memcpy(image, &c->s.fpu.control, 2);
    memcpy(image + 2, &status, 2);
    image[4] = (uint8_t)~c->s.fpu.empty;
    memcpy(image + 24, &c->s.mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        const union fpu_register *r = &c->s.fpu.r[(c->s.fpu.top + i) & 7];
        memcpy(image + 32 + 16 * i, &r->bits.significand, 8);
        memcpy(image + 40 + 16 * i, &r->bits.exponent, 2);
        memcpy(image + 160 + 16 * i, &c->s.xmm[i], 16);
    }
}

static void run_soft(struct registers *after)
{
    struct soft *c = test.soft;

    memory_write(&test.memory, PHYSICAL + CODE_AT, test.instruction.bytes,
                 sizeof(test.instruction.bytes));
    memory_write(&test.memory, PHYSICAL + PAGE_SIZE, test.data, sizeof(test.data));
    memcpy(c->s.gpr, test.before.gpr, sizeof(test.before.gpr));
    c->s.eip = test.before.eip;
    c->s.eflags = 0;
    soft_set_eflags(c, test.before.eflags, ~EFLAGS_RESERVED);
    set_soft_fpu(c, test.before.fpu.bytes);
    c->epoch++;
    c->generation++;
    c->raised = RAISED_NOTHING;
    c->s.cr2 = 0;
    c->logged = c->replayed = 0;
    c->budget = 1;
    soft_execute(c, true);
    soft_fpu_leave(c);
    soft_sse_leave(c);
    memcpy(after->gpr, c->s.gpr, sizeof(after->gpr));
    after->eip = c->s.eip;
    after->eflags = soft_eflags(c);
    after->trap = c->raised ? c->vector : 1;
    after->error = c->raised && c->has_error ? c->error : 0;
    after->cr2 = c->s.cr2;
    get_soft_fpu(c, after->fpu.bytes);
}

/* The host */

static void from_context(struct registers *r, const ucontext_t *context)
{
    static const int order[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                                 REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    const greg_t *g = context->uc_mcontext.gregs;

    for (unsigned i = 0; i < 8; i++)
        r->gpr[i] = (uint32_t)g[order[i]];
    r->eip = (uint32_t)g[REG_RIP];
    r->eflags = (uint32_t)g[REG_EFL];
    r->trap = (int)g[REG_TRAPNO];
    r->error = (uint32_t)g[REG_ERR];
    r->cr2 = (uint32_t)g[REG_CR2];
    memcpy(r->fpu.bytes, context->uc_mcontext.fpregs, 512);
}

static void to_context(const struct registers *r, ucontext_t *context)
{
    static const int order[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                                 REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    greg_t *g = context->uc_mcontext.gregs;
    uint8_t *fpu = (uint8_t *)context->uc_mcontext.fpregs;
    uint64_t features;

    for (unsigned i = 0; i < 8; i++)
        g[order[i]] = r->gpr[i];
    g[REG_RIP] = r->eip;
    g[REG_EFL] = r->eflags;
    g[REG_CSGSFS] = (greg_t)((uint64_t)0x2b << 48 | 0x23);
    memcpy(fpu, r->fpu.bytes, 288); /* up to XMM7; the XMM registers beyond stay */
    /* The header of the extended state says which parts aren't in their initial state. */
    memcpy(&features, fpu + 512, 8);
    features |= 3;
    memcpy(fpu + 512, &features, 8);
}

static void print_registers(const char *who, const struct registers *r)
{
    uint16_t control, status;
    uint32_t mxcsr;

    memcpy(&control, r->fpu.bytes, 2);
    memcpy(&status, r->fpu.bytes + 2, 2);
    memcpy(&mxcsr, r->fpu.bytes + 24, 4);
    printf("  %s trap %d error %x cr2 %08x eip %08x eflags %08x x87 %04x %04x %02x mxcsr %04x\n   ",
           who, r->trap, r->error, r->cr2, r->eip, r->eflags, control, status, r->fpu.bytes[4],
           mxcsr);
    for (unsigned i = 0; i < 8; i++)
        printf(" %08x", r->gpr[i]);
    printf("\n");
}

static void print_fpu(const char *who, const struct registers *r)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t significand, low, high;
        uint16_t exponent;
        memcpy(&significand, r->fpu.bytes + 32 + 16 * i, 8);
        memcpy(&exponent, r->fpu.bytes + 40 + 16 * i, 2);
        memcpy(&low, r->fpu.bytes + 160 + 16 * i, 8);
        memcpy(&high, r->fpu.bytes + 168 + 16 * i, 8);
        printf("  %s st%u %04x:%016llx xmm%u %016llx:%016llx\n", who, i, exponent,
               (unsigned long long)significand, i, (unsigned long long)high,
               (unsigned long long)low);
    }
}

static bool same_fpu(const struct fpu_image *a, const struct fpu_image *b)
{
    if (memcmp(a->bytes, b->bytes, 5) != 0 || memcmp(a->bytes + 24, b->bytes + 24, 4) != 0)
        return false;
    for (unsigned i = 0; i < 8; i++) {
        if (memcmp(a->bytes + 32 + 16 * i, b->bytes + 32 + 16 * i, 10) != 0)
            return false;
    }
    return memcmp(a->bytes + 160, b->bytes + 160, 128) == 0;
}

static bool is_prefix(uint8_t byte)
{
    return memchr("\x66\x67\xf2\xf3\x26\x2e\x36\x3e\xf0", byte, 9) != NULL;
}

/* What of a case isn't comparable. */
static uint32_t ignored_flags(const struct registers *before)
{
    const struct instruction *in = &test.instruction;
    uint32_t ignored = in->undefined_flags;
    unsigned at = 0, count;

    while (is_prefix(in->bytes[at]))
        at++;
    count = in->bytes[at] == 0x0f ? in->bytes[at + 1] : in->bytes[at];
    /* Shifts by 0 change no flag at all. */
    if (in->bytes[at] >= 0xd2 && in->bytes[at] <= 0xd3)
        count = before->gpr[CPU_ECX] & 31;
    else if (in->bytes[at] == 0x0f && (in->bytes[at + 1] & 0xf6) == 0xa4)
        return ignored | EFLAGS_CF; /* undefined beyond the operand's size */
    else
        return ignored;
    return count == 0 ? 0 : count == 1 ? ignored & ~EFLAGS_OF : ignored;
}

static void compare(struct registers *host, struct registers *soft)
{
    uint32_t flags = ~(ignored_flags(&test.before) | EFLAGS_RF | EFLAGS_TF), code_limit;
    const uint8_t *memory = memory_at(&test.memory, PHYSICAL + PAGE_SIZE, sizeof(test.data));
    const uint8_t *opcode = test.instruction.bytes;
    bool same;

    while (is_prefix(*opcode))
        opcode++;
    /* Which operand of CMPS is read first is not said, nor when exactly MASKMOVDQU faults. */
    if (host->trap != 1 && soft->trap != 1 && (*opcode & 0xfe) == 0xa6)
        *soft = *host;
    if (opcode[0] == 0x0f && opcode[1] == 0xf7 && (host->trap != 1 || soft->trap != 1))
        *soft = *host;
    /* Nor whether an operand that wraps around is beyond the limit of 4 GiB. */
    if (host->trap == 14 && (soft->trap == 13 || soft->trap == 12) && host->cr2 >= 0xfffffff0)
        *soft = *host;
    if (host->trap == 14)
        host->error &= ~0x10u; /* instruction fetch, which only some modes tell */
    else
        host->cr2 = soft->cr2 = 0;
    /* A fault in fetching the next instruction comes instead of the trap. */
    if (host->trap == 14 && host->cr2 == host->eip && soft->trap == 1)
        host->trap = 1, host->error = 0, host->cr2 = 0;
    if (soft->trap == 1)
        soft->cr2 = 0;
    if (host->trap == 1)
        host->error = 0;
    code_limit = host->trap < 32 ? (uint32_t)host->trap : 31;
    test.by_trap[code_limit]++;
    if (host->trap == 1)
        test.executed++;
    else
        test.faulted++;
    if (host->trap != 1)
        flags = ~(EFLAGS_RF | EFLAGS_TF);
    same = memcmp(host->gpr, soft->gpr, sizeof(host->gpr)) == 0 && host->eip == soft->eip &&
           host->trap == soft->trap && host->error == soft->error && host->cr2 == soft->cr2 &&
           ((host->eflags ^ soft->eflags) & flags) == 0 && same_fpu(&host->fpu, &soft->fpu) &&
           memcmp(test.host, memory, sizeof(test.data)) == 0;
    if (same)
        return;
    if (test.failed++ >= 20)
        return;
    printf("case %llu differs:", (unsigned long long)test.done);
    for (unsigned i = 0; i < sizeof(test.instruction.bytes); i++)
        printf("%s%02x", i == test.instruction.length ? " | " : " ", test.instruction.bytes[i]);
    printf("\n");
    print_registers("before", &test.before);
    print_registers("host  ", host);
    print_registers("soft  ", soft);
    if (!same_fpu(&host->fpu, &soft->fpu)) {
        print_fpu("before", &test.before);
        print_fpu("host  ", host);
        print_fpu("soft  ", soft);
    }
    for (uint32_t i = 0; i < sizeof(test.data); i++) {
        if (test.host[i] != memory[i])
            printf("  memory %08x: before %02x host %02x soft %02x\n", DATA + i, test.data[i],
                   test.host[i], memory[i]);
    }
}

/* Every signal is the end of one case and the beginning of the next. */
static void on_signal(int signal, siginfo_t *info, void *data)
{
    static bool running;
    static ucontext_t home;
    static struct fpu_image home_fpu;
    ucontext_t *context = data;

    (void)info;
    /* The instruction may have been a POPF: AC, ID and NT would stay. */
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x244000, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp"
                     :
                     :
                     : "cc", "memory");
    if (!running) {
        home = *context;
        memcpy(&home_fpu, context->uc_mcontext.fpregs, sizeof(home_fpu));
        running = true;
    } else {
        struct registers host, soft;
        uint32_t control = 0x1f80;

        if ((context->uc_mcontext.gregs[REG_CSGSFS] & 0xffff) != 0x23) {
            printf("signal %d in the test itself, at %#llx, in case %llu\n", signal,
                   (unsigned long long)context->uc_mcontext.gregs[REG_RIP],
                   (unsigned long long)test.done);
            fflush(stdout);
            _exit(2);
        }
        __asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(control));
        from_context(&host, context);
        run_soft(&soft);
        compare(&host, &soft);
        test.done++;
    }
    if (test.done >= test.cases) {
        memcpy(context->uc_mcontext.gregs, home.uc_mcontext.gregs, sizeof(home.uc_mcontext.gregs));
        memcpy(context->uc_mcontext.fpregs, &home_fpu, sizeof(home_fpu));
        running = false;
        return;
    }
    generate_case();
    to_context(&test.before, context);
}

static uint8_t *map_low(uint32_t address, uint32_t size, int protection, uint8_t **view)
{
    int fd = memfd_create("test", 0);

    if (fd < 0 || ftruncate(fd, size) < 0)
        return NULL;
    *view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mmap((void *)(uintptr_t)address, size, protection, MAP_SHARED | MAP_FIXED, fd, 0);
}

int main(int argc, char **argv)
{
    static uint8_t stack[1 << 16];
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    uint8_t *constant;
    struct timespec from, to;

    test.cases = argc > 1 ? strtoull(argv[1], NULL, 0) : 200000;
    test.random = (argc > 2 ? strtoull(argv[2], NULL, 0) : 1) * UINT64_C(0x9e3779b97f4a7c15);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!make_soft() || map_low(CODE, PAGE_SIZE, PROT_READ | PROT_EXEC, &test.code) == MAP_FAILED ||
        map_low(DATA, DATA_SIZE + PAGE_SIZE, PROT_READ | PROT_WRITE, &test.host) == MAP_FAILED) {
        printf("0 passed, 1 failed: no memory\n");
        return 1;
    }
    constant = (uint8_t *)(uintptr_t)CONSTANT;
    if (mprotect(constant, PAGE_SIZE, PROT_READ) < 0)
        return 1;
    /* Present from the start, so that error codes are those of protection. */
    if (*(volatile uint8_t *)constant != 0)
        return 1;
    memset(test.code, 0x90, PAGE_SIZE);
    for (unsigned i = 0; i + 16 <= sizeof(test.data); i += 16)
        random_xmm(test.data + i);
    sigaltstack(&alternate, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    __asm__ volatile("movl $0x2b, %%eax\n\tmovl %%eax, %%ds\n\tmovl %%eax, %%es" : : : "eax");
    clock_gettime(CLOCK_MONOTONIC, &from);
    raise(SIGTRAP);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%llu cases in %.1f s: %llu executed, %llu faulted (", (unsigned long long)test.done,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9,
           (unsigned long long)test.executed, (unsigned long long)test.faulted);
    for (unsigned i = 0; i < 32; i++) {
        if (test.by_trap[i] && i != 1)
            printf(" #%u: %llu", i, (unsigned long long)test.by_trap[i]);
    }
    printf(" )\n%llu passed, %llu failed\n", (unsigned long long)(test.done - test.failed),
           (unsigned long long)test.failed);
    return test.failed != 0;
}
#endif
