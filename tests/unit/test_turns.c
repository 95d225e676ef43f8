/*
 * Tests of turns (vmm/base/turns): no more at once than there are, and no wait for ever.
 */
#include "os/turns.h"

#include "base/clock.h"
#include "os/host_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

#define GUESTS 8
#define ROUNDS 500

static struct turns turns;
static atomic_int computing, most;

static void *compute(void *unused)
{
    struct turn turn;

    turn_init(&turn, &turns);
    for (int i = 0; i < ROUNDS; i++) {
        turn_take(&turn);
        int now = atomic_fetch_add(&computing, 1) + 1, before = atomic_load(&most);
        while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
            ;
        atomic_fetch_sub(&computing, 1);
        turn_give(&turn);
    }
    turn_free(&turn);
    return unused;
}

static void no_more_compute_at_once_than_there_are_turns(void **state)
{
    pthread_t threads[GUESTS];

    (void)state;
    turns_init(&turns);
    turns.free = 2;
    for (int i = 0; i < GUESTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compute, NULL), 0);
    for (int i = 0; i < GUESTS; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(atomic_load(&most), 1, 2);
    assert_int_equal(turns.free, 2);
    assert_null(turns.first);
    turns_free(&turns);
}

static void there_is_one_for_each_processor(void **state)
{
    (void)state;
    turns_init(&turns);
    assert_true(turns.free >= 1);
    turns_free(&turns);
}

static void who_keeps_a_turn_does_not_hold_the_others_for_ever(void **state)
{
    struct turn kept, other;
    uint64_t start = clock_host_ns();

    (void)state;
    turns_init(&turns);
    turns.free = 1;
    turn_init(&kept, &turns);
    turn_init(&other, &turns);
    turn_take(&kept);
    turn_take(&kept); /* which it has */
    turn_take(&other);
    assert_true(other.is_held);
    assert_true(clock_host_ns() - start >= TURN_WAIT_NS);
    assert_int_equal(turns.free, -1);
    turn_give(&other);
    turn_give(&kept);
    turn_give(&kept);
    assert_int_equal(turns.free, 1);
    turn_free(&kept);
    turn_free(&other);
    turns_free(&turns);
}

static void who_is_alone_needs_none(void **state)
{
    struct turn turn;

    (void)state;
    turn_init(&turn, NULL);
    turn_take(&turn);
    turn_give(&turn);
    turn_free(&turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_compute_at_once_than_there_are_turns),
        cmocka_unit_test(there_is_one_for_each_processor),
        cmocka_unit_test(who_keeps_a_turn_does_not_hold_the_others_for_ever),
        cmocka_unit_test(who_is_alone_needs_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
