/*
 * What is heard of a guest's output: which expectations have come, in their order, at which byte;
 * and how the output of a sweep's run differs from its reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario/compare.h"
#include "scenario/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scenario *scenario;
static struct listener listener;

/* Steps from 1 on, behind a boot. */
static void begin(const char *steps)
{
    char text[2000], error[300];

    snprintf(text, sizeof(text), "boot image\n%s", steps);
    scenario = scenario_parse("a.t", text, error, sizeof(error));
    if (!scenario)
        fail_msg("%s", error);
    assert_true(listener_init(&listener, scenario));
    listener_begin(&listener, 0);
}

static void end(void)
{
    listener_free(&listener);
    scenario_free(scenario);
}

/* Printed while the scenario is at a step. */
static void print(size_t at, enum channel channel, const char *text)
{
    for (; *text; text++)
        listener_hear(&listener, at, channel, (uint8_t)*text);
}

static void assert_shown(const char *expected)
{
    char *shown;
    size_t size;
    FILE *file = open_memstream(&shown, &size);

    listener_print(&listener, file);
    fclose(file);
    if (strncmp(shown, expected, strlen(expected)) != 0)
        fail_msg("\"%s\" is not \"%s...\"", shown, expected);
    free(shown);
}

/* ---- expect ---- */

static void an_expect_has_what_was_printed_before_its_step(void **state)
{
    (void)state;
    begin("run 1s\nexpect \"a\"\nexpect \"b\"\nexpect \"b\"");
    print(1, CHANNEL_SERIAL, "bab");
    assert_true(listener_has(&listener, 2));
    assert_true(listener_has(&listener, 3));
    assert_false(listener_has(&listener, 4));
    print(4, CHANNEL_SERIAL, "b");
    assert_true(listener_has(&listener, 4));
    end();
}

static void an_expect_begins_behind_what_the_last_one_found(void **state)
{
    (void)state;
    begin("expect \"aa\"\nexpect /^aa/\nexpect /^b/");
    print(1, CHANNEL_SERIAL, "aaaa");
    assert_true(listener_has(&listener, 1));
    assert_false(listener_has(&listener, 2)); /* not at the line's beginning */
    print(2, CHANNEL_SERIAL, "\naab\nb");
    assert_true(listener_has(&listener, 3));
    end();
}

static void channels_are_searched_apart_and_together(void **state)
{
    (void)state;
    begin("expect serial \"ac\"\nexpect debugcon \"bd\"\nexpect \"abcd\"\nexpect screen \"e\"");
    print(1, CHANNEL_SERIAL, "a");
    print(1, CHANNEL_DEBUG, "b");
    assert_false(listener_has(&listener, 1));
    print(1, CHANNEL_SERIAL, "c");
    assert_true(listener_has(&listener, 1));
    assert_false(listener_has(&listener, 2));
    print(2, CHANNEL_DEBUG, "d");
    assert_true(listener_has(&listener, 2));
    assert_true(listener_has(&listener, 3));
    end();
}

static void a_last_line_ends_with_the_guest(void **state)
{
    (void)state;
    begin("expect /a$/\nexpect /b$/\nexpect /c$/");
    print(1, CHANNEL_SERIAL, "a\nb");
    assert_true(listener_has(&listener, 1));
    assert_false(listener_has(&listener, 2));
    assert_true(listener_has_at_end(&listener, 2));
    assert_false(listener_has_at_end(&listener, 3));
    end();
}

static void what_was_printed_is_forgotten_at_a_restore(void **state)
{
    (void)state;
    begin("snapshot s\nrestore s\nexpect \"ab\"\nexpect /^c/");
    print(2, CHANNEL_SERIAL, "ab\nca");
    assert_true(listener_has(&listener, 3));
    listener_forget(&listener, 2);
    assert_false(listener_has(&listener, 3));
    print(3, CHANNEL_SERIAL, "b");
    assert_false(listener_has(&listener, 3));
    print(3, CHANNEL_SERIAL, "ab\nc");
    assert_true(listener_has(&listener, 4));
    end();
}

static void a_mark_brings_back_half_a_match(void **state)
{
    struct listener_mark mark;

    (void)state;
    begin("expect \"abc\"\nexpect /^(d|e)+f/\nnever \"xyz\"\nrun 1s");
    print(1, CHANNEL_SERIAL, "abc\nde-xy");
    assert_true(listener_take(&listener, &mark));
    print(4, CHANNEL_SERIAL, "z\nf");
    assert_int_equal(listener.s.broken, 3);
    assert_false(listener_has(&listener, 2));
    listener_restore(&listener, &mark);
    assert_int_equal(listener.s.broken, NO_STEP);
    assert_int_equal(listener.s.count, 9);
    print(4, CHANNEL_SERIAL, "\nedf");
    assert_true(listener_has(&listener, 2));
    listener_restore(&listener, &mark);
    print(4, CHANNEL_SERIAL, "z");
    assert_int_equal(listener.s.broken, 3);
    listener_mark_free(&mark);
    end();
}

/* ---- never ---- */

static void a_never_counts_from_its_step_on(void **state)
{
    (void)state;
    begin("run 1s\nnever \"ab\"\nrun 1s");
    print(1, CHANNEL_SERIAL, "aba");
    assert_int_equal(listener.s.broken, NO_STEP);
    print(3, CHANNEL_SERIAL, "b"); /* which began before */
    assert_int_equal(listener.s.broken, 2);
    end();
}

/* A match is told once: not at the byte behind it, when the step has come. */
static void a_never_does_not_look_back(void **state)
{
    (void)state;
    begin("run 1s\nnever /ab/\nrun 1s");
    print(1, CHANNEL_SERIAL, "ab");
    print(3, CHANNEL_SERIAL, "c\n");
    assert_false(listener_is_broken_at_end(&listener, 3));
    end();
}

static void the_first_never_that_is_broken_is_kept(void **state)
{
    (void)state;
    begin("never debugcon \"a\"\nnever /a$/\nnever serial \"a\"\nrun 1s");
    print(4, CHANNEL_SERIAL, "a");
    assert_int_equal(listener.s.broken, 3);
    print(4, CHANNEL_DEBUG, "a\n");
    assert_int_equal(listener.s.broken, 3);
    end();
}

static void a_never_has_the_last_line(void **state)
{
    (void)state;
    begin("never /a$/\nrun 1s");
    print(2, CHANNEL_SERIAL, "ab\na");
    assert_int_equal(listener.s.broken, NO_STEP);
    assert_true(listener_is_broken_at_end(&listener, 2));
    end();
}

/* ---- what is shown ---- */

static void the_last_lines_are_shown(void **state)
{
    (void)state;
    begin("run 1s");
    assert_shown("  output:\n");
    print(1, CHANNEL_SERIAL, "a\n\x1b[2J\n\nb");
    assert_shown("  output:\n  | a\n  | .[2J\n  | \n  | b\n");
    print(1, CHANNEL_SERIAL, "\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n");
    assert_shown("  output, the last 28 of 36 bytes:\n  | b\n  | 3\n");
    end();
}

static void of_a_long_line_the_end_is_shown(void **state)
{
    (void)state;
    begin("run 1s");
    print(1, CHANNEL_DEBUG, "the beginning\n");
    for (unsigned i = 0; i < 100000; i++)
        print(1, CHANNEL_DEBUG, "ab");
    assert_shown("  output, the last 4096 of 200014 bytes:\n  | abab");
    end();
}

/* ---- outputs compared ---- */

static struct compare compare;

/* Another run's output, from byte `from` on. */
static bool differs(const char *text, uint64_t from)
{
    compare_begin(&compare);
    for (uint64_t i = from; text[i]; i++)
        compare_check(&compare, i, (uint8_t)text[i]);
    return compare_end(&compare, strlen(text));
}

static void assert_differs(const char *text, const char *line, const char *expected)
{
    assert_true(differs(text, 0));
    assert_string_equal(compare.line.text, line);
    assert_string_equal(compare.expected.text, expected);
}

static void outputs_differ_in_a_line(void **state)
{
    const char *reference = "first\nsecond\n";

    (void)state;
    compare = (struct compare){0};
    compare_begin_reference(&compare);
    for (uint64_t i = 0; reference[i]; i++)
        compare_add(&compare, i, (uint8_t)reference[i]);
    assert_false(differs("first\nsecond\n", 0));
    assert_false(differs("first\nsecond\n", 8));
    assert_differs("first\nse\x1b[2Jd\nmore\n", "se.[2Jd", "second");
    assert_differs("first\nsecond\nthird\nfourth", "third", "");
    assert_differs("first\nse", "se", "second");
    assert_differs("", "", "first");
    assert_differs("first\n\nsecond\n", "", "second");
    compare_free(&compare);
}

/* Of long lines it is shown where they differ. */
static void long_lines_are_shown_where_they_differ(void **state)
{
    char text[1001] = "";

    (void)state;
    compare = (struct compare){0};
    compare_begin_reference(&compare);
    for (uint64_t i = 0; i < 1000; i++)
        compare_add(&compare, i, 'a');
    memset(text, 'a', 1000);
    text[900] = 'b';
    assert_true(differs(text, 0));
    assert_int_equal(strcspn(compare.line.text, "b"), 60);
    assert_int_equal(strlen(compare.line.text), sizeof(compare.line.text) - 1);
    compare_free(&compare);
}

static void a_reference_has_a_bound(void **state)
{
    (void)state;
    compare = (struct compare){0};
    compare_begin_reference(&compare);
    for (uint64_t i = 0; i < COMPARE_MAX; i++)
        compare_add(&compare, i, 'a');
    assert_false(compare.is_too_long);
    compare_add(&compare, COMPARE_MAX, 'a');
    assert_true(compare.is_too_long);
    assert_int_equal(compare.length, COMPARE_MAX);
    compare_begin_reference(&compare);
    assert_false(compare.is_too_long);
    compare_free(&compare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expect_has_what_was_printed_before_its_step),
        cmocka_unit_test(an_expect_begins_behind_what_the_last_one_found),
        cmocka_unit_test(channels_are_searched_apart_and_together),
        cmocka_unit_test(a_last_line_ends_with_the_guest),
        cmocka_unit_test(what_was_printed_is_forgotten_at_a_restore),
        cmocka_unit_test(a_mark_brings_back_half_a_match),
        cmocka_unit_test(a_never_counts_from_its_step_on),
        cmocka_unit_test(a_never_does_not_look_back),
        cmocka_unit_test(the_first_never_that_is_broken_is_kept),
        cmocka_unit_test(a_never_has_the_last_line),
        cmocka_unit_test(the_last_lines_are_shown),
        cmocka_unit_test(of_a_long_line_the_end_is_shown),
        cmocka_unit_test(outputs_differ_in_a_line),
        cmocka_unit_test(long_lines_are_shown_where_they_differ),
        cmocka_unit_test(a_reference_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
