/*
 * The software CPU against the processor this runs on: instructions as user programs can have them,
 * each executed once by both from the same registers and memory, then everything is compared. The
 * host executes them in ring 3 in 32-bit or 16-bit code (a signal frame that names such a segment),
 * one at a time by the trap flag. Segments of all kinds come from a local descriptor table, which
 * both have: modify_ldt(2).
 *
 *   test_silicon [-c] [-i EVERY,TIMES] [CASES [SEED]]
 *      -c   prints how often what was executed
 *      -i   to test this test: falsifies the host's answer in every EVERYth case, the first TIMES
 *           times that it is asked; 0: always
 *
 * The first cases go through every opcode, prefix and ModRM byte, the others are random. It fails
 * too if something that the decoder accepts was never executed.
 *
 * A case in which the two differ is repeated. Some processors are unsteady: in one case of some ten
 * thousand they raise #GP instead of executing a short branch under the trap flag, and execute it
 * the next time. If the host once answers as the software CPU does, the case passes, and is
 * printed; too many of these are a failure.
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

#include "cpu/arch.h"
#include "cpu/soft/code/decode.h"
#include "cpu/soft/interp/interp.h"
#include "cpu/soft/state/flags.h"
#include "cpu/soft/state/paging.h"
#include "cpu/soft/state/segment.h"

#include <asm/ldt.h>
#include <inttypes.h>
#include <sched.h>
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
#define CODE_AT   64                   /* the instruction's usual place in its page */
#define TABLES    UINT32_C(0x10100000) /* of the soft guest: descriptors, ring 0's stack */
#define DIRECTORY UINT32_C(0x1000)     /* physical addresses in the soft guest */
#define TABLE     UINT32_C(0x2000)
#define PHYSICAL  UINT32_C(0x10000)
#define GDT       TABLES
#define LDT       (TABLES + 0x100)
#define TSS       (TABLES + 0x800)
#define STACK0    (TABLES + 0x1000) /* downwards */
#define IDT       (TABLES + 0x1000)
#define HANDLER   (TABLES + 0x2000)
#define GDT_COUNT 16

struct fpu_image {
    uint8_t bytes[512]; /* as FXSAVE writes it */
};

struct registers {
    uint32_t gpr[8], eip, eflags;
    uint16_t selector[CPU_SEGMENTS];
    struct fpu_image fpu;
    int trap; /* 1: executed; else the exception */
    uint32_t error, cr2;
};

struct instruction {
    uint8_t bytes[16];
    unsigned map; /* 1: opcodes of a byte, 2: those behind 0F */
    uint8_t opcode, modrm;
    uint32_t undefined_flags;
    struct op op;
    unsigned at; /* in the code page */
};

static struct {
    uint64_t random;
    uint64_t cases, done, failed, unsteady, executed, faulted;
    uint64_t falsify_every; /* 0: never */
    unsigned falsify_times, asked;
    struct registers first; /* the host's first answer to a case that is repeated */
    struct registers before;
    struct instruction instruction;
    uint8_t data[DATA_SIZE + PAGE_SIZE];
    uint8_t *code, *host; /* writable views of the host's pages */
    struct memory memory;
    struct soft *soft;
    uint64_t by_trap[32];
    uint64_t cells[2][256][4][16]; /* executed; see cell_of */
    bool undefined[2][256][4][16];
    uint8_t printed[2][256];
    struct timespec begin;
    bool shows_progress;
} test;

/* The host's segment registers when a case ended, or as the next is to have them. */
uint16_t host_selector[CPU_SEGMENTS];
uint64_t host_fs_base; /* thread-local storage */

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
    bool is_memory = modrm < 0xc0;

    if (map == 1) {
        switch (opcode) {
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
        case 0x62: /* with a register operand: EVEX and VEX, where there is AVX */
        case 0xc4:
        case 0xc5:
            return !is_memory;
        case 0xc6:
        case 0xc7: /* XABORT, XBEGIN */
            return reg == 7;
        case 0xd9: /* not a documented FSTP */
            return !is_memory && reg == 3;
        case 0xdb: /* FISTTP is SSE3 */
        case 0xdd:
        case 0xdf:
            return is_memory && reg == 1;
        default:
            return false;
        }
    }
    switch (opcode) {
    case 0x00: /* the kernel may answer for SLDT, STR, SGDT, SIDT, SMSW: CR4.UMIP */
        return reg < 2;
    case 0x01: /* with a register: VMX, SVM and others */
        return is_memory ? reg == 0 || reg == 1 || reg == 4 : reg != 6;
    case 0x21: /* DR4 and DR5: which of two faults comes first differs by maker */
    case 0x23:
        return reg == 4 || reg == 5;
    case 0x05: /* SYSCALL, SYSRET, SYSENTER, SYSEXIT, GETSEC */
    case 0x07:
    case 0x34:
    case 0x35:
    case 0x37:
    case 0x0d: /* with a register: undefined or not */
        return opcode != 0x0d || !is_memory;
    case 0x0e: /* 3DNow! */
    case 0x0f:
    case 0x38: /* SSSE3 and later */
    case 0x3a:
    case 0x77: /* MMX and what is newer than this processor */
    case 0x78:
    case 0x79:
    case 0x7c:
    case 0x7d:
    case 0xa6:
    case 0xa7:
    case 0xb8:
    case 0xd0:
    case 0xf0:
        return true;
    case 0xae: /* XSAVE, XRSTOR, XSAVEOPT, CLFLUSH */
        return is_memory ? reg >= 4 : reg < 5;
    case 0xc7:
        return reg != 1 || !is_memory;
    default:
        return false;
    }
}

/* SSE opcodes for which the prefix decides that it is MMX, or SSE3 and later. */
static bool forbidden_sse(uint8_t opcode, uint8_t prefix)
{
    enum sse_prefix column = prefix == 0x66   ? SSE_66
                             : prefix == 0xf3 ? SSE_F3
                             : prefix == 0xf2 ? SSE_F2
                                              : SSE_NP;

    if (prefix == 0xf3 && (opcode == 0xbc || opcode == 0xbd)) /* TZCNT, LZCNT */
        return true;
    if (prefix && (opcode == 0xae || opcode == 0xc3)) /* CLWB and others; MOVNTI has none */
        return true;
    if ((opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
        (opcode >= 0x50 && opcode <= 0x7f) || (opcode >= 0xd0 && opcode != 0xff) ||
        opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6))
        return !soft_is_sse(opcode, column);
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

#define PREFIX_CLASSES 4 /* what SSE opcodes are told apart by: none, 66, F3, F2 */
static const uint8_t class_prefix[PREFIX_CLASSES] = {0, 0x66, 0xf3, 0xf2};

#define ENUMERATED (UINT64_C(2) * 256 * 256 * PREFIX_CLASSES)

/* Prefixes and opcode; false: not to be tried. */
static bool generate_opcode(struct instruction *in, unsigned *length)
{
    static const uint8_t prefixes[] = {0x66, 0x66, 0x66, 0x67, 0x67, 0xf2, 0xf3, 0xf3,
                                       0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0};
    uint64_t number = test.done;
    unsigned at = 0;
    uint8_t mandatory = 0;
    bool has_66 = false, has_f3 = false, has_lock = false;

    while (below(3) == 0 && at < 4)
        in->bytes[at++] = prefixes[below(sizeof(prefixes))];
    in->map = below(2) ? 1 : 2;
    in->opcode = (uint8_t)random32();
    in->modrm = (uint8_t)random32();
    if (in->map == 1 && below(6) == 0)
        in->opcode = (uint8_t)(0xd8 + below(8));
    if (number < ENUMERATED && !*length) {
        in->modrm = number & 0xff;
        in->opcode = number >> 8 & 0xff;
        in->map = 1 + (number >> 16 & 1);
        if (class_prefix[number >> 17])
            in->bytes[at++] = class_prefix[number >> 17];
    }
    for (unsigned i = 0; i < at; i++) {
        if (in->bytes[i] >= 0xf2)
            mandatory = in->bytes[i];
        has_66 |= in->bytes[i] == 0x66;
        has_f3 |= in->bytes[i] == 0xf3;
        has_lock |= in->bytes[i] == 0xf0;
    }
    if (in->map == 2)
        in->bytes[at++] = 0x0f;
    in->bytes[at++] = in->opcode;
    in->bytes[at++] = in->modrm;
    *length = at;
    if (forbidden(in->map, in->opcode, in->modrm))
        return false;
    if (in->map == 1)
        return !(mandatory && (in->opcode & 0xfc) == 0xe0); /* LOOP with REP is odd */
    /* LOCK and CR0 is CR8 to some, and some overlook LOCK before VERW. */
    if (has_lock && ((in->opcode & 0xfc) == 0x20 || in->opcode == 0x00))
        return false;
    return !forbidden_sse(in->opcode, mandatory ? mandatory
                                      : has_66  ? 0x66
                                                : 0) &&
           !(has_f3 && forbidden_sse(in->opcode, 0xf3));
}

static void generate(struct instruction *in)
{
    uint8_t modrm;
    unsigned at = 0;

    while (!generate_opcode(in, &at))
        ;
    modrm = in->modrm;
    in->undefined_flags = undefined_flags(in->map, in->opcode, modrm);
    for (unsigned i = at; i < sizeof(in->bytes); i++)
        in->bytes[i] = (uint8_t)random32();
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

/* Segments */

#define LDT_SELECTOR(n) ((n) << 3 | 7)
enum {
    CODE_16,
    CODE_16_FLAT,
    CODE_32,
    CODE_32_SHORT,
    CODE_16_SHORT,
    CODE_32_EXECUTE_ONLY,
    CODE_ABSENT,
    CODE_CONFORMING_ABSENT,
    DATA_32,
    DATA_16,
    DATA_SMALL,
    DATA_READ_ONLY,
    DOWN_32,
    DOWN_16,
    DOWN_READ_ONLY,
    DATA_ABSENT,
    DATA_WRAPPING,
    DATA_PAGES,
    DOWN_PAGES,
    DOWN_EMPTY,
    DATA_ONE_BYTE,
    STACK_16_TOP,
    LDT_COUNT
};

/* What modify_ldt is told. Contents: data, expand-down data, code, conforming code. */
static const struct {
    uint32_t base, limit;
    unsigned contents;
    bool is_32, is_read_only, is_absent, in_pages;
} segments[LDT_COUNT] = {
    [CODE_16] = {CODE, 0xfff, 2, false, false, false, false},
    [CODE_16_FLAT] = {0, 0xfffff, 2, false, false, false, true},
    [CODE_32] = {CODE, 0xfff, 2, true, false, false, false},
    [CODE_32_SHORT] = {CODE, CODE_AT + 3, 2, true, false, false, false},
    [CODE_16_SHORT] = {CODE, CODE_AT + 2, 2, false, false, false, false},
    [CODE_32_EXECUTE_ONLY] = {CODE, 0xfff, 2, true, true, false, false},
    [CODE_ABSENT] = {CODE, 0xfff, 2, true, false, true, false},
    [CODE_CONFORMING_ABSENT] = {CODE, 0xfff, 3, true, false, true, false},
    [DATA_32] = {DATA, 0x1fff, 0, true, false, false, false},
    [DATA_16] = {DATA, 0x2fff, 0, false, false, false, false},
    [DATA_SMALL] = {DATA + 0x100, 0x1f, 0, true, false, false, false},
    [DATA_READ_ONLY] = {DATA, 0x2fff, 0, true, true, false, false},
    [DOWN_32] = {DATA, 0xfff, 1, true, false, false, false},
    [DOWN_16] = {DATA, 0xfff, 1, false, false, false, false},
    [DOWN_READ_ONLY] = {DATA, 0xfff, 1, true, true, false, false},
    [DATA_ABSENT] = {DATA, 0x1fff, 0, true, false, true, false},
    [DATA_WRAPPING] = {DATA + UINT32_C(0x80000000), 0xfffff, 0, true, false, false, true},
    [DATA_PAGES] = {DATA, 1, 0, true, false, false, true},
    [DOWN_PAGES] = {DATA, 0, 1, true, false, false, true},
    [DOWN_EMPTY] = {DATA, 0xfffff, 1, true, false, false, true},
    [DATA_ONE_BYTE] = {DATA, 0, 0, true, false, false, false},
    [STACK_16_TOP] = {DATA + 0x1000 - 0x10000, 0xffff, 0, false, false, false, false},
};

/* In the GDT: what Linux has for user programs, and two that are ring 0's. */
#define USER_CODE       0x23
#define USER_DATA       0x2b
#define USER_CODE64     0x33 /* never to jump to */
#define KERNEL_CODE     0x10
#define KERNEL_DATA     0x18

#define PICK(list) list[below(sizeof(list) / sizeof(list[0]))]

static uint16_t random_selector(bool for_transfer)
{
    static const uint16_t global[] = {USER_CODE, USER_DATA, 0x7b, 0x10, 0x18, 0x40, 0x50, 0, 0x83};
    uint32_t selector = below(4) ? LDT_SELECTOR(below(LDT_COUNT + 1)) : PICK(global);

    if (for_transfer && below(2))
        selector = LDT_SELECTOR(below(CODE_CONFORMING_ABSENT + 1));
    if (below(4) == 0)
        selector = (selector & ~3u) | below(4);
    if (below(64) == 0)
        selector = for_transfer ? 0xfff8 : USER_CODE64;
    return (uint16_t)selector;
}

static void generate_segments(uint16_t *selector)
{
    static const uint8_t code[] = {CODE_16, CODE_16,       CODE_16,       CODE_16_FLAT,
                                   CODE_32, CODE_32_SHORT, CODE_16_SHORT, CODE_32_EXECUTE_ONLY};
    static const uint8_t stack[] = {DATA_32,       DATA_16,       DATA_16,    DOWN_32,
                                    DOWN_16,       DATA_WRAPPING, DATA_PAGES, DOWN_PAGES,
                                    DATA_ONE_BYTE, STACK_16_TOP};
    static const uint8_t data[] = {CODE_16,    CODE_16_FLAT,   CODE_32,        DATA_32,
                                   DATA_16,    DATA_SMALL,     DATA_READ_ONLY, DOWN_32,
                                   DOWN_16,    DOWN_READ_ONLY, DATA_WRAPPING,  DATA_PAGES,
                                   DOWN_PAGES, DOWN_EMPTY,     DATA_ONE_BYTE,  STACK_16_TOP,
                                   DATA_32,    DATA_16,        DATA_16,        DATA_32};
    static const uint16_t global[] = {USER_DATA, USER_CODE, USER_CODE64, 0x7b, 0};
    bool flat = below(2);

    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        if (flat || below(6) == 0)
            selector[i] = i == CPU_CS ? USER_CODE : i < CPU_FS || below(2) ? USER_DATA : 0;
        else if (i == CPU_CS)
            selector[i] = (uint16_t)LDT_SELECTOR(PICK(code));
        else if (i == CPU_SS)
            selector[i] = (uint16_t)LDT_SELECTOR(PICK(stack));
        else
            selector[i] = (uint16_t)(below(8) ? LDT_SELECTOR(PICK(data)) : PICK(global));
    }
}

/* For the selectors above. */
static uint32_t base_of(uint16_t selector)
{
    return selector & 4 && selector >> 3 < LDT_COUNT ? segments[selector >> 3].base : 0;
}

/* Cases */

static void set_soft(void);

static uint32_t offset_in(const struct op *op)
{
    const uint32_t *gpr = test.before.gpr;
    uint32_t base = op->base < CPU_GPRS ? gpr[op->base] : 0;
    uint32_t index = op->index < CPU_GPRS ? gpr[op->index] : 0;

    return (base + (index << op->scale) + op->disp) & op->mask;
}

static uint32_t address_in(const struct op *op)
{
    return test.soft->s.segment[op->seg].base + offset_in(op);
}

/* Changes the base register so that the operand lies in the data. */
static void aim(const struct op *op)
{
    uint32_t *gpr = test.before.gpr, *base = &gpr[op->base], value;
    uint32_t index = op->index < CPU_GPRS ? gpr[op->index] << op->scale : 0;

    if (op->base >= CPU_GPRS || op->base == op->index)
        return;
    value = DATA + below(DATA_SIZE + 64);
    if (below(2))
        value &= ~15u;
    value -= test.soft->s.segment[op->seg].base + index + op->disp;
    *base = (*base & ~op->mask) | (value & op->mask);
}

static bool plant(uint32_t linear, const void *data, uint32_t length)
{
    if (linear < DATA || linear - DATA > sizeof(test.data) - length)
        return false;
    memcpy(test.data + (linear - DATA), data, length);
    return true;
}

static uint32_t random_target(uint16_t selector)
{
    uint32_t base = base_of(selector);

    return below(16) == 0 ? interesting() : base ? below(PAGE_SIZE + 16) : CODE + below(PAGE_SIZE);
}

/* Gives an instruction that has to do with segments, or with much memory, something to work on. */
static void prepare(struct instruction *in)
{
    const struct op *op = &in->op;
    struct registers *r = &test.before;
    uint32_t stack_bits =
        test.soft->s.segment[CPU_SS].attributes & SEGMENT_DB ? UINT32_MAX : 0xffff;
    uint32_t top = test.soft->s.segment[CPU_SS].base + (r->gpr[CPU_ESP] & stack_bits);
    uint32_t size = op->size, value, limits[2];
    struct fpu_image image;
    uint16_t selector;

    if ((op->flags & OP_MEMORY) && below(2))
        aim(op);
    if (op->kind == KIND_MOV_TO_SEGMENT || op->kind == KIND_GROUP6 || op->kind == KIND_LAR_LSL ||
        op->kind == KIND_ARPL) {
        selector = random_selector(false);
        if (op->flags & OP_MEMORY)
            plant(address_in(op), &selector, 2);
        else
            r->gpr[op->rm] = selector | random32() << 16;
    } else if (op->kind == KIND_LOAD_FAR || op->kind == KIND_JMP_FAR_E ||
               op->kind == KIND_CALL_FAR_E) {
        selector = random_selector(op->kind != KIND_LOAD_FAR);
        value = random_target(selector);
        plant(address_in(op), &value, size);
        plant(address_in(op) + size, &selector, 2);
    } else if (op->kind == KIND_JMP_FAR || op->kind == KIND_CALL_FAR) {
        selector = random_selector(true);
        value = random_target(selector);
        value = size == 2 ? value & 0xffff : value;
        memcpy(in->bytes + op->length - 2 - size, &value, size);
        memcpy(in->bytes + op->length - 2, &selector, 2);
    } else if (op->kind == KIND_POP_SEGMENT) {
        selector = random_selector(false);
        plant(top, &selector, 2);
    } else if (op->kind == KIND_RET_FAR || op->kind == KIND_IRET) {
        selector = random_selector(true);
        value = random_target(selector);
        plant(top, &value, size);
        value = selector | random32() << 16;
        plant(top + size, &value, size);
        value = random32() | EFLAGS_TF;
        /* Without a trap it would go on. */
        if (op->kind == KIND_IRET && !plant(top + 2 * size, &value, size))
            memset(in->bytes, 0x90, sizeof(in->bytes));
    } else if (op->kind == KIND_BOUND) {
        limits[0] = r->gpr[op->reg] - below(3);
        limits[1] = r->gpr[op->reg] + below(3);
        plant(address_in(op), &limits[0], size);
        plant(address_in(op) + size, &limits[1], size);
    } else if (op->kind == KIND_INT && op->imm == 0x80) {
        in->bytes[op->length - 1] = below(2) ? 3 : 4; /* no system calls */
    } else if ((op->kind == KIND_LEAVE || op->kind == KIND_ENTER) && below(2)) {
        r->gpr[CPU_EBP] = r->gpr[CPU_ESP] + below(64);
    } else if (op->kind == KIND_GROUP15) {
        random_fpu(&image);
        plant(address_in(op), image.bytes, sizeof(image.bytes));
    }
    /* What loads SS has no trap behind it: one more instruction is executed. */
    if ((op->kind == KIND_MOV_TO_SEGMENT || op->kind == KIND_POP_SEGMENT) &&
        op->length < sizeof(in->bytes))
        in->bytes[op->length] = 0x90;
}

static uint32_t code_bytes(void)
{
    uint32_t left = PAGE_SIZE - test.instruction.at;

    return left < sizeof(test.instruction.bytes) ? left : sizeof(test.instruction.bytes);
}

static void generate_case(void)
{
    struct registers *r = &test.before;
    struct instruction *in = &test.instruction;
    uint32_t stack;

    generate(in);
    in->at = below(16) ? CODE_AT : PAGE_SIZE - 1 - below(sizeof(in->bytes));
    generate_segments(r->selector);
    if (in->at != CODE_AT && (r->selector[CPU_CS] == LDT_SELECTOR(CODE_32_SHORT) ||
                              r->selector[CPU_CS] == LDT_SELECTOR(CODE_16_SHORT)))
        in->at = CODE_AT;
    for (unsigned i = 0; i < 8; i++)
        r->gpr[i] = interesting();
    if (below(8)) {
        stack = DATA + DATA_SIZE / 2 + below(64) * 4 - base_of(r->selector[CPU_SS]);
        r->gpr[CPU_ESP] = stack;
        if (stack < 0x10000 && below(4) == 0) /* a stack of 16 bits looks no further */
            r->gpr[CPU_ESP] |= random32() << 16;
    }
    if (below(3)) {
        r->gpr[CPU_ESI] = DATA + below(DATA_SIZE + PAGE_SIZE - 16) - base_of(r->selector[CPU_DS]);
        r->gpr[CPU_EDI] = DATA + below(DATA_SIZE) - base_of(r->selector[CPU_ES]);
        r->gpr[CPU_EBX] = ((DATA + below(DATA_SIZE)) & ~15u) - base_of(r->selector[CPU_DS]);
    }
    if (below(2))
        r->gpr[CPU_ECX] = below(80);
    r->eip = CODE + in->at - base_of(r->selector[CPU_CS]);
    r->eflags = (random32() & (ALL_FLAGS | EFLAGS_DF)) | EFLAGS_IF | EFLAGS_RESERVED | EFLAGS_TF |
                (below(16) ? 0 : EFLAGS_AC);
    random_fpu(&r->fpu);
    /* Memory changes little by little. */
    for (unsigned i = 0; i < 4; i++) {
        uint32_t at = below(DATA_SIZE + PAGE_SIZE - 16);
        if (below(2))
            random_real80(test.data + at);
        else
            random_xmm(test.data + (at & ~15u));
    }
    set_soft();
    if (soft_decode(&in->op, in->bytes, code_bytes(), r->eip, (uint32_t)test.soft->mode,
                    test.soft->s.segment[CPU_CS].limit) != DECODED_SHORT)
        prepare(in);
    memcpy(test.code + in->at, in->bytes, code_bytes());
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

#define TABLES_PHYSICAL (PHYSICAL + UINT32_C(0x10000))

static void put_table(uint32_t linear, const void *from, uint32_t length)
{
    put_memory(TABLES_PHYSICAL + (linear - TABLES), from, length);
}

/* The host's LDT, and the same for the guest. */
static bool make_ldt(void)
{
    uint8_t image[LDT_COUNT * 8];

    for (unsigned i = 0; i < LDT_COUNT; i++) {
        struct user_desc d = {
            .entry_number = i,
            .base_addr = segments[i].base,
            .limit = segments[i].limit,
            .seg_32bit = segments[i].is_32,
            .contents = segments[i].contents & 3,
            .read_exec_only = segments[i].is_read_only,
            .limit_in_pages = segments[i].in_pages,
            .seg_not_present = segments[i].is_absent,
        };
        if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) != 0)
            return false;
    }
    if (syscall(SYS_modify_ldt, 0, image, sizeof(image)) != sizeof(image))
        return false;
    put_table(LDT, image, sizeof(image));
    return true;
}

/* The guest's GDT has what LAR and LSL tell of the host's. */
static void make_gdt(void)
{
    static const struct descriptor kernel[] = {{0x0000ffff, 0x00cf9b00}, {0x0000ffff, 0x00cf9300}};

    for (uint32_t i = 0; i < GDT_COUNT; i++) {
        uint32_t access = 0, limit = 0;
        struct descriptor d = {0, 0};
        bool is_there;
        __asm__("lar %2, %0\n\tsetz %1" : "+r"(access), "=qm"(is_there) : "r"(i << 3 | 3) : "cc");
        __asm__("lsl %1, %0" : "+r"(limit) : "r"(i << 3 | 3) : "cc");
        if (is_there) {
            if (access & 0x800000)
                limit >>= 12;
            d = (struct descriptor){limit & 0xffff, access | (limit & 0xf0000)};
        }
        put_table(GDT + 8 * i, &d, sizeof(d));
    }
    put_table(GDT + KERNEL_CODE, kernel, sizeof(kernel));
}

/* Programs may execute INT 3 and INT 4 (and INTO). */
static void make_idt(void)
{
    uint32_t stack[2] = {STACK0, KERNEL_DATA};
    uint16_t no_ports = 0xffff;

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t to = HANDLER + i, dpl = i == EXCEPTION_BP || i == EXCEPTION_OF ? 3 : 0;
        struct descriptor gate = {KERNEL_CODE << 16 | (to & 0xffff),
                                  (to & 0xffff0000) | 0x8e00 | dpl << 13};
        put_table(IDT + 8 * i, &gate, sizeof(gate));
    }
    put_table(TSS + 4, stack, sizeof(stack));
    put_table(TSS + 102, &no_ports, 2);
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
    map_page(TABLES, TABLES_PHYSICAL, 2);
    map_page(TABLES + PAGE_SIZE, TABLES_PHYSICAL + PAGE_SIZE, 2);
    make_gdt();
    make_idt();
    arch_flat_protected(&state, 0, 0, (struct cpu_table){GDT, 8 * GDT_COUNT - 1},
                        (struct cpu_table){IDT, 0x7ff});
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        state.segment[i].selector = i == CPU_CS ? USER_CODE : USER_DATA;
        state.segment[i].attributes |= 0x60;
    }
    state.tr =
        (struct cpu_segment){.base = TSS, .limit = 0x67, .selector = 0x40, .attributes = 0x8b};
    state.ldtr = (struct cpu_segment){
        .base = LDT, .limit = 8 * LDT_COUNT - 1, .selector = 0x50, .attributes = 0x82};
    state.cr0 |= CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_AM;
    state.cr3 = DIRECTORY;
    state.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE;
    return cpu->ops->set_state(cpu, &state) == 0 && make_ldt();
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

/* Loads what comes before the case: registers and segments. */
static void set_soft(void)
{
    struct soft *c = test.soft;
    const uint16_t *selector = test.before.selector;
    struct descriptor d;

    c->epoch++;
    c->generation++;
    c->raised = RAISED_NOTHING;
    c->s.eflags = 0;
    soft_set_cpl(c, 3);
    if (!soft_descriptor(c, selector[CPU_CS], &d, EXCEPTION_GP))
        abort();
    soft_set_code(c, selector[CPU_CS], d, 3);
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        if (i != CPU_CS && !soft_load_segment(c, i, selector[i])) {
            printf("the software CPU can't load segment register %u with %x\n", i, selector[i]);
            abort();
        }
    }
    memcpy(c->s.gpr, test.before.gpr, sizeof(test.before.gpr));
    c->s.eip = test.before.eip;
    soft_set_eflags(c, test.before.eflags, ~EFLAGS_RESERVED);
    set_soft_fpu(c, test.before.fpu.bytes);
    c->s.cr2 = c->s.shadow = 0;
    c->logged = c->replayed = 0;
}

static uint16_t without_null(uint16_t selector)
{
    return selector & ~3u ? selector : 0; /* returns to ring 3 may clear the last bits */
}

static void run_soft(struct registers *after)
{
    struct soft *c = test.soft;

    memory_write(&test.memory, PHYSICAL + test.instruction.at, test.instruction.bytes,
                 code_bytes());
    memory_write(&test.memory, PHYSICAL + PAGE_SIZE, test.data, sizeof(test.data));
    set_soft();
    c->budget = 1;
    soft_execute(c, true);
    if (!c->raised && c->s.shadow == SHADOW_SS) {
        c->budget = 1;
        soft_execute(c, true);
    }
    soft_fpu_leave(c);
    soft_sse_leave(c);
    after->eip = c->s.eip;
    after->eflags = soft_eflags(c);
    after->trap = c->raised ? c->vector : 1;
    after->error = c->raised && c->has_error ? c->error : 0;
    after->cr2 = c->s.cr2;
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        after->selector[i] = without_null(c->s.segment[i].selector);
    memcpy(after->gpr, c->s.gpr, sizeof(after->gpr));
    get_soft_fpu(c, after->fpu.bytes);
    if (!c->raised && c->s.cpl == 0) { /* in an interrupt's handler: the rest is on its stack */
        uint32_t frame[5];
        after->trap = (int)(c->s.eip - HANDLER);
        memory_read(&test.memory, TABLES_PHYSICAL + (c->s.gpr[CPU_ESP] - TABLES), frame,
                    sizeof(frame));
        after->eip = frame[0];
        after->selector[CPU_CS] = (uint16_t)frame[1];
        after->eflags = frame[2];
        after->gpr[CPU_ESP] = frame[3];
        after->selector[CPU_SS] = (uint16_t)frame[4];
    }
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
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        r->selector[i] = without_null(host_selector[i]);
    r->selector[CPU_CS] = (uint16_t)g[REG_CSGSFS];
    r->selector[CPU_SS] = (uint16_t)((uint64_t)g[REG_CSGSFS] >> 48);
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
    g[REG_CSGSFS] = (greg_t)((uint64_t)r->selector[CPU_SS] << 48 | r->selector[CPU_CS]);
    memcpy(host_selector, r->selector, sizeof(host_selector));
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
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        printf(" %02x", r->selector[i]);
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

/* What of a case isn't comparable. */
static uint32_t ignored_flags(const struct registers *before)
{
    const struct instruction *in = &test.instruction;
    uint32_t ignored = in->undefined_flags;
    unsigned count;

    /* Shifts by 0 change no flag at all. */
    if (in->map == 1 && in->opcode >= 0xd2 && in->opcode <= 0xd3)
        count = before->gpr[CPU_ECX] & 31;
    else if (in->map == 2 && (in->opcode & 0xf6) == 0xa4)
        return ignored | EFLAGS_CF; /* undefined beyond the operand's size */
    else
        return ignored;
    return count == 0 ? 0 : count == 1 ? ignored & ~EFLAGS_OF : ignored;
}

/* PUSH and POP of a segment register, as 32 bits. The processor may move the selector's 16 bits
 * alone (SDM vol. 2, PUSH): Intel's do, AMD's move all 32. */
static bool moves_segment_by_stack(const struct instruction *in)
{
    static const uint8_t one[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f};

    if (in->op.size != 4)
        return false;
    return in->map == 1 ? memchr(one, in->opcode, sizeof(one)) != NULL
                        : (in->opcode & 0xf6) == 0xa0;
}

/* The half of the pushed value that the host has left as it was. */
static void forgive_upper_half(void)
{
    const struct cpu_segment *ss = &test.soft->s.segment[CPU_SS];
    uint32_t mask = ss->attributes & SEGMENT_DB ? UINT32_MAX : 0xffff;
    uint32_t at = ss->base + ((test.before.gpr[CPU_ESP] - 2) & mask) - DATA;

    if (at <= sizeof(test.data) - 2 && memcmp(test.host + at, test.data + at, 2) == 0)
        memory_write(&test.memory, PHYSICAL + PAGE_SIZE + at, test.host + at, 2);
}

/* What ENTER may have pushed before it faulted. Some processors look at all of the new frame first.
 */
static void forgive_frame(void)
{
    const struct cpu_segment *ss = &test.soft->s.segment[CPU_SS];
    uint32_t mask = ss->attributes & SEGMENT_DB ? UINT32_MAX : 0xffff;

    for (uint32_t i = 1; i <= 32u * test.instruction.op.size; i++) {
        uint32_t at = ss->base + ((test.before.gpr[CPU_ESP] - i) & mask) - DATA;
        if (at < sizeof(test.data))
            memory_write(&test.memory, PHYSICAL + PAGE_SIZE + at, test.host + at, 1);
    }
}

/* Parts of memory that the instruction fills with what is the host's own. */
static void forgive_memory(void)
{
    const struct instruction *in = &test.instruction;
    uint32_t from = 0, to = 0, address = address_in(&in->op);
    unsigned reg = in->modrm >> 3 & 7;

    if (moves_segment_by_stack(in))
        forgive_upper_half();
    if (in->modrm >= 0xc0)
        return;
    if (in->map == 1 && ((in->opcode == 0xd9 && reg == 6) || (in->opcode == 0xdd && reg == 6)))
        from = in->op.size * 3u, to = in->op.size * 7u; /* pointers to the last x87 instruction */
    else if (in->map == 2 && in->opcode == 0xae && reg == 0)
        from = 6, to = 32; /* and which bits of MXCSR there are */
    for (uint32_t i = from; i < to; i++) {
        if (i == 24 && in->map == 2)
            i = 28;
        uint32_t at = address + i - DATA;
        if (at < sizeof(test.data))
            memory_write(&test.memory, PHYSICAL + PAGE_SIZE + at, test.host + at, 1);
    }
}

static bool fetches_beyond(void)
{
    const struct cpu_segment *cs = &test.soft->s.segment[CPU_CS];

    return test.instruction.at > PAGE_SIZE - 15 || test.before.eip + 14 > cs->limit;
}

/* Whether an operand, or one on the stack or of a string instruction, may lie across 4 GiB. */
static bool may_wrap_around(const struct op *op)
{
    static const unsigned pointers[] = {CPU_ESP, CPU_EBP, CPU_ESI, CPU_EDI};
    bool wraps = offset_in(op) >= 0xfffffff0;

    for (unsigned i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
        wraps |= test.before.gpr[pointers[i]] + 16 < 32;
    return wraps;
}

/* SHLD and SHRD of 16 bits by more than 16: the result is undefined. */
static bool shifts_too_far(const struct instruction *in)
{
    uint32_t count = in->opcode & 1 ? test.before.gpr[CPU_ECX] : in->op.imm;

    return in->map == 2 && (in->opcode & 0xf6) == 0xa4 && in->op.size == 2 && (count & 31) > 16;
}

/* Between two comparisons of a repeated CMPS or SCAS: the flags may be those of the last one, or as
 * before the instruction (Intel's; they are no input of it). */
static void forgive_repeated_compare(const struct registers *host, struct registers *soft)
{
    const struct instruction *in = &test.instruction;
    bool compares = in->map == 1 && ((in->opcode & 0xfe) == 0xa6 || (in->opcode & 0xfe) == 0xae);

    if (compares && (in->op.flags & (OP_REP | OP_REPNE)) && host->trap == 1 &&
        host->eip == test.before.eip && ((host->eflags ^ test.before.eflags) & ALL_FLAGS) == 0)
        soft->eflags = (soft->eflags & ~ALL_FLAGS) | (host->eflags & ALL_FLAGS);
}

#define FPU_SUMMARY   0x80 /* of the x87 status: an unmasked exception is pending */

static uint16_t fpu_status(const struct registers *r)
{
    uint16_t status;

    memcpy(&status, r->fpu.bytes + 2, 2);
    return status;
}

/* The same for registers. True: the manual leaves open which of several faults the instruction has,
 * or whether it has one, and the two took different ones. */
static bool forgive(struct registers *host, struct registers *soft)
{
    const struct instruction *in = &test.instruction;
    bool both_fault = host->trap != 1 && soft->trap != 1;
    unsigned reg = in->modrm >> 3 & 7;

    if (host->trap == EXCEPTION_PF)
        host->error &= ~0x10u; /* instruction fetch, which only some modes tell */
    else
        host->cr2 = soft->cr2 = 0;
    if (in->map == 1) {
        /* Which operand is read first: CMPS, far RET, IRET. To more privilege the latter can't, but
         * some processors find out late. */
        if (both_fault &&
            ((in->opcode & 0xfe) == 0xa6 || (in->opcode & 0xfe) == 0xca || in->opcode == 0xcf))
            return true;
        /* Whether a near CALL looks at the stack or at its target first. */
        if (both_fault && (in->opcode == 0xe8 || (in->opcode == 0xff && reg == 2)))
            return true;
        /* Whether registers that POPA has read are loaded before the fault of a later one. */
        if (both_fault && in->opcode == 0x61)
            return true;
        if (both_fault && in->op.kind == KIND_ENTER)
            forgive_frame();
        /* In which pieces an x87 state, and an 80-bit number, is checked. */
        if (both_fault && (in->opcode & 0xf9) == 0xd9 && reg >= 4)
            return true;
        /* Whether an unmasked exception of a store, which then isn't done, comes before the fault
         * of its operand. */
        if ((in->opcode & 0xf9) == 0xd9 && in->modrm < 0xc0 && host->trap == 1 && soft->trap != 1 &&
            (fpu_status(host) & FPU_SUMMARY))
            return true;
        if (in->opcode == 0xf1) /* ICEBP: some hypervisors say it is there, not behind */
            soft->eip = host->eip;
    } else {
        if (in->opcode == 0x02 && in->op.size == 4) /* LAR: four bits are open */
            soft->gpr[reg] = (soft->gpr[reg] & ~UINT32_C(0xf0000)) | (host->gpr[reg] & 0xf0000);
        if (in->opcode == 0x31) /* RDTSC */
            soft->gpr[CPU_EAX] = host->gpr[CPU_EAX], soft->gpr[CPU_EDX] = host->gpr[CPU_EDX];
        if (in->opcode == 0xa2) /* CPUID */
            memcpy(soft->gpr, host->gpr, 4 * sizeof(soft->gpr[0]));
        /* Whether the moves for unaligned operands heed EFLAGS.AC. */
        if (host->trap == EXCEPTION_AC &&
            ((in->opcode & 0xfe) == 0x10 || (in->opcode & 0xef) == 0x6f))
            return true;
        if (in->opcode == 0xf7 && (host->trap != 1 || soft->trap != 1)) /* MASKMOVDQU */
            return true;
        /* In which pieces FXSAVE and FXRSTOR check, and whether the alignment first. */
        if (both_fault && in->opcode == 0xae && reg < 2)
            return true;
    }
    /* A selector of 16 bits needs less room, and less alignment. */
    if (moves_segment_by_stack(in) && soft->trap != host->trap &&
        (soft->trap == EXCEPTION_SS || soft->trap == EXCEPTION_PF || soft->trap == EXCEPTION_AC))
        return true;
    if (shifts_too_far(in) && host->trap == soft->trap && host->eip == soft->eip)
        return true;
    forgive_repeated_compare(host, soft);
    /* Bytes of an undefined instruction that can't be fetched may be missed before it is one. */
    if (soft->trap == EXCEPTION_UD && (host->trap == EXCEPTION_GP || host->trap == EXCEPTION_PF) &&
        fetches_beyond())
        return true;
    /* Whether an operand that wraps around is beyond the limit of 4 GiB. */
    if ((soft->trap == EXCEPTION_GP || soft->trap == EXCEPTION_SS) &&
        ((host->trap == EXCEPTION_PF && host->cr2 >= 0xfffffff0) ||
         (host->trap == EXCEPTION_PF && offset_in(&in->op) >= 0xfffffff0) ||
         (host->trap == EXCEPTION_AC && may_wrap_around(&in->op))))
        return true;
    /* A fault in fetching the next instruction comes instead of the trap. */
    if (host->trap == EXCEPTION_PF && host->cr2 == base_of(host->selector[CPU_CS]) + host->eip &&
        soft->trap == 1)
        host->trap = 1, host->error = 0, host->cr2 = 0;
    /* The guest's tables are present, for ring 0. */
    if (soft->trap == EXCEPTION_PF && soft->cr2 - TABLES < 2 * PAGE_SIZE)
        soft->error &= ~1u;
    if (soft->trap == 1)
        soft->cr2 = 0;
    if (host->trap == 1)
        host->error = 0;
    forgive_memory();
    return false;
}

static bool same_registers(const struct registers *host, const struct registers *soft)
{
    bool executed = host->trap == 1 || host->trap == EXCEPTION_BP || host->trap == EXCEPTION_OF;
    uint32_t ignored = EFLAGS_RF | EFLAGS_TF | (executed ? ignored_flags(&test.before) : 0);

    return memcmp(host->gpr, soft->gpr, sizeof(host->gpr)) == 0 && host->eip == soft->eip &&
           memcmp(host->selector, soft->selector, sizeof(host->selector)) == 0 &&
           host->trap == soft->trap && host->error == soft->error && host->cr2 == soft->cr2 &&
           ((host->eflags ^ soft->eflags) & ~ignored) == 0 && same_fpu(&host->fpu, &soft->fpu);
}

static const uint8_t *soft_data(void)
{
    return memory_at(&test.memory, PHYSICAL + PAGE_SIZE, sizeof(test.data));
}

static void count(const struct instruction *in, bool is_undefined);

static void count_case(const struct registers *host, const struct registers *soft)
{
    test.by_trap[host->trap < 32 ? host->trap : 31]++;
    if (host->trap == 1 || host->trap == EXCEPTION_BP || host->trap == EXCEPTION_OF) {
        test.executed++;
        count(&test.instruction, false);
    } else {
        test.faulted++;
        if (host->trap == EXCEPTION_UD && soft->trap == EXCEPTION_UD)
            count(&test.instruction, true);
    }
}

static void print_case(const char *what)
{
    printf("case %llu %s:", (unsigned long long)test.done, what);
    for (unsigned i = 0; i < sizeof(test.instruction.bytes); i++) {
        bool ends = i && i == test.instruction.op.length;
        printf("%s%02x", ends ? " | " : " ", test.instruction.bytes[i]);
    }
    printf("\n");
}

static void print_difference(const struct registers *host, const struct registers *soft)
{
    const uint8_t *memory = soft_data();

    if (test.failed > 200 || test.printed[test.instruction.map - 1][test.instruction.opcode]++ >= 2)
        return;
    print_case("differs");
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

/* How often the host is asked before a difference is one, and how many cases may be unsteady. */
#define ASKED_AT_MOST 16

static uint64_t unsteady_at_most(void)
{
    return 4 + test.cases / 5000;
}

static void print_unsteady(const struct registers *host)
{
    if (test.unsteady > unsteady_at_most() + 1)
        return;
    print_case("is unsteady");
    printf("  the host had trap %d at eip %08x at first, trap %d at eip %08x when asked again (%u "
           "times)\n",
           test.first.trap, test.first.eip, host->trap, host->eip, test.asked);
}

/* What -i is for: an answer as of a processor that has executed nothing. */
static void falsify(struct registers *host)
{
    bool is_due = test.falsify_every && test.done % test.falsify_every == 0 &&
                  (!test.falsify_times || test.asked < test.falsify_times);

    if (!is_due || host->trap != 1)
        return;
    *host = test.before;
    host->trap = EXCEPTION_GP;
    host->error = host->cr2 = 0;
    memcpy(test.host, test.data, sizeof(test.data));
}

/* Compares the host's answer. False: it is to be asked again. */
static bool end_case(struct registers *host)
{
    struct registers soft;
    bool same;

    falsify(host);
    run_soft(&soft);
    same = forgive(host, &soft) ||
           (same_registers(host, &soft) && memcmp(test.host, soft_data(), sizeof(test.data)) == 0);
    if (!same && !test.asked)
        test.first = *host;
    if (!same && ++test.asked < ASKED_AT_MOST)
        return false;
    count_case(host, &soft);
    if (!same) {
        test.failed++;
        print_difference(host, &soft);
    } else if (test.asked) {
        test.unsteady++;
        print_unsteady(host);
    }
    return true;
}

/* What was executed, by opcode, prefix where that makes another instruction, and bits 3-7 of ModRM
 * (three of the register field, one for the memory or register form). */

static bool is_sse(uint8_t opcode)
{
    for (enum sse_prefix i = SSE_NP; i < SSE_PREFIXES; i++) {
        if (soft_is_sse(opcode, i))
            return true;
    }
    return false;
}

static void count(const struct instruction *in, bool is_undefined)
{
    unsigned class = 0, cell = (in->modrm >> 3 & 7) | (in->modrm >= 0xc0 ? 8 : 0);

    if (in->map == 2 && is_sse(in->opcode))
        class = in->op.flags & OP_REP     ? 2
                : in->op.flags & OP_REPNE ? 3
                : in->op.flags & OP_66    ? 1
                                          : 0;
    if (is_undefined)
        test.undefined[in->map - 1][in->opcode][class][cell] = true;
    else
        test.cells[in->map - 1][in->opcode][class][cell]++;
}

/* What signals call. The kernel leaves the segment registers as they were: the case's. FS is the
 * way to thread-local storage, so that no C can run before it is as usual. */
void signal_entry(int signal, siginfo_t *info, void *context);
__asm__(".text\n"
        "signal_entry:\n\t"
        "movw %es, host_selector(%rip)\n\t"
        "movw %ds, 6 + host_selector(%rip)\n\t"
        "movw %fs, 8 + host_selector(%rip)\n\t"
        "movw %gs, 10 + host_selector(%rip)\n\t"
        "pushq %rdi\n\t"
        "pushq %rsi\n\t"
        "pushq %rdx\n\t"
        "movl $0x2b, %eax\n\t"
        "movl %eax, %ds\n\t"
        "movl %eax, %es\n\t"
        "movl $158, %eax\n\t" /* arch_prctl(ARCH_SET_FS, host_fs_base) */
        "movl $0x1002, %edi\n\t"
        "movq host_fs_base(%rip), %rsi\n\t"
        "syscall\n\t"
        "popq %rdx\n\t"
        "popq %rsi\n\t"
        "popq %rdi\n\t"
        "subq $8, %rsp\n\t"
        "call on_signal\n\t"
        "addq $8, %rsp\n\t"
        "testl %eax, %eax\n\t"
        "jz 1f\n\t"
        "movw host_selector(%rip), %es\n\t"
        "movw 6 + host_selector(%rip), %ds\n\t"
        "movw 8 + host_selector(%rip), %fs\n\t"
        "movw 10 + host_selector(%rip), %gs\n"
        "1:\n\t"
        "ret\n");

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) * 1e-9;
}

static void show_progress(void)
{
    double rate = (double)test.done / seconds_since(&test.begin);

    printf("\r%llu of %llu cases, %.0f/s, %.0f s left \r", (unsigned long long)test.done,
           (unsigned long long)test.cases, rate, (double)(test.cases - test.done) / rate);
    fflush(stdout);
}

/* Every signal is the end of one case and the beginning of the next. False: it was the last. */
__attribute__((used)) bool on_signal(int signal, siginfo_t *info, void *data)
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
        struct registers host;
        uint32_t control = 0x1f80;

        if ((uint64_t)context->uc_mcontext.gregs[REG_RIP] > UINT32_MAX) {
            printf("signal %d in the test itself, at %#llx, in case %llu\n", signal,
                   (unsigned long long)context->uc_mcontext.gregs[REG_RIP],
                   (unsigned long long)test.done);
            fflush(stdout);
            _exit(2);
        }
        __asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(control));
        from_context(&host, context);
        if ((host.selector[CPU_CS] & ~3u) != (USER_CODE64 & ~3u) && !end_case(&host)) {
            memcpy(test.host, test.data, sizeof(test.data));
            to_context(&test.before, context);
            return true;
        }
        test.asked = 0;
        test.done++;
    }
    if (test.done >= test.cases) {
        memcpy(context->uc_mcontext.gregs, home.uc_mcontext.gregs, sizeof(home.uc_mcontext.gregs));
        memcpy(context->uc_mcontext.fpregs, &home_fpu, sizeof(home_fpu));
        running = false;
        return false;
    }
    if (test.shows_progress && test.done % 65536 == 0)
        show_progress();
    generate_case();
    to_context(&test.before, context);
    return true;
}

/* What must have been executed */

/* Always #GP in ring 3. */
static bool is_privileged(unsigned map, unsigned opcode, unsigned reg)
{
    if (map == 1)
        return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xe4 && opcode <= 0xe7) ||
               (opcode >= 0xec && opcode <= 0xef) || opcode == 0xf4 || opcode == 0xfa ||
               opcode == 0xfb;
    return (opcode == 0x00 && reg < 4) || opcode == 0x01 || opcode == 0x06 || opcode == 0x08 ||
           opcode == 0x09 || (opcode >= 0x20 && opcode <= 0x23) || opcode == 0x30 ||
           opcode == 0x32 || opcode == 0x33;
}

/* Opcodes of which the register field of ModRM makes several instructions. */
static bool is_group(unsigned map, unsigned opcode)
{
    static const uint8_t groups[2][32] = {
        {0x80, 0x81, 0x82, 0x83, 0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe,
         0xff, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x8f, 0xc6, 0xc7},
        {0x00, 0x01, 0x71, 0x72, 0x73, 0xae, 0xba, 0xc7},
    };

    return memchr(groups[map - 1], (int)opcode, map == 1 ? 25 : 8) != NULL;
}

static bool is_accepted(unsigned map, unsigned opcode, unsigned class, unsigned modrm)
{
    uint8_t bytes[16] = {0};
    unsigned at = 0;
    struct op op;

    if (class_prefix[class])
        bytes[at++] = class_prefix[class];
    if (map == 2)
        bytes[at++] = 0x0f;
    bytes[at++] = (uint8_t)opcode;
    bytes[at++] = (uint8_t)modrm;
    soft_decode(&op, bytes, 15, CODE, MODE_CODE32, UINT32_MAX);
    return op.kind != KIND_UNDEFINED;
}

static uint64_t executed(unsigned map, unsigned opcode, unsigned class, unsigned cell, bool one)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < 16; i++)
        count += !one || i == cell ? test.cells[map - 1][opcode][class][i] : 0;
    return count;
}

/* Returns how many instructions the decoder accepts and nobody has executed. */
static unsigned check_coverage(void)
{
    unsigned missing = 0, kinds = 0;

    for (unsigned map = 1; map <= 2; map++) {
        for (unsigned i = 0; i < 256 * PREFIX_CLASSES * 16; i++) {
            unsigned opcode = i >> 6, class = i >> 4 & 3, cell = i & 15;
            unsigned modrm = (cell & 7) << 3 | (cell & 8 ? 0xc1 : 0x01);
            bool group = is_group(map, opcode);
            if (class && !(map == 2 && is_sse((uint8_t)opcode)))
                continue;
            if (!is_accepted(map, opcode, class, modrm) || is_privileged(map, opcode, cell & 7) ||
                forbidden(map, (uint8_t)opcode, (uint8_t)modrm))
                continue;
            if (!group)
                i |= 15; /* once is enough */
            if (test.undefined[map - 1][opcode][class][cell] &&
                !executed(map, opcode, class, cell, true))
                continue; /* known as undefined only when executed */
            kinds++;
            if (executed(map, opcode, class, cell, group))
                continue;
            missing++;
            printf("never executed: %02x %s%02x, ModRM %02x\n", class_prefix[class],
                   map == 2 ? "0f " : "", opcode, modrm);
        }
    }
    printf("%u kinds of instructions for ring 3 in the decoder, %u never executed\n", kinds,
           missing);
    return missing;
}

static void print_coverage(void)
{
    for (unsigned map = 1; map <= 2; map++) {
        printf("%s", map == 1 ? "executed, by opcode:\n" : "behind 0F:\n");
        for (unsigned opcode = 0; opcode < 256; opcode++) {
            uint64_t count = 0;
            for (unsigned class = 0; class < PREFIX_CLASSES; class ++)
                count += executed(map, opcode, class, 0, false);
            if (opcode % 16 == 0)
                printf("%02x:", opcode);
            printf(" %7llu%s", (unsigned long long)count, opcode % 16 == 15 ? "\n" : "");
        }
    }
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
    struct sigaction action = {.sa_sigaction = signal_entry,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    bool prints_coverage = false;
    uint8_t *constant;
    unsigned missing = 0;
    cpu_set_t one;
    int option;

    while ((option = getopt(argc, argv, "ci:")) != -1) {
        if (option == 'c')
            prints_coverage = true;
        else if (option != 'i' ||
                 sscanf(optarg, "%" SCNu64 ",%u", &test.falsify_every, &test.falsify_times) != 2)
            return 2;
    }
    argc -= optind, argv += optind;
    test.cases = argc > 0 ? strtoull(argv[0], NULL, 0) : ENUMERATED + 100000;
    test.random = (argc > 1 ? strtoull(argv[1], NULL, 0) : 1) * UINT64_C(0x9e3779b97f4a7c15);
    test.shows_progress = isatty(1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* One segment's limit is the number of the processor. */
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
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
    if (syscall(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &host_fs_base) < 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &test.begin);
    raise(SIGTRAP);
    printf("%llu cases in %.1f s: %llu executed, %llu faulted (", (unsigned long long)test.done,
           seconds_since(&test.begin), (unsigned long long)test.executed,
           (unsigned long long)test.faulted);
    for (unsigned i = 0; i < 32; i++) {
        if (test.by_trap[i] && i != 1)
            printf(" #%u: %llu", i, (unsigned long long)test.by_trap[i]);
    }
    printf(" )\n");
    if (prints_coverage)
        print_coverage();
    if (test.cases >= ENUMERATED)
        missing = check_coverage();
    printf("%llu unsteady cases, %llu allowed\n", (unsigned long long)test.unsteady,
           (unsigned long long)unsteady_at_most());
    if (test.unsteady > unsteady_at_most())
        test.failed += test.unsteady;
    printf("%llu passed, %llu failed\n", (unsigned long long)(test.done - test.failed),
           (unsigned long long)(test.failed + missing));
    return test.failed != 0 || missing != 0;
}
#endif
