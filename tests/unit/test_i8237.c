/*
 * Tests of the 8237A pair (vmm/dev/i8237): ports in, bytes in memory out. After Intel's data sheet.
 */
#include "base/memory.h"
#include "chip.h"
#include "dev/i8237.h"

#define SEED 8237
#define RAM  0x40000u

static struct memory memory;
static struct i8237 dma;

static int set_up(void **state)
{
    (void)state;
    bench_init(0);
    memory = (struct memory){.base = calloc(1, RAM), .size = RAM};
    assert_non_null(memory.base);
    i8237_init(&dma, &memory);
    assert_true(i8237_attach(&dma, &ports));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory.base);
    return 0;
}

/* As a floppy's driver does: channel 2. */
static void program(uint8_t mode, uint32_t address, unsigned bytes)
{
    out(0x0a, 0x06); /* masked */
    out(0x0c, 0xff);
    out(0x04, address & 0xff);
    out(0x04, address >> 8 & 0xff);
    out(0x81, address >> 16);
    out(0x0c, 0xff);
    out(0x05, (bytes - 1) & 0xff);
    out(0x05, (bytes - 1) >> 8);
    out(0x0b, mode | 2);
    out(0x0a, 0x02);
}

enum { TO_MEMORY = 0x44, FROM_MEMORY = 0x48, VERIFY = 0x40, AUTO = 0x10, DOWN = 0x20 };

static void i8237_moves_to_memory_up_to_terminal_count(void **state)
{
    bool ended;

    (void)state;
    program(TO_MEMORY, 0x21234, 6);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"abcd", NULL, 4, &ended), 4);
    assert_false(ended);
    assert_int_equal(in(0x08) & 0x0f, 0);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"efgh", NULL, 4, &ended), 2);
    assert_true(ended);
    assert_memory_equal(memory.base + 0x21234, "abcdef\0", 8);
    assert_int_equal(in(0x08) & 0x0f, 0x04);
    assert_int_equal(in(0x08) & 0x0f, 0);    /* reading the status clears it */
    assert_int_equal(in(0x0f) & 0x0f, 0x0f); /* and the channel is masked */
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"i", NULL, 1, &ended), 0);
}

static void i8237_moves_from_memory(void **state)
{
    uint8_t bytes[4];
    bool ended;

    (void)state;
    memcpy(memory.base + 0x100, "wxyz", 4);
    program(FROM_MEMORY, 0x100, 4);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"no", NULL, 2, &ended), 0);
    assert_int_equal(i8237_move(&dma, 2, NULL, bytes, 4, &ended), 4);
    assert_true(ended);
    assert_memory_equal(bytes, "wxyz", 4);
    program(FROM_MEMORY | DOWN, 0x103, 4);
    assert_int_equal(i8237_move(&dma, 2, NULL, bytes, 4, &ended), 4);
    assert_memory_equal(bytes, "zyxw", 4);
}

static void i8237_addresses_stay_within_64_kib(void **state)
{
    bool ended;

    (void)state;
    program(TO_MEMORY, 0x1fffe, 4);
    i8237_move(&dma, 2, (const uint8_t *)"abcd", NULL, 4, &ended);
    assert_memory_equal(memory.base + 0x1fffe, "ab", 2);
    assert_memory_equal(memory.base + 0x10000, "cd", 2);
    program(TO_MEMORY, 0xff0000, 2); /* where no RAM is */
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"ab", NULL, 2, &ended), 2);
    program(FROM_MEMORY, 0xff0000, 2);
    assert_int_equal(i8237_move(&dma, 2, NULL, (uint8_t[2]){0}, 2, &ended), 2);
}

static void i8237_begins_again_by_itself_when_told(void **state)
{
    bool ended;

    (void)state;
    program(TO_MEMORY | AUTO, 0x200, 2);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"ab", NULL, 2, &ended), 2);
    assert_true(ended);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"cd", NULL, 2, &ended), 2);
    assert_memory_equal(memory.base + 0x200, "cd\0", 3);
}

static void i8237_verifies_without_memory(void **state)
{
    bool ended;

    (void)state;
    program(VERIFY, 0x200, 3);
    assert_int_equal(i8237_move(&dma, 2, NULL, NULL, 9, &ended), 3);
    assert_true(ended);
}

static void i8237_shows_what_is_left(void **state)
{
    bool ended;

    (void)state;
    program(TO_MEMORY, 0x12fe, 0x203);
    i8237_move(&dma, 2, (const uint8_t *)"abc", NULL, 3, &ended);
    out(0x0c, 0);
    assert_int_equal(in(0x04), 0x01);
    assert_int_equal(in(0x04), 0x13);
    assert_int_equal(in(0x05), 0xff);
    assert_int_equal(in(0x05), 0x01);
    assert_int_equal(in(0x81), 0);
}

static void i8237_disabled_or_cleared_moves_nothing(void **state)
{
    bool ended;

    (void)state;
    program(TO_MEMORY, 0x200, 3);
    out(0x08, 0x04);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"a", NULL, 1, &ended), 0);
    out(0x08, 0);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"a", NULL, 1, &ended), 1);
    out(0x0d, 0);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"a", NULL, 1, &ended), 0);
    out(0x0e, 0);
    assert_int_equal(i8237_move(&dma, 2, (const uint8_t *)"b", NULL, 1, &ended), 1);
    assert_int_equal(i8237_move(&dma, 5, (const uint8_t *)"b", NULL, 1, &ended), 0);
}

static void i8237_second_has_ports_two_apart(void **state)
{
    (void)state;
    out(0xd8, 0);
    out(0xc4, 0x34);
    out(0xc4, 0x12);
    out(0xd8, 0);
    assert_int_equal(in(0xc4), 0x34);
    assert_int_equal(in(0xc4), 0x12);
    out(0xd4, 0x01);
    assert_int_equal(in(0xde) & 0x0f, 0x0d);
    out(0x8f, 0x55);
    assert_int_equal(in(0x8f), 0x55);
    assert_int_equal(in(0x80), 0xff); /* is not here */
}

static void i8237_stands_any_access(void **state)
{
    bool ended;

    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 100000; round_number++) {
        uint8_t bytes[64];
        unsigned port = (unsigned)rand() % 48, length = (unsigned)rand() % sizeof(bytes);
        port = port < 16 ? port : port < 32 ? 0x71 + port : 0xa0 + port;
        if (rand() % 3)
            out(port, (unsigned)rand() & 0xff);
        else
            in(port);
        HOLDS(i8237_move(&dma, (unsigned)rand() % 8, rand() % 2 ? bytes : NULL, bytes, length,
                         &ended) <= length);
        HOLDS(i8237_kind.valid(&dma, &dma.s));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(i8237_moves_to_memory_up_to_terminal_count),
        TEST(i8237_moves_from_memory),
        TEST(i8237_addresses_stay_within_64_kib),
        TEST(i8237_begins_again_by_itself_when_told),
        TEST(i8237_verifies_without_memory),
        TEST(i8237_shows_what_is_left),
        TEST(i8237_disabled_or_cleared_moves_nothing),
        TEST(i8237_second_has_ports_two_apart),
        TEST(i8237_stands_any_access),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
