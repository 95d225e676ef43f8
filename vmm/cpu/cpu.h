/*
 * The contract between a machine and the engine that runs its processor. An engine is hardware
 * (kvm.c) or software; the machine sees only what is here. One thread owns a CPU: it makes every
 * call below except cpu_kick.
 */
#ifndef VMM_CPU_CPU_H
#define VMM_CPU_CPU_H

#include "base/clock.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* KVM runs x86 guests on x86 processors alone. Elsewhere kvm.c is empty, and engine.c without it.
 */
#ifdef __x86_64__
#define CPU_HAS_KVM 1
#endif

/* General registers in the order instructions encode them (Intel SDM vol. 2, table 2-2). */
enum { CPU_EAX, CPU_ECX, CPU_EDX, CPU_EBX, CPU_ESP, CPU_EBP, CPU_ESI, CPU_EDI, CPU_GPRS };

/* Segment registers, likewise. */
enum { CPU_ES, CPU_CS, CPU_SS, CPU_DS, CPU_FS, CPU_GS, CPU_SEGMENTS };

#define EFLAGS_CF       UINT32_C(0x00000001)
#define EFLAGS_RESERVED UINT32_C(0x00000002) /* always one */
#define EFLAGS_PF       UINT32_C(0x00000004)
#define EFLAGS_AF       UINT32_C(0x00000010)
#define EFLAGS_ZF       UINT32_C(0x00000040)
#define EFLAGS_SF       UINT32_C(0x00000080)
#define EFLAGS_TF       UINT32_C(0x00000100)
#define EFLAGS_IF       UINT32_C(0x00000200)
#define EFLAGS_DF       UINT32_C(0x00000400)
#define EFLAGS_OF       UINT32_C(0x00000800)
#define EFLAGS_IOPL     UINT32_C(0x00003000)
#define EFLAGS_NT       UINT32_C(0x00004000)
#define EFLAGS_RF       UINT32_C(0x00010000)
#define EFLAGS_VM       UINT32_C(0x00020000)

#define CR0_PE  UINT32_C(0x00000001)
#define CR0_MP  UINT32_C(0x00000002)
#define CR0_EM  UINT32_C(0x00000004)
#define CR0_TS  UINT32_C(0x00000008)
#define CR0_ET  UINT32_C(0x00000010)
#define CR0_NE  UINT32_C(0x00000020)
#define CR0_WP  UINT32_C(0x00010000)
#define CR0_PG  UINT32_C(0x80000000)
#define CR4_PSE UINT32_C(0x00000010)

/*
 * A segment register with its hidden part. `attributes` are bits 40-47 and 52-55 of the
 * descriptor (type, S, DPL, P; AVL, L, D/B, G) in bits 0-7 and 12-15: the "access rights" word of
 * Intel SDM vol. 3, section 24.4.1, without its unusable bit.
 */
struct cpu_segment {
    uint32_t base;
    uint32_t limit; /* in bytes, inclusive: the granularity bit has been applied */
    uint16_t selector;
    uint16_t attributes;
};

#define SEGMENT_ACCESSED UINT16_C(0x0001)
#define SEGMENT_S        UINT16_C(0x0010) /* code or data, not a system segment */
#define SEGMENT_DPL(a)   (((a) >> 5) & 3)
#define SEGMENT_P        UINT16_C(0x0080)
#define SEGMENT_DB       UINT16_C(0x4000) /* 32-bit */
#define SEGMENT_G        UINT16_C(0x8000)

struct cpu_table {
    uint32_t base;
    uint16_t limit;
};

/* What a program can see of a processor, in no engine's own terms. Plain data: it may be copied. */
struct cpu_state {
    uint32_t gpr[CPU_GPRS];
    uint32_t eip;
    uint32_t eflags;
    struct cpu_segment segment[CPU_SEGMENTS];
    struct cpu_segment ldtr, tr;
    struct cpu_table gdtr, idtr;
    uint32_t cr0, cr2, cr3, cr4;
    uint32_t dr[8]; /* 4 and 5 unused */
};

/* The x87 and SSE registers, as FXSAVE has them (Intel SDM vol. 1, table 10-2). */
struct cpu_fpu {
    uint16_t control, status; /* TOP is in `status` */
    uint8_t valid;            /* bit i: physical register Ri holds something */
    uint16_t opcode; /* of the last instruction, 11 bits; then where it and its operand were */
    uint32_t code_offset, data_offset;
    uint16_t code_selector, data_selector; /* 0 where the processor no longer keeps them */
    uint8_t st[8][10];                     /* ST(0) first, in the 80-bit format */
    uint32_t mxcsr;
    uint8_t xmm[8][16];
};

/* Why cpu_run came back. */
enum cpu_stop {
    CPU_STOP_PORT,     /* exit.port: the machine moves the data */
    CPU_STOP_MMIO,     /* exit.mmio: likewise */
    CPU_STOP_HALTED,   /* HLT: EIP is past it; wait for an interrupt or end */
    CPU_STOP_WINDOW,   /* the window asked for is open: cpu_can_interrupt is now true */
    CPU_STOP_SHUTDOWN, /* triple fault: exit.undelivered says from what */
    CPU_STOP_DEBUG,    /* come to one of the addresses of stop_at */
    CPU_STOP_WATCH,    /* behind an access to what watch names: exit.access */
    CPU_STOP_KICKED,   /* cpu_kick, or the deadline has come */
    CPU_STOP_FAILED,   /* the engine can't go on: exit.failure says why */
    CPU_STOP_ASTRAY,   /* before an instruction that is no code: exit.came says from where */
    CPU_STOPS
};

/* An event whose handler could not be called, and the exception that came of trying. */
struct cpu_undelivered {
    enum cpu_event { CPU_EVENT_EXCEPTION, CPU_EVENT_SOFTWARE, CPU_EVENT_INTERRUPT } kind;
    uint8_t vector;
    bool has_error;
    uint32_t error, cr2; /* cr2: as it was then; of a #PF, its address */
    uint8_t by;          /* the exception's vector; its error code and CR2 */
    uint32_t by_error, by_cr2;
};

#define CPU_UNDELIVERED_MAX 6

/* How the CPU came from one instruction to another that is not the one behind. */
enum cpu_branch_kind {
    CPU_BRANCH_UNKNOWN,
    CPU_BRANCH_NEXT, /* it did come to the one behind */
    CPU_BRANCH_JUMP, /* JMP, Jcc, LOOP to an address in the instruction */
    CPU_BRANCH_CALL,
    CPU_BRANCH_JUMP_INDIRECT, /* to an address in a register or in memory */
    CPU_BRANCH_CALL_INDIRECT,
    CPU_BRANCH_RET,
    CPU_BRANCH_JUMP_FAR,
    CPU_BRANCH_CALL_FAR,
    CPU_BRANCH_RET_FAR,
    CPU_BRANCH_IRET,
    CPU_BRANCH_EXCEPTION, /* from here on to the handler of `vector` */
    CPU_BRANCH_SOFTWARE,  /* INT n, INT3, INTO */
    CPU_BRANCH_INTERRUPT, /* from the interrupt controller */
    CPU_BRANCH_KINDS
};

struct cpu_branch {
    uint32_t from, to; /* linear; of an interrupt or a trap, `from` is where the handler returns */
    uint8_t kind, vector;
};

#define CPU_BRANCHES 16

/* Bytes whose accesses stop a guest, by their linear address. */
enum { CPU_WATCH_WRITE = 1, CPU_WATCH_READ = 2 };
struct cpu_watch {
    uint32_t address, length; /* length: 1 or more, not beyond 4 GiB */
    unsigned kinds;           /* of accesses: CPU_WATCH_... */
};

struct cpu_exit {
    union {
        /* `count` accesses of `width` bytes at one port. For an input the machine fills `data`,
         * for an output it reads it: count * width bytes, in order. */
        struct {
            uint16_t port;
            uint8_t width; /* 1, 2 or 4 */
            bool is_write;
            uint32_t count;
            uint8_t *data;
        } port;
        struct {
            uint64_t address;
            uint8_t width; /* 1 to 8 */
            bool is_write;
            uint8_t *data;
        } mmio;
        /* The first access of the instruction that has met a watch; of several, the first write. */
        struct cpu_access {
            unsigned watch;   /* which, of those given to `watch` */
            uint32_t address; /* linear, of the first watched byte that it met */
            bool is_write;
        } access;
    };
    char failure[160];
    /* After CPU_STOP_SHUTDOWN: what led to it, the first event first; 0: the engine can't say. */
    struct cpu_undelivered undelivered[CPU_UNDELIVERED_MAX];
    unsigned undelivered_count;
    struct cpu_branch came; /* after CPU_STOP_ASTRAY: how it came there */
};

struct cpu;

/* What an engine does. Functions that can fail return 0 or -errno. */
struct cpu_ops {
    const char *name; /* "kvm", "soft" */

    /* Where time is counted in instructions: how many ns one takes. 0 where it passes by itself. A
     * run of an engine that counts is repeatable, to the instruction. */
    uint32_t ns_per_instruction;

    /* Runs the guest until something in enum cpu_stop happens, `deadline` (in the time of `now`,
     * CLOCK_NEVER for none) included. Data of the last port or MMIO read is taken first. */
    enum cpu_stop (*run)(struct cpu *cpu, uint64_t deadline);

    /* The guest's time in ns since the CPU was made; the source of its machine's clock. */
    uint64_t (*now)(void *cpu);

    /* Moves time forward to `time`, never back. NULL where time passes by itself. */
    void (*skip_to)(struct cpu *cpu, uint64_t time);

    /* Takes back the last `ns`, during which the guest was stopped. NULL where time is counted. */
    void (*take_back)(struct cpu *cpu, uint64_t ns);

    /* True when an interrupt may be injected now: IF is set, no shadow of STI or MOV SS, no other
     * event waiting. Stays true until run, interrupt or set_state is called. */
    bool (*can_interrupt)(struct cpu *cpu);

    /* The value of IF; meant for a halted CPU. */
    bool (*interrupts_enabled)(struct cpu *cpu);

    /* Delivers the external interrupt `vector` before the next instruction; only when
     * can_interrupt is true. */
    int (*interrupt)(struct cpu *cpu, uint8_t vector);

    /* Asks run to come back with CPU_STOP_WINDOW as soon as can_interrupt is true, or takes the
     * wish back. */
    void (*want_window)(struct cpu *cpu, bool wanted);

    /* From now on run comes back with CPU_STOP_DEBUG between two instructions when it has come to
     * one of these linear addresses: not at the one where it begins. False, and none are set: they
     * are too many. NULL where nobody counts. */
    bool (*stop_at)(struct cpu *cpu, const uint32_t *addresses, unsigned count);

    /* From now on run comes back with CPU_STOP_WATCH behind each instruction, or delivery of an
     * interrupt, that accesses one of these. An instruction that faults has made no access. The
     * present ones are forgotten. Returns 0 or -errno: -ENOSPC if they are too many. NULL: never.
     */
    int (*watch)(struct cpu *cpu, const struct cpu_watch *watches, unsigned count);

    /* How many instructions were executed. NULL where nobody counts. */
    uint64_t (*instructions)(struct cpu *cpu);

    /* The last branches, CPU_BRANCHES at most, the newest last: how many they are. Not those to an
     * address in the instruction, CALLs neither: the code shows them. NULL where nobody keeps them.
     */
    unsigned (*branches)(struct cpu *cpu, struct cpu_branch to[CPU_BRANCHES]);

    /* One general register (CPU_EAX...), cheaper than the whole state; 0 if it can't be had. */
    uint32_t (*gpr)(struct cpu *cpu, unsigned which);

    int (*get_state)(struct cpu *cpu, struct cpu_state *state);
    int (*set_state)(struct cpu *cpu, const struct cpu_state *state);
    int (*get_fpu)(struct cpu *cpu, struct cpu_fpu *fpu);
    int (*set_fpu)(struct cpu *cpu, const struct cpu_fpu *fpu);

    /* All of the processor and its time, in the engine's own form of `saved_size` bytes, which a
     * CPU of the same engine takes back. Plain data, but for this kind of host only. */
    size_t saved_size;
    int (*save)(struct cpu *cpu, void *to);
    int (*restore)(struct cpu *cpu, const void *from);

    /* Brings memory's list of dirty pages up to date with what the CPU has written since the last
     * call (or ever); what it writes from now on will be found by the next one. */
    int (*collect_writes)(struct cpu *cpu);

    /* Makes the present or else the next run come back with CPU_STOP_KICKED. Any thread, and
     * signal handlers, may call it while the CPU exists. */
    void (*kick)(struct cpu *cpu);

    void (*destroy)(struct cpu *cpu);
};

/* An exception, or an INT instruction, whose handler is called; or any event whose handler could
 * not be. */
struct cpu_call {
    uint64_t time; /* ns */
    uint8_t vector;
    bool is_software; /* INT n, INT3, INTO */
    bool has_error;
    uint32_t error;
    uint32_t from;                             /* linear: where the handler returns to */
    uint32_t cr2;                              /* as it is then: of a #PF, its address */
    const struct cpu_undelivered *undelivered; /* why it isn't; NULL: it is */
};

/* Exceptions at the same place, for the same reason: how many came, and when. */
struct cpu_call_count {
    uint8_t vector;
    uint32_t from, cr2, error; /* `cr2` of a #PF, else 0 */
    uint64_t count, first, last;
};

/* The part all engines share; an engine's own struct begins with it. */
struct cpu {
    const struct cpu_ops *ops;
    struct cpu_exit exit; /* of the last run */
    /* Told of each call when it has been made, or has failed; NULL: nobody is. A processor in
     * hardware tells none. */
    void (*calls)(void *observer, const struct cpu_call *call);
    bool tells_software; /* it wants INT instructions, too, not exceptions alone */
    void *observer;
    /* The observer's count of those that it was told of last; NULL: it has none. If it is not 0,
     * one more of these is counted there, and not told. */
    struct cpu_call_count *repeated;
    /* Asked when an engine decodes supervisor code that it doesn't know yet, so never while it
     * runs: whether the `count` bytes at `physical`, all in RAM and as many as lie in the page, can
     * be meant to be executed. count 0: there is no memory. If not, run comes back before them with
     * CPU_STOP_ASTRAY. NULL: everything can. A processor in hardware doesn't ask. */
    bool (*is_code)(void *judge, uint64_t physical, const uint8_t *bytes, uint32_t count);
    void *judge;
};

static inline enum cpu_stop cpu_run(struct cpu *cpu, uint64_t deadline)
{
    return cpu->ops->run(cpu, deadline);
}

/* The name of a reason, for reports: "port", "mmio", "halted", ... */
const char *cpu_stop_name(enum cpu_stop stop);

/*
 * The engines: what each does, and how a CPU of it is made: on the calling thread, over `memory`
 * (mapped from physical address 0, and outliving the CPU). The state is undefined until set_state.
 * On failure returns NULL and writes one sentence, with the remedy where there is one, to `why`.
 */
extern const struct cpu_ops cpu_kvm_ops, cpu_soft_ops;
struct cpu *cpu_kvm_create(const struct memory *memory, char *why, size_t why_size);
struct cpu *cpu_soft_create(const struct memory *memory, char *why, size_t why_size);

#endif
