/*
 * The lowest layer of the software CPU: the processor's state and what is derived from it; raising,
 * which is recording what is to be delivered. The layers are in
 * docs/software-cpu.md; a file includes no header of a layer above its own.
 */
#ifndef VMM_CPU_SOFT_STATE_H
#define VMM_CPU_SOFT_STATE_H

#include "base/memory.h"
#include "cpu/cpu.h"

#include <stdatomic.h>
#include <string.h>

/* Whether guest arithmetic is done by the host's own x87 and SSE. SOFT_PORTABLE is for tests. */
#if defined(__x86_64__) && !defined(SOFT_PORTABLE)
#define SOFT_HOST_X86 1
#endif

/* How long one instruction takes by the guest's clock: a nominal 500 MIPS. */
#define SOFT_NS_PER_INSTRUCTION 2u

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define SLOW        static __attribute__((noinline, cold))

#define SOFT_HAS_MMX 0

#define PAGE_SIZE  UINT32_C(4096)
#define PAGE_MASK  UINT32_C(0xfff)
#define PAGE_COUNT (UINT32_C(1) << 20)

#define EFLAGS_AC         UINT32_C(0x00040000)
#define EFLAGS_ID         UINT32_C(0x00200000)
#define EFLAGS_ARITHMETIC (EFLAGS_CF | EFLAGS_PF | EFLAGS_AF | EFLAGS_ZF | EFLAGS_SF | EFLAGS_OF)
#define CR0_NW            UINT32_C(0x20000000)
#define CR0_CD            UINT32_C(0x40000000)
#define CR0_AM            UINT32_C(0x00040000)
#define CR4_TSD           UINT32_C(0x004)
#define CR4_DE            UINT32_C(0x008)
#define CR4_MCE           UINT32_C(0x040)
#define CR4_PGE           UINT32_C(0x080)
#define CR4_PCE           UINT32_C(0x100)
#define CR4_OSFXSR        UINT32_C(0x200)
#define CR4_OSXMMEXCPT    UINT32_C(0x400)

/* Exceptions: Intel SDM vol. 3, table 6-1. */
enum {
    EXCEPTION_DE = 0,
    EXCEPTION_DB = 1,
    EXCEPTION_BP = 3,
    EXCEPTION_OF = 4,
    EXCEPTION_BR = 5,
    EXCEPTION_UD = 6,
    EXCEPTION_NM = 7,
    EXCEPTION_DF = 8,
    EXCEPTION_TS = 10,
    EXCEPTION_NP = 11,
    EXCEPTION_SS = 12,
    EXCEPTION_GP = 13,
    EXCEPTION_PF = 14,
    EXCEPTION_MF = 16,
    EXCEPTION_AC = 17,
    EXCEPTION_XM = 19,
};

/* An x87 register: the value for the host's arithmetic, or its 80 bits. Where the host's long
 * double isn't the x87 format, only `bits` is kept and fpu.c converts. */
union fpu_register {
    struct {
        uint64_t significand;
        uint16_t exponent; /* with the sign in bit 15 */
    } bits;
#ifdef SOFT_HOST_X86
    long double value;
#endif
};

struct fpu {
    union fpu_register r[8];  /* R0 to R7; ST(i) is R[(top + i) & 7] */
    uint16_t control, status; /* TOP is in `top`, not in `status` */
    uint8_t top, empty;       /* bit i of `empty`: Ri holds nothing */
    uint16_t opcode, code_selector, data_selector;
    uint32_t code_offset, data_offset;
};

union xmm {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t d[4];
    uint64_t q[2];
    float f[4];
    double g[2];
};

/*
 * All that a program can observe, now or later, and nothing else: no pointers and nothing derived.
 * A copy of it is a snapshot.
 *
 * The arithmetic flags are kept as the last result and what decides the rest: see flags.h.
 */
struct soft_state {
    uint32_t gpr[CPU_GPRS + 1]; /* the last is always 0: an address without base or index uses it */
    uint32_t eip;
    int64_t flag_result;
    uint32_t flag_carry;
    uint32_t eflags; /* without the arithmetic flags */
    struct cpu_segment segment[CPU_SEGMENTS];
    struct cpu_segment ldtr, tr;
    struct cpu_table gdtr, idtr;
    uint32_t cr0, cr2, cr3, cr4;
    uint32_t dr[8];
    uint32_t cpl;
    uint32_t shadow;     /* SHADOW_...: what came just before keeps interrupts out */
    uint32_t debug_hits; /* DR6 bits of data breakpoints met in this instruction */
    uint32_t mxcsr;
    uint32_t is_shutdown;
    uint64_t count;      /* instructions executed */
    uint64_t skew;       /* ns that passed while halted */
    uint64_t tsc_offset; /* what WRMSR made of the time-stamp counter */
    uint64_t sysenter[3];
    struct fpu fpu;
    union xmm xmm[8];
};

/* After STI no interrupt, after MOV SS and POP SS no debug trap either, for one instruction. */
enum { SHADOW_NONE, SHADOW_STI, SHADOW_SS };

/* Of the layers above: code/op.h, code/block.h. */
struct op;
struct block;
struct page_link;
struct back_end;

/* What of the processor's mode decoding depends on; in the low half of block.mode. The high half
 * is the base of CS. */
#define MODE_CODE32  1u
#define MODE_STACK32 2u
#define MODE_USER    4u
#define MODE_STEP    8u  /* not the processor's: blocks of one instruction */
#define MODE_STOPS   16u /* nor this: blocks end before the addresses in soft.stops */

/* Segment bases and what may be accessed without a further check: offsets below `read_end`
 * (`write_end`) are inside the limit for accesses of up to 16 bytes. Arrays, since elements of 4
 * bytes are addressed in one instruction. */
struct segment_windows {
    uint32_t base[CPU_SEGMENTS], read_end[CPU_SEGMENTS], write_end[CPU_SEGMENTS];
};

enum raised { RAISED_NOTHING, RAISED_EXCEPTION, RAISED_STOP };

/* A port or MMIO access that the machine has made or will make for the present instruction. */
struct access_record {
    uint64_t address;
    uint8_t data[8];
    uint8_t width;
    bool is_write, is_port;
};

/* A branch that was made: `what` is the block at whose end it is, and `to` an offset, or if `from`
 * is NOTE_FAR linear; or NOTE_KIND of its kind and vector, and the addresses are linear. 0: none.
 */
struct branch_note {
    uint64_t what;
    uint32_t to, from;
};

#define NOTE_KIND(kind, vector) ((uint64_t)(kind) | (uint64_t)(vector) << 8)
#define NOTE_FAR                1
#define NOTE_KINDS              UINT64_C(0x10000) /* no block has an address below */

_Static_assert(CPU_BRANCHES * sizeof(struct branch_note) == 256, "note_at wraps");

#define ACCESS_LOG 64
#define TLB_LOG    8192
#define TABLE_LOG  1024
#define JUMP_SLOTS 4096
#define STOPS_MAX  64

struct soft {
    struct soft_state s; /* first: handlers reach it with short displacements */

    /* hot */
    int64_t budget; /* instructions that may still begin */
    uint64_t generation;
    uint64_t mode;
    struct block *block;             /* being executed */
    uint8_t **tlb_read, **tlb_write; /* of the present privilege */
    struct segment_windows window;
    enum raised raised;
    bool halts;     /* HLT was executed */
    bool attention; /* the run loop must look before the next block */

    struct block *jumps[JUMP_SLOTS]; /* by EIP: the last block entered there */

    /* The last branches, a ring; where in it the next goes, in bytes, which wraps around. */
    uint8_t note_at;
    struct branch_note notes[CPU_BRANCHES];

    /* what was raised */
    enum cpu_stop stop;
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint32_t external; /* the EXT bit of error codes: an event is being delivered */
    bool in_delivery;
    bool in_new_task;  /* raised after a task switch: EIP is not the instruction's */
    bool no_step_trap; /* INT n or ICEBP: the trap flag's #DB doesn't follow */

    uint64_t count_end;   /* s.count + budget, when s.count was last brought up to date */
    uint64_t epoch;       /* changes when RAM was written behind our back */
    uint64_t changes;     /* memory_log.changes when last looked at */
    unsigned map_version; /* memory_map.version, likewise */
    bool wants_window, stepping;
    bool has_stops;
    unsigned stop_count;
    uint32_t
        stops[STOPS_MAX]; /* linear addresses; kept while has_stops is false, as their blocks */
    atomic_bool kicked;

    /* memory */
    const struct memory *memory;
    uint8_t **tlb[2][2]; /* [user][write]: host address of each linear page, or NULL */
    uint8_t **tlb_none;  /* always empty */
    uint32_t tlb_log[TLB_LOG];
    uint32_t tlb_logged;
    uint32_t code_limit;       /* of CS when last looked at */
    bool watches_memory;       /* every access takes the slow path */
    struct cpu_watch *watches; /* the debugger's; pages that they lie in: */
    unsigned watch_count;
    uint8_t *watched_pages;   /* per linear page: CPU_WATCH_...; NULL: there never was a watch */
    struct cpu_access access; /* what has met one of them, if */
    bool has_access;
    uint8_t *is_table; /* per physical page: the TLB depends on page-table entries in it */
    uint32_t table_log[TABLE_LOG], tables_logged; /* those pages */
    uint64_t *code_lines; /* per physical page: which 64-byte lines hold decoded code */
    struct page_link **page_blocks;
    uint8_t bounce[16]; /* read-modify-write off the fast path */
    uint32_t bounce_address, bounce_size;
    int64_t saved_result;
    uint32_t saved_carry;

    struct access_record log[ACCESS_LOG];
    uint32_t logged, replayed;

    /* What the layers above are told: bytes of decoded code were written (or might have been); the
     * block being executed must end with the present instruction. Set by code/block.c. */
    void (*code_written)(struct soft *c, uint64_t physical, uint32_t length);
    void (*end_block)(struct soft *c);
    const struct back_end *back_end;

    /* blocks */
    struct block **hash;
    uint8_t *arena;
    size_t arena_used;
    struct block **pending_link; /* to be pointed at the block that is entered next */
    struct block *no_block;      /* a block that is never valid */
    struct block *scratch;       /* for instructions that can't be kept */

    struct cpu cpu;                        /* not first: see soft_of */
    bool host_fpu_loaded, host_sse_loaded; /* the host's units are set up for the guest */
};

static inline struct soft *soft_of(const void *cpu)
{
    return (struct soft *)((uintptr_t)cpu - offsetof(struct soft, cpu));
}

static inline bool is_protected(const struct soft *c)
{
    return (c->s.cr0 & CR0_PE) && !(c->s.eflags & EFLAGS_VM);
}

static inline bool is_v86(const struct soft *c)
{
    return c->s.eflags & EFLAGS_VM;
}

static inline uint32_t iopl(const struct soft *c)
{
    return c->s.eflags >> 12 & 3;
}

static inline uint32_t stack_mask(const struct soft *c)
{
    return c->s.segment[CPU_SS].attributes & SEGMENT_DB ? UINT32_MAX : 0xffff;
}

static inline bool code_is_32(const struct soft *c)
{
    return c->s.segment[CPU_CS].attributes & SEGMENT_DB;
}

/* The guest's time in ns, when `count` instructions have been executed. */
static inline uint64_t soft_time(const struct soft *c, uint64_t count)
{
    return count * SOFT_NS_PER_INSTRUCTION + c->s.skew;
}

static inline void soft_note(struct soft *c, uint64_t what, uint32_t from, uint32_t to)
{
    struct branch_note *note = (struct branch_note *)(void *)((char *)c->notes + c->note_at);

    *note = (struct branch_note){.what = what, .to = to, .from = from};
    c->note_at = (uint8_t)(c->note_at + sizeof(*note));
}

/* A near branch from the end of the present block to an offset in CS, which was made. Handlers have
 * time for no more: the block says where it came from. */
static inline void soft_note_near(struct soft *c, uint32_t to)
{
    soft_note(c, (uintptr_t)c->block, 0, to);
}

/* INT or IRET at the end of the present block, which was made: it is at its new place. */
static inline void soft_note_far(struct soft *c)
{
    soft_note(c, (uintptr_t)c->block, NOTE_FAR, c->s.segment[CPU_CS].base + c->s.eip);
}

/* Any other, between linear addresses. */
static inline void soft_note_branch(struct soft *c, enum cpu_branch_kind kind, uint8_t vector,
                                    uint32_t from, uint32_t to)
{
    soft_note(c, NOTE_KIND(kind, vector), from, to);
}

/* Raising is recording; delivery comes when control is back in the run loop. All return false, so
 * that a function can end in `return soft_raise(...)`. */
bool soft_raise(struct soft *c, uint8_t vector);
bool soft_raise_error(struct soft *c, uint8_t vector, uint32_t error);
bool soft_raise_stop(struct soft *c, enum cpu_stop stop);
/* Enters into DR6 what a #DB is about. */
void soft_report_hits(struct soft *c, uint32_t hits);

#endif
