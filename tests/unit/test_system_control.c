/*
 * Tests of the ports that end, reset or watch the machine (vmm/dev/system_control and
 * vmm/dev/debug_ports): ports in and out, calls counted.
 */
#include "chip.h"
#include "dev/debug_ports.h"
#include "dev/system_control.h"

static struct system_control control;
static struct debug_ports debug;
static unsigned a20_moves;
static bool a20_is_open;
static unsigned resets, power_offs, exits, put_count, unmapped;
static int status;
static uint16_t reset_port;
static uint8_t put_last;

static void on_reset(void *owner, uint16_t port)
{
    assert_ptr_equal(owner, &ports);
    resets++;
    reset_port = port;
}

static void on_a20(void *owner, bool is_open)
{
    assert_ptr_equal(owner, &ports);
    a20_moves++;
    a20_is_open = is_open;
}

static void on_power_off(void *owner)
{
    assert_ptr_equal(owner, &ports);
    power_offs++;
}

static void on_put(void *owner, uint8_t byte)
{
    assert_ptr_equal(owner, &ports);
    put_count++;
    put_last = byte;
}

static void on_exit_status(void *owner, int value)
{
    assert_ptr_equal(owner, &ports);
    exits++;
    status = value;
}

static void on_unmapped(void *context, uint32_t address, unsigned width, bool is_write)
{
    (void)context;
    (void)address;
    (void)width;
    (void)is_write;
    unmapped++;
}

static int set_up(void **state)
{
    (void)state;
    bus_init(&ports);
    ports.unmapped = on_unmapped;
    system_control_init(&control, on_reset, on_power_off, on_a20, &ports);
    debug_ports_init(&debug, on_put, on_exit_status, &ports);
    assert_true(system_control_attach(&control, &ports));
    assert_true(debug_ports_attach(&debug, &ports));
    resets = power_offs = exits = put_count = unmapped = 0;
    return 0;
}

static void system_control_92_moves_the_a20_gate(void **state)
{
    (void)state;
    a20_moves = 0;
    assert_int_equal(bus_read(&ports, 0x92, 1), 0x02);
    bus_write(&ports, 0x92, 1, 0x02);
    assert_int_equal(a20_moves, 0);
    bus_write(&ports, 0x92, 1, 0x00);
    assert_int_equal(bus_read(&ports, 0x92, 1), 0x00);
    assert_false(a20_is_open);
    bus_write(&ports, 0x92, 1, 0x02);
    assert_int_equal(bus_read(&ports, 0x92, 1), 0x02);
    assert_true(a20_is_open);
    assert_int_equal(a20_moves, 2);
    system_control_set_a20(&control, false); /* by the other switch */
    assert_int_equal(bus_read(&ports, 0x92, 1), 0x00);
    assert_int_equal(a20_moves, 2);
    assert_int_equal(resets, 0);
}

static void system_control_92_resets_when_its_bit_rises(void **state)
{
    (void)state;
    bus_write(&ports, 0x92, 1, 0x03);
    assert_int_equal(resets, 1);
    bus_write(&ports, 0x92, 1, 0x03);
    assert_int_equal(resets, 1);
    bus_write(&ports, 0x92, 1, 0x02);
    bus_write(&ports, 0x92, 1, 0x03);
    assert_int_equal(resets, 2);
    assert_int_equal(reset_port, 0x92);
}

static void system_control_cf9_resets_when_its_bit_rises(void **state)
{
    (void)state;
    bus_write(&ports, 0xcf9, 1, 0x02);
    assert_int_equal(resets, 0);
    assert_int_equal(bus_read(&ports, 0xcf9, 1), 0x02);
    bus_write(&ports, 0xcf9, 1, 0x06);
    assert_int_equal(resets, 1);
    bus_write(&ports, 0xcf9, 1, 0x06);
    assert_int_equal(resets, 1);
    bus_write(&ports, 0xcf9, 1, 0x00);
    bus_write(&ports, 0xcf9, 1, 0x0e);
    assert_int_equal(resets, 2);
    assert_int_equal(reset_port, 0xcf9);
}

/* Drivers of PCI write whole doublewords to 0xcf8. */
static void system_control_cf9_is_reached_by_bytes_alone(void **state)
{
    (void)state;
    for (uint32_t port = 0xcf6; port <= 0xcf9; port++) {
        bus_write(&ports, port, 4, UINT32_MAX);
        bus_write(&ports, port, 2, UINT32_MAX);
    }
    assert_int_equal(bus_read(&ports, 0xcf8, 4), UINT32_MAX);
    assert_int_equal(resets, 0);
    assert_int_equal(bus_read(&ports, 0xcf9, 1), 0);
}

static void what_ends_the_guest_is_reached_by_accesses_of_its_own(void **state)
{
    static const uint32_t before[] = {0x602, 0xb002, 0x4002, 0xf1, 0xf2, 0x4fe, 0x500};

    (void)state;
    for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        bus_write(&ports, before[i], 4, UINT32_C(0x20002000));
        bus_write(&ports, before[i], 4, UINT32_C(0x34003400));
    }
    bus_write(&ports, 0x604, 4, 0x2000);
    assert_int_equal(power_offs + exits, 0);
}

static void system_control_powers_off_by_the_known_words(void **state)
{
    (void)state;
    bus_write(&ports, 0x604, 2, 0x2000);
    assert_int_equal(power_offs, 1);
    bus_write(&ports, 0xb004, 2, 0x2000);
    assert_int_equal(power_offs, 2);
    bus_write(&ports, 0x4004, 2, 0x3400);
    assert_int_equal(power_offs, 3);
}

static void system_control_stays_on_by_other_words(void **state)
{
    (void)state;
    bus_write(&ports, 0x604, 2, 0x0000);
    bus_write(&ports, 0x604, 2, 0x3400);
    bus_write(&ports, 0x604, 1, 0x20);
    bus_write(&ports, 0x605, 1, 0x20);
    bus_write(&ports, 0x4004, 2, 0x2000);
    bus_write(&ports, 0x4004, 2, 0x1400);
    assert_int_equal(power_offs, 0);
    assert_int_equal(unmapped, 0);
}

static void debug_console_puts_and_tells_that_it_is_there(void **state)
{
    (void)state;
    bus_write(&ports, 0xe9, 1, 'x');
    assert_int_equal(put_count, 1);
    assert_int_equal(put_last, 'x');
    assert_int_equal(bus_read(&ports, 0xe9, 1), 0xe9);
}

static void debug_exit_status_is_odd_and_a_byte(void **state)
{
    static const uint32_t port[] = {0xf4, 0x501};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bus_write(&ports, port[i], 1, 0);
        assert_int_equal(status, 1);
        bus_write(&ports, port[i], 1, 0x10);
        assert_int_equal(status, 0x21);
        bus_write(&ports, port[i], 1, 0xff);
        assert_int_equal(status, 0xff);
    }
    assert_int_equal(exits, 6);
}

static void debug_exit_is_one_exit_at_any_width(void **state)
{
    (void)state;
    bus_write(&ports, 0xf4, 4, 3);
    bus_write(&ports, 0xf4, 2, 3);
    bus_write(&ports, 0x501, 4, 3);
    assert_int_equal(exits, 3);
    assert_int_equal(status, 7);
    assert_int_equal(unmapped, 0);
}

static void debug_post_and_delay_ports_keep_the_last_byte(void **state)
{
    (void)state;
    assert_int_equal(bus_read(&ports, 0x80, 1), 0);
    bus_write(&ports, 0x80, 1, 0x12);
    bus_write(&ports, 0xed, 1, 0x34);
    assert_int_equal(bus_read(&ports, 0x80, 1), 0x12);
    assert_int_equal(bus_read(&ports, 0xed, 1), 0x34);
}

static void attach_is_refused_a_taken_port(void **state)
{
    (void)state;
    assert_false(system_control_attach(&control, &ports));
    assert_false(debug_ports_attach(&debug, &ports));
}

/* ---- anything at all ---- */

#define SEED 92

static void ports_survive_ten_thousand_random_accesses_without_callbacks(void **state)
{
    static const uint32_t port[] = {0x80,  0x92,  0xe9,  0xed,   0xf4,
                                    0x501, 0x604, 0xcf9, 0x4004, 0xb004};

    (void)state;
    bus_init(&ports);
    system_control_init(&control, NULL, NULL, NULL, NULL);
    debug_ports_init(&debug, NULL, NULL, NULL);
    assert_true(system_control_attach(&control, &ports));
    assert_true(debug_ports_attach(&debug, &ports));
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        uint32_t at = port[rand() % 10] + (uint32_t)rand() % 2;
        unsigned width = 1u << rand() % 3;
        if (rand() & 1)
            bus_write(&ports, at, width, (uint32_t)rand());
        else
            bus_read(&ports, at, width);
        HOLDS(bus_read(&ports, 0xe9, 1) == 0xe9);
    }
    assert_int_equal(resets + power_offs + exits + put_count, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(system_control_92_moves_the_a20_gate),
        TEST(system_control_92_resets_when_its_bit_rises),
        TEST(system_control_cf9_resets_when_its_bit_rises),
        TEST(system_control_cf9_is_reached_by_bytes_alone),
        TEST(what_ends_the_guest_is_reached_by_accesses_of_its_own),
        TEST(system_control_powers_off_by_the_known_words),
        TEST(system_control_stays_on_by_other_words),
        TEST(debug_console_puts_and_tells_that_it_is_there),
        TEST(debug_exit_status_is_odd_and_a_byte),
        TEST(debug_exit_is_one_exit_at_any_width),
        TEST(debug_post_and_delay_ports_keep_the_last_byte),
        TEST(attach_is_refused_a_taken_port),
        TEST(ports_survive_ten_thousand_random_accesses_without_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
