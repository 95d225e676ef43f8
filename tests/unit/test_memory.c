/*
 * Tests of guest RAM (vmm/base/memory): what is inside, what is not, what it costs.
 */
#include "os/ram.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

static struct memory ram;

static int set_up(void **state)
{
    (void)state;
    return ram_init(&ram, MEMORY_MIN);
}

static int tear_down(void **state)
{
    (void)state;
    memory_free(&ram);
    return 0;
}

static void memory_starts_as_zeros(void **state)
{
    static const uint8_t zeros[4096];
    uint8_t page[4096];

    (void)state;
    for (uint64_t at = 0; at < ram.size; at += sizeof(page)) {
        assert_true(memory_read(&ram, at, page, sizeof(page)));
        assert_memory_equal(page, zeros, sizeof(page));
    }
}

static void memory_gives_back_what_was_written(void **state)
{
    char text[6] = "";

    (void)state;
    assert_true(memory_write(&ram, 0xffe, "hello", 6)); /* across a page */
    assert_true(memory_read(&ram, 0xffe, text, 6));
    assert_string_equal(text, "hello");
    assert_ptr_equal(memory_at(&ram, 0xffe, 6), ram.base + 0xffe);
}

static void memory_reaches_its_last_byte_and_no_further(void **state)
{
    uint8_t bytes[2] = {0x55, 0xaa};

    (void)state;
    assert_true(memory_write(&ram, MEMORY_MIN - 2, bytes, 2));
    assert_false(memory_write(&ram, MEMORY_MIN - 1, bytes, 2));
    assert_false(memory_read(&ram, MEMORY_MIN, bytes, 1));
    assert_null(memory_at(&ram, MEMORY_MIN - 1, 2));
    assert_non_null(memory_at(&ram, MEMORY_MIN - 1, 1));
    assert_non_null(memory_at(&ram, MEMORY_MIN, 0));
    assert_null(memory_at(&ram, MEMORY_MIN + 1, 0));
}

static void memory_is_not_fooled_by_sums_that_wrap(void **state)
{
    (void)state;
    assert_null(memory_at(&ram, UINT64_MAX, 1));
    assert_null(memory_at(&ram, UINT64_MAX, 2));
    assert_null(memory_at(&ram, 1, UINT64_MAX));
    assert_null(memory_at(&ram, 0, UINT64_MAX));
    assert_null(memory_at(&ram, UINT64_MAX - 3, 8));
}

static void memory_copies_all_or_nothing(void **state)
{
    uint8_t bytes[4] = {1, 2, 3, 4}, last[2] = {0xee, 0xee};

    (void)state;
    assert_false(memory_write(&ram, MEMORY_MIN - 2, bytes, 4));
    assert_false(memory_read(&ram, MEMORY_MIN - 2, bytes, 4));
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    assert_true(memory_read(&ram, MEMORY_MIN - 2, last, 2));
    assert_memory_equal(last, "\0\0", 2);
}

static void memory_size_is_rounded_up_to_a_page(void **state)
{
    struct memory odd;

    (void)state;
    assert_int_equal(ram_init(&odd, MEMORY_MIN + 1), 0);
    assert_int_equal(odd.size, MEMORY_MIN + 4096);
    assert_non_null(memory_at(&odd, odd.size - 1, 1));
    memory_free(&odd);
}

static void memory_costs_what_is_touched(void **state)
{
    struct memory large;

    (void)state;
    assert_int_equal(ram_init(&large, MEMORY_MAX), 0);
    assert_int_equal(ram_resident(&large), 0);
    assert_true(memory_write(&large, UINT64_C(0xdfffffff), "x", 1));
    assert_true(memory_write(&large, UINT64_C(0x7c00), "x", 1));
    assert_int_equal(ram_resident(&large), 2 * 4096);
    memory_free(&large);
}

static void memory_that_can_not_be_had_is_an_error(void **state)
{
    struct memory huge = {0};

    (void)state;
    assert_int_equal(ram_init(&huge, UINT64_C(1) << 60), -ENOMEM);
}

static void memory_may_be_freed_twice(void **state)
{
    (void)state;
    memory_free(&ram);
    memory_free(&ram);
    assert_int_equal(ram.size, 0);
    assert_null(memory_at(&ram, 0, 1));
}

/* ---- the map ---- */

static void memory_map_has_rom_and_holes(void **state)
{
    uint8_t byte = 0;

    (void)state;
    assert_true(memory_write(&ram, 0xf0000, "\x5a", 1));
    assert_true(memory_map_set(&ram, 0xf0000, 0x10000, MEMORY_ROM));
    assert_true(memory_map_set(&ram, 0xa0000, 0x20000, MEMORY_HOLE));
    assert_int_equal(memory_kind(&ram, 0x9ffff), MEMORY_RAM);
    assert_int_equal(memory_kind(&ram, 0xa0000), MEMORY_HOLE);
    assert_int_equal(memory_kind(&ram, 0xbffff), MEMORY_HOLE);
    assert_int_equal(memory_kind(&ram, 0xc0000), MEMORY_RAM);
    assert_int_equal(memory_kind(&ram, 0xf0000), MEMORY_ROM);
    assert_int_equal(memory_kind(&ram, ram.size), MEMORY_HOLE);
    /* A ROM is read and not written. */
    assert_true(memory_read(&ram, 0xf0000, &byte, 1));
    assert_int_equal(byte, 0x5a);
    assert_false(memory_write(&ram, 0xf0000, "\xa5", 1));
    assert_false(memory_write(&ram, 0xeffff, "\xa5\xa5", 2));
    assert_true(memory_read(&ram, 0xeffff, &byte, 1));
    assert_int_equal(byte, 0);
    /* A hole is neither; not even its last byte, or its first. */
    assert_false(memory_read(&ram, 0xa0000, &byte, 1));
    assert_false(memory_write(&ram, 0xbffff, &byte, 1));
    assert_null(memory_at(&ram, 0x9ffff, 2));
    assert_null(memory_at(&ram, 0xbffff, 2));
    assert_non_null(memory_at(&ram, 0xc0000, 1));
    /* RAM again, with what was in it. */
    assert_true(memory_map_set(&ram, 0, ram.size, MEMORY_RAM));
    assert_int_equal(ram.map->count, 0);
    assert_true(memory_write(&ram, 0xf0001, "\xa5", 1));
    assert_true(memory_read(&ram, 0xf0000, &byte, 1));
    assert_int_equal(byte, 0x5a);
}

static void memory_map_refuses_what_is_no_page_or_not_there(void **state)
{
    unsigned version = ram.map->version;

    (void)state;
    assert_false(memory_map_set(&ram, 0x800, 0x1000, MEMORY_ROM));
    assert_false(memory_map_set(&ram, 0x1000, 0x800, MEMORY_ROM));
    assert_false(memory_map_set(&ram, 0x1000, 0, MEMORY_ROM));
    assert_false(memory_map_set(&ram, ram.size, 0x1000, MEMORY_HOLE));
    assert_false(memory_map_set(&ram, 0x1000, UINT64_MAX - 0xfff, MEMORY_HOLE));
    assert_int_equal(ram.map->version, version);
    for (unsigned i = 0; i < MEMORY_REGIONS_MAX - 1; i++)
        assert_true(memory_map_set(&ram, i * 0x2000, 0x1000, MEMORY_HOLE));
    assert_false(memory_map_set(&ram, 0xf0000, 0x1000, MEMORY_HOLE));
}

/* Regions laid over each other, at random, against one byte a page. */
static void memory_map_is_what_was_set_last(void **state)
{
    uint8_t kinds[MEMORY_MIN / MEMORY_PAGE] = {MEMORY_RAM};

    (void)state;
    srand(7);
    for (unsigned round = 0; round < 2000; round++) {
        uint64_t first = (uint64_t)rand() % 256, count = (uint64_t)rand() % (256 - first) + 1;
        enum memory_kind kind = (enum memory_kind)(rand() % 3);
        struct memory_piece piece;
        if (memory_map_set(&ram, first * MEMORY_PAGE, count * MEMORY_PAGE, kind))
            memset(kinds + first, (int)kind, count);
        for (uint64_t at = 0; at < ram.size; at += MEMORY_PAGE)
            assert_int_equal(memory_kind(&ram, at + 5), kinds[at / MEMORY_PAGE]);
        for (uint64_t at = 0; memory_map_piece(&ram, at, &piece); at += piece.length) {
            assert_true(piece.length > 0 && piece.at == at);
            for (uint64_t page = 0; page < piece.length; page += MEMORY_PAGE)
                assert_int_equal(piece.kind, kinds[(at + page) / MEMORY_PAGE]);
        }
    }
}

static void memory_map_cuts_a20(void **state)
{
    struct memory_piece piece;

    (void)state;
    assert_int_equal(memory_wire(&ram, 0x1234567), 0x1234567);
    assert_true(memory_map_set(&ram, 0xf0000, 0x10000, MEMORY_ROM));
    memory_map_set_a20(&ram, false);
    assert_int_equal(memory_wire(&ram, 0x1234567), 0x1234567 & ~0x100000);
    assert_int_equal(memory_wire(&ram, 0x334567), 0x234567);
    /* The second MiB is the first once more, ROM and all. */
    assert_true(memory_map_piece(&ram, 0x100000, &piece));
    assert_true(piece.at == 0 && piece.length == 0xf0000 && piece.kind == MEMORY_RAM);
    assert_true(memory_map_piece(&ram, 0x1f0000, &piece));
    assert_true(piece.at == 0xf0000 && piece.length == 0x10000 && piece.kind == MEMORY_ROM);
    assert_false(memory_map_piece(&ram, 0x200000, &piece));
    memory_map_set_a20(&ram, true);
    assert_false(memory_map_piece(&ram, 0x100000, &piece));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_starts_as_zeros),
        TEST(memory_gives_back_what_was_written),
        TEST(memory_reaches_its_last_byte_and_no_further),
        TEST(memory_is_not_fooled_by_sums_that_wrap),
        TEST(memory_copies_all_or_nothing),
        TEST(memory_size_is_rounded_up_to_a_page),
        TEST(memory_costs_what_is_touched),
        TEST(memory_that_can_not_be_had_is_an_error),
        TEST(memory_map_has_rom_and_holes),
        TEST(memory_map_refuses_what_is_no_page_or_not_there),
        TEST(memory_map_is_what_was_set_last),
        TEST(memory_map_cuts_a20),
        TEST(memory_may_be_freed_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
