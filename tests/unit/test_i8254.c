/*
 * Tests of the 8254 (vmm/dev/i8254): ports in and out, the edges of OUT 0 counted at the end of
 * its line, time stepped tick by tick. The waveforms are those of the Intel data sheet.
 */
#include "chip.h"
#include "dev/i8254.h"

#define LATCH_BOTH 0xc2 /* read-back of count and status of counter 0 */
#define OUT        0x80
#define NULL_COUNT 0x40

static uint64_t ticks;
static struct i8254 pit;

/* Goes to the first nanosecond of a tick, without letting timers fire. */
static void jump(uint64_t tick)
{
    ticks = tick;
    now = (uint64_t)(((unsigned __int128)tick * NS_PER_SECOND + I8254_HZ - 1) / I8254_HZ);
}

static void tick(uint64_t n)
{
    jump(ticks + n);
    clock_run_due(&clk);
}

/* Writes a control word and both bytes of a count; one tick later the count is loaded. */
static void program(unsigned counter, unsigned mode, uint16_t count)
{
    out(0x43, counter << 6 | 0x30 | mode << 1);
    out(0x40 + counter, count & 0xff);
    out(0x40 + counter, count >> 8);
    tick(1);
}

static uint16_t read_count(unsigned counter)
{
    out(0x43, counter << 6);
    uint8_t low = in(0x40 + counter);
    return (uint16_t)(low | in(0x40 + counter) << 8);
}

static uint8_t read_status(unsigned counter)
{
    out(0x43, 0xe0 | 2u << counter);
    return in(0x40 + counter);
}

static bool out_pin(unsigned counter)
{
    return read_status(counter) & OUT;
}

static void gate2(bool on)
{
    out(0x61, on);
}

static int set_up(void **state)
{
    (void)state;
    bench_init(0);
    i8254_init(&pit, &clk);
    assert_true(i8254_attach(&pit, &ports));
    pit.out0.set = hear;
    jump(1000003);
    return 0;
}

/* ---- time ---- */

static void i8254_runs_at_1193182_hz_without_drift(void **state)
{
    (void)state;
    program(0, 2, 1193);
    uint64_t start = ticks;
    /* Two years of it, in one step: a period ends where it must to the nanosecond. */
    uint64_t periods = UINT64_C(63072000) * 1000;
    jump(start + periods * 1193);
    clock_run_due(&clk);
    assert_int_equal(rises, 1);
    now--;
    assert_int_equal(read_count(0), 1);
    now++;
    assert_int_equal(read_count(0), 1193);
    assert_true(clock_deadline(&clk) > now);
}

static void i8254_gives_the_right_number_of_edges_in_a_second(void **state)
{
    (void)state;
    program(0, 2, 11932); /* 100 Hz nearly: 99.998 */
    uint64_t end = now + 10 * NS_PER_SECOND;
    while (clock_deadline(&clk) <= end) {
        now = clock_deadline(&clk);
        clock_run_due(&clk);
    }
    assert_int_equal(rises, 999);
}

static void i8254_never_programmed_arms_nothing(void **state)
{
    (void)state;
    tick(5000000);
    assert_int_equal(rises + falls, 0);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    out(0x43, 0x34); /* a control word without a count */
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    assert_int_equal(rises + falls, 0);
}

static void i8254_has_the_modes_of_firmware_at_power_on(void **state)
{
    (void)state;
    assert_int_equal(read_status(0) & 0x3f, 0x36);
    assert_int_equal(read_status(1) & 0x3f, 0x14);
    assert_int_equal(read_status(2) & 0x3f, 0x36);
    out(0x40, 0); /* a guest that writes the count alone */
    out(0x40, 0);
    tick(1 + 65536);
    assert_int_equal(rises, 1);
}

static void i8254_is_restored_from_a_copy_of_its_state(void **state)
{
    (void)state;
    program(0, 2, 1000);
    tick(300);
    struct i8254_state copy = pit.s;
    uint64_t deadline = clock_deadline(&clk);
    clock_init(&clk, read_now, NULL);
    i8254_init(&pit, &clk);
    pit.out0.set = hear;
    pit.s = copy;
    i8254_restored(&pit);
    assert_true(clock_deadline(&clk) == deadline);
    assert_int_equal(rises + falls, 0);
    tick(700);
    assert_int_equal(rises, 1);
}

static void i8254_arms_only_for_the_next_edge_of_out_0(void **state)
{
    (void)state;
    program(1, 2, 18);
    program(2, 3, 1000);
    gate2(true);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    program(0, 2, 100);
    uint64_t start = ticks;
    jump(start + 100);
    assert_true(clock_deadline(&clk) == now);
}

static void i8254_late_timer_gives_one_edge(void **state)
{
    (void)state;
    program(0, 2, 1000);
    tick(1000 * 50 + 400); /* fifty periods unserved */
    assert_int_equal(rises, 1);
}

static void i8254_late_timer_keeps_the_phase(void **state)
{
    (void)state;
    program(0, 2, 1000);
    tick(3700);
    assert_int_equal(rises, 1);
    tick(299);
    assert_int_equal(rises, 1);
    tick(1);
    assert_int_equal(rises, 2);
}

static void i8254_late_square_wave_gives_one_edge_in_its_low_half(void **state)
{
    (void)state;
    program(0, 3, 1000);
    tick(1700);
    assert_int_equal(rises, 1);
    assert_false(pit.out0.level);
}

static void i8254_edge_is_seen_by_the_access_that_comes_before_the_timer(void **state)
{
    (void)state;
    program(0, 2, 100);
    jump(ticks + 130);
    assert_int_equal(read_count(0), 70);
    assert_int_equal(rises, 1);
    clock_run_due(&clk);
    assert_int_equal(rises, 1);
}

/* ---- bytes, latches, read-back ---- */

static void i8254_count_can_be_one_byte(void **state)
{
    (void)state;
    out(0x43, 0x14);
    out(0x40, 200);
    tick(1);
    assert_int_equal(read_count(0) & 0xff, 200);
    out(0x43, 0x00); /* a latch lasts for the one byte */
    tick(10);
    assert_int_equal(in(0x40), 200);
    assert_int_equal(in(0x40), 190);
    out(0x43, 0x24);
    out(0x40, 3);
    tick(1 + 0x100);
    assert_int_equal(in(0x40), 2);
    assert_int_equal(in(0x40), 2);
}

static void i8254_two_byte_count_is_loaded_after_the_second(void **state)
{
    (void)state;
    out(0x43, 0x34);
    out(0x40, 0x10);
    tick(10);
    assert_true(read_status(0) & NULL_COUNT);
    out(0x40, 0x20);
    assert_true(read_status(0) & NULL_COUNT);
    tick(1);
    assert_false(read_status(0) & NULL_COUNT);
    assert_int_equal(read_count(0), 0x2010);
}

static void i8254_reads_low_then_high_while_counting(void **state)
{
    (void)state;
    program(0, 2, 0x1234);
    assert_int_equal(in(0x40), 0x34);
    assert_int_equal(in(0x40), 0x12);
    tick(0x40);
    assert_int_equal(in(0x40), 0xf4);
    assert_int_equal(in(0x40), 0x11);
}

static void i8254_latch_holds_the_count_mid_count(void **state)
{
    (void)state;
    program(0, 2, 0x1000);
    tick(0x10);
    out(0x43, 0x00);
    tick(0x500);
    out(0x43, 0x00); /* a second latch before the read is ignored */
    assert_int_equal(in(0x40), 0xf0);
    tick(0x10);
    assert_int_equal(in(0x40), 0x0f);
    assert_int_equal(in(0x40), 0xe0); /* live again */
    assert_int_equal(in(0x40), 0x0a);
}

static void i8254_control_word_drops_a_latch(void **state)
{
    (void)state;
    program(0, 2, 0x1000);
    out(0x43, 0x00);
    program(0, 2, 0x2000);
    assert_int_equal(in(0x40), 0x00);
    assert_int_equal(in(0x40), 0x20);
}

static void i8254_control_word_resets_the_byte_order(void **state)
{
    (void)state;
    program(0, 2, 0x1000);
    in(0x40);
    out(0x43, 0x34);
    out(0x40, 0x11); /* low byte, never followed */
    program(0, 2, 0x1234);
    assert_int_equal(in(0x40), 0x34);
    assert_int_equal(in(0x40), 0x12);
}

static void i8254_read_back_latches_status_and_count_mid_count(void **state)
{
    (void)state;
    program(0, 2, 0x1000);
    tick(0x10);
    out(0x43, LATCH_BOTH);
    tick(0x10);
    assert_int_equal(in(0x40), OUT | 0x34); /* status first */
    assert_int_equal(in(0x40), 0xf0);
    assert_int_equal(in(0x40), 0x0f);
    assert_int_equal(in(0x40), 0xe0);
}

static void i8254_read_back_latches_several_counters_at_once(void **state)
{
    (void)state;
    program(0, 2, 100);
    program(1, 2, 100);
    out(0x43, 0xd6); /* counts of 0 and 1 */
    tick(50);
    assert_int_equal(in(0x40), 99);
    in(0x40);
    assert_int_equal(in(0x41), 100);
    in(0x41);
    assert_int_equal(in(0x41), 50);
}

static void i8254_second_status_latch_is_ignored_until_read(void **state)
{
    (void)state;
    out(0x43, 0x30);
    out(0x43, 0xe2);
    program(1, 0, 5);
    out(0x40, 1);
    out(0x40, 0);
    tick(10);
    out(0x43, 0xe2);
    assert_int_equal(in(0x40), NULL_COUNT | 0x30);
    assert_int_equal(read_status(0), OUT | 0x30);
}

static void i8254_null_count_tells_that_a_count_waits(void **state)
{
    (void)state;
    program(0, 2, 100);
    tick(10);
    assert_int_equal(read_status(0), OUT | 0x34);
    out(0x40, 50);
    out(0x40, 0);
    assert_int_equal(read_status(0), OUT | NULL_COUNT | 0x34);
    tick(90);
    assert_int_equal(read_status(0), OUT | 0x34);
    assert_int_equal(read_count(0), 50);
}

static void i8254_control_port_is_write_only(void **state)
{
    (void)state;
    assert_int_equal(in(0x43), 0xff);
}

static void i8254_counts_in_bcd(void **state)
{
    (void)state;
    out(0x43, 0x35);
    out(0x40, 0x00);
    out(0x40, 0x12); /* 1200 */
    tick(1);
    assert_int_equal(read_count(0), 0x1200);
    tick(1);
    assert_int_equal(read_count(0), 0x1199);
    tick(1200 - 101);
    assert_int_equal(read_count(0), 0x0100);
    tick(100);
    assert_int_equal(read_count(0), 0x1200);
    assert_int_equal(rises, 1);
}

static void i8254_count_zero_is_the_largest(void **state)
{
    (void)state;
    program(0, 2, 0);
    assert_int_equal(read_count(0), 0);
    tick(1);
    assert_int_equal(read_count(0), 0xffff);
    tick(65534);
    assert_int_equal(rises, 0);
    tick(1);
    assert_int_equal(rises, 1);

    out(0x43, 0x35); /* in BCD, 10000 */
    out(0x40, 0);
    out(0x40, 0);
    tick(1 + 1);
    assert_int_equal(read_count(0), 0x9999);
    tick(9999);
    assert_int_equal(rises, 2);
}

/* ---- the modes ---- */

static void i8254_mode_0_rises_once_at_the_end(void **state)
{
    (void)state;
    program(0, 0, 5);
    assert_int_equal(falls, 1); /* at the control word */
    assert_false(out_pin(0));
    tick(4);
    assert_int_equal(rises, 0);
    assert_int_equal(read_count(0), 1);
    tick(1);
    assert_int_equal(rises, 1);
    assert_int_equal(read_count(0), 0);
    tick(1);
    assert_int_equal(read_count(0), 0xffff); /* counts on */
    tick(200000);
    assert_int_equal(rises, 1);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
}

static void i8254_mode_0_first_byte_of_a_reload_stops_the_count(void **state)
{
    (void)state;
    program(0, 0, 100);
    tick(50);
    out(0x40, 20);
    tick(1000);
    assert_int_equal(rises, 0);
    out(0x40, 0);
    out(0x40, 30); /* the next one, before that is loaded */
    tick(1000);
    assert_int_equal(rises, 0);
    out(0x40, 0);
    tick(1);
    assert_int_equal(read_count(0), 30);
    tick(30);
    assert_int_equal(rises, 1);
}

static void i8254_mode_0_reload_after_the_end_falls_at_once(void **state)
{
    (void)state;
    program(0, 0, 5);
    tick(10);
    assert_true(pit.out0.level);
    out(0x40, 7);
    out(0x40, 0);
    assert_false(pit.out0.level);
    tick(8);
    assert_int_equal(rises, 2);
}

static void i8254_mode_0_counts_while_the_gate_is_high(void **state)
{
    (void)state;
    gate2(true);
    program(2, 0, 100);
    tick(30);
    gate2(false);
    tick(1000);
    assert_int_equal(read_count(2), 70);
    gate2(true);
    tick(69);
    assert_false(out_pin(2));
    tick(1);
    assert_true(out_pin(2));
}

static void i8254_mode_1_is_a_pulse_from_the_gate(void **state)
{
    (void)state;
    program(2, 1, 5);
    assert_true(out_pin(2));
    tick(100);
    assert_true(out_pin(2));
    assert_true(read_status(2) & NULL_COUNT);
    gate2(true);
    assert_true(out_pin(2));
    tick(1);
    assert_false(out_pin(2));
    tick(3);
    gate2(false); /* does not end it */
    tick(1);
    assert_false(out_pin(2));
    tick(1);
    assert_true(out_pin(2));
}

static void i8254_mode_1_pulse_is_lengthened_by_a_new_trigger(void **state)
{
    (void)state;
    program(2, 1, 10);
    gate2(true);
    tick(1 + 5);
    out(0x42, 20); /* not before the next trigger */
    out(0x42, 0);
    assert_int_equal(read_count(2), 5);
    gate2(false);
    gate2(true);
    tick(1);
    assert_int_equal(read_count(2), 20);
    tick(19);
    assert_false(out_pin(2));
    tick(1);
    assert_true(out_pin(2));
}

static void i8254_mode_1_of_counter_0_has_no_trigger(void **state)
{
    (void)state;
    program(0, 1, 5);
    tick(100);
    assert_int_equal(rises + falls, 0);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
}

static void i8254_mode_2_is_low_for_one_tick_a_period(void **state)
{
    (void)state;
    program(0, 2, 4);
    for (int period = 0; period < 3; period++) {
        for (unsigned count = 4; count >= 1; count--) {
            assert_int_equal(read_count(0), count);
            assert_int_equal(out_pin(0), count != 1);
            tick(1);
        }
        assert_int_equal(rises, period + 1);
    }
}

static void i8254_mode_2_takes_a_new_count_at_the_end_of_the_period(void **state)
{
    (void)state;
    program(0, 2, 100);
    tick(40);
    out(0x40, 30);
    out(0x40, 0);
    assert_int_equal(read_count(0), 60);
    tick(59);
    assert_int_equal(rises, 0);
    tick(1);
    assert_int_equal(rises, 1);
    assert_int_equal(read_count(0), 30);
    tick(30);
    assert_int_equal(rises, 2);
}

static void i8254_mode_2_new_count_is_the_last_written(void **state)
{
    (void)state;
    program(0, 2, 100);
    out(0x40, 30);
    out(0x40, 0);
    tick(50);
    out(0x40, 60);
    out(0x40, 0);
    tick(50);
    assert_int_equal(read_count(0), 60);
}

static void i8254_mode_2_late_timer_and_a_new_count(void **state)
{
    (void)state;
    program(0, 2, 100);
    out(0x40, 30);
    out(0x40, 0);
    tick(100 + 30 * 5 + 10);
    assert_int_equal(rises, 1);
    assert_int_equal(read_count(0), 20);
    tick(20);
    assert_int_equal(rises, 2);
}

static void i8254_mode_2_gate_stops_and_restarts_it(void **state)
{
    (void)state;
    gate2(true);
    program(2, 2, 10);
    tick(9);
    assert_false(out_pin(2));
    gate2(false);
    assert_true(out_pin(2));
    tick(100);
    assert_true(out_pin(2));
    gate2(true);
    tick(1);
    assert_int_equal(read_count(2), 10);
    tick(9);
    assert_false(out_pin(2));
}

static void i8254_mode_3_is_high_and_low_for_half_each(void **state)
{
    (void)state;
    program(0, 3, 6);
    static const uint8_t counts[] = {6, 4, 2, 6, 4, 2};
    for (int i = 0; i < 18; i++) {
        assert_int_equal(read_count(0), counts[i % 6]);
        assert_int_equal(out_pin(0), i % 6 < 3);
        tick(1);
    }
    assert_int_equal(rises, 3);
}

static void i8254_mode_3_odd_count_is_high_one_tick_longer(void **state)
{
    (void)state;
    program(0, 3, 5);
    static const uint8_t counts[] = {4, 2, 0, 4, 2};
    for (int i = 0; i < 15; i++) {
        assert_int_equal(read_count(0), counts[i % 5]);
        assert_int_equal(out_pin(0), i % 5 < 3);
        tick(1);
    }
    assert_int_equal(rises, 3);
}

static void i8254_mode_3_takes_a_new_count_at_the_end_of_the_half(void **state)
{
    (void)state;
    program(0, 3, 100);
    tick(10);
    out(0x40, 20);
    out(0x40, 0);
    tick(39);
    assert_true(out_pin(0));
    tick(1); /* low now, for ten ticks */
    assert_false(out_pin(0));
    assert_int_equal(read_count(0), 20);
    tick(9);
    assert_int_equal(rises, 0);
    tick(1);
    assert_int_equal(rises, 1);
    tick(20);
    assert_int_equal(rises, 2);
}

static void i8254_mode_3_gate_makes_it_high(void **state)
{
    (void)state;
    gate2(true);
    program(2, 3, 10);
    tick(7);
    assert_false(out_pin(2));
    gate2(false);
    assert_true(out_pin(2));
    gate2(true);
    tick(1 + 4);
    assert_true(out_pin(2));
    tick(1);
    assert_false(out_pin(2));
}

static void i8254_mode_4_strobes_once(void **state)
{
    (void)state;
    program(0, 4, 5);
    tick(4);
    assert_true(out_pin(0));
    tick(1);
    assert_false(out_pin(0));
    tick(1);
    assert_int_equal(rises, 1);
    assert_true(out_pin(0));
    tick(200000);
    assert_int_equal(rises, 1);
}

static void i8254_mode_4_reload_starts_anew(void **state)
{
    (void)state;
    program(0, 4, 10);
    tick(5);
    out(0x40, 20);
    tick(1);
    assert_int_equal(read_count(0), 4); /* the first byte does nothing */
    out(0x40, 0);
    tick(1 + 20);
    assert_int_equal(rises, 0);
    tick(1);
    assert_int_equal(rises, 1);
}

static void i8254_mode_5_strobes_after_a_trigger(void **state)
{
    (void)state;
    program(2, 5, 5);
    tick(100);
    assert_true(out_pin(2));
    gate2(true);
    tick(1 + 2);
    gate2(false);
    gate2(true); /* again from the start */
    tick(1 + 4);
    assert_true(out_pin(2));
    tick(1);
    assert_false(out_pin(2));
    tick(1);
    assert_true(out_pin(2));
}

static void i8254_modes_6_and_7_are_2_and_3(void **state)
{
    (void)state;
    program(0, 6, 4);
    tick(3);
    assert_false(out_pin(0));
    assert_int_equal(read_status(0), 0x3c); /* told as written */
    program(0, 7, 4);
    tick(1);
    assert_true(out_pin(0));
    tick(1);
    assert_false(out_pin(0));
}

static void i8254_illegal_count_1_gives_no_edges(void **state)
{
    (void)state;
    program(0, 2, 1);
    tick(1000);
    program(0, 3, 1);
    tick(1000);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
}

static void i8254_change_of_mode_that_raises_out_is_an_edge(void **state)
{
    (void)state;
    program(0, 0, 1000);
    assert_int_equal(rises, 0);
    out(0x43, 0x34);
    assert_int_equal(rises, 1);
}

/* ---- port 0x61 ---- */

static void i8254_port_61_gates_counter_2_and_shows_its_out(void **state)
{
    (void)state;
    program(2, 0, 10);
    tick(20);
    assert_int_equal(in(0x61) & 0x2f, 0x00);
    out(0x61, 0xff);
    assert_int_equal(in(0x61) & 0x2f, 0x0f);
    tick(10);
    assert_int_equal(in(0x61) & 0x2f, 0x2f);
    assert_int_equal(in(0x61) & 0xc0, 0); /* no parity error */
}

static void i8254_port_61_refresh_toggles_every_15_us(void **state)
{
    (void)state;
    unsigned toggles = 0;
    uint8_t last = in(0x61) & 0x10;
    for (int i = 0; i < 1000; i++) {
        now += 1000;
        uint8_t this = in(0x61) & 0x10;
        toggles += this != last;
        last = this;
    }
    assert_in_range(toggles, 65, 67);
}

/* A guest's loop that measures another clock by counter 2. */
static void i8254_counter_2_times_ten_milliseconds(void **state)
{
    (void)state;
    out(0x61, 0x00);
    out(0x43, 0xb0);
    out(0x42, 11932 & 0xff);
    out(0x42, 11932 >> 8);
    uint64_t start = now;
    out(0x61, 0x01);
    while (!(in(0x61) & 0x20))
        now += 1000;
    assert_in_range(now - start, 10000000, 10003000);
}

/* ---- anything at all ---- */

#define SEED 8254

/*
 * Counter 2 as the data sheet describes it, one CLK pulse after the other: what this project's
 * model must never do, and what it must agree with.
 */
struct reference {
    unsigned mode;
    unsigned modulus;
    unsigned cr;
    unsigned ce;
    bool is_odd; /* the count in use, mode 3 */
    bool has_count, is_new, loaded, armed, triggered, gate, out;
};

static void reference_load(struct reference *r)
{
    r->ce = r->mode == 3 ? r->cr & ~1u : r->cr % r->modulus;
    r->is_odd = r->cr & 1;
    r->is_new = false;
    r->loaded = true;
    r->armed = true;
    r->triggered = false;
}

static void reference_decrement(struct reference *r)
{
    r->ce = (r->ce + r->modulus - 1) % r->modulus;
}

static void reference_clk(struct reference *r)
{
    switch (r->mode) {
    case 0:
        if (r->is_new) {
            reference_load(r);
        } else if (r->loaded && r->gate) {
            reference_decrement(r);
            if (r->ce == 0)
                r->out = true;
        }
        break;
    case 1:
    case 5:
        if (r->mode == 5)
            r->out = true;
        if (r->triggered) {
            reference_load(r);
            r->out = r->mode == 5;
        } else if (r->loaded) {
            reference_decrement(r);
            if (r->ce == 0 && r->armed) {
                r->out = r->mode == 1;
                r->armed = false;
            }
        }
        break;
    case 2:
        if (r->triggered || (r->is_new && !r->loaded)) {
            reference_load(r);
        } else if (r->loaded && r->gate) {
            reference_decrement(r);
            if (r->ce == 0)
                reference_load(r);
            r->out = r->ce != 1;
        }
        break;
    case 3:
        if (r->triggered || (r->is_new && !r->loaded)) {
            reference_load(r);
        } else if (r->loaded && r->gate) {
            bool at_end = r->out && r->is_odd ? r->ce == 0 : r->ce == 2;
            if (at_end) {
                r->out = !r->out;
                reference_load(r);
            } else {
                r->ce -= 2;
            }
        }
        break;
    default:
        r->out = true;
        if (r->is_new) {
            reference_load(r);
        } else if (r->loaded && r->gate) {
            reference_decrement(r);
            if (r->ce == 0 && r->armed)
                r->out = r->armed = false;
        }
        break;
    }
}

static void reference_control(struct reference *r, unsigned mode, bool bcd)
{
    bool gate = r->gate;

    memset(r, 0, sizeof(*r));
    r->mode = mode;
    r->modulus = bcd ? 10000 : 65536;
    r->gate = gate;
    r->out = mode != 0;
}

static void reference_count(struct reference *r, unsigned count)
{
    r->cr = count;
    r->has_count = true;
    r->is_new = true;
    if (r->mode == 0) {
        r->out = false;
        r->loaded = false;
    }
}

static void reference_gate(struct reference *r, bool gate)
{
    bool rises_now = gate && !r->gate;

    r->gate = gate;
    if (rises_now && r->has_count && (r->mode == 1 || r->mode == 5 || r->loaded))
        r->triggered = r->mode != 0 && r->mode != 4;
    if (!gate && (r->mode == 2 || r->mode == 3))
        r->out = true;
}

static unsigned to_bcd(unsigned n)
{
    return n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
}

static void i8254_agrees_with_a_counter_that_ticks(void **state)
{
    struct reference r = {.modulus = 65536};
    bool bcd = false;

    (void)state;
    srand(SEED);
    reference_control(&r, 3, false);
    for (round_number = 0; round_number < 60000; round_number++) {
        int action = rand() % 64;
        if (action == 0) {
            bcd = rand() & 1;
            unsigned mode = (unsigned)rand() % 6;
            out(0x43, 0xb0u | mode << 1 | bcd);
            reference_control(&r, mode, bcd);
        } else if (action < 4) {
            unsigned count = 2 + (unsigned)rand() % 12;
            out(0x42, bcd ? to_bcd(count) : count);
            out(0x42, 0);
            reference_count(&r, count);
        } else if (action < 12 && !(r.mode == 4 && !r.out)) {
            bool gate = rand() & 1;
            gate2(gate);
            reference_gate(&r, gate);
        }

        HOLDS(i8254_out(&pit, 2) == r.out);
        if (r.loaded)
            HOLDS(read_count(2) == (bcd ? to_bcd(r.ce) : r.ce));
        HOLDS(!(read_status(2) & NULL_COUNT) == (r.loaded && !r.is_new));
        tick(1);
        reference_clk(&r);
    }
}

/* Edges come from predictions; OUT, looked at every tick, must rise as often. */
static void i8254_edges_are_those_of_out_tick_by_tick(void **state)
{
    unsigned seen = 0;
    bool last = true;

    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 60000; round_number++) {
        int action = rand() % 200;
        if (action == 0) {
            out(0x43, 0x30u | (unsigned)rand() % 6 << 1);
        } else if (action < 4) {
            out(0x40, 2 + (unsigned)rand() % 30);
            out(0x40, 0);
        }
        bool level = i8254_out(&pit, 0);
        seen += level && !last;
        last = level;
        tick(1);
        level = i8254_out(&pit, 0);
        seen += level && !last;
        last = level;
        HOLDS(rises == seen);
        HOLDS(clock_deadline(&clk) > now);
    }
    HOLDS(seen > 1000);
}

static void check_invariants(void)
{
    struct i8254_state before = pit.s;
    unsigned heard = rises;

    in(0x61); /* any access brings the line up to date */
    HOLDS(rises - heard <= 1);
    before = pit.s;
    pit.s.counter[0].status_latched = false;
    HOLDS(pit.out0.level == out_pin(0));
    pit.s = before;
    HOLDS(clock_deadline(&clk) > now);
    HOLDS((clock_deadline(&clk) == CLOCK_NEVER) == (pit.s.rise_at == CLOCK_NEVER));

    /* A copy of the state is a snapshot. */
    uint64_t deadline = clock_deadline(&clk);
    pit.s = before;
    i8254_restored(&pit);
    HOLDS(clock_deadline(&clk) == deadline);
    HOLDS(memcmp(&before, &pit.s, sizeof(before)) == 0);
}

static void i8254_survives_ten_thousand_random_accesses(void **state)
{
    static const uint32_t port[] = {0x40, 0x41, 0x42, 0x43, 0x61};

    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        uint32_t at = port[rand() % 5];
        unsigned width = 1u << rand() % 3;
        switch (rand() % 4) {
        case 0:
            bus_read(&ports, at, width);
            break;
        case 1:
        case 2:
            bus_write(&ports, at, width, (uint32_t)rand());
            break;
        default:
            now += (uint64_t)rand() % (rand() % 50 ? 100000 : 100000000000);
            unsigned heard = rises;
            clock_run_due(&clk);
            HOLDS(rises - heard <= 1);
            break;
        }
        check_invariants();
    }
}

static void i8254_attach_is_refused_a_taken_port(void **state)
{
    const struct bus_region taken = {"taken", 0x61, 1, 1, NULL, NULL, .device = NULL};

    (void)state;
    bus_init(&ports);
    assert_null(bus_add(&ports, &taken));
    assert_false(i8254_attach(&pit, &ports));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(i8254_runs_at_1193182_hz_without_drift),
        TEST(i8254_gives_the_right_number_of_edges_in_a_second),
        TEST(i8254_never_programmed_arms_nothing),
        TEST(i8254_has_the_modes_of_firmware_at_power_on),
        TEST(i8254_is_restored_from_a_copy_of_its_state),
        TEST(i8254_arms_only_for_the_next_edge_of_out_0),
        TEST(i8254_late_timer_gives_one_edge),
        TEST(i8254_late_timer_keeps_the_phase),
        TEST(i8254_late_square_wave_gives_one_edge_in_its_low_half),
        TEST(i8254_edge_is_seen_by_the_access_that_comes_before_the_timer),
        TEST(i8254_count_can_be_one_byte),
        TEST(i8254_two_byte_count_is_loaded_after_the_second),
        TEST(i8254_reads_low_then_high_while_counting),
        TEST(i8254_latch_holds_the_count_mid_count),
        TEST(i8254_control_word_drops_a_latch),
        TEST(i8254_control_word_resets_the_byte_order),
        TEST(i8254_read_back_latches_status_and_count_mid_count),
        TEST(i8254_read_back_latches_several_counters_at_once),
        TEST(i8254_second_status_latch_is_ignored_until_read),
        TEST(i8254_null_count_tells_that_a_count_waits),
        TEST(i8254_control_port_is_write_only),
        TEST(i8254_counts_in_bcd),
        TEST(i8254_count_zero_is_the_largest),
        TEST(i8254_mode_0_rises_once_at_the_end),
        TEST(i8254_mode_0_first_byte_of_a_reload_stops_the_count),
        TEST(i8254_mode_0_reload_after_the_end_falls_at_once),
        TEST(i8254_mode_0_counts_while_the_gate_is_high),
        TEST(i8254_mode_1_is_a_pulse_from_the_gate),
        TEST(i8254_mode_1_pulse_is_lengthened_by_a_new_trigger),
        TEST(i8254_mode_1_of_counter_0_has_no_trigger),
        TEST(i8254_mode_2_is_low_for_one_tick_a_period),
        TEST(i8254_mode_2_takes_a_new_count_at_the_end_of_the_period),
        TEST(i8254_mode_2_new_count_is_the_last_written),
        TEST(i8254_mode_2_late_timer_and_a_new_count),
        TEST(i8254_mode_2_gate_stops_and_restarts_it),
        TEST(i8254_mode_3_is_high_and_low_for_half_each),
        TEST(i8254_mode_3_odd_count_is_high_one_tick_longer),
        TEST(i8254_mode_3_takes_a_new_count_at_the_end_of_the_half),
        TEST(i8254_mode_3_gate_makes_it_high),
        TEST(i8254_mode_4_strobes_once),
        TEST(i8254_mode_4_reload_starts_anew),
        TEST(i8254_mode_5_strobes_after_a_trigger),
        TEST(i8254_modes_6_and_7_are_2_and_3),
        TEST(i8254_illegal_count_1_gives_no_edges),
        TEST(i8254_change_of_mode_that_raises_out_is_an_edge),
        TEST(i8254_port_61_gates_counter_2_and_shows_its_out),
        TEST(i8254_port_61_refresh_toggles_every_15_us),
        TEST(i8254_counter_2_times_ten_milliseconds),
        TEST(i8254_agrees_with_a_counter_that_ticks),
        TEST(i8254_edges_are_those_of_out_tick_by_tick),
        TEST(i8254_survives_ten_thousand_random_accesses),
        TEST(i8254_attach_is_refused_a_taken_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
