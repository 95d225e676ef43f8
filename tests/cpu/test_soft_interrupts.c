/*
 * Interrupts at every boundary: a program that is interrupted once, between any two of its
 * instructions or iterations, must end as if it had not been. Programs are put together at random
 * from pieces, run in ring 0 and in ring 3, in blocks and by steps; the handler does nothing.
 *
 *   test_soft_interrupts [PROGRAMS [SEED]]
 */
#include "cpu/arch.h"
#include "cpu/soft/interp/interp.h"
#include "cpu/soft/soft.h"
#include "cpu/soft/state/state.h"

#include <stdio.h>
#include <stdlib.h>

#define CODE    0x10000u
#define HANDLER 0x12000u /* of the interrupt, then of the exceptions and software interrupts */
#define GDT     0x13000u
#define IDT     0x14000u
#define TSS     0x15000u
#define DATA    0x18000u
#define SIZE    0x2000u  /* of the data */
#define STACK   0x20000u /* tops */
#define USTACK  0x22000u
#define PIECES  12

enum { EXTERNAL = 0x20, CALL = 0x30, END = 0x31 };

/* Each leaves ESP as it was, ESI and EDI inside the data, and works in either ring with IOPL 3. */
#define PIECE(bytes)             \
    {                            \
        bytes, sizeof(bytes) - 1 \
    }
static const struct {
    const char *bytes;
    size_t length;
} pieces[] = {
    PIECE("\x01\xc3"),             /* add ebx, eax */
    PIECE("\x11\xd1"),             /* adc ecx, edx */
    PIECE("\x0f\xaf\xc3"),         /* imul eax, ebx */
    PIECE("\xc1\xca\x05"),         /* ror edx, 5 */
    PIECE("\x50\x5a"),             /* push eax; pop edx */
    PIECE("\x9c\x9d"),             /* pushfd; popfd */
    PIECE("\x60\x61"),             /* pusha; popa */
    PIECE("\xc8\x08\x00\x02\xc9"), /* enter 8, 2; leave */
    PIECE("\xfa\x42\x42\xfb\x43"), /* cli; inc edx twice; sti; inc ebx */
    PIECE("\xfa\xfb\xfa\xfb"),     /* cli; sti; cli; sti */
    PIECE("\x8c\xd0\x8e\xd0\x43"), /* mov eax, ss; mov ss, eax; inc ebx */
    PIECE("\x16\x17\x43"),         /* push ss; pop ss; inc ebx */
    PIECE("\x1e\x07"),             /* push ds; pop es */
    PIECE("\x89\x06\x8b\x1f"),     /* mov [esi], eax; mov ebx, [edi] */
    PIECE("\x31\x06\x0f\xb1\x17"), /* xor [esi], eax; cmpxchg [edi], edx */
    PIECE("\xb9\x07\x00\x00\x00\xf3\xa4\x83\xee\x07\x83\xef\x07"), /* rep movsb, and back */
    PIECE("\xb9\x05\x00\x00\x00\xf3\xab\x83\xef\x14"),             /* rep stosd, and back */
    PIECE("\xb9\x09\x00\x00\x00\x56\x57\xf3\xa6\x5f\x5e"), /* push both; repe cmpsb; pop both */
    PIECE("\xb9\x04\x00\x00\x00\x43\xe2\xfd"),             /* inc ebx; loop */
    PIECE("\xe8\x01\x00\x00\x00\x43\x58"),                 /* call over an inc; pop eax */
    PIECE("\x74\x01\x43\xeb\x00"),                         /* jz over an inc; jmp on */
    PIECE("\xcd\x30"),                                     /* int CALL */
    PIECE("\x31\xc9\xf7\xf1"),                             /* xor ecx, ecx; div ecx */
    PIECE("\xd9\xe8\xd8\x06\xdd\x17\xdd\xd8"),             /* fld1; fadd [esi]; fst [edi]; pop */
    PIECE("\x0f\x10\x06\x0f\x57\xc1\x0f\x11\x07"),         /* movups, xorps, movups */
    PIECE("\x0f\xa2\x31\xc0"),                             /* cpuid; xor eax, eax */
    PIECE("\xe8\x00\x00\x00\x00\x58\xfe\x40\x05\xb3\x01"), /* inc the immediate of: mov bl, 1 */
};
#define PIECE_COUNT (sizeof(pieces) / sizeof(pieces[0]))

static struct {
    uint64_t random;
    struct memory memory, start; /* the guest's, and what it begins with */
    struct cpu *cpu;
    struct cpu_state state;
} test;

static uint32_t random32(void)
{
    test.random ^= test.random << 13;
    test.random ^= test.random >> 7;
    test.random ^= test.random << 17;
    return (uint32_t)(test.random >> 16);
}

static void put(uint32_t at, const void *from, size_t length)
{
    if (!memory_write(&test.start, at, from, length))
        abort();
}

static void put32(uint32_t at, uint32_t value)
{
    put(at, &value, 4);
}

static void descriptor(uint32_t index, uint32_t low, uint32_t high)
{
    put32(GDT + 8 * index, low);
    put32(GDT + 8 * index + 4, high);
}

static void gate(uint32_t vector, uint32_t handler)
{
    put32(IDT + 8 * vector, 8u << 16 | (handler & 0xffff));
    put32(IDT + 8 * vector + 4, (handler & 0xffff0000) | 0xee00);
}

/* The parts that all programs have. */
static void make_tables(void)
{
    descriptor(1, 0x0000ffff, 0x00cf9b00);
    descriptor(2, 0x0000ffff, 0x00cf9300);
    descriptor(3, 0x0000ffff, 0x00cffb00);
    descriptor(4, 0x0000ffff, 0x00cff300);
    put32(TSS + 4, STACK);
    put32(TSS + 8, 0x10);
    gate(EXTERNAL, HANDLER);
    put(HANDLER, "\xcf", 1); /* iret */
    gate(EXCEPTION_DE, HANDLER + 0x10);
    put(HANDLER + 0x10, "\x83\x04\x24\x02\xcf", 5); /* add dword [esp], 2; iret */
    gate(CALL, HANDLER + 0x20);
    put(HANDLER + 0x20, "\x43\xfb\x42\xcf", 4); /* inc ebx; sti; inc edx; iret */
    gate(END, HANDLER + 0x30);
    put(HANDLER + 0x30, "\xf4", 1); /* hlt */
}

static void make_program(void)
{
    struct cpu_state *state = &test.state;
    bool user = random32() & 1;
    uint32_t at = CODE;

    for (uint32_t i = 0; i < SIZE; i += 4)
        put32(DATA + i, random32());
    for (unsigned i = 0; i < PIECES; i++) {
        size_t piece = random32() % PIECE_COUNT;
        put(at, pieces[piece].bytes, pieces[piece].length);
        at += (uint32_t)pieces[piece].length;
    }
    put(at, "\xcd\x31", 2); /* int END */
    arch_flat_protected(state, CODE, user ? USTACK : STACK - 0x200,
                        (struct cpu_table){GDT, 5 * 8 - 1}, (struct cpu_table){IDT, 0x7ff});
    state->tr =
        (struct cpu_segment){.base = TSS, .limit = 0x67, .selector = 0x28, .attributes = 0x8b};
    state->cr0 |= CR0_NE;
    state->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    state->eflags |= EFLAGS_IF | (user ? EFLAGS_IOPL : 0);
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        state->segment[i].selector = (uint16_t)(i == CPU_CS ? (user ? 0x1b : 8) : user ? 0x23 : 16);
        state->segment[i].attributes |= user ? 0x60 : 0;
    }
    for (unsigned i = 0; i < CPU_GPRS; i++) {
        if (i != CPU_ESP)
            state->gpr[i] = random32();
    }
    state->gpr[CPU_EBP] = state->gpr[CPU_ESP] - 0x100;
    state->gpr[CPU_ESI] = DATA + random32() % (SIZE - 64);
    state->gpr[CPU_EDI] = DATA + random32() % (SIZE - 64);
}

struct end {
    struct cpu_state state;
    struct fpu fpu;
    union xmm xmm[8];
    uint8_t code[0x400], data[SIZE];
    uint64_t instructions;
    bool interrupted;
};

/* Runs the program, with an interrupt as soon as may be after `boundary` instructions. False: it
 * did not end. */
static bool run(uint64_t boundary, bool stepping, struct end *end)
{
    struct soft *c = soft_of(test.cpu);
    const struct cpu_ops *ops = test.cpu->ops;
    uint64_t begin = ops->instructions(test.cpu), from = ops->now(test.cpu);
    enum cpu_stop stop = CPU_STOP_KICKED;

    memset(end, 0, sizeof(*end));
    memcpy(test.memory.base, test.start.base, test.memory.size);
    soft_fpu_reset(c);
    memset(c->s.xmm, 0, sizeof(c->s.xmm));
    ops->set_state(test.cpu, &test.state);
    cpu_soft_set_stepping(test.cpu, stepping);
    if (boundary != UINT64_MAX) {
        stop = CPU_STOP_WINDOW;
        if (boundary)
            stop = cpu_run(test.cpu, from + boundary * SOFT_NS_PER_INSTRUCTION);
        if (stop != CPU_STOP_HALTED && !ops->can_interrupt(test.cpu)) {
            ops->want_window(test.cpu, true);
            stop = cpu_run(test.cpu, from + 10000 * SOFT_NS_PER_INSTRUCTION);
            ops->want_window(test.cpu, false);
        }
        if (stop != CPU_STOP_HALTED)
            end->interrupted = ops->interrupt(test.cpu, EXTERNAL) == 0;
    }
    if (stop != CPU_STOP_HALTED)
        stop = cpu_run(test.cpu, from + 10000 * SOFT_NS_PER_INSTRUCTION);
    ops->get_state(test.cpu, &end->state);
    end->fpu = c->s.fpu;
    memcpy(end->xmm, c->s.xmm, sizeof(end->xmm));
    memory_read(&test.memory, CODE, end->code, sizeof(end->code));
    memory_read(&test.memory, DATA, end->data, sizeof(end->data));
    end->instructions = ops->instructions(test.cpu) - begin - (end->interrupted ? 1 : 0);
    return stop == CPU_STOP_HALTED;
}

static bool same(const struct end *a, const struct end *b)
{
    for (unsigned i = 0; i < 8; i++) { /* behind the ten bytes is padding */
        if (memcmp(&a->fpu.r[i], &b->fpu.r[i], 10) != 0)
            return false;
    }
    return memcmp(&a->state, &b->state, sizeof(a->state)) == 0 &&
           a->fpu.control == b->fpu.control && a->fpu.status == b->fpu.status &&
           a->fpu.top == b->fpu.top && a->fpu.empty == b->fpu.empty &&
           memcmp(a->xmm, b->xmm, sizeof(a->xmm)) == 0 &&
           memcmp(a->code, b->code, sizeof(a->code)) == 0 &&
           memcmp(a->data, b->data, sizeof(a->data)) == 0 && a->instructions == b->instructions;
}

int main(int argc, char **argv)
{
    uint64_t programs = argc > 1 ? strtoull(argv[1], NULL, 0) : 60;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, interrupts = 0, failed = 0;
    char why[160];

    if (memory_init(&test.memory, MEMORY_MIN) < 0 || memory_init(&test.start, MEMORY_MIN) < 0)
        return 1;
    test.cpu = cpu_soft_create(&test.memory, why, sizeof(why));
    if (!test.cpu)
        return 1;
    make_tables();
    for (uint64_t i = 0; i < programs; i++) {
        static struct end whole, broken;
        bool good;
        test.random = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) + 1;
        make_program();
        good = run(UINT64_MAX, false, &whole);
        for (uint64_t boundary = 0; good && boundary < 2 * whole.instructions; boundary++) {
            good = run(boundary >> 1, boundary & 1, &broken) && same(&whole, &broken);
            interrupts += broken.interrupted;
            if (!good)
                printf("program %llu, %s, interrupted after %llu instructions of %llu: ends "
                       "differently, at %#x, not %#x\n",
                       (unsigned long long)(seed + i), boundary & 1 ? "by steps" : "in blocks",
                       (unsigned long long)(boundary >> 1), (unsigned long long)whole.instructions,
                       broken.state.eip, whole.state.eip);
        }
        failed += !good;
    }
    printf("%llu interrupts\n%llu passed, %llu failed\n", (unsigned long long)interrupts,
           (unsigned long long)(programs - failed), (unsigned long long)failed);
    test.cpu->ops->destroy(test.cpu);
    memory_free(&test.memory);
    memory_free(&test.start);
    return failed != 0 || interrupts < 50 * programs;
}
