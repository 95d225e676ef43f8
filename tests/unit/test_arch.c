/*
 * The page-table walk against tables built by hand, and the register templates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/arch.h"

static struct memory memory;

static int set_up(void **unused)
{
    (void)unused;
    return memory_init(&memory, UINT64_C(0x400000));
}

static int tear_down(void **unused)
{
    (void)unused;
    memory_free(&memory);
    return 0;
}

static void put32(uint32_t address, uint32_t value)
{
    assert_true(memory_write(&memory, address, &value, 4));
}

static void real_mode_segments_are_base_times_16(void **unused)
{
    (void)unused;
    struct cpu_state state;

    arch_real_mode(&state, 0x1234, 0x10, 0xfffe);
    assert_int_equal(state.segment[CPU_CS].base, 0x12340);
    assert_int_equal(state.segment[CPU_DS].limit, 0xffff);
    assert_int_equal(state.eip, 0x10);
    assert_int_equal(state.eflags & EFLAGS_IF, 0);
    assert_int_equal(state.cr0 & CR0_PE, 0);
}

static void translate_without_paging_is_identity(void **unused)
{
    (void)unused;
    struct cpu_state state = {0};
    uint64_t physical;

    assert_true(arch_translate(&state, &memory, 0xfee00000, &physical));
    assert_int_equal(physical, 0xfee00000);
}

static void translate_walks_two_levels(void **unused)
{
    (void)unused;
    struct cpu_state state = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0x1000};
    uint64_t physical;

    put32(0x1000 + 0x300 * 4, 0x2000 | 1); /* 0xc0000000 */
    put32(0x2000 + 5 * 4, 0x00345000 | 1); /* its sixth page */
    assert_true(arch_translate(&state, &memory, 0xc0005678, &physical));
    assert_int_equal(physical, 0x345678);
    assert_false(arch_translate(&state, &memory, 0xc0006000, &physical));
    assert_false(arch_translate(&state, &memory, 0x00005000, &physical));
}

static void translate_large_page_needs_pse(void **unused)
{
    (void)unused;
    struct cpu_state state = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0x3000, .cr4 = CR4_PSE};
    uint64_t physical;

    put32(0x3000, 0x00800000 | 0x81);
    assert_true(arch_translate(&state, &memory, 0x00123456, &physical));
    assert_int_equal(physical, 0x00923456);
    state.cr4 = 0;
    put32(0x3000, 0x00800000 | 0x81); /* now a table outside RAM */
    assert_false(arch_translate(&state, &memory, 0x00123456, &physical));
}

static void translate_survives_tables_outside_ram(void **unused)
{
    (void)unused;
    struct cpu_state state = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0xfffff000};
    uint64_t physical;

    assert_false(arch_translate(&state, &memory, 0xffffffff, &physical));
}

static void read_linear_stops_at_the_first_missing_page(void **unused)
{
    (void)unused;
    struct cpu_state state = {.cr0 = CR0_PE | CR0_PG, .cr3 = 0x4000};
    uint8_t bytes[16];

    put32(0x4000, 0x5000 | 1);
    put32(0x5000, 0x00006000 | 1);
    assert_int_equal(arch_read_linear(&state, &memory, 0xffc, bytes, sizeof(bytes)), 4);
}

static void write_linear_goes_through_read_only_pages_and_stops_at_a_missing_one(void **unused)
{
    (void)unused;
    struct cpu_state state = {.cr0 = CR0_PE | CR0_PG | CR0_WP, .cr3 = 0x4000};
    const uint8_t bytes[4] = {1, 2, 3, 4};
    uint8_t there[4] = {0};

    put32(0x4000, 0x5000 | 1); /* not writable */
    put32(0x5000, 0x00006000 | 1);
    put32(0x5004, 0);
    assert_int_equal(arch_write_linear(&state, &memory, 0xffe, bytes, sizeof(bytes)), 2);
    assert_true(memory_read(&memory, 0x6ffe, there, 2));
    assert_memory_equal(there, "\1\2\0\0", 4);
}

static void exception_names(void **unused)
{
    (void)unused;
    assert_string_equal(arch_exception_name(14), "#PF page fault");
    assert_string_equal(arch_exception_name(15), "reserved");
    assert_string_equal(arch_exception_name(4000), "reserved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_mode_segments_are_base_times_16),
        cmocka_unit_test(translate_without_paging_is_identity),
        cmocka_unit_test(translate_walks_two_levels),
        cmocka_unit_test(translate_large_page_needs_pse),
        cmocka_unit_test(translate_survives_tables_outside_ram),
        cmocka_unit_test(read_linear_stops_at_the_first_missing_page),
        cmocka_unit_test(write_linear_goes_through_read_only_pages_and_stops_at_a_missing_one),
        cmocka_unit_test(exception_names),
    };
    return cmocka_run_group_tests_name("arch", tests, set_up, tear_down);
}
