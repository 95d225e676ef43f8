/*
 * Tests of the bus (vmm/base/bus): which region answers, and in what pieces.
 */
#include "base/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

/* A device that notes each call as text: "r4@2 " is a read of four bytes at offset 2. */
struct recorder {
    char calls[200];
    uint8_t bytes[16];
    uint32_t junk;    /* above the width, in what a read gives */
    uint32_t written; /* the value of the last write */
};

static struct bus bus;
static struct recorder first, second;
static char unmapped_calls[200];

static void note(char *to, size_t size, char what, unsigned width, uint32_t at)
{
    size_t length = strlen(to);

    snprintf(to + length, size - length, "%c%u@%x ", what, width, at);
}

static uint32_t record_read(void *device, uint32_t offset, unsigned width)
{
    struct recorder *r = device;
    uint32_t value = r->junk;

    note(r->calls, sizeof(r->calls), 'r', width, offset);
    memcpy(&value, r->bytes + offset, width);
    return value;
}

static void record_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct recorder *r = device;

    note(r->calls, sizeof(r->calls), 'w', width, offset);
    memcpy(r->bytes + offset, &value, width);
    r->written = value;
}

static void record_unmapped(void *context, uint32_t address, unsigned width, bool is_write)
{
    assert_ptr_equal(context, &bus);
    note(unmapped_calls, sizeof(unmapped_calls), is_write ? 'w' : 'r', width, address);
}

static const struct bus_region *add(uint32_t base, uint32_t size, unsigned max_width,
                                    struct recorder *device)
{
    const struct bus_region region = {
        "recorder", base, size, max_width, record_read, record_write, .device = device};

    return bus_add(&bus, &region) ? bus_find(&bus, base) : NULL;
}

static int set_up(void **state)
{
    (void)state;
    bus_init(&bus);
    bus.unmapped = record_unmapped;
    bus.unmapped_context = &bus;
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    for (uint8_t i = 0; i < 16; i++) {
        first.bytes[i] = 0x10 + i;
        second.bytes[i] = 0x20 + i;
    }
    unmapped_calls[0] = '\0';
    return 0;
}

static void bus_passes_an_access_with_its_offset(void **state)
{
    (void)state;
    add(0x3f8, 8, 4, &first);
    assert_int_equal(bus_read(&bus, 0x3fa, 1), 0x12);
    assert_int_equal(bus_read(&bus, 0x3fa, 2), 0x1312);
    assert_int_equal(bus_read(&bus, 0x3fc, 4), 0x17161514);
    bus_write(&bus, 0x3f8, 4, 0xaabbccdd);
    assert_string_equal(first.calls, "r1@2 r2@2 r4@4 w4@0 ");
    assert_memory_equal(first.bytes, "\xdd\xcc\xbb\xaa", 4);
}

static void bus_splits_what_is_too_wide_low_address_first(void **state)
{
    (void)state;
    add(0x20, 8, 1, &first);
    add(0x40, 8, 2, &second);
    assert_int_equal(bus_read(&bus, 0x20, 4), 0x13121110);
    bus_write(&bus, 0x42, 4, 0x44332211);
    assert_string_equal(first.calls, "r1@0 r1@1 r1@2 r1@3 ");
    assert_string_equal(second.calls, "w2@2 w2@4 ");
    assert_memory_equal(second.bytes + 2, "\x11\x22\x33\x44", 4);
}

static void bus_splits_what_straddles_two_regions(void **state)
{
    (void)state;
    add(0x20, 2, 4, &first);
    add(0x22, 2, 4, &second);
    assert_int_equal(bus_read(&bus, 0x20, 4), 0x21201110);
    assert_string_equal(first.calls, "r2@0 ");
    assert_string_equal(second.calls, "r2@0 ");
}

static void bus_gives_a_region_no_width_but_1_2_and_4(void **state)
{
    (void)state;
    add(0x21, 8, 4, &first);
    assert_int_equal(bus_read(&bus, 0x20, 4), 0x121110ff); /* three bytes are the region's */
    assert_string_equal(first.calls, "r2@0 r1@2 ");
    first.calls[0] = '\0';
    bus_write(&bus, 0x20, 4, 0x44332211);
    assert_string_equal(first.calls, "w2@0 w1@2 ");
    first.calls[0] = '\0';
    bus_read(&bus, 0x26, 4);
    assert_string_equal(first.calls, "r2@5 r1@7 ");
}

/* As the ports of a PC's chipset at 0xcf8 to 0xcfb. */
static void bus_gives_a_whole_region_what_is_its_own_alone(void **state)
{
    const struct bus_region whole = {.name = "whole",
                                     .base = 0xcf9,
                                     .size = 2,
                                     .max_width = 2,
                                     .read = record_read,
                                     .write = record_write,
                                     .device = &first,
                                     .whole = true};

    (void)state;
    assert_null(bus_add(&bus, &whole));
    add(0xcf7, 1, 1, &second);
    bus_write(&bus, 0xcf9, 1, 1);
    bus_write(&bus, 0xcfa, 1, 1);
    assert_int_equal(bus_read(&bus, 0xcf9, 2), 0x0101);
    assert_string_equal(first.calls, "w1@0 w1@1 r2@0 ");
    assert_string_equal(unmapped_calls, "");
    first.calls[0] = '\0';
    bus_write(&bus, 0xcf8, 4, UINT32_MAX); /* begins before it */
    assert_int_equal(bus_read(&bus, 0xcf8, 2), 0xffff);
    assert_int_equal(bus_read(&bus, 0xcf9, 4), UINT32_MAX); /* too wide */
    bus_write(&bus, 0xcfa, 2, 0);                           /* goes past its end */
    assert_string_equal(unmapped_calls, "w4@cf8 r2@cf8 r4@cf9 w2@cfa ");
    assert_int_equal(bus_read(&bus, 0xcf7, 4), UINT32_C(0xffffff20)); /* the rest is split */
    assert_string_equal(first.calls, "");
    assert_string_equal(second.calls, "r1@0 ");
}

static void bus_reads_ones_where_nobody_answers(void **state)
{
    (void)state;
    add(0x21, 1, 1, &first);
    assert_int_equal(bus_read(&bus, 0x1000, 1), 0xff);
    assert_int_equal(bus_read(&bus, 0x1000, 2), 0xffff);
    assert_int_equal(bus_read(&bus, 0x1000, 4), 0xffffffff);
    assert_int_equal(bus_read(&bus, 0x20, 4), 0xffff10ff);
    bus_write(&bus, 0x22, 1, 0x55);
    assert_string_equal(first.calls, "r1@0 ");
}

static void bus_tells_of_what_nobody_answers(void **state)
{
    (void)state;
    add(0x21, 1, 1, &first);
    bus_read(&bus, 0x20, 2);
    bus_write(&bus, 0x21, 2, 0);
    assert_string_equal(unmapped_calls, "r1@20 w1@22 ");
}

static void bus_does_not_need_anyone_to_be_told(void **state)
{
    (void)state;
    bus.unmapped = NULL;
    assert_int_equal(bus_read(&bus, 0x20, 1), 0xff);
    bus_write(&bus, 0x20, 1, 0);
}

static void bus_handlers_may_be_missing(void **state)
{
    const struct bus_region deaf = {"deaf", 0x50, 2, 2, NULL, NULL, .device = NULL};

    (void)state;
    assert_null(bus_add(&bus, &deaf));
    assert_int_equal(bus_read(&bus, 0x50, 2), 0xffff);
    bus_write(&bus, 0x50, 2, 0);
    assert_string_equal(unmapped_calls, "");
}

static void bus_cuts_values_to_the_width(void **state)
{
    (void)state;
    add(0x20, 4, 4, &first);
    first.junk = 0xdeadbeef;
    assert_int_equal(bus_read(&bus, 0x20, 1), 0x10);
    assert_int_equal(bus_read(&bus, 0x20, 2), 0x1110);
    bus_write(&bus, 0x20, 1, 0x12345678);
    assert_int_equal(first.written, 0x78);
    bus_write(&bus, 0x20, 2, 0x12345678);
    assert_int_equal(first.written, 0x5678);
}

static void bus_refuses_overlaps_and_names_the_other(void **state)
{
    (void)state;
    assert_null(add(0x20, 4, 1, &first));
    const struct bus_region other = {"other", 0x1e, 3, 1, NULL, NULL, .device = NULL};
    assert_ptr_equal(bus_add(&bus, &other), bus_find(&bus, 0x20));
    const struct bus_region inside = {"inside", 0x21, 1, 1, NULL, NULL, .device = NULL};
    assert_ptr_equal(bus_add(&bus, &inside), bus_find(&bus, 0x20));
    const struct bus_region around = {"around", 0x10, 0x100, 1, NULL, NULL, .device = NULL};
    assert_ptr_equal(bus_add(&bus, &around), bus_find(&bus, 0x20));
    assert_null(add(0x1e, 2, 1, &first));
    assert_null(add(0x24, 1, 1, &first));
    assert_int_equal(bus.count, 3);
}

static void bus_refuses_what_is_empty_wraps_or_is_too_much(void **state)
{
    const struct bus_region empty = {"empty", 0x20, 0, 1, NULL, NULL, .device = NULL};
    const struct bus_region wraps = {"wraps", 0xfffffff0, 0x11, 1, NULL, NULL, .device = NULL};
    const struct bus_region one_more = {"one more", 0x1000, 1, 1, NULL, NULL, .device = NULL};

    (void)state;
    assert_ptr_equal(bus_add(&bus, &empty), &empty);
    assert_ptr_equal(bus_add(&bus, &wraps), &wraps);
    for (uint32_t i = 0; i < BUS_REGIONS_MAX; i++)
        assert_null(add(i * 2, 1, 1, &first));
    assert_ptr_equal(bus_add(&bus, &one_more), &one_more);
}

static void bus_removes_and_moves_regions(void **state)
{
    (void)state;
    add(0x20, 4, 4, &first);
    add(0x40, 4, 4, &second);
    assert_false(bus_remove(&bus, 0x21)); /* none begins there */
    assert_null(bus_move(&bus, 0x20, 0x60));
    assert_null(bus_find(&bus, 0x20));
    assert_int_equal(bus_read(&bus, 0x61, 1), 0x11);
    assert_string_equal(first.calls, "r1@1 ");
    /* Onto itself, and where another is. */
    assert_null(bus_move(&bus, 0x60, 0x62));
    assert_ptr_equal(bus_move(&bus, 0x62, 0x41), bus_find(&bus, 0x40));
    assert_int_equal(bus_find(&bus, 0x62)->base, 0x62);
    assert_non_null(bus_move(&bus, 0x62, UINT32_MAX - 2)); /* it would wrap */
    assert_int_equal(bus_find(&bus, 0x62)->base, 0x62);
    assert_true(bus_remove(&bus, 0x40));
    assert_int_equal(bus_read(&bus, 0x40, 1), 0xff);
    assert_true(bus_remove(&bus, 0x62));
    assert_false(bus_remove(&bus, 0x62));
    assert_int_equal(bus.count, 0);
    assert_string_equal(second.calls, "");
}

static void bus_reaches_the_last_address(void **state)
{
    (void)state;
    assert_null(add(0xfffffff0, 0x10, 4, &first));
    assert_int_equal(bus_read(&bus, 0xfffffffc, 4), 0x1f1e1d1c);
    assert_int_equal(bus_read(&bus, 0xfffffffe, 4), 0xffff1f1e); /* goes on at 0 */
    assert_string_equal(first.calls, "r4@c r2@e ");
}

static void bus_finds_every_region_in_any_order_of_adding(void **state)
{
    unsigned order[BUS_REGIONS_MAX];

    (void)state;
    srand(1);
    for (unsigned i = 0; i < BUS_REGIONS_MAX; i++) {
        unsigned j = (unsigned)rand() % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < BUS_REGIONS_MAX; i++)
        assert_null(add(order[i] * 16, 8, 1, &first));
    for (uint32_t at = 0; at < BUS_REGIONS_MAX * 16; at++) {
        const struct bus_region *region = bus_find(&bus, at);
        if (at % 16 < 8)
            assert_int_equal(region->base, at / 16 * 16);
        else
            assert_null(region);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bus_passes_an_access_with_its_offset),
        TEST(bus_splits_what_is_too_wide_low_address_first),
        TEST(bus_splits_what_straddles_two_regions),
        TEST(bus_gives_a_region_no_width_but_1_2_and_4),
        TEST(bus_gives_a_whole_region_what_is_its_own_alone),
        TEST(bus_reads_ones_where_nobody_answers),
        TEST(bus_tells_of_what_nobody_answers),
        TEST(bus_does_not_need_anyone_to_be_told),
        TEST(bus_handlers_may_be_missing),
        TEST(bus_cuts_values_to_the_width),
        TEST(bus_refuses_overlaps_and_names_the_other),
        TEST(bus_refuses_what_is_empty_wraps_or_is_too_much),
        TEST(bus_removes_and_moves_regions),
        TEST(bus_reaches_the_last_address),
        TEST(bus_finds_every_region_in_any_order_of_adding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
