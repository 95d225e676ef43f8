/*
 * The software CPU under random bytes: programs of random instructions, with random descriptor
 * tables and page tables around, in every mode. Meant for a build with sanitizers: nothing may
 * touch host memory out of range, hang, or fail other than as the guest's own fault. And each
 * program is run three times, in blocks, one instruction at a time and in pieces, which must end
 * in the same state.
 *
 *   test_soft_fuzz [PROGRAMS [SEED]]
 */
#include "cpu/arch.h"
#include "cpu/soft/soft.h"
#include "cpu/soft/state/state.h"

#include <stdio.h>
#include <stdlib.h>

#define STEPS 3000 /* instructions a program may take */

static uint64_t random_state;

static uint32_t random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

static uint32_t below(uint32_t limit)
{
    return random32() % limit;
}

/* Guest memory: tables in the first pages, code and data from 0x4000 on. */
#define GDT       0x0800u
#define IDT       0x1000u
#define TSS       0x1800u
#define DIRECTORY 0x2000u
#define TABLE     0x3000u
#define CODE      0x4000u
#define CODE_SIZE 0x3000u

static const uint8_t common_opcodes[] = {
    0x01, 0x03, 0x0f, 0x29, 0x31, 0x39, 0x40, 0x48, 0x50, 0x58, 0x68, 0x70, 0x72, 0x74, 0x75, 0x7f,
    0x81, 0x83, 0x85, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x8e, 0x9a, 0x9c, 0x9d, 0xa4, 0xa5, 0xab,
    0xb8, 0xbb, 0xc1, 0xc3, 0xc7, 0xc9, 0xcb, 0xcd, 0xcf, 0xd3, 0xd9, 0xdd, 0xe2, 0xe8, 0xea, 0xeb,
    0xf3, 0xf7, 0xfa, 0xfb, 0xff, 0x66, 0x67, 0x0f, 0x0f, 0x0f, 0x6e, 0xec, 0xee, 0xe4, 0xf2, 0xf4};

static void random_code(uint8_t *code, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        code[i] = below(2) ? common_opcodes[below(sizeof(common_opcodes))] : (uint8_t)random32();
    /* Calls of near places and moves of near addresses keep programs alive. */
    for (uint32_t i = 0; i + 8 < size; i += 8 + below(60)) {
        uint32_t near = CODE + below(CODE_SIZE);
        memcpy(code + i + 1, &near, 4);
    }
}

static void random_tables(struct memory *memory)
{
    for (unsigned i = 1; i < 32; i++) {
        uint32_t low = 0x0000ffff, high = 0x00cf9b00 | below(256) << 8;
        if (below(3) == 0)
            low = random32(), high = random32();
        else if (below(3) == 0)
            high = 0x00008900 | TSS >> 16, low = (TSS << 16) | 0x67; /* TSS */
        else if (below(4) == 0)
            high = (CODE & 0xffff0000) | 0x8c00 | below(4) << 13 | below(4),
            low = (8 + below(4) * 8) << 16 | ((CODE + below(CODE_SIZE)) & 0xffff); /* call gate */
        memory_write(memory, GDT + i * 8, &low, 4);
        memory_write(memory, GDT + i * 8 + 4, &high, 4);
    }
    for (unsigned i = 0; i < 256; i++) {
        uint32_t to = CODE + below(CODE_SIZE);
        uint32_t low = (8 + (below(8) ? 0 : 8 * below(8))) << 16 | (to & 0xffff);
        uint32_t high = (to & 0xffff0000) | 0x8e00 | below(4) << 13 | below(2) << 8;
        if (below(8) == 0)
            high = (high & ~0x1f00u) | below(32) << 8;
        memory_write(memory, IDT + i * 8, &low, 4);
        memory_write(memory, IDT + i * 8 + 4, &high, 4);
    }
    for (unsigned i = 0; i < 1024; i++) {
        uint32_t pde = i < 2 ? TABLE | 7 : below(4) ? random32() & 0xfff : random32();
        uint32_t pte = (i << 12) | 7;
        if (below(20) == 0)
            pte = random32() & (below(2) ? 0x000fffff : 0xffffffff);
        memory_write(memory, DIRECTORY + i * 4, &pde, 4);
        memory_write(memory, TABLE + i * 4, &pte, 4);
    }
    for (unsigned i = 0; i < 104; i += 4) {
        uint32_t value = i == 4 || i == 12   ? CODE + CODE_SIZE
                         : i == 8 || i == 16 ? 0x10
                                             : random32();
        memory_write(memory, TSS + i, &value, 4);
    }
}

static void random_program(struct memory *memory, struct cpu_state *state)
{
    unsigned mode = below(4);
    uint8_t *code = memory_at(memory, CODE, CODE_SIZE);

    memset(memory->base, 0, 0x20000);
    random_tables(memory);
    random_code(code, CODE_SIZE);
    if (mode == 0) {
        arch_real_mode(state, (uint16_t)below(0x500), (uint16_t)CODE, 0x3000);
    } else {
        arch_flat_protected(state, CODE, CODE + CODE_SIZE, (struct cpu_table){GDT, 0xff},
                            (struct cpu_table){IDT, 0x7ff});
        state->segment[CPU_CS].attributes = 0xc09b;
        state->tr =
            (struct cpu_segment){.base = TSS, .limit = 0x67, .selector = 0x28, .attributes = 0x8b};
        state->cr3 = DIRECTORY;
        if (mode >= 2)
            state->cr0 |= CR0_PG | (below(2) ? CR0_WP : 0);
        if (below(2))
            state->cr4 = 0x200 | (below(2) ? CR4_PSE : 0);
        if (mode == 3) {
            state->segment[CPU_CS].attributes |= 0x60;
            state->segment[CPU_SS].attributes |= 0x60;
            state->segment[CPU_CS].selector |= 3;
            state->segment[CPU_SS].selector |= 3;
            if (below(3) == 0) {
                state->eflags |= EFLAGS_VM | (below(2) ? EFLAGS_IOPL : 0);
                for (unsigned i = 0; i < CPU_SEGMENTS; i++)
                    state->segment[i] = (struct cpu_segment){.limit = 0xffff, .attributes = 0xf3};
            }
        }
    }
    for (unsigned i = 0; i < CPU_GPRS; i++) {
        if (i != CPU_ESP)
            state->gpr[i] = below(2) ? CODE + below(CODE_SIZE) : below(3) ? below(256) : random32();
    }
    if (below(8) == 0) {
        state->dr[7] = random32() & 0xffff00ff;
        for (unsigned i = 0; i < 4; i++)
            state->dr[i] = CODE + below(CODE_SIZE);
    }
    if (below(8) == 0)
        state->eflags |= EFLAGS_TF;
    if (below(4) == 0)
        state->eflags |= EFLAGS_IF;
}

static uint64_t hash(uint64_t value, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

static uint64_t watched; /* accesses that met a watch */

static uint64_t hash_all(const struct soft *c, const struct cpu_state *state)
{
    uint64_t value = hash(UINT64_C(0xcbf29ce484222325), state, sizeof(*state));

    for (unsigned i = 0; i < 8; i++)
        value = hash(value, &c->s.fpu.r[i].bits, 10);
    value = hash(value, &c->s.fpu.control, 4);
    value = hash(value, c->s.xmm, sizeof(c->s.xmm));
    value = hash(value, &c->s.count, sizeof(c->s.count));
    return hash(value, c->memory->base, c->memory->size);
}

enum how { IN_BLOCKS, BY_STEPS, IN_PIECES, WATCHED, WAYS };

/* Where programs have their data, mostly: that they are watched must change nothing. */
static const struct cpu_watch watches[] = {
    {0x4800, 0x400, CPU_WATCH_WRITE},
    {0x7ff0, 0x1020, CPU_WATCH_READ},
    {0x9000, 0x8000, CPU_WATCH_READ | CPU_WATCH_WRITE},
};

/* What the "machine" answers depends on nothing but the instruction count. Every 500 instructions
 * it has an interrupt. */
static uint64_t run_program(const struct memory *memory, const struct cpu_state *start,
                            enum how how, uint64_t *count)
{
    char why[160];
    struct cpu *cpu = cpu_soft_create(memory, why, sizeof(why));
    struct cpu_state state;
    uint64_t end = STEPS * SOFT_NS_PER_INSTRUCTION, tick = 500 * SOFT_NS_PER_INSTRUCTION, result;
    uint64_t piece = 7;
    bool over = false, pending = false;

    if (!cpu || cpu->ops->set_state(cpu, start) < 0)
        abort();
    cpu_soft_set_stepping(cpu, how == BY_STEPS);
    if (how == WATCHED && cpu->ops->watch(cpu, watches, sizeof(watches) / sizeof(watches[0])) < 0)
        abort();
    while (!over && cpu->ops->now(cpu) < end) {
        uint64_t now = cpu->ops->now(cpu), deadline;
        while (tick <= now) {
            tick += 500 * SOFT_NS_PER_INSTRUCTION;
            pending = true;
        }
        if (pending && cpu->ops->can_interrupt(cpu)) {
            cpu->ops->interrupt(cpu, 0x20);
            pending = false;
        }
        cpu->ops->want_window(cpu, pending);
        deadline = tick < end ? tick : end;
        if (how == IN_PIECES) {
            piece = piece * 5 % 97 + 1;
            if (now + piece * SOFT_NS_PER_INSTRUCTION < deadline)
                deadline = now + piece * SOFT_NS_PER_INSTRUCTION;
        }
        switch (cpu_run(cpu, deadline)) {
        case CPU_STOP_PORT:
            if (!cpu->exit.port.is_write)
                memset(cpu->exit.port.data, (int)(cpu->ops->instructions(cpu) & 0xff),
                       cpu->exit.port.width);
            break;
        case CPU_STOP_MMIO:
            if (!cpu->exit.mmio.is_write)
                memset(cpu->exit.mmio.data, (int)(cpu->ops->instructions(cpu) & 0xff),
                       cpu->exit.mmio.width);
            break;
        case CPU_STOP_HALTED:
            if (!cpu->ops->interrupts_enabled(cpu))
                over = true;
            else
                cpu->ops->skip_to(cpu, tick < end ? tick : end);
            break;
        case CPU_STOP_SHUTDOWN:
        case CPU_STOP_FAILED:
        case CPU_STOP_ASTRAY:
            over = true;
            break;
        case CPU_STOP_WATCH:
            watched++;
            break;
        case CPU_STOP_KICKED:
        case CPU_STOP_WINDOW:
        case CPU_STOP_DEBUG:
        case CPU_STOPS:
            break;
        }
    }
    cpu->ops->get_state(cpu, &state);
    result = hash_all(soft_of(cpu), &state);
    *count = cpu->ops->instructions(cpu);
    cpu->ops->destroy(cpu);
    return result;
}

int main(int argc, char **argv)
{
    uint64_t programs = argc > 1 ? strtoull(argv[1], NULL, 0) : 300;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, failed = 0, total = 0, all = 0;
    struct memory memory, start;
    struct cpu_state state;

    if (memory_init(&memory, MEMORY_MIN) < 0 || memory_init(&start, MEMORY_MIN) < 0)
        return 1;
    for (uint64_t i = 0; i < programs; i++) {
        uint64_t results[WAYS], counts[WAYS];
        random_state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) + 1;
        random_program(&start, &state);
        for (unsigned how = 0; how < WAYS; how++) {
            memcpy(memory.base, start.base, memory.size);
            results[how] = run_program(&memory, &state, how, &counts[how]);
        }
        total += counts[0];
        all = hash(all, &results[0], sizeof(results[0]));
        if (results[0] != results[1] || results[0] != results[2] || results[0] != results[3]) {
            printf("program %llu: in blocks %016llx (%llu), by steps %016llx (%llu), in pieces "
                   "%016llx (%llu), watched %016llx (%llu)\n",
                   (unsigned long long)(seed + i), (unsigned long long)results[0],
                   (unsigned long long)counts[0], (unsigned long long)results[1],
                   (unsigned long long)counts[1], (unsigned long long)results[2],
                   (unsigned long long)counts[2], (unsigned long long)results[3],
                   (unsigned long long)counts[3]);
            failed++;
        }
    }
    /* The same in every build. */
    printf("%llu instructions, end states %016llx\n", (unsigned long long)total,
           (unsigned long long)all);
    if (watched < programs) {
        printf("only %llu accesses met a watch\n", (unsigned long long)watched);
        failed++;
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)(programs - failed),
           (unsigned long long)failed);
    memory_free(&memory);
    memory_free(&start);
    return failed != 0;
}
