/*
 * Tests of the 8042 and its keyboard (vmm/dev/i8042): keys in, ports in and out, the two lines, a
 * stepped clock. Commands and codes are those of the IBM PS/2 technical reference.
 */
#include "chip.h"
#include "dev/i8042.h"

#define KEY_A  0x1e
#define KEY_UP 0xe048

#define OBF 0x01

static struct i8042 kbc;
static unsigned ready_calls, resets, a20_calls;
static bool a20, type_when_ready;

static void on_ready(void *owner)
{
    assert_ptr_equal(owner, &kbc);
    ready_calls++;
    if (type_when_ready)
        i8042_key(&kbc, KEY_A, true);
}

static void on_reset(void *owner, uint16_t port)
{
    (void)port;
    assert_ptr_equal(owner, &kbc);
    resets++;
}

static void on_a20(void *owner, bool on)
{
    assert_ptr_equal(owner, &kbc);
    a20_calls++;
    a20 = on;
}

static void data(uint32_t value)
{
    bus_write(&ports, 0x60, 1, value);
}

static void command(uint32_t value)
{
    bus_write(&ports, 0x64, 1, value);
}

static uint8_t status(void)
{
    return (uint8_t)bus_read(&ports, 0x64, 1);
}

static uint8_t read_data(void)
{
    return (uint8_t)bus_read(&ports, 0x60, 1);
}

/* Waits for a byte as a driver does, and takes it. */
static uint8_t next(void)
{
    for (int i = 0; i < 10 && !(status() & OBF); i++)
        step(I8042_BYTE_NS);
    assert_true(status() & OBF);
    return read_data();
}

static void assert_empty(void)
{
    step(NS_PER_SECOND);
    assert_false(status() & OBF);
}

static void assert_next(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        assert_int_equal(next(), (uint8_t)bytes[i]);
    assert_empty();
}

#define ASSERT_NEXT(bytes) assert_next(bytes, sizeof(bytes) - 1)

static void key(uint16_t set1_make)
{
    i8042_key(&kbc, set1_make, true);
    i8042_key(&kbc, set1_make, false);
}

static void set_mode(uint8_t mode)
{
    command(0x60);
    data(mode);
}

static int set_up(void **state)
{
    (void)state;
    bench_init(NS_PER_SECOND);
    i8042_init(&kbc, &clk, on_ready, on_reset, on_a20, &kbc);
    kbc.irq1.set = hear;
    assert_true(i8042_attach(&kbc, &ports));
    ready_calls = resets = a20_calls = 0;
    type_when_ready = false;
    return 0;
}

/* ---- keys ---- */

static void i8042_gives_set_1_with_irq1_without_initialisation(void **state)
{
    (void)state;
    i8042_key(&kbc, KEY_A, true);
    assert_true(kbc.irq1.level);
    assert_int_equal(status() & 0x21, OBF);
    assert_int_equal(read_data(), 0x1e);
    assert_false(kbc.irq1.level);
    i8042_key(&kbc, KEY_A, false);
    ASSERT_NEXT("\x9e");
}

static void i8042_reading_empty_gives_the_last_byte_again(void **state)
{
    (void)state;
    i8042_key(&kbc, KEY_A, true);
    assert_int_equal(read_data(), 0x1e);
    assert_int_equal(read_data(), 0x1e);
    assert_int_equal(read_data(), 0x1e);
    assert_false(status() & OBF);
}

static void i8042_second_read_at_once_does_not_lose_the_next_byte(void **state)
{
    (void)state;
    status();
    step(NS_PER_SECOND);
    key(KEY_A);
    assert_int_equal(read_data(), 0x1e);
    assert_int_equal(read_data(), 0x1e);
    ASSERT_NEXT("\x9e");
}

static void i8042_each_byte_is_an_edge(void **state)
{
    (void)state;
    key(KEY_UP);
    assert_int_equal(rises, 1);
    assert_int_equal(read_data(), 0xe0);
    assert_false(kbc.irq1.level);
    step(I8042_BYTE_NS - 1);
    assert_false(kbc.irq1.level);
    step(1);
    assert_true(kbc.irq1.level);
    ASSERT_NEXT("\x48\xe0\xc8");
    assert_int_equal(rises, 4);
}

static void i8042_each_reply_is_an_edge(void **state)
{
    (void)state;
    data(0xff);
    assert_int_equal(rises, 1);
    assert_int_equal(read_data(), 0xfa);
    assert_int_equal(rises, 2);
    assert_int_equal(read_data(), 0xaa);
    assert_false(kbc.irq1.level);
}

static void i8042_unread_byte_arms_no_timer(void **state)
{
    (void)state;
    key(KEY_A);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    read_data();
    assert_true(clock_deadline(&clk) == now + I8042_BYTE_NS);
}

static void i8042_every_set_1_code_survives_translation(void **state)
{
    (void)state;
    for (uint8_t make = 1; make < 0x80; make++) {
        i8042_key(&kbc, make, true);
        assert_int_equal(next(), make);
        i8042_key(&kbc, make, false);
        assert_int_equal(next(), make | 0x80);
    }
}

static void i8042_gives_set_2_without_translation(void **state)
{
    (void)state;
    set_mode(0x05);
    key(KEY_A);
    ASSERT_NEXT("\x1c\xf0\x1c");
    key(KEY_UP);
    ASSERT_NEXT("\xe0\x75\xe0\xf0\x75");
    key(0x41); /* F7 */
    ASSERT_NEXT("\x83\xf0\x83");
}

static void i8042_gives_set_1_when_selected(void **state)
{
    (void)state;
    set_mode(0x05);
    key(KEY_A);
    data(0xf0);
    data(0x01);
    ASSERT_NEXT("\x1c\xfa\xfa"); /* what was buffered is gone */
    key(KEY_UP);
    ASSERT_NEXT("\xe0\x48\xe0\xc8");
}

static void i8042_print_screen_and_pause_have_their_sequences(void **state)
{
    (void)state;
    key(I8042_KEY_PRINT_SCREEN);
    ASSERT_NEXT("\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa");
    key(I8042_KEY_PAUSE);
    ASSERT_NEXT("\xe1\x1d\x45\xe1\x9d\xc5");
    set_mode(0x05);
    key(I8042_KEY_PRINT_SCREEN);
    ASSERT_NEXT("\xe0\x12\xe0\x7c\xe0\xf0\x7c\xe0\xf0\x12");
    key(I8042_KEY_PAUSE);
    ASSERT_NEXT("\xe1\x14\x77\xe1\xf0\x14\xf0\x77");
}

static void i8042_overrun_is_told_once(void **state)
{
    (void)state;
    i8042_key(&kbc, KEY_A, true); /* goes to the output buffer */
    for (int i = 0; i < 40; i++)
        i8042_key(&kbc, KEY_A, true);
    for (int i = 0; i < 17; i++)
        assert_int_equal(next(), 0x1e);
    ASSERT_NEXT("\xff");
    i8042_key(&kbc, KEY_A, true);
    ASSERT_NEXT("\x1e");
}

static void i8042_overrun_never_splits_a_key(void **state)
{
    (void)state;
    set_mode(0x05);
    key(KEY_A); /* 1c to the output buffer, two bytes wait */
    for (int i = 0; i < 10; i++)
        i8042_key(&kbc, KEY_UP, false); /* three bytes each: four fit */
    assert_int_equal(next(), 0x1c);
    assert_int_equal(next(), 0xf0);
    assert_int_equal(next(), 0x1c);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(next(), 0xe0);
        assert_int_equal(next(), 0xf0);
        assert_int_equal(next(), 0x75);
    }
    ASSERT_NEXT("\x00");
}

static void i8042_raw_byte_is_given_as_it_is(void **state)
{
    (void)state;
    i8042_raw(&kbc, 0x1e);
    i8042_raw(&kbc, 0xf0);
    ASSERT_NEXT("\x1e\xf0");
}

static void i8042_is_restored_from_a_copy_of_its_state(void **state)
{
    (void)state;
    key(KEY_A);
    read_data();
    struct i8042_state copy = kbc.s;
    uint64_t deadline = clock_deadline(&clk), time = now;
    set_up(state);
    now = time;
    kbc.s = copy;
    i8042_restored(&kbc);
    assert_true(clock_deadline(&clk) == deadline);
    ASSERT_NEXT("\x9e");
}

/* ---- the controller ---- */

static void i8042_status_tells_where_the_last_write_went(void **state)
{
    (void)state;
    command(0xae);
    assert_int_equal(status(), 0x1c);
    data(0xee);
    assert_int_equal(status(), 0x15);
}

static void i8042_command_byte_is_read_and_written(void **state)
{
    (void)state;
    command(0x20);
    assert_int_equal(next(), 0x65);
    set_mode(0x47);
    command(0x20);
    assert_int_equal(next(), 0x47);
    set_mode(0x43);
    assert_false(status() & 0x04); /* SYS */
}

static void i8042_ram_is_32_bytes(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < 32; i++) {
        command(0x60 + i);
        data(i * 3);
    }
    for (uint32_t i = 1; i < 32; i++) {
        command(0x20 + i);
        assert_int_equal(next(), i * 3);
    }
}

static void i8042_self_tests_pass(void **state)
{
    (void)state;
    set_mode(0x41);
    command(0xaa);
    ASSERT_NEXT("\x55");
    assert_true(status() & 0x04); /* SYS */
    command(0xc0);
    ASSERT_NEXT("\x80"); /* not locked */
    command(0xab);
    ASSERT_NEXT("\x00");
    command(0xa9);
    ASSERT_NEXT("\x00");
    command(0xa4);
    ASSERT_NEXT("\xf1"); /* no password */
}

static void i8042_replies_raise_irq1_too(void **state)
{
    (void)state;
    command(0xaa);
    assert_true(kbc.irq1.level);
    next();
    set_mode(0x44);
    command(0xaa);
    assert_false(kbc.irq1.level);
    set_mode(0x45);
    assert_true(kbc.irq1.level); /* the level follows the enable */
}

static void i8042_disabled_keyboard_holds_its_codes(void **state)
{
    (void)state;
    command(0xad);
    key(KEY_A);
    assert_empty();
    command(0x20);
    ASSERT_NEXT("\x75"); /* the controller still answers */
    command(0xae);
    ASSERT_NEXT("\x1e\x9e");
}

static void i8042_command_to_the_keyboard_enables_it(void **state)
{
    (void)state;
    command(0xad);
    data(0xee);
    ASSERT_NEXT("\xee");
    command(0x20);
    ASSERT_NEXT("\x65");
}

static void i8042_reply_waits_for_an_unread_byte(void **state)
{
    (void)state;
    i8042_key(&kbc, KEY_A, true);
    command(0xaa);
    ASSERT_NEXT("\x1e\x55");
}

static void i8042_replies_go_before_scan_codes(void **state)
{
    (void)state;
    key(KEY_A);
    key(KEY_A);
    data(0xee);
    ASSERT_NEXT("\x1e\xee\x9e\x1e\x9e");
}

static void i8042_d2_writes_the_output_buffer(void **state)
{
    (void)state;
    command(0xd2);
    data(0x1c);
    assert_true(kbc.irq1.level);
    assert_int_equal(status() & 0x21, 0x01);
    ASSERT_NEXT("\x1c"); /* not translated */
}

static void i8042_d3_writes_it_as_from_the_second_port(void **state)
{
    (void)state;
    set_mode(0x47);
    command(0xd3);
    data(0x42);
    assert_false(kbc.irq1.level);
    assert_true(kbc.irq12.level);
    assert_int_equal(status() & 0x21, 0x21);
    assert_int_equal(read_data(), 0x42);
    assert_false(kbc.irq12.level);
}

static void i8042_nobody_answers_at_the_second_port(void **state)
{
    (void)state;
    command(0xd4);
    data(0xff);
    assert_int_equal(status() & 0x61, 0x61);
    assert_int_equal(read_data(), 0xfe);
    assert_int_equal(status() & 0x61, 0);
    command(0xa8);
    command(0x20);
    assert_int_equal(next() & 0x20, 0);
    command(0xa7);
    command(0x20);
    assert_int_equal(next() & 0x20, 0x20);
}

static void i8042_output_port_switches_a20(void **state)
{
    (void)state;
    command(0xd0);
    assert_int_equal(next() & 0xcf, 0xc3);
    command(0xd1);
    data(0xdd);
    assert_int_equal(a20_calls, 1);
    assert_false(a20);
    command(0xd0);
    assert_int_equal(next() & 0x02, 0);
    command(0xd1);
    data(0xdf);
    assert_true(a20);
    command(0xdd);
    assert_false(a20);
    command(0xdf);
    assert_true(a20);
    assert_int_equal(a20_calls, 4);
    assert_int_equal(resets, 0);
}

static void i8042_output_port_shows_a_full_buffer(void **state)
{
    (void)state;
    i8042_key(&kbc, KEY_A, true);
    command(0xd0);
    assert_int_equal(next(), 0x1e);
    assert_int_equal(next() & 0x30, 0x10);
}

static void i8042_fe_pulses_reset(void **state)
{
    (void)state;
    command(0xfe);
    assert_int_equal(resets, 1);
    command(0xff); /* pulses nothing */
    command(0xf1);
    assert_int_equal(resets, 1);
    command(0xf0);
    assert_int_equal(resets, 2);
    command(0xd1);
    data(0x02);
    assert_int_equal(resets, 3);
}

static void i8042_needs_no_callbacks(void **state)
{
    (void)state;
    i8042_init(&kbc, &clk, NULL, NULL, NULL, NULL);
    command(0xfe);
    command(0xdd);
    read_data();
    assert_true(i8042_can_type(&kbc));
}

static void i8042_unknown_command_is_ignored(void **state)
{
    (void)state;
    command(0xb7);
    assert_empty();
    data(0xee);
    ASSERT_NEXT("\xee");
}

static void i8042_a_new_command_drops_one_that_waits_for_data(void **state)
{
    (void)state;
    command(0x60);
    command(0xae);
    data(0xee); /* goes to the keyboard */
    ASSERT_NEXT("\xee");
}

/* ---- commands to the keyboard ---- */

static void i8042_keyboard_resets(void **state)
{
    (void)state;
    key(KEY_A);
    key(KEY_A);
    next();
    data(0xed);
    data(0x07);
    data(0xf5);
    data(0xff);
    ASSERT_NEXT("\xfa\xfa\xfa\xfa\xaa"); /* and the buffer is gone */
    assert_int_equal(kbc.s.leds, 0);
    i8042_key(&kbc, KEY_A, true);
    ASSERT_NEXT("\x1e");
}

static void i8042_keyboard_identifies_itself(void **state)
{
    (void)state;
    data(0xf2);
    ASSERT_NEXT("\xfa\xab\x41"); /* 83, translated as on hardware */
    set_mode(0x05);
    data(0xf2);
    ASSERT_NEXT("\xfa\xab\x83");
}

static void i8042_keyboard_takes_leds_and_typematic(void **state)
{
    (void)state;
    data(0xed);
    assert_int_equal(next(), 0xfa);
    data(0x07);
    ASSERT_NEXT("\xfa");
    data(0xf3);
    assert_int_equal(next(), 0xfa);
    data(0x20);
    ASSERT_NEXT("\xfa");
    assert_int_equal(kbc.s.leds, 7);
    assert_int_equal(kbc.s.typematic, 0x20);
}

static void i8042_keyboard_command_takes_the_place_of_an_option(void **state)
{
    (void)state;
    data(0xed);
    data(0xee);
    data(0x07);
    ASSERT_NEXT("\xfa\xee\xfe");
    data(0xf3);
    data(0xed);
    data(0x04);
    ASSERT_NEXT("\xfa\xfa\xfa");
    assert_int_equal(kbc.s.leds, 4);
    assert_int_equal(kbc.s.typematic, 0x2b);
}

static void i8042_keyboard_tells_its_set(void **state)
{
    (void)state;
    set_mode(0x05);
    data(0xf0);
    data(0x00);
    ASSERT_NEXT("\xfa\xfa\x02");
    data(0xf0);
    data(0x02);
    ASSERT_NEXT("\xfa\xfa");
    data(0xf0);
    data(0x03); /* refused, and the set stays */
    ASSERT_NEXT("\xfa\xfe");
    key(KEY_A);
    ASSERT_NEXT("\x1c\xf0\x1c");
}

static void i8042_keyboard_stops_and_starts_scanning(void **state)
{
    (void)state;
    data(0xf5);
    key(KEY_A);
    ASSERT_NEXT("\xfa");
    assert_false(i8042_can_type(&kbc));
    data(0xf4);
    key(KEY_A);
    ASSERT_NEXT("\xfa\x1e\x9e");
    key(KEY_A); /* each of the two drops what is buffered */
    data(0xf4);
    ASSERT_NEXT("\x1e\xfa");
    key(KEY_A);
    data(0xf5);
    ASSERT_NEXT("\x1e\xfa");
}

static void i8042_keyboard_defaults_select_set_2(void **state)
{
    (void)state;
    set_mode(0x05);
    data(0xf0);
    data(0x01);
    data(0xf6);
    ASSERT_NEXT("\xfa\xfa\xfa");
    i8042_key(&kbc, KEY_A, true);
    ASSERT_NEXT("\x1c");
}

static void i8042_keyboard_resends_its_last_byte(void **state)
{
    (void)state;
    i8042_key(&kbc, KEY_A, true);
    ASSERT_NEXT("\x1e");
    data(0xfe);
    data(0xfe);
    ASSERT_NEXT("\x1e\x1e");
}

static void i8042_keyboard_refuses_an_unknown_command(void **state)
{
    (void)state;
    data(0x07);
    ASSERT_NEXT("\xfe");
    data(0xef);
    ASSERT_NEXT("\xfe");
    data(0xfb);
    ASSERT_NEXT("\xfe");
    for (uint32_t all_keys = 0xf7; all_keys <= 0xfa; all_keys++) {
        data(all_keys); /* of set 3, but taken */
        ASSERT_NEXT("\xfa");
    }
}

/* ---- pacing ---- */

static void i8042_waits_until_the_guest_listens(void **state)
{
    (void)state;
    step(NS_PER_SECOND);
    assert_false(i8042_can_type(&kbc));
    status();
    assert_true(i8042_can_type(&kbc));
    assert_int_equal(ready_calls, 1);

    set_up(state);
    read_data();
    assert_true(i8042_can_type(&kbc));

    set_up(state);
    i8042_listen(&kbc); /* IRQ 1 unmasked */
    assert_true(i8042_can_type(&kbc));
    assert_int_equal(ready_calls, 1);
}

static void i8042_first_key_leaves_time_to_flush(void **state)
{
    (void)state;
    type_when_ready = true;
    assert_false(status() & OBF);
    assert_int_equal(ready_calls, 1);
    read_data();
    assert_false(status() & OBF);
    assert_int_equal(next(), 0x1e);
}

static void i8042_takes_no_key_while_one_is_unread(void **state)
{
    (void)state;
    status();
    assert_true(i8042_can_type(&kbc));
    i8042_key(&kbc, KEY_UP, true);
    assert_false(i8042_can_type(&kbc));
    next();
    assert_false(i8042_can_type(&kbc));
    ready_calls = 0;
    next();
    assert_true(i8042_can_type(&kbc));
    assert_int_equal(ready_calls, 1);
}

static void i8042_takes_no_key_while_the_keyboard_is_off(void **state)
{
    (void)state;
    status();
    command(0xad);
    assert_false(i8042_can_type(&kbc));
    ready_calls = 0;
    command(0xae);
    assert_true(i8042_can_type(&kbc));
    assert_int_equal(ready_calls, 1);
}

static void i8042_ready_may_type_at_once(void **state)
{
    (void)state;
    type_when_ready = true;
    for (int i = 0; i < 100; i++)
        assert_int_equal(next(), 0x1e);
    assert_int_equal(ready_calls, 101);
}

/* ---- anything at all ---- */

#define SEED 8042

/* What must be true of every state; leaves it as it was. */
static void check_invariants(void)
{
    struct i8042_state before = kbc.s;
    bool level1 = kbc.irq1.level, level12 = kbc.irq12.level;
    uint64_t deadline = clock_deadline(&clk);

    HOLDS(kbc.s.buffered <= I8042_BUFFER + 1 && kbc.s.reply_count <= I8042_REPLIES);
    HOLDS(kbc.s.was_ready == i8042_can_type(&kbc));
    HOLDS(deadline > now);
    uint8_t s = status();
    HOLDS(level1 == ((s & 0x21) == 0x01 && before.ram[0] & 0x01));
    HOLDS(level12 == ((s & 0x21) == 0x21 && before.ram[0] & 0x02));
    HOLDS(!(s & OBF) || read_data() == before.dbb);
    kbc.s = before;
    i8042_restored(&kbc);
    HOLDS(memcmp(&before, &kbc.s, sizeof(before)) == 0);
    HOLDS(kbc.irq1.level == level1 && kbc.irq12.level == level12);
    HOLDS(clock_deadline(&clk) == deadline);
}

static void i8042_survives_ten_thousand_random_accesses(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        uint32_t at = rand() & 1 ? 0x60 : 0x64;
        unsigned width = 1u << rand() % 3;
        switch (rand() % 8) {
        case 0:
        case 1:
            bus_read(&ports, at, width);
            break;
        case 2:
            bus_write(&ports, at, width, (uint32_t)rand());
            break;
        case 3:
            data(0xed + (uint32_t)rand() % 19);
            break;
        case 4:
            i8042_raw(&kbc, (uint8_t)rand());
            break;
        case 5:
            set_mode((uint8_t)rand());
            break;
        case 6:
            i8042_key(&kbc, (uint16_t)rand(), rand() & 1);
            break;
        default:
            step((uint64_t)rand() % 1000000);
            break;
        }
        check_invariants();
    }
}

static void i8042_attach_is_refused_a_taken_port(void **state)
{
    (void)state;
    assert_false(i8042_attach(&kbc, &ports));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(i8042_gives_set_1_with_irq1_without_initialisation),
        TEST(i8042_reading_empty_gives_the_last_byte_again),
        TEST(i8042_second_read_at_once_does_not_lose_the_next_byte),
        TEST(i8042_each_byte_is_an_edge),
        TEST(i8042_each_reply_is_an_edge),
        TEST(i8042_unread_byte_arms_no_timer),
        TEST(i8042_every_set_1_code_survives_translation),
        TEST(i8042_gives_set_2_without_translation),
        TEST(i8042_gives_set_1_when_selected),
        TEST(i8042_print_screen_and_pause_have_their_sequences),
        TEST(i8042_overrun_is_told_once),
        TEST(i8042_overrun_never_splits_a_key),
        TEST(i8042_raw_byte_is_given_as_it_is),
        TEST(i8042_is_restored_from_a_copy_of_its_state),
        TEST(i8042_status_tells_where_the_last_write_went),
        TEST(i8042_command_byte_is_read_and_written),
        TEST(i8042_ram_is_32_bytes),
        TEST(i8042_self_tests_pass),
        TEST(i8042_replies_raise_irq1_too),
        TEST(i8042_disabled_keyboard_holds_its_codes),
        TEST(i8042_command_to_the_keyboard_enables_it),
        TEST(i8042_reply_waits_for_an_unread_byte),
        TEST(i8042_replies_go_before_scan_codes),
        TEST(i8042_d2_writes_the_output_buffer),
        TEST(i8042_d3_writes_it_as_from_the_second_port),
        TEST(i8042_nobody_answers_at_the_second_port),
        TEST(i8042_output_port_switches_a20),
        TEST(i8042_output_port_shows_a_full_buffer),
        TEST(i8042_fe_pulses_reset),
        TEST(i8042_needs_no_callbacks),
        TEST(i8042_unknown_command_is_ignored),
        TEST(i8042_a_new_command_drops_one_that_waits_for_data),
        TEST(i8042_keyboard_resets),
        TEST(i8042_keyboard_identifies_itself),
        TEST(i8042_keyboard_takes_leds_and_typematic),
        TEST(i8042_keyboard_command_takes_the_place_of_an_option),
        TEST(i8042_keyboard_tells_its_set),
        TEST(i8042_keyboard_stops_and_starts_scanning),
        TEST(i8042_keyboard_defaults_select_set_2),
        TEST(i8042_keyboard_resends_its_last_byte),
        TEST(i8042_keyboard_refuses_an_unknown_command),
        TEST(i8042_waits_until_the_guest_listens),
        TEST(i8042_first_key_leaves_time_to_flush),
        TEST(i8042_takes_no_key_while_one_is_unread),
        TEST(i8042_takes_no_key_while_the_keyboard_is_off),
        TEST(i8042_ready_may_type_at_once),
        TEST(i8042_survives_ten_thousand_random_accesses),
        TEST(i8042_attach_is_refused_a_taken_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
