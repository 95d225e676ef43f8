/*
 * Tests of virtual time (vmm/base/clock): which timers fire, when, and in what order.
 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

static uint64_t now;
static struct clock clk;
static char fired[100]; /* the names of the timers, as they fired */

/* A timer that notes its name, and then arms itself and another one if told so. */
struct named {
    struct timer timer;
    char name;
    uint64_t again; /* ns from its deadline, 0: not */
    struct named *other;
    uint64_t other_at;
};

static struct named a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};

static uint64_t read_now(void *source)
{
    assert_ptr_equal(source, &now);
    return now;
}

static void fire(void *owner)
{
    struct named *n = owner;
    size_t length = strlen(fired);

    assert_true(n->timer.deadline == CLOCK_NEVER);
    fired[length] = n->name;
    fired[length + 1] = '\0';
    if (n->again)
        timer_arm(&clk, &n->timer, now + n->again);
    if (n->other)
        timer_arm(&clk, &n->other->timer, n->other_at);
}

static void run_at(uint64_t time)
{
    now = time;
    clock_run_due(&clk);
}

static int set_up(void **state)
{
    (void)state;
    now = 0;
    fired[0] = '\0';
    clock_init(&clk, read_now, &now);
    struct named *all[] = {&a, &b, &c};
    for (int i = 0; i < 3; i++) {
        all[i]->again = 0;
        all[i]->other = NULL;
        timer_init(&all[i]->timer, fire, all[i]);
    }
    return 0;
}

static void clock_without_timers_has_no_deadline(void **state)
{
    (void)state;
    now = 5;
    assert_int_equal(clock_now(&clk), 5);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    clock_run_due(&clk);
}

static void clock_fires_at_the_deadline_and_not_before(void **state)
{
    (void)state;
    timer_arm(&clk, &a.timer, 100);
    assert_int_equal(clock_deadline(&clk), 100);
    run_at(99);
    assert_string_equal(fired, "");
    run_at(100);
    assert_string_equal(fired, "a");
    run_at(1000);
    assert_string_equal(fired, "a");
}

static void clock_fires_the_earliest_first(void **state)
{
    (void)state;
    timer_arm(&clk, &b.timer, 20);
    timer_arm(&clk, &c.timer, 30);
    timer_arm(&clk, &a.timer, 10);
    assert_int_equal(clock_deadline(&clk), 10);
    run_at(100);
    assert_string_equal(fired, "abc");
}

static void clock_fires_equals_in_the_order_of_arming(void **state)
{
    (void)state;
    timer_arm(&clk, &b.timer, 10);
    timer_arm(&clk, &a.timer, 10);
    timer_arm(&clk, &c.timer, 10);
    run_at(10);
    assert_string_equal(fired, "bac");
}

static void clock_timer_is_moved_when_armed_again(void **state)
{
    (void)state;
    timer_arm(&clk, &a.timer, 10);
    timer_arm(&clk, &b.timer, 20);
    timer_arm(&clk, &a.timer, 30);
    assert_int_equal(clock_deadline(&clk), 20);
    timer_arm(&clk, &b.timer, 20); /* where it is already */
    timer_arm(&clk, &a.timer, 15);
    assert_int_equal(clock_deadline(&clk), 15);
    run_at(100);
    assert_string_equal(fired, "ab");
}

static void clock_timer_is_disarmed_by_never(void **state)
{
    (void)state;
    timer_arm(&clk, &a.timer, 10);
    timer_arm(&clk, &b.timer, 20);
    timer_arm(&clk, &a.timer, CLOCK_NEVER);
    timer_arm(&clk, &a.timer, CLOCK_NEVER);
    assert_int_equal(clock_deadline(&clk), 20);
    run_at(100);
    assert_string_equal(fired, "b");
}

static void clock_timer_may_arm_itself_for_later(void **state)
{
    (void)state;
    a.again = 10;
    timer_arm(&clk, &a.timer, 10);
    run_at(25);
    assert_string_equal(fired, "a");
    assert_int_equal(clock_deadline(&clk), 35);
}

static void clock_timer_armed_meanwhile_fires_if_due(void **state)
{
    (void)state;
    a.other = &c;
    a.other_at = 15;
    timer_arm(&clk, &a.timer, 10);
    timer_arm(&clk, &b.timer, 20);
    run_at(20);
    assert_string_equal(fired, "acb");
}

static void clock_timer_disarmed_meanwhile_does_not_fire(void **state)
{
    (void)state;
    a.other = &b;
    a.other_at = CLOCK_NEVER;
    timer_arm(&clk, &a.timer, 10);
    timer_arm(&clk, &b.timer, 20);
    timer_arm(&clk, &c.timer, 30);
    run_at(30);
    assert_string_equal(fired, "ac");
}

static void clock_deadline_at_the_end_of_time(void **state)
{
    (void)state;
    timer_arm(&clk, &a.timer, UINT64_MAX - 1);
    run_at(UINT64_MAX - 2);
    assert_string_equal(fired, "");
    run_at(UINT64_MAX - 1);
    assert_string_equal(fired, "a");
}

static void clock_fires_random_timers_in_order(void **state)
{
    struct named many[50];
    uint64_t last = 0;

    (void)state;
    srand(1);
    for (int i = 0; i < 50; i++) {
        many[i] = (struct named){.name = 'x'};
        timer_init(&many[i].timer, fire, &many[i]);
    }
    for (int i = 0; i < 1000; i++)
        timer_arm(&clk, &many[rand() % 50].timer, rand() % 4 ? (uint64_t)rand() : CLOCK_NEVER);
    while (clock_deadline(&clk) != CLOCK_NEVER) {
        assert_true(clock_deadline(&clk) >= last);
        last = clock_deadline(&clk);
        fired[0] = '\0';
        run_at(last);
        assert_string_equal(fired, "x");
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clock_without_timers_has_no_deadline),
        TEST(clock_fires_at_the_deadline_and_not_before),
        TEST(clock_fires_the_earliest_first),
        TEST(clock_fires_equals_in_the_order_of_arming),
        TEST(clock_timer_is_moved_when_armed_again),
        TEST(clock_timer_is_disarmed_by_never),
        TEST(clock_timer_may_arm_itself_for_later),
        TEST(clock_timer_armed_meanwhile_fires_if_due),
        TEST(clock_timer_disarmed_meanwhile_does_not_fire),
        TEST(clock_deadline_at_the_end_of_time),
        TEST(clock_fires_random_timers_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
