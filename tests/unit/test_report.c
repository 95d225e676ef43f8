/*
 * What a report says: the causes of exceptions, the walk through the page tables, interrupts in
 * words, backtraces; of registers and memory that each test sets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/arch.h"
#include "explain/backtrace.h"
#include "explain/crash.h"
#include "explain/interrupt_words.h"
#include "machine/fault_words.h"
#include "machine/walk.h"

#include <stdlib.h>
#include <string.h>

static struct machine *machine;
static struct cpu_state state;
static char *text;
static size_t text_size;

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

static int set_up(void **unused)
{
    const struct machine_config config = {.memory_size = UINT64_C(2) << 20,
                                          .make_cpu = cpu_soft_create,
                                          .timeout = CLOCK_NEVER,
                                          .print = print};
    char why[300];

    (void)unused;
    machine = machine_create(&config, why, sizeof(why));
    assert_non_null(machine);
    machine->image.lowest = 0x10000;
    machine->image.highest = 0x20000;
    arch_flat_protected(&state, 0x10000, 0x80000, (struct cpu_table){0x5000, 0x2f},
                        (struct cpu_table){0x6000, 0x7ff});
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    machine_destroy(machine);
    free(text);
    text = NULL;
    return 0;
}

static void put(uint32_t address, const void *bytes, size_t size)
{
    assert_true(memory_write(&machine->memory, address, bytes, size));
}

static void put32(uint32_t address, uint32_t value)
{
    put(address, &value, 4);
}

static void descriptor(uint32_t selector, uint8_t access)
{
    const uint64_t flat = UINT64_C(0x00cf00000000ffff);
    uint64_t entry = flat | (uint64_t)access << 40;

    put(0x5000 + selector, &entry, 8);
}

#define SAYS(expected)                                              \
    do {                                                            \
        if (!strstr(text, expected))                                \
            fail_msg("there is no '%s' in:\n%s", (expected), text); \
    } while (0)

/* The words for an exception of the instruction at EIP, in `text`. */
static void cause(unsigned vector, uint32_t error)
{
    const struct fault_view view = {&machine->memory, &state, NULL};
    struct words_buffer buffer;
    struct words to;

    text = realloc(text, 1000);
    buffer = (struct words_buffer){text, 1000};
    to = words_to_buffer(&buffer);
    text[0] = '\0';
    fault_words_tell(&to, &view, vector, error, ": ");
}

static void reason(unsigned vector, uint32_t error, uint32_t cr2)
{
    const struct fault_view view = {&machine->memory, &state, NULL};
    struct words_buffer buffer;
    struct words to;

    text = realloc(text, 1000);
    buffer = (struct words_buffer){text, 1000};
    to = words_to_buffer(&buffer);
    text[0] = '\0';
    fault_words_undelivered(&to, &view, vector, error, cr2);
}

#define CODE(...)                                              \
    put(state.eip, (const uint8_t[]){__VA_ARGS__, 0x90, 0x90}, \
        sizeof((uint8_t[]){__VA_ARGS__, 0x90, 0x90}))

/* ---- causes ---- */

static void selectors_are_looked_up(void **unused)
{
    (void)unused;
    descriptor(0x08, 0x9a);
    descriptor(0x10, 0x92);
    descriptor(0x18, 0x12); /* not present */
    CODE(0x8e, 0xd0);       /* mov ss, eax */
    cause(VECTOR_GP, 0x08);
    SAYS(": selector 0x8 is a code segment: it can't be loaded into SS");
    cause(VECTOR_GP, 0x30);
    SAYS("selector 0x30 is beyond the GDT's limit 0x2f");
    cause(VECTOR_NP, 0x18);
    SAYS("selector 0x18 is a data segment that is not present");
    cause(VECTOR_GP, 0x20);
    SAYS("selector 0x20 is an empty entry of the GDT");
    cause(VECTOR_GP, 0x2c);
    SAYS("selector 0x2c is in the LDT, and there is none (LDTR is 0)");
    descriptor(0x18, 0x89);
    cause(VECTOR_GP, 0x18);
    SAYS("selector 0x18 is a TSS: it can't be loaded into SS");
    CODE(0xea, 0, 0, 0, 0, 0x10, 0); /* jmp 0x10:0 */
    cause(VECTOR_GP, 0x10);
    SAYS("selector 0x10 is a data segment: it can't be loaded into CS");
    descriptor(0x18, 0x8b);
    CODE(0x0f, 0x00, 0xd8); /* ltr ax */
    cause(VECTOR_GP, 0x18);
    SAYS("selector 0x18 is a busy TSS: it can't be loaded into TR");
    cause(VECTOR_GP, 0);
    assert_string_equal(text, "");
}

static void rings_are_compared(void **unused)
{
    (void)unused;
    descriptor(0x10, 0x92);
    state.segment[CPU_CS].selector = 0x1b;
    CODE(0x8e, 0xd8); /* mov ds, eax */
    cause(VECTOR_GP, 0x10);
    SAYS("selector 0x10 is a data segment of ring 0 (DPL): ring 3 can't have it in DS");
}

static void a_swapped_gdtr_is_recognised(void **unused)
{
    (void)unused;
    descriptor(0x08, 0x9a);
    state.gdtr = (struct cpu_table){0x002f0000, 0x5000};
    cause(VECTOR_GP, 0x08);
    SAYS("GDTR's base 0x2f0000 and limit 0x5000 look swapped, for base 0x5000 and limit 0x2f");
    state.gdtr = (struct cpu_table){0x7000, 0x2f};
    cause(VECTOR_GP, 0x08);
    SAYS("no descriptor is present in the GDT at 0x7000");
}

static void iret_with_an_error_code_on_the_stack(void **unused)
{
    (void)unused;
    descriptor(0x08, 0x9a);
    CODE(0xcf);
    put32(0x80000, 0x10);    /* the error code, taken for EIP */
    put32(0x80004, 0x10028); /* EIP, for CS */
    put32(0x80008, 0x08);
    cause(VECTOR_GP, 0x28);
    SAYS("IRET to CS 0x28 is an empty entry of the GDT");
    SAYS("(the error code is still on the stack: ADD ESP, 4 before IRET)");
}

static void forbidden_instructions_are_named(void **unused)
{
    (void)unused;
    CODE(0x66, 0x0f, 0x6f, 0x00); /* movdqa */
    cause(VECTOR_UD, 0);
    SAYS("an SSE instruction, and CR4.OSFXSR is 0");
    state.cr4 |= 0x200;
    cause(VECTOR_UD, 0);
    assert_string_equal(text, "");
    state.cr0 |= CR0_EM;
    cause(VECTOR_UD, 0);
    SAYS("CR0.EM is 1");
    CODE(0xd9, 0xe8); /* fld1 */
    cause(VECTOR_NM, 0);
    SAYS("an x87 instruction, and CR0.EM is 1");
    CODE(0x0f, 0x0b);
    cause(VECTOR_UD, 0);
    assert_string_equal(text, "");
}

static void what_ring_3_may_not_is_named(void **unused)
{
    (void)unused;
    state.segment[CPU_CS].selector = 0x1b;
    CODE(0xf4);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, ": HLT is for ring 0 alone, and this is ring 3");
    CODE(0x0f, 0x01, 0x15, 0, 0, 0, 0);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, ": LGDT is for ring 0 alone, and this is ring 3");
    CODE(0xfa);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, ": CLI in ring 3, and IOPL is 0");
    CODE(0xee);
    cause(VECTOR_GP, 0);
    SAYS("an access to a port in ring 3, and IOPL is 0: nor does the I/O map");
    state.eflags |= EFLAGS_IOPL;
    CODE(0xfb);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, "");
}

static void operands_are_judged(void **unused)
{
    (void)unused;
    state.gpr[CPU_ESP] = 0x80004;
    CODE(0x0f, 0x29, 0x44, 0x24, 0x18); /* movaps [esp+0x18], xmm0 */
    cause(VECTOR_GP, 0);
    SAYS("the operand at 0x8001c is not aligned to 16 bytes");
    SAYS("ESP must be a multiple of 16");
    CODE(0x0f, 0x29, 0x44, 0x24, 0x1c);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, "");
    CODE(0x0f, 0x11, 0x44, 0x24, 0x18); /* movups */
    cause(VECTOR_GP, 0);
    assert_string_equal(text, "");
    CODE(0x89, 0x04, 0x8d, 0x10, 0, 0, 0); /* mov [ecx*4+0x10], eax */
    state.gpr[CPU_ECX] = 0x100;
    state.segment[CPU_DS].limit = 0x40f;
    cause(VECTOR_GP, 0);
    SAYS(": 0x410 is beyond the limit 0x40f of DS");
    state.segment[CPU_DS] = state.segment[CPU_CS];
    cause(VECTOR_GP, 0);
    SAYS("is a code segment: it can't be written to");
    state.segment[CPU_DS].selector = 0;
    cause(VECTOR_GP, 0);
    assert_string_equal(text, ": DS is 0, a null selector: no memory can be accessed through it");
    state.segment[CPU_ES].selector = 3;
    CODE(0xf3, 0xaa);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, ": ES is 0x3, a null selector: no memory can be accessed through it");
}

static void what_iret_finds_is_told(void **unused)
{
    (void)unused;
    CODE(0xcf);
    put32(0x80000, 0x10028);
    put32(0x80004, 0x1b);
    put32(0x80008, 0x202);
    cause(VECTOR_GP, 0);
    assert_string_equal(text, ": IRET takes EIP 0x10028 and CS 0x1b from the stack, of ring 3, and "
                              "SS 0: no selector of a stack");
    put32(0x80004, 0);
    cause(VECTOR_GP, 0);
    SAYS("and CS 0 from the stack: no selector of code");
    state.gpr[CPU_ESP] = 0xfffffff0;
    cause(VECTOR_GP, 0);
    SAYS("its stack (esp 0xfffffff0) is not in RAM");
}

static void gates_are_named(void **unused)
{
    (void)unused;
    reason(VECTOR_GP, 6 << 3 | 2, 0);
    assert_string_equal(text, "gate 6 (#UD) is not present (it is empty)");
    state.idtr.limit = 0;
    reason(VECTOR_GP, 0x80 << 3 | 2, 0);
    assert_string_equal(text, "gate 0x80 is beyond the IDT's limit 0 (was LIDT forgotten?)");
    state.idtr.limit = 0x7ff;
    put32(0x6000 + 0x30 * 8 + 4, 0x8900);
    reason(VECTOR_GP, 0x30 << 3 | 2, 0);
    assert_string_equal(text, "gate 0x30 is a TSS, not an interrupt, trap or task gate");
    put32(0x6000 + 0x30 * 8 + 4, 0x8e00);
    state.segment[CPU_CS].selector = 0x1b;
    reason(VECTOR_GP, 0x30 << 3 | 2, 0);
    assert_string_equal(text, "gate 0x30 has DPL 0, and INT came from ring 3");
}

static void a_tss_without_a_stack(void **unused)
{
    (void)unused;
    reason(VECTOR_TS, 0, 0);
    SAYS("no TSS is loaded (TR is 0)");
    state.tr =
        (struct cpu_segment){.base = 0x7000, .limit = 103, .selector = 0x28, .attributes = 0x8b};
    reason(VECTOR_TS, 0, 0);
    SAYS("SS0:ESP0 of the TSS is 0:0: there is no stack for ring 0");
}

/* ---- pages ---- */

static void paging(void)
{
    state.cr0 |= CR0_PG;
    state.cr3 = 0x8000;
    put32(0x8000, 0x9003);
    put32(0x8000 + 4, 0x9007);
    for (uint32_t i = 0; i < 512; i++)
        put32(0x9000 + i * 4, i << 12 | 3);
}

static void the_walk_says_which_entry_it_was(void **unused)
{
    (void)unused;
    paging();
    state.cr2 = 0x12000000;
    cause(VECTOR_PF, 2);
    SAYS("a write to a page that is not present by supervisor code: PDE 0x48 at 0x8120 is not "
         "present (it is 0)");
    state.cr2 = 0x00200000;
    cause(VECTOR_PF, 0);
    SAYS("a read of a page that is not present by supervisor code: PTE 0x200 at 0x9800 is not");
    put32(0x9000 + 5 * 4, 0x5001);
    state.cr2 = 0x5000;
    cause(VECTOR_PF, 3);
    SAYS("PTE 0x5 at 0x9014 is read-only (W is 0)");
    cause(VECTOR_PF, 5);
    SAYS("PDE 0 at 0x8000 is the kernel's alone (U is 0)");
    state.cr2 = 0x6000;
    cause(VECTOR_PF, 0);
    SAYS("mapped now to 0x6000 (was INVLPG");
}

static void code_that_paging_unmaps(void **unused)
{
    (void)unused;
    paging();
    put(state.eip, (const uint8_t[]){0x0f, 0x22, 0xc0}, 3); /* mov cr0, eax */
    state.eip += 3;
    put32(0x9000 + 0x10 * 4, 0);
    state.cr2 = state.eip;
    cause(VECTOR_PF, 0);
    SAYS("EIP's own page has no entry in the directory just loaded (CR3 0x8000): PTE 0x10");
    state.eip += 5;
    state.cr2 = state.eip;
    cause(VECTOR_PF, 0);
    SAYS(": the next instruction is not mapped: PTE 0x10 at 0x9040 is not present");
}

/* ---- interrupts ---- */

static void write_port(uint32_t port, uint32_t value)
{
    machine_write(machine, &machine->ports, port, 1, value);
}

static void interrupts(void)
{
    FILE *to;

    free(text);
    to = open_memstream(&text, &text_size);
    interrupt_words_print(to, machine, &state);
    fclose(to);
}

static void interrupts_are_said_in_words(void **unused)
{
    static const uint8_t icws[][2] = {
        {0x20, 0x11}, {0x21, 0x20}, {0x21, 4}, {0x21, 1}, {0x21, 0xfc}};

    (void)unused;
    for (size_t i = 0; i < sizeof(icws) / sizeof(icws[0]); i++)
        write_port(icws[i][0], icws[i][1]);
    interrupts();
    SAYS("off (IF=0); nothing is pending; masked: all but 0, 1");
    state.eflags |= EFLAGS_IF;
    machine_raise(machine, 0, 0);
    interrupts();
    SAYS("on (IF=1); IRQ 0 (timer, vector 0x20) is pending; masked");
    assert_int_equal(machine->interrupts->acknowledge(machine->interrupt_chip), 0x20);
    machine_raise(machine, 0, 0);
    interrupts();
    SAYS("IRQ 0 (timer, vector 0x20) is pending, held back by IRQ 0, which had no EOI; in service, "
         "no EOI yet: IRQ 0");
    write_port(0x21, 0xff);
    interrupts();
    SAYS("IRQ 0 (timer, vector 0x20) is pending, masked");
    SAYS("; all are masked");
}

/* ---- backtraces ---- */

static unsigned backtrace(unsigned max)
{
    const struct info info = {.machine = machine, .state = &state};
    struct info told = info;
    unsigned count;

    free(text);
    told.to = open_memstream(&text, &text_size);
    count = backtrace_print(&told, max, "");
    fclose(told.to);
    return count;
}

static void frame(uint32_t at, uint32_t next, uint32_t address)
{
    put32(at, next);
    put32(at + 4, address);
}

static void frames_are_followed(void **unused)
{
    (void)unused;
    CODE(0x90, 0x90);
    state.gpr[CPU_EBP] = 0x80010;
    frame(0x80010, 0x80020, 0x10100);
    frame(0x80020, 0, 0x10200);
    assert_int_equal(backtrace(8), 3);
    assert_string_equal(text, "#0  0x00010000\n#1  0x00010100\n#2  0x00010200\n");
}

static void chains_that_break_are_marked(void **unused)
{
    (void)unused;
    CODE(0x90, 0x90);
    state.gpr[CPU_EBP] = 0x80010;
    frame(0x80010, 0xdeadbeef, 0x10100);
    backtrace(8);
    SAYS("#1  0x00010100\n    ebp 0xdeadbeef is not in RAM\n");
    frame(0x80010, 0x80010, 0x10100);
    backtrace(8);
    SAYS("    ebp 0x80010 is the same again\n");
    frame(0x80010, 0x80020, 0x10100);
    frame(0x80020, 0x80010, 0x10104);
    backtrace(8);
    SAYS("#2  0x00010104\n    ebp 0x80010 leads back: the chain repeats or was overwritten\n");
    state.gpr[CPU_EBP] = 0x70000; /* below ESP */
    assert_int_equal(backtrace(8), 0);
}

static void frames_that_repeat_are_one_line(void **unused)
{
    (void)unused;
    CODE(0x90, 0x90);
    state.gpr[CPU_EBP] = 0x80010;
    for (uint32_t i = 0; i < 100; i++)
        frame(0x80010 + i * 16, 0x80020 + i * 16, 0x10100);
    frame(0x80010 + 100 * 16, 0, 0x10200);
    backtrace(8);
    assert_string_equal(text, "#0  0x00010000\n#1  0x00010100\n    #2 to #100 are the same\n"
                              "#101 0x00010200\n");
    for (uint32_t i = 0; i < 5000; i++)
        frame(0x80010 + i * 16, 0x80020 + i * 16, 0x10100 + i);
    assert_true(backtrace(8) <= 9);
    SAYS("    and more\n");
}

/* A call to where nothing is has made no frame: who called is on top of the stack. */
static void the_caller_of_nothing_is_named(void **unused)
{
    (void)unused;
    put(0x10100 - 5, (const uint8_t[]){0xe8}, 1);
    put32(0x80000, 0x10100);
    state.eip = 0;
    backtrace(8);
    assert_string_equal(text, "#0  0x00000000\n#1  0x00010100\n");
}

static void without_frames_the_stack_is_searched(void **unused)
{
    (void)unused;
    CODE(0x90, 0x90);
    put(0x10100 - 5, (const uint8_t[]){0xe8}, 1);
    put32(0x80008, 0x10100);
    put32(0x8000c, 0x10200); /* no call is before it */
    backtrace(8);
    assert_string_equal(text, "#0  0x00010000\n?   0x00010100\n");
}

static void real_mode_has_segments(void **unused)
{
    static const uint16_t frames[] = {0x7008, 0x20, 0, 0, 0, 0x40};

    (void)unused;
    arch_real_mode(&state, 0x1000, 0x10, 0x6ff0);
    put(0x10010, (const uint8_t[]){0x90, 0x90, 0x90}, 3);
    state.gpr[CPU_EBP] = 0x7000;
    put(0x17000, frames, sizeof(frames));
    backtrace(8);
    assert_string_equal(text, "#0  1000:0010\n#1  1000:0020\n#2  1000:0040\n");
}

/* ---- the whole ---- */

static void a_report_has_what_matters_first(void **unused)
{
    static const char *const parts[] = {"  => 00010000  ", "  #0  0x00010000", "  #1  0x00010100",
                                        "  eax 00000000",  "  stack: ",        "  interrupts: off"};
    const char *at;
    FILE *to;

    (void)unused;
    CODE(0x0f, 0x0b);
    state.gpr[CPU_EBP] = 0x80010;
    frame(0x80010, 0, 0x10100);
    machine->outcome.end = END_FAULT;
    machine->outcome.has_state = true;
    machine->outcome.state = state;
    free(text);
    to = open_memstream(&text, &text_size);
    crash_print(to, machine);
    fclose(to);
    at = text;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (!at)
            fail_msg("there is no '%s', or not behind those before it, in:\n%s", parts[i], text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(selectors_are_looked_up),
        TEST(rings_are_compared),
        TEST(a_swapped_gdtr_is_recognised),
        TEST(iret_with_an_error_code_on_the_stack),
        TEST(forbidden_instructions_are_named),
        TEST(what_ring_3_may_not_is_named),
        TEST(operands_are_judged),
        TEST(what_iret_finds_is_told),
        TEST(gates_are_named),
        TEST(a_tss_without_a_stack),
        TEST(the_walk_says_which_entry_it_was),
        TEST(code_that_paging_unmaps),
        TEST(interrupts_are_said_in_words),
        TEST(frames_are_followed),
        TEST(chains_that_break_are_marked),
        TEST(frames_that_repeat_are_one_line),
        TEST(the_caller_of_nothing_is_named),
        TEST(without_frames_the_stack_is_searched),
        TEST(real_mode_has_segments),
        TEST(a_report_has_what_matters_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
