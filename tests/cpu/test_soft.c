/*
 * The software CPU's privileged side: rings, gates, faults, paging, tasks, virtual-8086 mode, time.
 * Programs are a few bytes of machine code; what must come out is the manual's. Outcomes are read
 * from the exception frames that the programs' handlers leave: handler n is HLT at HANDLERS + n, so
 * after a fault EIP tells the vector and the stack holds the frame.
 */
#include "cpu/arch.h"
#include "cpu/soft/soft.h"
#include "cpu/soft/state/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CODE      0x10000u
#define USER      0x11000u
#define HANDLERS  0x12000u
#define GDT       0x13000u
#define IDT       0x14000u
#define TSS       0x15000u
#define TSS2      0x15100u
#define LDT       0x15200u
#define DIRECTORY 0x16000u
#define TABLE     0x17000u
#define STACK     0x20000u /* top, ring 0 */
#define USTACK    0x21000u /* top, ring 3 */
#define DATA      0x22000u

/* Selectors */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x1b,
    DATA3 = 0x23,
    TASK = 0x28,
    TASK2 = 0x30,
    TASK_GATE_ = 0x38,
    CALL_GATE = 0x40,
    LDT_ = 0x48,
    SMALL = 0x50,  /* data, limit 15 */
    DOWN = 0x58,   /* data, expand-down, valid from 0x1000 on */
    ABSENT = 0x60, /* data, not present */
    READ_ONLY = 0x68,
    CONFORMING = 0x70,
    EXECUTE_ONLY = 0x78,
    CODE16 = 0x80,
    LAST = 0x88,
};

struct guest {
    struct memory memory;
    struct cpu *cpu;
    struct cpu_state state;
};

static void put32(struct guest *g, uint32_t at, uint32_t value)
{
    assert_true(memory_write(&g->memory, at, &value, 4));
}

static uint32_t get32(struct guest *g, uint32_t at)
{
    uint32_t value = 0;

    assert_true(memory_read(&g->memory, at, &value, 4));
    return value;
}

static void descriptor(struct guest *g, uint32_t selector, uint32_t base, uint32_t limit,
                       uint32_t access, uint32_t flags)
{
    put32(g, GDT + (selector & ~7u), (limit & 0xffff) | base << 16);
    put32(g, GDT + (selector & ~7u) + 4,
          (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | flags << 20 |
              (base & 0xff000000));
}

static void gate(struct guest *g, uint32_t table, uint32_t index, uint32_t selector,
                 uint32_t offset, uint32_t access)
{
    put32(g, table + index * 8, selector << 16 | (offset & 0xffff));
    put32(g, table + index * 8 + 4, (offset & 0xffff0000) | access << 8);
}

static int set_up(void **state)
{
    struct guest *g = calloc(1, sizeof(*g));
    char why[160];

    assert_non_null(g);
    *state = g;
    assert_int_equal(memory_init(&g->memory, MEMORY_MIN), 0);
    g->cpu = cpu_soft_create(&g->memory, why, sizeof(why));
    assert_non_null(g->cpu);
    descriptor(g, CODE0, 0, 0xfffff, 0x9b, 0xc);
    descriptor(g, DATA0, 0, 0xfffff, 0x93, 0xc);
    descriptor(g, CODE3, 0, 0xfffff, 0xfb, 0xc);
    descriptor(g, DATA3, 0, 0xfffff, 0xf3, 0xc);
    descriptor(g, TASK, TSS, 0x67, 0x8b, 0);
    descriptor(g, TASK2, TSS2, 0x67, 0x89, 0);
    gate(g, GDT, TASK_GATE_ / 8, TASK2, 0, 0xe5);
    gate(g, GDT, CALL_GATE / 8, CODE0, CODE + 0x800, 0xec);
    put32(g, GDT + CALL_GATE + 4, get32(g, GDT + CALL_GATE + 4) | 2); /* two parameters */
    descriptor(g, LDT_, LDT, 15, 0x82, 0);
    descriptor(g, SMALL, DATA, 15, 0x93, 4);
    descriptor(g, DOWN, 0, 0xfff, 0x97, 4);
    descriptor(g, ABSENT, DATA, 15, 0x13, 4);
    descriptor(g, READ_ONLY, DATA, 15, 0x91, 4);
    descriptor(g, CONFORMING, 0, 0xfffff, 0x9f, 0xc);
    descriptor(g, EXECUTE_ONLY, 0, 0xfffff, 0x99, 0xc);
    descriptor(g, CODE16, CODE, 0xffff, 0x9b, 0);
    memset(memory_at(&g->memory, HANDLERS, 256), 0xf4, 256);
    for (uint32_t i = 0; i < 256; i++)
        gate(g, IDT, i, CODE0, HANDLERS + i, 0x8e);
    put32(g, TSS + 4, STACK);
    put32(g, TSS + 8, DATA0);
    put32(g, TSS + 100, 0x680000);
    arch_flat_protected(&g->state, CODE, STACK - 0x100, (struct cpu_table){GDT, LAST - 1},
                        (struct cpu_table){IDT, 0x7ff});
    g->state.tr =
        (struct cpu_segment){.base = TSS, .limit = 0x67, .selector = TASK, .attributes = 0x8b};
    return 0;
}

static int tear_down(void **state)
{
    struct guest *g = *state;

    g->cpu->ops->destroy(g->cpu);
    memory_free(&g->memory);
    free(g);
    return 0;
}

static void code_at(struct guest *g, uint32_t at, const char *bytes, size_t length)
{
    assert_true(memory_write(&g->memory, at, bytes, length));
}
#define CODE_AT(g, at, bytes) code_at(g, at, bytes, sizeof(bytes) - 1)

static void user_mode(struct guest *g)
{
    g->state.segment[CPU_CS].selector = CODE3;
    g->state.segment[CPU_CS].attributes |= 0x60;
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        if (i == CPU_CS)
            continue;
        g->state.segment[i].selector = DATA3;
        g->state.segment[i].attributes |= 0x60;
    }
    g->state.gpr[CPU_ESP] = USTACK;
}

static void page_tables(struct guest *g)
{
    for (uint32_t i = 0; i < 256; i++)
        put32(g, TABLE + i * 4, i << 12 | 7);
    put32(g, DIRECTORY, TABLE | 7);
    g->state.cr3 = DIRECTORY;
    g->state.cr0 |= CR0_PG | CR0_WP;
}

/* Runs until the program halts, and expects that. */
static void run(struct guest *g)
{
    assert_int_equal(g->cpu->ops->set_state(g->cpu, &g->state), 0);
    assert_int_equal(cpu_run(g->cpu, 10000 * SOFT_NS_PER_INSTRUCTION), CPU_STOP_HALTED);
    g->cpu->ops->get_state(g->cpu, &g->state);
}

/* Runs and expects exception `vector` at `eip`; with_error: its error code is `error`. */
static void expect_fault(struct guest *g, uint32_t vector, uint32_t eip, bool with_error,
                         uint32_t error)
{
    uint32_t esp;

    run(g);
    assert_int_equal(g->state.eip, HANDLERS + vector + 1);
    esp = g->state.gpr[CPU_ESP];
    if (with_error) {
        assert_int_equal(get32(g, esp), error);
        esp += 4;
    }
    assert_int_equal(get32(g, esp), eip);
}

static void expect_ok(struct guest *g, uint32_t eip)
{
    run(g);
    assert_int_equal(g->state.eip, eip);
}

/* Exceptions */

static void divide_error_points_at_the_instruction(void **state)
{
    CODE_AT(*state, CODE, "\x31\xc9\xf7\xf1"); /* xor ecx, ecx; div ecx */
    expect_fault(*state, 0, CODE + 2, false, 0);
}

static void a_fault_pushes_rf(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x0f\x0b");
    expect_fault(g, 6, CODE, false, 0);
    assert_int_equal(get32(g, g->state.gpr[CPU_ESP] + 8) & EFLAGS_RF, EFLAGS_RF);
}

static void a_fault_shows_the_flags_of_the_instruction_before(void **state)
{
    struct guest *g = *state;
    struct cpu_state start;

    g->state.gpr[CPU_EAX] = SMALL;
    start = g->state;
    /* mov ds, ax; sub ecx, ecx; mov eax, [13]; add edx, 1 */
    CODE_AT(g, CODE, "\x8e\xd8\x29\xc9\xa1\x0d\x00\x00\x00\x83\xc2\x01");
    expect_fault(g, 13, CODE + 4, true, 0);
    assert_int_equal(get32(g, g->state.gpr[CPU_ESP] + 12) & EFLAGS_ZF, EFLAGS_ZF);
    g->state = start;
    /* the same with imul ecx, [13] */
    CODE_AT(g, CODE, "\x8e\xd8\x29\xc9\x0f\xaf\x0d\x0d\x00\x00\x00\x83\xc2\x01");
    expect_fault(g, 13, CODE + 4, true, 0);
    assert_int_equal(get32(g, g->state.gpr[CPU_ESP] + 12) & EFLAGS_ZF, EFLAGS_ZF);
}

static void int3_points_behind(void **state)
{
    CODE_AT(*state, CODE, "\xcc");
    expect_fault(*state, 3, CODE + 1, false, 0);
}

static void int_without_privilege_is_a_protection_fault(void **state)
{
    struct guest *g = *state;

    user_mode(g);
    CODE_AT(g, CODE, "\xcd\x80");
    expect_fault(g, 13, CODE, true, 0x80 * 8 + 2);
}

static void int_from_ring_3_switches_stacks(void **state)
{
    struct guest *g = *state;

    user_mode(g);
    gate(g, IDT, 0x80, CODE0, HANDLERS + 0x80, 0xee);
    CODE_AT(g, CODE, "\xcd\x80");
    expect_ok(g, HANDLERS + 0x81);
    assert_int_equal(g->state.gpr[CPU_ESP], STACK - 20);
    assert_int_equal(get32(g, STACK - 4), DATA3);
    assert_int_equal(get32(g, STACK - 8), USTACK);
    assert_int_equal(get32(g, STACK - 16), CODE3);
    assert_int_equal(get32(g, STACK - 20), CODE + 2);
    assert_int_equal(g->state.segment[CPU_SS].selector, DATA0);
}

static void a_fault_in_delivery_is_a_double_fault(void **state)
{
    struct guest *g = *state;

    /* #DE and then #NP for its gate: both contributory. */
    gate(g, IDT, 0, CODE0, HANDLERS, 0x0e);
    CODE_AT(g, CODE, "\x31\xc9\xf7\xf1");
    expect_fault(g, 8, CODE + 2, true, 0);
}

static void a_benign_exception_and_a_fault_are_not(void **state)
{
    struct guest *g = *state;

    gate(g, IDT, 6, CODE0, HANDLERS, 0x0e);
    CODE_AT(g, CODE, "\x0f\x0b");
    expect_fault(g, 11, CODE, true, 6 * 8 + 3);
}

static void a_triple_fault_keeps_the_registers(void **state)
{
    struct guest *g = *state;

    g->state.idtr.limit = 0;
    CODE_AT(g, CODE, "\xb8\x78\x56\x34\x12\x0f\x0b"); /* mov eax, 0x12345678; ud2 */
    g->cpu->ops->set_state(g->cpu, &g->state);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_SHUTDOWN);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, CODE + 5);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x12345678);
    assert_int_equal(g->state.gpr[CPU_ESP], STACK - 0x100);
}

/* Segments */

static void load_ds(struct guest *g, uint32_t selector)
{
    g->state.gpr[CPU_EAX] = selector;
    CODE_AT(g, CODE, "\x8e\xd8\xf4"); /* mov ds, ax; hlt */
}

static void segment_loads_are_checked(void **state)
{
    struct guest *g = *state;
    static const struct {
        uint32_t selector, vector, error;
    } cases[] = {{ABSENT, 11, ABSENT},
                 {EXECUTE_ONLY, 13, EXECUTE_ONLY},
                 {TASK, 13, TASK},
                 {LAST, 13, LAST},
                 {0x14 | 4, 13, 0x10 | 4}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cpu_state start = g->state;
        load_ds(g, cases[i].selector);
        expect_fault(g, cases[i].vector, CODE, true, cases[i].error & ~3u);
        g->state = start;
    }
    load_ds(g, 0);
    expect_ok(g, CODE + 3);
}

static void a_guest_starts_without_a_local_table(void **state)
{
    struct guest *g = *state;

    put32(g, 8, 0xffff); /* what would be data in an LDT at address 0 */
    put32(g, 12, 0x009200);
    load_ds(g, 8 | 4);
    expect_fault(g, 13, CODE, true, 8 | 4);
}

static void a_null_segment_cant_be_used(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x31\xc0\x8e\xd8\xa1\x00\x20\x02\x00"); /* ds = 0; mov eax, [DATA] */
    expect_fault(g, 13, CODE + 4, true, 0);
}

static void limits_hold_for_the_whole_operand(void **state)
{
    struct guest *g = *state;
    struct cpu_state start;

    g->state.gpr[CPU_EAX] = SMALL;
    CODE_AT(g, CODE, "\x8e\xd8\xa1\x0c\x00\x00\x00\xf4"); /* mov eax, [12] */
    start = g->state;
    expect_ok(g, CODE + 8);
    g->state = start;
    CODE_AT(g, CODE, "\x8e\xd8\xa1\x0d\x00\x00\x00\xf4"); /* [13] */
    expect_fault(g, 13, CODE + 2, true, 0);
}

static void expand_down_is_valid_above_the_limit(void **state)
{
    struct guest *g = *state;
    struct cpu_state start;

    g->state.gpr[CPU_EAX] = DOWN;
    start = g->state;
    CODE_AT(g, CODE, "\x8e\xd8\xa0\x00\x10\x00\x00\xf4"); /* mov al, [0x1000] */
    expect_ok(g, CODE + 8);
    g->state = start;
    CODE_AT(g, CODE, "\x8e\xd8\xa0\xff\x0f\x00\x00\xf4");
    expect_fault(g, 13, CODE + 2, true, 0);
}

static void read_only_data_cant_be_written(void **state)
{
    struct guest *g = *state;

    g->state.gpr[CPU_EAX] = READ_ONLY;
    CODE_AT(g, CODE, "\x8e\xd8\x8a\x05\x00\x00\x00\x00\x88\x05\x00\x00\x00\x00");
    expect_fault(g, 13, CODE + 8, true, 0);
}

static void a_stack_beyond_its_limit_is_a_stack_fault(void **state)
{
    struct guest *g = *state;

    /* The handler runs on the TSS's stack: come from ring 3. */
    user_mode(g);
    g->state.segment[CPU_SS].limit = 0xfff;
    g->state.gpr[CPU_ESP] = 0x1002;
    CODE_AT(g, CODE, "\x50");
    expect_fault(g, 12, CODE, true, 0);
}

/* Intel SDM vol. 2, CALL: the stack is looked at before the offset. */
static void a_far_call_faults_in_its_stack_first(void **state)
{
    struct guest *g = *state;

    user_mode(g);
    descriptor(g, CODE16, CODE, 0xff, 0xfb, 0);
    g->state.segment[CPU_SS].limit = 0xfff;
    g->state.gpr[CPU_ESP] = 0x1004;
    CODE_AT(g, CODE, "\x9a\x00\x01\x00\x00\x83\x00"); /* call CODE16:0x100 */
    expect_fault(g, 12, CODE, true, 0);
}

/* Intel SDM vol. 3, table 6-7: stacks and x87 operands are no exceptions. */
static void alignment_is_checked_of_all_operands(void **state)
{
    struct guest *g = *state;
    static const char programs[][5] = {
        "\xc3",             /* ret */
        "\x60",             /* pusha */
        "\xc8\x04\x00\x01", /* enter 4, 1 */
        "\xcb",             /* retf */
        "\xdf\x24\x24",     /* fbld [esp] */
        "\xd9\x34\x24",     /* fnstenv [esp] */
        "\xdd\x24\x24",     /* frstor [esp] */
    };

    for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        struct cpu_state start = g->state;
        user_mode(g);
        g->state.cr0 |= 0x40000;
        g->state.eflags |= 0x40000;
        g->state.gpr[CPU_ESP] = USTACK - 0x101;
        memory_write(&g->memory, CODE, programs[i], 4);
        expect_fault(g, 17, CODE, true, 0);
        g->state = start;
    }
}

static void lar_lsl_verr_verw_arpl(void **state)
{
    struct guest *g = *state;

    g->state.gpr[CPU_ECX] = READ_ONLY;
    g->state.gpr[CPU_EBX] = 0x10;
    g->state.gpr[CPU_EDX] = 0x13;
    CODE_AT(g, CODE,
            "\x0f\x02\xc1"     /* lar eax, ecx */
            "\x0f\x03\xf1"     /* lsl esi, ecx */
            "\x0f\x00\xe9"     /* verw cx */
            "\x0f\x94\xc5"     /* setz ch */
            "\x63\xd3"         /* arpl bx, dx */
            "\x0f\x94\xc6\xf4" /* setz dh; hlt */
    );
    expect_ok(g, CODE + 18);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x00409100);
    assert_int_equal(g->state.gpr[CPU_ESI], 15);
    assert_int_equal(g->state.gpr[CPU_ECX], READ_ONLY); /* ch = 0: not writable */
    assert_int_equal(g->state.gpr[CPU_EBX], 0x13);
    assert_int_equal(g->state.gpr[CPU_EDX], 0x113);
}

/* Gates and returns */

static void a_call_gate_copies_parameters(void **state)
{
    struct guest *g = *state;

    user_mode(g);
    CODE_AT(g, CODE, "\x6a\x11\x6a\x22\x9a\x00\x00\x00\x00\x40\x00"); /* push 2; call CALL_GATE:0 */
    CODE_AT(g, CODE + 0x800, "\xf4");
    expect_ok(g, CODE + 0x801);
    assert_int_equal(g->state.segment[CPU_CS].selector, CODE0);
    assert_int_equal(g->state.gpr[CPU_ESP], STACK - 24);
    assert_int_equal(get32(g, STACK - 24), CODE + 11);
    assert_int_equal(get32(g, STACK - 20), CODE3);
    assert_int_equal(get32(g, STACK - 16), 0x22);
    assert_int_equal(get32(g, STACK - 12), 0x11);
    assert_int_equal(get32(g, STACK - 8), USTACK - 8);
    assert_int_equal(get32(g, STACK - 4), DATA3);
}

static void iret_to_ring_3_and_back(void **state)
{
    struct guest *g = *state;

    gate(g, IDT, 0x80, CODE0, HANDLERS + 0x80, 0xee);
    /* push DATA3; push USTACK; push 0x202; push CODE3; push USER; iret */
    CODE_AT(g, CODE,
            "\x6a\x23\x68\x00\x10\x02\x00\x68\x02\x02\x00\x00\x6a\x1b\x68\x00\x10\x01\x00\xcf");
    CODE_AT(g, USER, "\x8c\xd8\xcd\x80"); /* mov eax, ds (which became null) */
    expect_ok(g, HANDLERS + 0x81);
    assert_int_equal(g->state.gpr[CPU_EAX], 0);
    assert_int_equal(get32(g, STACK - 12), 0x202);
}

static void privileged_instructions_fault_in_ring_3(void **state)
{
    static const struct {
        const char bytes[8];
        uint32_t length;
    } cases[] = {{"\xf4", 1},         {"\xfa", 1},        {"\xfb", 1},         {"\x0f\x22\xc0", 3},
                 {"\x0f\x20\xc0", 3}, {"\x0f\x06", 2},    {"\x0f\x01\x10", 3}, {"\x0f\x00\xd8", 3},
                 {"\x0f\x23\xc0", 3}, {"\x0f\x32", 2},    {"\x0f\x08", 2},     {"\xe4\x60", 2},
                 {"\x0f\x01\x38", 3}, {"\x0f\x01\xf0", 3}};
    struct guest *g = *state;
    struct cpu_state start;

    user_mode(g);
    start = g->state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        g->state = start;
        g->state.gpr[CPU_EAX] = DATA;
        code_at(g, CODE, cases[i].bytes, cases[i].length);
        expect_fault(g, 13, CODE, true, 0);
    }
}

static void the_io_map_opens_single_ports(void **state)
{
    struct guest *g = *state;

    user_mode(g);
    g->state.tr.limit = 0x67 + 32;
    memset(memory_at(&g->memory, TSS + 0x68, 32), 0xff, 32);
    put32(g, TSS + 0x68, 0xfffffffb); /* port 2 */
    CODE_AT(g, CODE, "\xe6\x02\xe6\x03");
    g->cpu->ops->set_state(g->cpu, &g->state);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_PORT);
    assert_int_equal(g->cpu->exit.port.port, 2);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_HALTED);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, HANDLERS + 14);
}

/* Paging */

static void page_faults_tell_what_was_wrong(void **state)
{
    struct guest *g = *state;
    struct cpu_state start;

    page_tables(g);
    start = g->state;
    put32(g, TABLE + (DATA >> 12) * 4, 0);
    CODE_AT(g, CODE, "\xa1\x08\x20\x02\x00"); /* mov eax, [DATA + 8] */
    expect_fault(g, 14, CODE, true, 0);
    assert_int_equal(g->state.cr2, DATA + 8);

    g->state = start;
    put32(g, TABLE + (DATA >> 12) * 4, DATA | 1); /* read-only, supervisor */
    CODE_AT(g, CODE, "\xa3\x08\x20\x02\x00");
    expect_fault(g, 14, CODE, true, 3);

    g->state = start;
    user_mode(g);
    expect_fault(g, 14, CODE, true, 7);

    g->state = start;
    g->state.cr0 &= ~CR0_WP; /* then a supervisor may write */
    CODE_AT(g, CODE, "\xa3\x08\x20\x02\x00\xf4");
    expect_ok(g, CODE + 6);
    assert_int_equal(get32(g, TABLE + (DATA >> 12) * 4), DATA | 0x61); /* accessed, dirty */
}

static void a_large_page_maps_4_mib(void **state)
{
    struct guest *g = *state;

    page_tables(g);
    g->state.cr4 = CR4_PSE;
    put32(g, DIRECTORY + 4, 0x00000083); /* 0x400000.. is physical 0 */
    put32(g, DATA, 0x1234abcd);
    CODE_AT(g, CODE, "\xa1\x00\x20\x42\x00\xf4");
    expect_ok(g, CODE + 6);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x1234abcd);
    assert_int_equal(get32(g, DIRECTORY + 4), 0xa3);
}

static void code_beyond_the_limit_is_not_looked_for_in_pages(void **state)
{
    struct guest *g = *state;

    page_tables(g);
    put32(g, TABLE + (CODE / 0x1000 + 1) * 4, 0);
    g->state.segment[CPU_CS].limit = CODE + 0xfff;
    g->state.eip = CODE + 0xfff;
    CODE_AT(g, CODE + 0xfff, "\x90");
    expect_fault(g, 13, CODE + 0x1000, true, 0);
}

static void an_access_across_pages_changes_nothing_if_it_faults(void **state)
{
    struct guest *g = *state;

    page_tables(g);
    put32(g, TABLE + (DATA >> 12) * 4 + 4, 0);
    g->state.gpr[CPU_EAX] = UINT32_MAX;
    CODE_AT(g, CODE, "\xa3\xfe\x2f\x02\x00"); /* mov [DATA + 0xffe], eax */
    expect_fault(g, 14, CODE, true, 2);
    assert_int_equal(g->state.cr2, DATA + 0x1000);
    assert_int_equal(get32(g, DATA + 0xffc), 0);
}

static void a_string_instruction_stops_at_a_fault_and_can_go_on(void **state)
{
    struct guest *g = *state;

    page_tables(g);
    put32(g, TABLE + (DATA >> 12) * 4 + 4, 0);
    g->state.gpr[CPU_EDI] = DATA + 0xff0;
    g->state.gpr[CPU_ECX] = 100;
    CODE_AT(g, CODE, "\xf3\xaa");
    expect_fault(g, 14, CODE, true, 2);
    assert_int_equal(g->state.gpr[CPU_ECX], 84);
    assert_int_equal(g->state.gpr[CPU_EDI], DATA + 0x1000);
}

static void code_that_changes_itself_is_executed_as_changed(void **state)
{
    struct guest *g = *state;

    /* mov byte [CODE + 8], 0xf4; nop; nop (which becomes hlt) */
    CODE_AT(g, CODE, "\xc6\x05\x08\x00\x01\x00\xf4\x90\x90\x0f\x0b");
    expect_ok(g, CODE + 9);
}

/* Tasks */

static void make_task2(struct guest *g, uint32_t eip)
{
    put32(g, TSS2 + 28, DIRECTORY);
    put32(g, TSS2 + 32, eip);
    put32(g, TSS2 + 36, 2);
    put32(g, TSS2 + 40, 0x11111111); /* eax */
    put32(g, TSS2 + 56, STACK - 0x400);
    for (unsigned i = 0; i < 6; i++)
        put32(g, TSS2 + 72 + 4 * i, i == 1 ? CODE0 : DATA0);
    put32(g, TSS2 + 96, 0);
}

static void a_task_can_be_called_and_return(void **state)
{
    struct guest *g = *state;

    make_task2(g, USER);
    g->state.gpr[CPU_EBX] = 0x22222222;
    CODE_AT(g, CODE, "\x9a\x00\x00\x00\x00\x38\x00\xf4"); /* call TASK_GATE:0; hlt */
    CODE_AT(g, USER, "\x89\xc1\xcf");                     /* mov ecx, eax; iret */
    expect_ok(g, CODE + 8);
    assert_int_equal(g->state.gpr[CPU_EBX], 0x22222222);
    assert_int_equal(g->state.tr.selector, TASK);
    assert_int_equal(g->state.cr0 & CR0_TS, CR0_TS);
    assert_int_equal(get32(g, TSS2 + 44), 0x11111111);             /* ecx, saved */
    assert_int_equal(get32(g, TSS2), TASK);                        /* link */
    assert_int_equal(get32(g, GDT + TASK2 + 4) >> 8 & 0xff, 0x89); /* no longer busy */
    assert_int_equal(g->state.eflags & EFLAGS_NT, 0);
}

static void a_double_fault_can_have_a_task_of_its_own(void **state)
{
    struct guest *g = *state;

    make_task2(g, USER);
    gate(g, IDT, 8, TASK2, 0, 0x85);
    gate(g, IDT, 13, CODE0, 0, 0x0e);
    g->state.gpr[CPU_EBX] = 0x33333333;
    CODE_AT(g, CODE, "\xb8\x00\xf0\x00\x00\x8e\xd8"); /* ds = nonsense */
    CODE_AT(g, USER, "\xf4");
    expect_ok(g, USER + 1);
    assert_int_equal(get32(g, STACK - 0x404), 0); /* the error code */
    assert_int_equal(get32(g, TSS + 32), CODE + 5);
    assert_int_equal(get32(g, TSS + 52), 0x33333333);
    assert_int_equal(g->state.eflags & EFLAGS_NT, EFLAGS_NT);
}

/* A push that crosses offset 0 is #SS, which needs room on the same stack: vol. 2, PUSH, PUSHA, INT
 * n, ENTER, CALL. */
static void real_mode_shuts_down_without_room_for_a_stack_fault(void **state)
{
    static const struct {
        char code[4];
        uint16_t sp;
    } cases[] = {
        {"\x60", 1},             /* pusha */
        {"\x60", 3},             /* the same */
        {"\x60", 5},             /* the same */
        {"\x66\x60", 5},         /* pushad */
        {"\x50", 1},             /* push ax */
        {"\xcd\x21", 1},         /* int 0x21 */
        {"\xcd\x21", 5},         /* the same */
        {"\x0f\x0b", 5},         /* ud2 */
        {"\xc8\x00\x00\x00", 1}, /* enter 0, 0 */
        {"\xe8\x00\x00", 1},     /* call */
        {"\x9c", 1},             /* pushf */
    };
    struct guest *g = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        arch_real_mode(&g->state, 0x1000, 0, cases[i].sp);
        code_at(g, CODE, cases[i].code, sizeof(cases[i].code));
        g->cpu->ops->set_state(g->cpu, &g->state);
        assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_SHUTDOWN);
        g->cpu->ops->get_state(g->cpu, &g->state);
        assert_int_equal(g->state.eip, 0);
        assert_int_equal(g->state.gpr[CPU_ESP], cases[i].sp);
    }
}

/* A 16-bit stack in protected mode has no such rule: vol. 2, PUSHA, protected-mode exceptions. */
static void pusha_across_offset_0_is_a_stack_fault_in_protected_mode(void **state)
{
    struct guest *g = *state;
    struct cpu_state start;

    user_mode(g);
    g->state.segment[CPU_SS].attributes &= (uint16_t)~SEGMENT_DB;
    g->state.segment[CPU_SS].limit = 0xffff;
    CODE_AT(g, CODE, "\x66\x60"); /* pusha */
    start = g->state;
    for (uint32_t sp = 1; sp <= 15; sp += 2) {
        g->state = start;
        g->state.gpr[CPU_ESP] = sp;
        expect_fault(g, 12, CODE, true, 0);
    }
}

/* Virtual-8086 mode */

static void v86_faults_come_with_its_segments(void **state)
{
    struct guest *g = *state;

    g->state.eflags |= EFLAGS_VM;
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        g->state.segment[i] = (struct cpu_segment){
            .base = 0x10000, .limit = 0xffff, .selector = 0x1000, .attributes = 0xf3};
    g->state.eip = 0;
    g->state.gpr[CPU_ESP] = 0x8000;
    CODE_AT(g, CODE, "\xcd\x21");
    run(g);
    assert_int_equal(g->state.eip, HANDLERS + 14);
    assert_int_equal(g->state.eflags & EFLAGS_VM, 0);
    assert_int_equal(g->state.gpr[CPU_ESP], STACK - 40);
    assert_int_equal(get32(g, STACK - 40), 0); /* error */
    assert_int_equal(get32(g, STACK - 36), 0); /* ip */
    assert_int_equal(get32(g, STACK - 32), 0x1000);
    assert_int_equal(get32(g, STACK - 28) & EFLAGS_VM, EFLAGS_VM);
    assert_int_equal(get32(g, STACK - 24), 0x8000);
    assert_int_equal(get32(g, STACK - 4), 0x1000); /* gs */
    assert_int_equal(g->state.segment[CPU_DS].selector, 0);
}

/* Time and interrupts */

static void sti_keeps_interrupts_out_for_one_instruction(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\xfb\x90\x90");
    g->cpu->ops->set_state(g->cpu, &g->state);
    g->cpu->ops->want_window(g->cpu, true);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_WINDOW);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, CODE + 2);
    assert_int_equal(g->cpu->ops->interrupt(g->cpu, 0x20), 0);
    g->cpu->ops->want_window(g->cpu, false);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_HALTED);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, HANDLERS + 0x21);
    assert_int_equal(get32(g, g->state.gpr[CPU_ESP]), CODE + 2);
}

static void a_deadline_comes_behind_an_exact_instruction(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x40\x40\x40\x40\x40\xeb\xf9"); /* inc eax, five times; again */
    g->cpu->ops->set_state(g->cpu, &g->state);
    for (uint64_t i = 1; i < 100; i++) {
        uint64_t deadline = i * 7 * SOFT_NS_PER_INSTRUCTION;
        assert_int_equal(cpu_run(g->cpu, deadline), CPU_STOP_KICKED);
        assert_int_equal(g->cpu->ops->now(g->cpu), deadline);
        assert_int_equal(g->cpu->ops->instructions(g->cpu), i * 7);
        g->cpu->ops->get_state(g->cpu, &g->state);
        assert_int_equal(g->state.gpr[CPU_EAX], i * 7 / 6 * 5 + i * 7 % 6);
    }
}

static void a_kick_ends_a_run_that_has_no_deadline(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\xeb\xfe");
    g->cpu->ops->set_state(g->cpu, &g->state);
    g->cpu->ops->kick(g->cpu);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_KICKED);
    assert_int_equal(cpu_run(g->cpu, 50), CPU_STOP_KICKED);
}

static void the_trap_flag_stops_behind_each_instruction(void **state)
{
    struct guest *g = *state;

    g->state.eflags |= EFLAGS_TF;
    CODE_AT(g, CODE, "\x90\x90");
    expect_fault(g, 1, CODE + 1, false, 0);
    assert_int_equal(g->state.dr[6] & 0x4000, 0x4000);
}

/* With one more its frame would be the first handler's, and not the program's. */
static void icebp_with_the_trap_flag_is_one_exception(void **state)
{
    struct guest *g = *state;

    g->state.eflags |= EFLAGS_TF;
    CODE_AT(g, CODE, "\xf1\x90");
    expect_fault(g, 1, CODE + 1, false, 0);
    assert_int_equal(g->state.dr[6] & 0xe00f, 0);
}

static void icebp_reports_what_mov_ss_has_met(void **state)
{
    struct guest *g = *state;

    put32(g, DATA, DATA0);
    g->state.dr[1] = DATA;
    g->state.dr[7] = 0x400 | 0x8 | 0x7u << 20;            /* two bytes, reads and writes */
    CODE_AT(g, CODE, "\x8e\x15\x00\x20\x02\x00\xf1\x90"); /* mov ss, [DATA]; icebp; nop */
    expect_fault(g, 1, CODE + 7, false, 0);
    assert_int_equal(g->state.dr[6] & 0xe00f, 2);
}

static void debug_registers_watch_code_and_data(void **state)
{
    struct guest *g = *state;
    struct cpu_state start;

    CODE_AT(g, CODE, "\x90\xa3\x02\x20\x02\x00\x90"); /* nop; mov [DATA + 2], eax; nop */
    start = g->state;
    g->state.dr[0] = CODE + 1;
    g->state.dr[7] = 0x402;
    expect_fault(g, 1, CODE + 1, false, 0);
    assert_int_equal(g->state.dr[6] & 15, 1);
    g->state = start;
    g->state.dr[1] = DATA + 4;
    g->state.dr[7] = 0x400 | 0x8 | 1u << 20; /* one byte, write */
    expect_fault(g, 1, CODE + 6, false, 0);
    assert_int_equal(g->state.dr[6] & 15, 2);
    g->state = start;
    CODE_AT(g, CODE, "\x60\x90"); /* pusha; nop */
    g->state.dr[2] = start.gpr[CPU_ESP] - 8;
    g->state.dr[7] = 0x400 | 0x20 | 0xdu << 24; /* four bytes, write */
    expect_fault(g, 1, CODE + 1, false, 0);
    assert_int_equal(g->state.dr[6] & 15, 4);
}

/* What a debugger watches */

static void watch(struct guest *g, uint32_t address, uint32_t length, unsigned kinds)
{
    const struct cpu_watch watch = {address, length, kinds};

    assert_int_equal(g->cpu->ops->set_state(g->cpu, &g->state), 0);
    assert_int_equal(g->cpu->ops->watch(g->cpu, &watch, 1), 0);
}

static void expect_access(struct guest *g, uint32_t address, bool is_write, uint32_t eip)
{
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_WATCH);
    assert_int_equal(g->cpu->exit.access.address, address);
    assert_int_equal(g->cpu->exit.access.is_write, is_write);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, eip);
}

static void expect_halt(struct guest *g, uint32_t eip)
{
    assert_int_equal(cpu_run(g->cpu, 100000 * SOFT_NS_PER_INSTRUCTION), CPU_STOP_HALTED);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, eip);
}

static void a_watch_stops_behind_the_access(void **state)
{
    struct guest *g = *state;

    /* inc ecx; mov [DATA], eax; inc ecx; inc dword [DATA+2]; mov [DATA+4], al; hlt */
    CODE_AT(g, CODE,
            "\x41\xa3\x00\x20\x02\x00\x41\xff\x05\x02\x20\x02\x00\xa2\x04\x20\x02\x00\xf4");
    g->state.gpr[CPU_EAX] = 0x12345678;
    watch(g, DATA, 4, CPU_WATCH_WRITE);
    expect_access(g, DATA, true, CODE + 6);
    assert_int_equal(get32(g, DATA), 0x12345678);
    assert_int_equal(g->cpu->ops->instructions(g->cpu), 2);
    expect_access(g, DATA + 2, true, CODE + 13);
    assert_int_equal(g->cpu->ops->instructions(g->cpu), 4);
    expect_halt(g, CODE + 19); /* DATA + 4 is not watched */
}

static void a_watch_tells_reads_from_writes(void **state)
{
    struct guest *g = *state;

    /* mov [DATA], eax; mov eax, [DATA]; inc dword [DATA]; hlt */
    CODE_AT(g, CODE, "\xa3\x00\x20\x02\x00\xa1\x00\x20\x02\x00\xff\x05\x00\x20\x02\x00\xf4");
    watch(g, DATA + 1, 1, CPU_WATCH_READ);
    expect_access(g, DATA + 1, false, CODE + 10);
    expect_access(g, DATA + 1, false, CODE + 16);
    expect_halt(g, CODE + 17);
    g->state.eip = CODE;
    watch(g, DATA + 1, 1, CPU_WATCH_READ | CPU_WATCH_WRITE);
    expect_access(g, DATA + 1, true, CODE + 5);
    expect_access(g, DATA + 1, false, CODE + 10);
    expect_access(g, DATA + 1, true, CODE + 16); /* of both the write is told */
    g->state.eip = CODE;
    watch(g, DATA + 1, 1, CPU_WATCH_READ);
    assert_int_equal(g->cpu->ops->watch(g->cpu, NULL, 0), 0);
    expect_halt(g, CODE + 17);
}

static void a_watch_sees_the_last_instruction_of_a_block(void **state)
{
    struct guest *g = *state;

    /* call +0: its push is watched; pop eax; jmp [DATA]; then at CODE + 0x20: hlt */
    CODE_AT(g, CODE, "\xe8\x00\x00\x00\x00\x58\xff\x25\x00\x20\x02\x00");
    CODE_AT(g, CODE + 0x20, "\xf4");
    put32(g, DATA, CODE + 0x20);
    watch(g, STACK - 0x104, 4, CPU_WATCH_WRITE);
    expect_access(g, STACK - 0x104, true, CODE + 5);
    expect_halt(g, CODE + 0x21);
    g->state.eip = CODE;
    watch(g, DATA, 4, CPU_WATCH_READ);
    expect_access(g, DATA, false, CODE + 0x20);
    expect_halt(g, CODE + 0x21);
}

static void a_watch_stops_between_iterations(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\xf3\xab\xf4"); /* rep stosd; hlt */
    g->state.gpr[CPU_EDI] = DATA - 0x800;
    g->state.gpr[CPU_ECX] = 0x400;
    watch(g, DATA + 8, 8, CPU_WATCH_WRITE);
    expect_access(g, DATA + 8, true, CODE);
    assert_int_equal(g->state.gpr[CPU_EDI], DATA + 12);
    assert_int_equal(g->state.gpr[CPU_ECX], 0x400 - 0x203);
    assert_int_equal(g->cpu->ops->instructions(g->cpu), 0x203);
    expect_access(g, DATA + 12, true, CODE);
    expect_halt(g, CODE + 3);
}

static void a_watch_sees_stacks_of_calls_and_interrupts(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x90\x0f\x0b"); /* nop; ud2: its frame is watched */
    watch(g, STACK - 0x10c, 4, CPU_WATCH_WRITE);
    expect_access(g, STACK - 0x10c, true, HANDLERS + 6);
    expect_halt(g, HANDLERS + 7);

    CODE_AT(g, CODE, "\x90\x90\xf4");
    g->state.eip = CODE;
    g->state.eflags |= EFLAGS_IF;
    g->state.gpr[CPU_ESP] = STACK - 0x100;
    watch(g, STACK - 0x104, 4, CPU_WATCH_WRITE);
    assert_int_equal(g->cpu->ops->interrupt(g->cpu, 0x20), 0);
    expect_access(g, STACK - 0x104, true, HANDLERS + 0x20);
}

static void a_watch_does_not_see_what_faults(void **state)
{
    struct guest *g = *state;

    page_tables(g);
    put32(g, TABLE + (DATA >> 12) * 4, 0); /* the destination is not there */
    CODE_AT(g, CODE, "\xa5\xf4");          /* movsd; hlt */
    g->state.gpr[CPU_ESI] = USTACK;
    g->state.gpr[CPU_EDI] = DATA;
    watch(g, USTACK, 4, CPU_WATCH_READ);
    expect_halt(g, HANDLERS + 14 + 1);
}

static void a_watch_follows_pages_and_lengths(void **state)
{
    struct guest *g = *state;

    /* mov [DATA+0xffe], eax across two pages; mov [DATA+0x3000], al; hlt */
    CODE_AT(g, CODE, "\xa3\xfe\x2f\x02\x00\xa2\x00\x50\x02\x00\xf4");
    page_tables(g);
    watch(g, DATA + 0x1000, 0x2000, CPU_WATCH_WRITE);
    expect_access(g, DATA + 0x1000, true, CODE + 5);
    expect_halt(g, CODE + 11);
    g->state.eip = CODE + 5;
    watch(g, DATA + 0x1000, 0x1fff, CPU_WATCH_WRITE);
    expect_halt(g, CODE + 11);
    g->state.eip = CODE + 5;
    watch(g, DATA + 0x1000, 0x2001, CPU_WATCH_WRITE);
    expect_access(g, DATA + 0x3000, true, CODE + 10);
}

/* The cost of a watch is that of its page: nothing else leaves the TLB, however often it is met. */
static void a_watched_page_leaves_the_others_in_the_tlb(void **state)
{
    struct guest *g = *state;
    const struct soft *c = soft_of(g->cpu);

    /* again: mov [DATA], eax; mov eax, [DATA+0x1000]; mov [DATA+0x1000], eax; loop again; hlt */
    CODE_AT(g, CODE, "\xa3\x00\x20\x02\x00\xa1\x00\x30\x02\x00\xa3\x00\x30\x02\x00\xe2\xef\xf4");
    g->state.gpr[CPU_ECX] = 20000; /* more than the TLB's log has room for */
    watch(g, DATA + 0x800, 4, CPU_WATCH_READ | CPU_WATCH_WRITE);
    expect_halt(g, CODE + 18);
    assert_true(c->tlb_logged < 8);
    assert_non_null(c->tlb[0][0][(DATA + 0x1000) >> 12]);
    assert_non_null(c->tlb[0][1][(DATA + 0x1000) >> 12]);
    assert_null(c->tlb[0][0][DATA >> 12]);
    assert_null(c->tlb[0][1][DATA >> 12]);
}

/* "NP" in the manual: with a prefix it is another instruction, or none. */
static void fences_have_no_prefix(void **state)
{
    CODE_AT(*state, CODE, "\x0f\xae\xe8\x66\x0f\xae\xe8"); /* lfence; 66 lfence */
    expect_fault(*state, 6, CODE + 3, false, 0);
}

static void mmio_is_the_machines(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x83\x05\x00\x00\xb0\xfe\x05\xf4"); /* add dword [0xfeb00000], 5; hlt */
    g->cpu->ops->set_state(g->cpu, &g->state);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_MMIO);
    assert_false(g->cpu->exit.mmio.is_write);
    assert_int_equal(g->cpu->exit.mmio.address, 0xfeb00000);
    memcpy(g->cpu->exit.mmio.data, "\x01\x00\x00\x00", 4);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_MMIO);
    assert_true(g->cpu->exit.mmio.is_write);
    assert_memory_equal(g->cpu->exit.mmio.data, "\x06\x00\x00\x00", 4);
    assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_HALTED);
    assert_int_equal(g->cpu->ops->instructions(g->cpu), 2);
}

/* Real mode */

static void real_mode_wraps_and_interrupts(void **state)
{
    struct guest *g = *state;

    arch_real_mode(&g->state, 0x1000, 0, 0x8000);
    put32(g, 0x21 * 4, 0x1000 << 16 | 0x100);
    CODE_AT(g, CODE, "\xcd\x21\xf4");             /* int 0x21; hlt */
    CODE_AT(g, CODE + 0x100, "\xb8\x34\x12\xcf"); /* mov ax, 0x1234; iret */
    expect_ok(g, 3);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x1234);
    assert_int_equal(g->state.gpr[CPU_ESP], 0x8000);
}

/* An instruction in two pages is kept like any other, and must notice what happens to either. */
static void an_instruction_in_two_pages_follows_both(void **state)
{
    struct guest *g = *state;
    const uint32_t across = 0x50ffe, entry = TABLE + (across >> 12) * 4 + 4;
    uint32_t at = CODE;

    page_tables(g);
    CODE_AT(g, across, "\xb8\x11\x22\x33\x44\xc3"); /* mov eax, 0x44332211; ret */
    CODE_AT(g, 0x52000, "\x55\x66\x77\xc3");
    for (unsigned i = 0; i < 3; i++) {
        CODE_AT(g, at, "\xe8"); /* call across; mov ebx, eax / ecx / edx */
        put32(g, at + 1, across - (at + 5));
        code_at(g, at + 5, &"\x89\xc3\x89\xc1\x89\xc2"[2 * i], 2);
        at += 7;
        if (i == 0) {
            CODE_AT(g, at, "\xc6\x05....\x99"); /* mov byte [across + 3], 0x99 */
            put32(g, at + 2, across + 3);
            at += 7;
        } else { /* mov dword [entry], another page, and then none */
            CODE_AT(g, at, "\xc7\x05");
            put32(g, at + 2, entry);
            put32(g, at + 6, i == 1 ? 0x52007 : 0);
            at += 10;
        }
    }
    CODE_AT(g, at, "\xe8");
    put32(g, at + 1, across - (at + 5));
    expect_fault(g, 14, across, true, 0);
    assert_int_equal(g->state.cr2, across + 2);
    assert_int_equal(g->state.gpr[CPU_EBX], 0x44332211);
    assert_int_equal(g->state.gpr[CPU_ECX], 0x44992211);
    assert_int_equal(g->state.gpr[CPU_EDX], 0x77665511);

    put32(g, entry, 0x51007);
    put32(g, 0x51000, 0xc3010203); /* from outside */
    g->state.eip = across;
    put32(g, g->state.gpr[CPU_ESP], CODE + 0x700);
    CODE_AT(g, CODE + 0x700, "\xf4");
    expect_ok(g, CODE + 0x701);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x01020311);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* The memory map: what a program at CODE finds at DATA, a page of each kind. */

static enum cpu_stop go(struct guest *g)
{
    return cpu_run(g->cpu, g->cpu->ops->now(g->cpu) + 10000 * SOFT_NS_PER_INSTRUCTION);
}

static void a_rom_is_read_and_its_writes_are_the_machines(void **state)
{
    struct guest *g = *state;

    put32(g, DATA, 0x11223344);
    assert_true(memory_map_set(&g->memory, DATA, 0x1000, MEMORY_ROM));
    /* mov eax, [DATA]; mov [DATA], esp; add dword [DATA], 1; mov ebx, [DATA]; hlt */
    CODE_AT(g, CODE,
            "\xa1\x00\x20\x02\x00\x89\x25\x00\x20\x02\x00\x83\x05\x00\x20\x02\x00\x01"
            "\x8b\x1d\x00\x20\x02\x00\xf4");
    assert_int_equal(g->cpu->ops->set_state(g->cpu, &g->state), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(go(g), CPU_STOP_MMIO);
        assert_true(g->cpu->exit.mmio.is_write);
        assert_int_equal(g->cpu->exit.mmio.address, DATA);
        assert_int_equal(g->cpu->exit.mmio.width, 4);
    }
    assert_memory_equal(g->cpu->exit.mmio.data, "\x45\x33\x22\x11", 4);
    assert_int_equal(go(g), CPU_STOP_HALTED);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x11223344);
    assert_int_equal(g->state.gpr[CPU_EBX], 0x11223344);
    assert_int_equal(get32(g, DATA), 0x11223344);
}

static void code_runs_in_a_rom_and_page_tables_may_be_there(void **state)
{
    struct guest *g = *state;

    page_tables(g);
    CODE_AT(g, CODE, "\x40\x40\xf4"); /* inc eax; inc eax; hlt */
    assert_true(memory_map_set(&g->memory, CODE, 0x1000, MEMORY_ROM));
    assert_true(memory_map_set(&g->memory, DIRECTORY, 0x2000, MEMORY_ROM));
    expect_ok(g, CODE + 3);
    assert_int_equal(g->state.gpr[CPU_EAX], 2);
    assert_int_equal(get32(g, DIRECTORY) & 0x20, 0); /* no accessed bit was written */
}

static void a_hole_is_the_machines(void **state)
{
    struct guest *g = *state;

    put32(g, DATA, 0x11223344);
    assert_true(memory_map_set(&g->memory, DATA, 0x1000, MEMORY_HOLE));
    /* mov eax, [DATA]; mov [DATA - 2], esp; hlt */
    CODE_AT(g, CODE, "\xa1\x00\x20\x02\x00\x89\x25\xfe\x1f\x02\x00\xf4");
    assert_int_equal(g->cpu->ops->set_state(g->cpu, &g->state), 0);
    assert_int_equal(go(g), CPU_STOP_MMIO);
    assert_false(g->cpu->exit.mmio.is_write);
    assert_int_equal(g->cpu->exit.mmio.address, DATA);
    memcpy(g->cpu->exit.mmio.data, "\x01\x02\x03\x04", 4);
    assert_int_equal(go(g), CPU_STOP_MMIO); /* half of it is RAM's */
    assert_true(g->cpu->exit.mmio.is_write);
    assert_int_equal(g->cpu->exit.mmio.address, DATA);
    assert_int_equal(g->cpu->exit.mmio.width, 2);
    assert_int_equal(go(g), CPU_STOP_HALTED);
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.gpr[CPU_EAX], 0x04030201);
    assert_int_equal(get32(g, DATA - 4) >> 16, (STACK - 0x100) & 0xffff);
}

/* What the CPU keeps of a page must not outlive a change of the map. */
static void the_map_may_change_under_a_running_program(void **state)
{
    struct guest *g = *state;
    enum cpu_stop want[] = {CPU_STOP_PORT, CPU_STOP_MMIO, CPU_STOP_PORT, CPU_STOP_PORT};
    static const enum memory_kind kinds[] = {MEMORY_RAM, MEMORY_HOLE, MEMORY_RAM, MEMORY_RAM};

    /* l: mov eax, [DATA]; inc dword [DATA]; out 0x80, al; jmp l */
    CODE_AT(g, CODE, "\xa1\x00\x20\x02\x00\xff\x05\x00\x20\x02\x00\xe6\x80\xeb\xf1");
    assert_int_equal(g->cpu->ops->set_state(g->cpu, &g->state), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(memory_map_set(&g->memory, DATA, 0x1000, kinds[i]));
        assert_int_equal(go(g), want[i]);
        while (want[i] == CPU_STOP_MMIO && go(g) == CPU_STOP_MMIO) {
        } /* read, read again, written */
    }
    assert_int_equal(get32(g, DATA), 3); /* not the one that the hole has taken */
    assert_true(memory_map_set(&g->memory, CODE, 0x1000, MEMORY_HOLE));
    assert_int_equal(go(g), CPU_STOP_HALTED); /* ff ff is #UD */
    g->cpu->ops->get_state(g->cpu, &g->state);
    assert_int_equal(g->state.eip, HANDLERS + 6 + 1);
}

/* Branches, and code that is none */

static void is_branch(const struct cpu_branch *branch, enum cpu_branch_kind kind, uint8_t vector,
                      uint32_t from, uint32_t to)
{
    assert_int_equal(branch->kind, kind);
    assert_int_equal(branch->vector, vector);
    assert_int_equal(branch->from, from);
    assert_int_equal(branch->to, to);
}

/* CALL EAX there, RET here; a far jump; INT 0x30, IRET; a fault. */
static void its_last_branches_are_kept(void **state)
{
    struct guest *g = *state;
    struct cpu_branch branches[CPU_BRANCHES];
    unsigned count;

    CODE_AT(g, CODE, "\xff\xd0\xea\x10\x00\x01\x00\x08\x00");
    CODE_AT(g, CODE + 0x10, "\xcd\x30\x0f\x0b");
    CODE_AT(g, CODE + 0x20, "\xc3");
    CODE_AT(g, HANDLERS + 0x30, "\xcf");
    for (unsigned stepping = 0; stepping < 2; stepping++) {
        cpu_soft_set_stepping(g->cpu, stepping);
        g->state.eip = CODE;
        g->state.gpr[CPU_EAX] = CODE + 0x20;
        g->state.gpr[CPU_ESP] = STACK - 0x100;
        expect_ok(g, HANDLERS + EXCEPTION_UD + 1);
        count = g->cpu->ops->branches(g->cpu, branches);
        assert_true(count >= 6);
        is_branch(&branches[count - 6], CPU_BRANCH_CALL_INDIRECT, 0, CODE, CODE + 0x20);
        is_branch(&branches[count - 5], CPU_BRANCH_RET, 0, CODE + 0x20, CODE + 2);
        is_branch(&branches[count - 4], CPU_BRANCH_JUMP_FAR, 0, CODE + 2, CODE + 0x10);
        is_branch(&branches[count - 3], CPU_BRANCH_SOFTWARE, 0x30, CODE + 0x10, HANDLERS + 0x30);
        is_branch(&branches[count - 2], CPU_BRANCH_IRET, 0, HANDLERS + 0x30, CODE + 0x12);
        is_branch(&branches[count - 1], CPU_BRANCH_EXCEPTION, EXCEPTION_UD, CODE + 0x12,
                  HANDLERS + EXCEPTION_UD);
    }
}

/* There are never more than there is room for, and they outlive their blocks. */
static void old_branches_are_forgotten(void **state)
{
    struct guest *g = *state;
    struct cpu_branch branches[CPU_BRANCHES];
    const uint32_t far_away = 0x1234;

    CODE_AT(g, CODE, "\xb9\x64\0\0\0\xe8\x06\0\0\0\x49\x75\xf8\xf4"); /* 100 calls */
    CODE_AT(g, CODE + 0x10, "\xc3");
    expect_ok(g, CODE + 14);
    assert_true(g->cpu->ops->stop_at(g->cpu, &far_away, 1)); /* throws all blocks away */
    assert_int_equal(g->cpu->ops->branches(g->cpu, branches), CPU_BRANCHES);
    for (unsigned i = 0; i < CPU_BRANCHES; i++)
        is_branch(&branches[i], CPU_BRANCH_RET, 0, CODE + 0x10, CODE + 10);
}

/* Zeros, and what is not in memory, are no code. */
static bool no_zeros(void *judge, uint64_t physical, const uint8_t *bytes, uint32_t count)
{
    (void)judge;
    (void)physical;
    return count >= 4 && memcmp(bytes, "\0\0\0", 4) != 0;
}

static void goes_astray(struct guest *g, uint32_t eip, enum cpu_branch_kind kind, uint32_t from)
{
    g->cpu->is_code = no_zeros;
    for (unsigned stepping = 0; stepping < 2; stepping++) {
        cpu_soft_set_stepping(g->cpu, stepping);
        assert_int_equal(g->cpu->ops->set_state(g->cpu, &g->state), 0);
        for (unsigned again = 0; again < 2; again++)
            assert_int_equal(cpu_run(g->cpu, CLOCK_NEVER), CPU_STOP_ASTRAY);
        assert_int_equal(soft_of(g->cpu)->s.eip, eip);
        is_branch(&g->cpu->exit.came, kind, 0, from, eip);
    }
}

static void a_wrong_pointer_goes_astray(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\xff\xd0"); /* call eax */
    goes_astray(g, 0, CPU_BRANCH_CALL_INDIRECT, CODE);
    g->state.gpr[CPU_EAX] = 0xdeadbeef;
    goes_astray(g, 0xdeadbeef, CPU_BRANCH_CALL_INDIRECT, CODE);
}

static void a_wrong_return_goes_astray(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x90\xc3"); /* nop; ret */
    put32(g, STACK - 0x100, DATA);
    goes_astray(g, DATA, CPU_BRANCH_RET, CODE + 1);
}

static void code_without_an_end_goes_astray(void **state)
{
    struct guest *g = *state;

    CODE_AT(g, CODE, "\x90\x40"); /* nop; inc eax */
    goes_astray(g, CODE + 2, CPU_BRANCH_NEXT, CODE + 1);
    CODE_AT(g, CODE, "\xe9\xfb\x1f\x01\x00"); /* jmp DATA */
    goes_astray(g, DATA, CPU_BRANCH_JUMP, CODE);
}

/* A user's is its kernel's matter. */
static void a_users_code_is_not_judged(void **state)
{
    struct guest *g = *state;

    user_mode(g);
    g->cpu->is_code = no_zeros;
    g->state.eip = DATA;
    g->state.gpr[CPU_EAX] = DATA + 0x100;
    CODE_AT(g, DATA + 6, "\xcd\x30"); /* behind ADD [EAX],AL, three times */
    expect_fault(g, EXCEPTION_GP, DATA + 6, true, 0x30 * 8 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(divide_error_points_at_the_instruction),
        TEST(an_instruction_in_two_pages_follows_both),
        TEST(a_fault_pushes_rf),
        TEST(a_fault_shows_the_flags_of_the_instruction_before),
        TEST(int3_points_behind),
        TEST(int_without_privilege_is_a_protection_fault),
        TEST(int_from_ring_3_switches_stacks),
        TEST(a_fault_in_delivery_is_a_double_fault),
        TEST(a_benign_exception_and_a_fault_are_not),
        TEST(a_triple_fault_keeps_the_registers),
        TEST(segment_loads_are_checked),
        TEST(a_guest_starts_without_a_local_table),
        TEST(a_null_segment_cant_be_used),
        TEST(limits_hold_for_the_whole_operand),
        TEST(expand_down_is_valid_above_the_limit),
        TEST(read_only_data_cant_be_written),
        TEST(a_stack_beyond_its_limit_is_a_stack_fault),
        TEST(a_far_call_faults_in_its_stack_first),
        TEST(alignment_is_checked_of_all_operands),
        TEST(lar_lsl_verr_verw_arpl),
        TEST(a_call_gate_copies_parameters),
        TEST(iret_to_ring_3_and_back),
        TEST(privileged_instructions_fault_in_ring_3),
        TEST(the_io_map_opens_single_ports),
        TEST(page_faults_tell_what_was_wrong),
        TEST(a_large_page_maps_4_mib),
        TEST(code_beyond_the_limit_is_not_looked_for_in_pages),
        TEST(an_access_across_pages_changes_nothing_if_it_faults),
        TEST(a_string_instruction_stops_at_a_fault_and_can_go_on),
        TEST(code_that_changes_itself_is_executed_as_changed),
        TEST(a_task_can_be_called_and_return),
        TEST(a_double_fault_can_have_a_task_of_its_own),
        TEST(v86_faults_come_with_its_segments),
        TEST(sti_keeps_interrupts_out_for_one_instruction),
        TEST(a_deadline_comes_behind_an_exact_instruction),
        TEST(a_kick_ends_a_run_that_has_no_deadline),
        TEST(the_trap_flag_stops_behind_each_instruction),
        TEST(icebp_with_the_trap_flag_is_one_exception),
        TEST(icebp_reports_what_mov_ss_has_met),
        TEST(debug_registers_watch_code_and_data),
        TEST(fences_have_no_prefix),
        TEST(a_watch_stops_behind_the_access),
        TEST(a_watch_tells_reads_from_writes),
        TEST(a_watch_sees_the_last_instruction_of_a_block),
        TEST(a_watch_stops_between_iterations),
        TEST(a_watch_sees_stacks_of_calls_and_interrupts),
        TEST(a_watch_does_not_see_what_faults),
        TEST(a_watch_follows_pages_and_lengths),
        TEST(a_watched_page_leaves_the_others_in_the_tlb),
        TEST(mmio_is_the_machines),
        TEST(real_mode_wraps_and_interrupts),
        TEST(real_mode_shuts_down_without_room_for_a_stack_fault),
        TEST(pusha_across_offset_0_is_a_stack_fault_in_protected_mode),
        TEST(a_rom_is_read_and_its_writes_are_the_machines),
        TEST(code_runs_in_a_rom_and_page_tables_may_be_there),
        TEST(a_hole_is_the_machines),
        TEST(the_map_may_change_under_a_running_program),
        TEST(its_last_branches_are_kept),
        TEST(old_branches_are_forgotten),
        TEST(a_wrong_pointer_goes_astray),
        TEST(a_wrong_return_goes_astray),
        TEST(code_without_an_end_goes_astray),
        TEST(a_users_code_is_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
