/*
 * What the parts of the software CPU share: the processor's state, decoded operations and blocks
 * of them, and the functions each file offers to the others.
 */
#ifndef VMM_CPU_SOFT_ENGINE_H
#define VMM_CPU_SOFT_ENGINE_H

#include "soft.h"

#include <stdatomic.h>
#include <string.h>

/* Whether guest arithmetic is done by the host's own x87 and SSE. SOFT_PORTABLE is for tests. */
#if defined(__x86_64__) && !defined(SOFT_PORTABLE)
#define SOFT_HOST_X86 1
#endif

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

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

struct soft;
struct op;
struct block;

/* Executes one operation and those after it (or returns the next one, see handler.h). Returns NULL
 * when control goes back to the execution loop. */
typedef struct op *op_run(struct soft *c, struct op *op);

/* Executes one operation that isn't worth a handler. False: something was raised. */
typedef bool op_call(struct soft *c, struct op *op);

/* One decoded instruction. */
struct op {
    op_run *run;
    union {
        op_call *call;
        struct block *link; /* where a direct branch goes, once known */
    };
    uint32_t imm;  /* immediate operand, or the target of a direct branch */
    uint32_t disp; /* address = ((base + (index << scale) + disp) & mask) in segment `seg` */
    uint32_t mask;
    uint32_t eip, next; /* of this instruction and of the one behind it */
    uint8_t base, index, scale, seg;
    uint8_t reg, rm; /* registers: indexes, or for bytes offsets in soft_state.gpr */
    uint8_t size;    /* of the operand, in bytes */
    uint8_t flags;   /* OP_... */
    uint16_t imm2;   /* selector of a far pointer, level of ENTER, aam's base */
    uint8_t modrm, opcode;
};

#define OP_MEMORY 0x01 /* the r/m operand is in memory */
#define OP_REP    0x02 /* F3 */
#define OP_REPNE  0x04 /* F2 */
#define OP_ADDR32 0x08
#define OP_66     0x10
#define OP_WIDE   0x20 /* the second operand is a doubleword whatever `size` says */

/* What of the processor's mode decoding depends on; in the low half of block.mode. The high half
 * is the base of CS. */
#define MODE_CODE32  1u
#define MODE_STACK32 2u
#define MODE_USER    4u
#define MODE_STEP    8u  /* not the processor's: blocks of one instruction */
#define MODE_STOPS   16u /* nor this: blocks end before the addresses in soft.stops */

#define BLOCK_OPS   32
#define BLOCK_BYTES 160

/* A place in the list of a page's blocks. */
struct page_link {
    struct block *block;
    struct page_link *next;
};

/* A run of instructions that are executed one after the other, from one page; or one instruction
 * that goes on in another. */
struct block {
    uint64_t generation; /* soft.generation when last verified; 0: never use again */
    uint64_t mode;
    uint64_t epoch;
    uint32_t eip, limit;              /* start, and the limit of CS it was decoded under */
    uint32_t physical, physical_rest; /* of the first byte, and of the first in another page */
    uint16_t count, length, first;    /* instructions, bytes, bytes in the first page */
    struct block *next_in_hash;
    struct page_link in_page[2];
    uint8_t bytes[BLOCK_BYTES]; /* what was decoded */
    struct op ops[];
};

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

#define ACCESS_LOG 64
#define TLB_LOG    8192
#define TABLE_LOG  1024
#define JUMP_SLOTS 4096
#define STOPS_MAX  64
#define HASH_SLOTS 16384

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

    /* what was raised */
    enum cpu_stop stop;
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint32_t external; /* the EXT bit of error codes: an event is being delivered */
    bool in_delivery;
    bool in_new_task; /* raised after a task switch: EIP is not the instruction's */
    bool is_software; /* the event is INT n: the trap flag's #DB doesn't follow */

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
    uint32_t code_limit; /* of CS when last looked at */
    bool watches_memory; /* every access takes the slow path */
    uint8_t *is_table;   /* per physical page: the TLB depends on page-table entries in it */
    uint32_t table_log[TABLE_LOG], tables_logged; /* those pages */
    uint64_t *code_lines; /* per physical page: which 64-byte lines hold decoded code */
    struct page_link **page_blocks;
    uint8_t bounce[16]; /* read-modify-write off the fast path */
    uint32_t bounce_address, bounce_size, bounce_segment;
    int64_t saved_result;
    uint32_t saved_carry;

    struct access_record log[ACCESS_LOG];
    uint32_t logged, replayed;

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

/* exception.c: raising is recording; delivery comes when control is back in the run loop. All
 * return false, so that a function can end in `return soft_raise(...)`. */
bool soft_raise(struct soft *c, uint8_t vector);
bool soft_raise_error(struct soft *c, uint8_t vector, uint32_t error);
bool soft_raise_stop(struct soft *c, enum cpu_stop stop);
/* Delivers what was raised; double faults included. False after a triple fault. */
bool soft_deliver_raised(struct soft *c);
/* Calls the handler of `vector`: kind says who asks. */
enum event { EVENT_EXCEPTION, EVENT_SOFTWARE, EVENT_EXTERNAL };
bool soft_interrupt(struct soft *c, uint8_t vector, enum event kind, bool has_error,
                    uint32_t error);
bool soft_iret(struct soft *c, unsigned size);

/* paging.c */
bool soft_translate(struct soft *c, uint32_t linear, bool is_write, bool is_user,
                    uint64_t *physical);
void soft_tlb_flush(struct soft *c);
void soft_tlb_flush_page(struct soft *c, uint32_t linear);
void soft_tlb_forget_writes(struct soft *c);
bool soft_read_linear(struct soft *c, uint32_t linear, void *to, uint32_t length, bool is_user);
bool soft_write_linear(struct soft *c, uint32_t linear, const void *from, uint32_t length,
                       bool is_user);
bool soft_check_linear(struct soft *c, uint32_t linear, uint32_t length, bool is_write,
                       bool is_user);
/* Data breakpoints (Intel SDM vol. 3, section 17.2) and alignment; only if c->watches_memory. */
bool soft_watch(struct soft *c, uint32_t linear, uint32_t length, bool is_write);
/* Any length up to 512, at an offset in a segment; checks limit, type and pages, raises. */
bool soft_read(struct soft *c, unsigned segment, uint32_t offset, void *to, uint32_t length);
bool soft_write(struct soft *c, unsigned segment, uint32_t offset, const void *from,
                uint32_t length);
/* Raises what a write would. */
bool soft_check_write(struct soft *c, unsigned segment, uint32_t offset, uint32_t length);
/* 1, 2 or 4 bytes. After a load, c->raised tells success. */
uint32_t soft_load(struct soft *c, unsigned segment, uint32_t offset, uint32_t length);
bool soft_store(struct soft *c, unsigned segment, uint32_t offset, uint32_t length, uint32_t value);
/* Fetches a value into c->bounce to be changed there and written back; NULL: raised. */
uint8_t *soft_modify_begin(struct soft *c, unsigned segment, uint32_t offset, uint32_t length);
bool soft_modify_end(struct soft *c);
/* One port access; the machine makes it. False: raised (RAISED_STOP until it was made). */
bool soft_port(struct soft *c, uint16_t port, uint32_t width, bool is_write, uint32_t *value);

/* soft.c: whether run is to come back before the instruction at a linear address. */
bool soft_is_stop(const struct soft *c, uint32_t linear);

/* block.c */
void soft_blocks_reset(struct soft *c);
void soft_execute(struct soft *c, bool step);
struct op *soft_abort(struct soft *c, struct op *op);
struct op *soft_follow(struct soft *c, struct op *op, uint32_t eip);
void soft_code_written(struct soft *c, uint64_t physical, uint32_t length);
void soft_block_interrupt(struct soft *c);
void soft_blocks_init(struct soft *c);
size_t soft_arena_size(void);
uint64_t soft_count_before(const struct soft *c, const struct op *op);

/* ops_integer.c */
/* Has the operations of a block set no flags that are set again before anything can see them. */
void soft_drop_flags(struct op *ops, unsigned count);

/* decode.c */
enum decoded { DECODED, DECODED_END, DECODED_SHORT };
/* Decodes one instruction at c's mode from `available` bytes. DECODED_SHORT: more are needed. */
enum decoded soft_decode(struct soft *c, struct op *op, const uint8_t *bytes, uint32_t available,
                         uint32_t eip);

/* segment.c */
void soft_mode_changed(struct soft *c);
void soft_segment_changed(struct soft *c, unsigned segment);
bool soft_load_segment(struct soft *c, unsigned segment, uint16_t selector);
void soft_set_real_segment(struct soft *c, unsigned segment, uint16_t selector);
struct descriptor {
    uint32_t low, high;
};
static inline uint32_t descriptor_base(struct descriptor d)
{
    return d.low >> 16 | (d.high & 0xff) << 16 | (d.high & UINT32_C(0xff000000));
}
static inline uint32_t descriptor_limit(struct descriptor d)
{
    uint32_t limit = (d.low & 0xffff) | (d.high & UINT32_C(0x000f0000));
    return d.high & UINT32_C(0x00800000) ? limit << 12 | 0xfff : limit;
}
static inline uint32_t descriptor_dpl(struct descriptor d)
{
    return d.high >> 13 & 3;
}
#define DESCRIPTOR_P UINT32_C(0x00008000)
#define DESCRIPTOR_S UINT32_C(0x00001000)
/* Type field with S: 0x10 is S, 0x08 code, 0x04 conforming or expand-down, 0x02 readable or
 * writable, 0x01 accessed. */
static inline uint32_t descriptor_type(struct descriptor d)
{
    return d.high >> 8 & 0x1f;
}
/* Inline, as is soft_stack_of: a struct returned through memory is stored by fields and loaded
 * whole at once, for which a processor waits. */
static inline struct cpu_segment soft_segment_from(uint16_t selector, struct descriptor d)
{
    return (struct cpu_segment){
        .base = descriptor_base(d),
        .limit = descriptor_limit(d),
        .selector = selector,
        .attributes = (uint16_t)(d.high >> 8 & 0xf0ff),
    };
}
/* Reads a descriptor; `vector` with the selector as error code if it is outside its table. */
bool soft_descriptor(struct soft *c, uint16_t selector, struct descriptor *d, uint8_t vector);
/* The same without an exception for a bad selector: *found says. False: a page fault was raised. */
bool soft_descriptor_probe(struct soft *c, uint16_t selector, struct descriptor *d, bool *found);
bool soft_set_accessed(struct soft *c, uint16_t selector, struct descriptor *d);
bool soft_raise_selector(struct soft *c, uint8_t vector, uint16_t selector);
/* Checks a descriptor that is to become SS at privilege `cpl`. */
bool soft_check_stack(struct soft *c, uint16_t selector, struct descriptor *d, uint32_t cpl,
                      uint8_t vector);
void soft_set_code(struct soft *c, uint16_t selector, struct descriptor d, uint32_t cpl);
/* The same with a new stack. */
void soft_set_code_and_stack(struct soft *c, uint16_t cs, struct descriptor code, uint32_t cpl,
                             uint16_t ss, struct descriptor stack);
void soft_set_cpl(struct soft *c, uint32_t cpl);
bool soft_far_jump(struct soft *c, uint16_t selector, uint32_t offset, bool is_call, unsigned size);
bool soft_far_return(struct soft *c, unsigned size, uint32_t release);
/* SS:ESP for privilege `cpl` from the task-state segment. */
bool soft_inner_stack(struct soft *c, uint32_t cpl, uint16_t *ss, uint32_t *esp);
void soft_drop_segments(struct soft *c);

/* A stack being written or read before ESP is committed. */
struct stack {
    uint32_t base, limit, attributes, esp, mask;
    uint16_t selector; /* for the error code of #SS; 0: the present stack */
    bool is_user;
};
static inline struct stack soft_stack_of(struct cpu_segment ss, uint32_t esp, bool is_user)
{
    return (struct stack){
        .base = ss.base,
        .limit = ss.limit,
        .attributes = ss.attributes,
        .esp = esp,
        .mask = ss.attributes & SEGMENT_DB ? UINT32_MAX : 0xffff,
        .is_user = is_user,
    };
}
static inline struct stack soft_stack(const struct soft *c)
{
    return soft_stack_of(c->s.segment[CPU_SS], c->s.gpr[CPU_ESP], c->s.cpl == 3);
}
bool soft_stack_push(struct soft *c, struct stack *stack, unsigned size, uint32_t value);
bool soft_stack_pop(struct soft *c, struct stack *stack, unsigned size, uint32_t *value);
void soft_stack_commit(struct soft *c, const struct stack *stack);
bool soft_push(struct soft *c, unsigned size, uint32_t value);
bool soft_pop(struct soft *c, unsigned size, uint32_t *value);
bool soft_check_return(struct soft *c, uint16_t cs, struct descriptor *d);
bool soft_finish_return(struct soft *c, struct stack *stack, uint16_t cs, struct descriptor code,
                        uint32_t eip, unsigned size, uint32_t release);

/* task.c */
enum task_switch { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE };
bool soft_task_switch(struct soft *c, uint16_t selector, struct descriptor tss,
                      enum task_switch how, bool has_error, uint32_t error);
bool soft_port_allowed(struct soft *c, uint16_t port, uint32_t width);

/* flags, as PUSHF and POPF see them */
uint32_t soft_eflags(const struct soft *c);
/* Sets the flags in `mask`. */
void soft_set_eflags(struct soft *c, uint32_t value, uint32_t mask);

/* fpu.c */
void soft_fpu_reset(struct soft *c);
op_call *soft_fpu_operation(uint8_t opcode, uint8_t modrm);
void soft_fpu_leave(struct soft *c);
bool soft_fxsave(struct soft *c, struct op *op);
bool soft_fxrstor(struct soft *c, struct op *op);
/* sse.c */
void soft_sse_leave(struct soft *c);
op_call *soft_sse_operation(uint8_t opcode, uint8_t prefix, uint8_t *immediate);

#endif
