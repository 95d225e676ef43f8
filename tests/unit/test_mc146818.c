/*
 * Tests of the MC146818 (vmm/dev/mc146818): ports in and out, the level of IRQ 8, a stepped
 * clock. After the Motorola data sheet, and the PC/AT for the bytes above it.
 */
#include "chip.h"
#include "dev/mc146818.h"

#define MS UINT64_C(1000000)

/* Sunday, 29 February 2004, 23:59:58 UTC. */
#define LEAP_NIGHT INT64_C(1078099198)

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY };
enum { MONTH = 8, YEAR, REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32 };

#define UIP   0x80
#define SET   0x80
#define PIE   0x40
#define AIE   0x20
#define UIE   0x10
#define BIN   0x04
#define H24   0x02
#define IRQF  0x80
#define PF    0x40
#define AF    0x20
#define UF    0x10
#define PLAIN H24 /* BCD, 24 hours, no interrupts */

static struct mc146818 rtc;

static uint8_t get(uint8_t index)
{
    bus_write(&ports, 0x70, 1, index);
    return (uint8_t)bus_read(&ports, 0x71, 1);
}

static void put(uint8_t index, uint8_t value)
{
    bus_write(&ports, 0x70, 1, index);
    bus_write(&ports, 0x71, 1, value);
}

static void start(int64_t epoch)
{
    bench_init(now);
    mc146818_init(&rtc, &clk, epoch);
    rtc.irq8.set = hear;
    assert_true(mc146818_attach(&rtc, &ports));
}

static int set_up(void **state)
{
    (void)state;
    now = 777;
    start(LEAP_NIGHT);
    return 0;
}

static void assert_time(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
    assert_int_equal(get(HOURS), hours);
    assert_int_equal(get(MINUTES), minutes);
    assert_int_equal(get(SECONDS), seconds);
}

static void assert_date(uint8_t century, uint8_t year, uint8_t month, uint8_t day, uint8_t weekday)
{
    assert_int_equal(get(CENTURY), century);
    assert_int_equal(get(YEAR), year);
    assert_int_equal(get(MONTH), month);
    assert_int_equal(get(DAY), day);
    assert_int_equal(get(WEEKDAY), weekday);
}

static void mc146818_has_the_types_of_floppy_drives(void **state)
{
    (void)state;
    assert_int_equal(get(0x10), 0);
    assert_int_equal(get(0x14) & 0xc1, 0);
    mc146818_set_floppies(&rtc, 4, 0);
    assert_int_equal(get(0x10), 0x40);
    assert_int_equal(get(0x14) & 0xc1, 0x01);
    mc146818_set_floppies(&rtc, 4, 2);
    assert_int_equal(get(0x10), 0x42);
    assert_int_equal(get(0x14) & 0xc1, 0x41);
}

/* ---- telling the time ---- */

static void mc146818_tells_time_and_date_in_bcd(void **state)
{
    (void)state;
    assert_time(0x23, 0x59, 0x58);
    assert_date(0x20, 0x04, 0x02, 0x29, 1);
}

static void mc146818_goes_on_with_the_clock(void **state)
{
    (void)state;
    step(NS_PER_SECOND);
    assert_time(0x23, 0x59, 0x59);
    step(NS_PER_SECOND - 1);
    assert_time(0x23, 0x59, 0x59);
    step(1);
    assert_time(0x00, 0x00, 0x00);
    assert_date(0x20, 0x04, 0x03, 0x01, 2);
}

static void mc146818_tells_binary_when_asked(void **state)
{
    (void)state;
    put(REG_B, H24 | BIN);
    assert_time(23, 59, 58);
    assert_date(20, 4, 2, 29, 1);
}

static void mc146818_tells_12_hours_when_asked(void **state)
{
    (void)state;
    put(REG_B, 0);
    assert_int_equal(get(HOURS), 0x91); /* 11 pm */
    step(2 * NS_PER_SECOND);
    assert_int_equal(get(HOURS), 0x12); /* 12 am */
    step(3600 * NS_PER_SECOND);
    assert_int_equal(get(HOURS), 0x01);
    step(11 * 3600 * NS_PER_SECOND);
    assert_int_equal(get(HOURS), 0x92); /* 12 pm */
    put(REG_B, BIN);
    assert_int_equal(get(HOURS), 0x8c);
}

static void mc146818_tells_years_of_other_centuries(void **state)
{
    (void)state;
    start(0);
    assert_date(0x19, 0x70, 0x01, 0x01, 5);
    start(-86400);
    assert_date(0x19, 0x69, 0x12, 0x31, 4);
    start(INT64_C(4102444800));
    assert_date(0x21, 0x00, 0x01, 0x01, 6);
}

static void mc146818_uip_comes_before_the_update(void **state)
{
    (void)state;
    assert_int_equal(get(REG_A), 0x26);
    step(NS_PER_SECOND - 244000);
    assert_int_equal(get(REG_A), 0x26 | UIP);
    step(243999);
    assert_int_equal(get(REG_A), 0x26 | UIP);
    assert_int_equal(get(SECONDS), 0x58);
    step(1);
    assert_int_equal(get(REG_A), 0x26);
    assert_int_equal(get(SECONDS), 0x59);
}

static void mc146818_index_is_write_only_and_seven_bits(void **state)
{
    (void)state;
    bus_write(&ports, 0x70, 1, 0x80 | REG_D); /* with NMI masked */
    assert_int_equal(bus_read(&ports, 0x70, 1), 0xff);
    assert_int_equal(bus_read(&ports, 0x71, 1), 0x80); /* the battery is good */
}

/* ---- setting the time ---- */

static void mc146818_time_is_set_under_set(void **state)
{
    (void)state;
    put(REG_B, PLAIN | SET);
    put(SECONDS, 0x30);
    put(MINUTES, 0x15);
    put(HOURS, 0x08);
    put(DAY, 0x17);
    put(MONTH, 0x10);
    put(YEAR, 0x99);
    put(CENTURY, 0x19);
    step(5 * NS_PER_SECOND);
    assert_time(0x08, 0x15, 0x30); /* it stands */
    put(REG_B, PLAIN);
    assert_time(0x08, 0x15, 0x30);
    assert_date(0x19, 0x99, 0x10, 0x17, 1);
    step(NS_PER_SECOND);
    assert_time(0x08, 0x15, 0x31);
}

static void mc146818_set_keeps_the_part_of_the_second(void **state)
{
    (void)state;
    step(900 * MS);
    put(REG_B, PLAIN | SET);
    put(SECONDS, 0x10);
    put(REG_B, PLAIN);
    assert_int_equal(get(SECONDS), 0x10);
    step(100 * MS);
    assert_int_equal(get(SECONDS), 0x11);
}

static void mc146818_time_is_set_without_set_too(void **state)
{
    (void)state;
    put(HOURS, 0x12);
    put(MINUTES, 0x34);
    assert_time(0x12, 0x34, 0x58);
    step(2 * NS_PER_SECOND);
    assert_time(0x12, 0x35, 0x00);
    put(YEAR, 0x25);
    put(MONTH, 0x12);
    put(DAY, 0x24);
    put(CENTURY, 0x21);
    assert_date(0x21, 0x25, 0x12, 0x24, 2);
}

static void mc146818_time_is_set_in_12_hours(void **state)
{
    static const uint8_t hours[][2] = {{0x12, 0}, {0x01, 1}, {0x11, 11}, {0x92, 12}, {0x91, 23}};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        put(REG_B, SET);
        put(HOURS, hours[i][0]);
        put(REG_B, 0);
        assert_int_equal(get(HOURS), hours[i][0]);
        put(REG_B, H24 | BIN);
        assert_int_equal(get(HOURS), hours[i][1]);
    }
}

static void mc146818_is_restored_from_a_copy_of_its_state(void **state)
{
    (void)state;
    step(300 * MS);
    put(REG_B, PLAIN | UIE);
    struct mc146818_state copy = rtc.s;
    uint64_t deadline = clock_deadline(&clk);
    start(0);
    rtc.s = copy;
    mc146818_restored(&rtc);
    assert_true(clock_deadline(&clk) == deadline);
    assert_time(0x23, 0x59, 0x58);
    run(NS_PER_SECOND);
    assert_true(rtc.irq8.level);
}

static void mc146818_held_divider_starts_with_half_a_second(void **state)
{
    (void)state;
    put(REG_A, 0x76);
    put(SECONDS, 0x00);
    step(10 * NS_PER_SECOND);
    assert_int_equal(get(SECONDS), 0x00);
    assert_int_equal(get(REG_A), 0x76);
    put(REG_A, 0x26);
    step(500 * MS - 1);
    assert_int_equal(get(SECONDS), 0x00);
    step(1);
    assert_int_equal(get(SECONDS), 0x01);
}

static void mc146818_nonsense_in_the_registers_does_no_harm(void **state)
{
    (void)state;
    put(REG_B, PLAIN | SET);
    for (uint8_t i = 0; i <= YEAR; i++)
        put(i, 0xff);
    put(CENTURY, 0xff);
    put(REG_B, PLAIN);
    step(NS_PER_SECOND);
    get(SECONDS);
    put(REG_B, BIN);
    put(MONTH, 0);
    put(YEAR, 0);
    put(CENTURY, 0);
    step(NS_PER_SECOND);
    get(YEAR);
}

/* ---- interrupts ---- */

static void mc146818_arms_no_timer_without_an_interrupt(void **state)
{
    (void)state;
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    run(10 * NS_PER_SECOND);
    assert_int_equal(get(REG_C), PF | AF | UF); /* the flags come all the same */
    assert_int_equal(get(REG_C), 0);
    assert_int_equal(rises, 0);
}

static void mc146818_update_interrupt_comes_each_second(void **state)
{
    (void)state;
    step(300 * MS);
    get(REG_C);
    put(REG_B, PLAIN | UIE);
    for (unsigned i = 1; i <= 3; i++) {
        run(i == 1 ? 700 * MS - 1 : NS_PER_SECOND - 1);
        assert_int_equal(rises, i - 1);
        run(1);
        assert_int_equal(rises, i);
        assert_int_equal(get(REG_C) & (IRQF | UF), IRQF | UF);
        assert_false(rtc.irq8.level);
    }
}

static void mc146818_line_stays_until_register_c_is_read(void **state)
{
    (void)state;
    put(REG_B, PLAIN | UIE);
    run(100 * NS_PER_SECOND); /* never acknowledged */
    assert_int_equal(rises, 1);
    assert_true(rtc.irq8.level);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    get(REG_C);
    assert_false(rtc.irq8.level);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 2);
}

static void mc146818_disabling_drops_the_line_and_keeps_the_flag(void **state)
{
    (void)state;
    put(REG_B, PLAIN | UIE);
    run(NS_PER_SECOND);
    assert_true(rtc.irq8.level);
    put(REG_B, PLAIN);
    assert_false(rtc.irq8.level);
    put(REG_B, PLAIN | UIE);
    assert_true(rtc.irq8.level);
    assert_int_equal(get(REG_C) & UF, UF);
}

static void mc146818_set_clears_the_update_enable(void **state)
{
    (void)state;
    put(REG_B, PLAIN | UIE | SET);
    assert_int_equal(get(REG_B), PLAIN | SET);
    run(10 * NS_PER_SECOND);
    assert_int_equal(rises, 0);
}

/* Interrupts of a rate in a second when each is acknowledged. */
static unsigned periodic_in_a_second(uint8_t rate)
{
    uint64_t end;

    put(REG_A, 0x20 | rate);
    get(REG_C);
    put(REG_B, PLAIN | PIE);
    rises = 0;
    end = now + NS_PER_SECOND;
    while (clock_deadline(&clk) <= end) {
        now = clock_deadline(&clk);
        clock_run_due(&clk);
        get(REG_C);
    }
    now = end;
    put(REG_B, PLAIN);
    return rises;
}

static void mc146818_periodic_interrupt_has_15_rates(void **state)
{
    static const unsigned hz[16] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
                                    256, 128, 64,  32,   16,   8,    4,    2};

    (void)state;
    for (uint8_t rate = 0; rate < 16; rate++)
        assert_int_equal(periodic_in_a_second(rate), hz[rate]);
}

static void mc146818_late_periodic_interrupt_is_one_and_keeps_the_phase(void **state)
{
    (void)state;
    now = 0;
    start(LEAP_NIGHT);
    put(REG_A, 0x2a); /* 64 Hz: 15.625 ms */
    put(REG_B, PLAIN | PIE);
    step(100 * MS);
    assert_int_equal(rises, 1);
    get(REG_C);
    assert_false(rtc.irq8.level);
    step(9 * MS); /* 109: the seventh is at 109.375 */
    assert_false(rtc.irq8.level);
    step(MS);
    assert_true(rtc.irq8.level);
}

static void mc146818_alarm_comes_at_its_time(void **state)
{
    (void)state;
    put(SECONDS_ALARM, 0x05);
    put(MINUTES_ALARM, 0x01);
    put(HOURS_ALARM, 0x00);
    put(REG_B, PLAIN | AIE);
    run(66 * NS_PER_SECOND);
    assert_false(rtc.irq8.level);
    run(NS_PER_SECOND);
    assert_time(0x00, 0x01, 0x05);
    assert_true(rtc.irq8.level);
    assert_int_equal(get(REG_C) & (IRQF | AF), IRQF | AF);
    run(86399 * NS_PER_SECOND);
    assert_int_equal(rises, 1);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 2);
}

static void mc146818_alarm_parts_may_match_anything(void **state)
{
    (void)state;
    put(SECONDS_ALARM, 0x00);
    put(MINUTES_ALARM, 0xc0);
    put(HOURS_ALARM, 0xff);
    put(REG_B, PLAIN | AIE);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 0);
    for (unsigned i = 1; i <= 3; i++) {
        run(i == 1 ? NS_PER_SECOND : 60 * NS_PER_SECOND);
        assert_int_equal(rises, i);
        get(REG_C);
    }
}

static void mc146818_alarm_in_12_hours(void **state)
{
    (void)state;
    put(REG_B, AIE);
    put(SECONDS_ALARM, 0x59);
    put(MINUTES_ALARM, 0x59);
    put(HOURS_ALARM, 0x91);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 1);
}

static void mc146818_alarm_flag_is_found_after_a_long_time(void **state)
{
    (void)state;
    put(SECONDS_ALARM, 0x00);
    put(MINUTES_ALARM, 0x00);
    put(HOURS_ALARM, 0x12);
    step(11 * 3600 * NS_PER_SECOND);
    assert_int_equal(get(REG_C) & AF, 0);
    step(2 * 3600 * NS_PER_SECOND);
    assert_int_equal(get(REG_C) & AF, AF);
    step(400 * UINT64_C(86400) * NS_PER_SECOND);
    assert_int_equal(get(REG_C) & AF, AF);
}

/* ---- CMOS ---- */

static void mc146818_cmos_is_memory(void **state)
{
    (void)state;
    for (unsigned i = 0x0e; i < 0x80; i++) {
        if (i != CENTURY)
            put((uint8_t)i, (uint8_t)(i * 5));
    }
    for (unsigned i = 0x0e; i < 0x80; i++) {
        if (i != CENTURY)
            assert_int_equal(get((uint8_t)i), (uint8_t)(i * 5));
    }
}

static unsigned word(uint8_t index)
{
    return (unsigned)(get(index) | get((uint8_t)(index + 1)) << 8);
}

static void mc146818_tells_memory_sizes(void **state)
{
    (void)state;
    mc146818_set_memory(&rtc, UINT64_C(64) << 20);
    assert_int_equal(word(0x15), 640);
    assert_int_equal(word(0x17), 63 * 1024);
    assert_int_equal(word(0x30), 63 * 1024);
    assert_int_equal(word(0x34), 48 * 16);

    mc146818_set_memory(&rtc, UINT64_C(1) << 20);
    assert_int_equal(word(0x15), 640);
    assert_int_equal(word(0x17), 0);
    assert_int_equal(word(0x34), 0);

    mc146818_set_memory(&rtc, UINT64_C(3584) << 20);
    assert_int_equal(word(0x17), 0xffff);
    assert_int_equal(word(0x34), 3568 * 16);
}

static void mc146818_registers_c_and_d_are_read_only(void **state)
{
    (void)state;
    put(REG_C, 0xff);
    put(REG_D, 0x00);
    assert_int_equal(get(REG_C), 0);
    assert_int_equal(get(REG_D), 0x80);
}

/* ---- anything at all ---- */

#define SEED 146818

/* What must be true of every state; leaves it as it was. */
static void check_invariants(void)
{
    struct mc146818_state before;
    uint64_t deadline;
    bool level;

    get(REG_D); /* brings the flags up to date */
    before = rtc.s;
    deadline = clock_deadline(&clk);
    level = rtc.irq8.level;
    HOLDS(deadline > now);
    HOLDS(get(REG_D) == 0x80);
    uint8_t b = get(REG_B), c = get(REG_C);
    HOLDS(level == ((b & c & (PF | AF | UF)) != 0));
    HOLDS(level == c >> 7);
    HOLDS(get(REG_C) == 0);
    HOLDS(before.stopped || !(b & SET));
    HOLDS(!before.stopped || !(get(REG_A) & UIP));

    /* What it shows while it runs is what it would be set to. */
    if (!before.stopped && get(CENTURY) < 0x99) {
        uint8_t seconds = get(SECONDS), day = get(DAY);
        HOLDS((b & BIN ? seconds : (seconds >> 4) * 10 + (seconds & 15)) < 60);
        HOLDS(day > 0 && (b & BIN ? day < 32 : day < 0x32));
        put(SECONDS, seconds);
        HOLDS(get(SECONDS) == seconds && get(DAY) == day);
    }
    rtc.s = before;
    mc146818_restored(&rtc);
    HOLDS(rtc.irq8.level == level && clock_deadline(&clk) == deadline);
    HOLDS(memcmp(&before, &rtc.s, sizeof(before)) == 0);
}

static void mc146818_survives_ten_thousand_random_accesses(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        switch (rand() % 6) {
        case 0:
            bus_read(&ports, 0x70 + (uint32_t)rand() % 2, 1u << rand() % 3);
            break;
        case 1:
            bus_write(&ports, 0x70 + (uint32_t)rand() % 2, 1u << rand() % 3, (uint32_t)rand());
            break;
        case 2:
        case 3:
            put((uint8_t)(rand() % 14), (uint8_t)rand());
            break;
        case 4:
            put(REG_B, (uint8_t)rand() & 0x7f);
            put(REG_A, 0x20 | (rand() & 15));
            break;
        default:
            step((uint64_t)rand() % (3 * NS_PER_SECOND));
            break;
        }
        check_invariants();
    }
}

static void mc146818_attach_is_refused_a_taken_port(void **state)
{
    (void)state;
    assert_false(mc146818_attach(&rtc, &ports));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mc146818_has_the_types_of_floppy_drives),
        TEST(mc146818_tells_time_and_date_in_bcd),
        TEST(mc146818_goes_on_with_the_clock),
        TEST(mc146818_tells_binary_when_asked),
        TEST(mc146818_tells_12_hours_when_asked),
        TEST(mc146818_tells_years_of_other_centuries),
        TEST(mc146818_uip_comes_before_the_update),
        TEST(mc146818_index_is_write_only_and_seven_bits),
        TEST(mc146818_time_is_set_under_set),
        TEST(mc146818_set_keeps_the_part_of_the_second),
        TEST(mc146818_time_is_set_without_set_too),
        TEST(mc146818_time_is_set_in_12_hours),
        TEST(mc146818_is_restored_from_a_copy_of_its_state),
        TEST(mc146818_held_divider_starts_with_half_a_second),
        TEST(mc146818_nonsense_in_the_registers_does_no_harm),
        TEST(mc146818_arms_no_timer_without_an_interrupt),
        TEST(mc146818_update_interrupt_comes_each_second),
        TEST(mc146818_line_stays_until_register_c_is_read),
        TEST(mc146818_disabling_drops_the_line_and_keeps_the_flag),
        TEST(mc146818_set_clears_the_update_enable),
        TEST(mc146818_periodic_interrupt_has_15_rates),
        TEST(mc146818_late_periodic_interrupt_is_one_and_keeps_the_phase),
        TEST(mc146818_alarm_comes_at_its_time),
        TEST(mc146818_alarm_parts_may_match_anything),
        TEST(mc146818_alarm_in_12_hours),
        TEST(mc146818_alarm_flag_is_found_after_a_long_time),
        TEST(mc146818_cmos_is_memory),
        TEST(mc146818_tells_memory_sizes),
        TEST(mc146818_registers_c_and_d_are_read_only),
        TEST(mc146818_survives_ten_thousand_random_accesses),
        TEST(mc146818_attach_is_refused_a_taken_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
