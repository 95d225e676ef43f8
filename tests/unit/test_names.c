/*
 * Names of many guests: unlike each other, by rules that people can foresee, however many there
 * are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/names.h"
#include "os/host_clock.h"

#include <stdio.h>
#include <string.h>

static void a_second_name_gets_a_number(void **unused)
{
    struct names names = {0};

    (void)unused;
    assert_string_equal(names_take(&names, "hello.bin"), "hello.bin");
    assert_string_equal(names_take(&names, "hello.bin"), "hello.bin-2");
    assert_string_equal(names_take(&names, "hello.bin-3"), "hello.bin-3");
    assert_string_equal(names_take(&names, "other"), "other");
    assert_string_equal(names_take(&names, "hello.bin"), "hello.bin-4");
    assert_string_equal(names_take(&names, "hello.bin-2"), "hello.bin-2-2");
    assert_string_equal(names_take(&names, ""), "");
    assert_string_equal(names_take(&names, ""), "-2");
    names_free(&names);
}

static void a_long_name_is_cut_and_stays_unlike_others(void **unused)
{
    struct names names = {0};
    char text[400];
    const char *first, *second;

    (void)unused;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    first = names_take(&names, text);
    second = names_take(&names, text);
    assert_int_equal(strlen(first), 255);
    assert_string_equal(second + 200, "-2");
    names_free(&names);
}

static void equal_names_cost_no_more_the_more_there_are(void **unused)
{
    enum { COUNT = 50000 };
    struct names names = {0};
    uint64_t start = clock_host_ns();
    char last[20];

    (void)unused;
    for (unsigned i = 1; i < COUNT; i++)
        assert_non_null(names_take(&names, "g"));
    snprintf(last, sizeof(last), "g-%u", COUNT);
    assert_string_equal(names_take(&names, "g"), last);
    assert_true(clock_host_ns() - start < UINT64_C(10000000000)); /* it takes a tenth of a second */
    names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_name_gets_a_number),
        cmocka_unit_test(a_long_name_is_cut_and_stays_unlike_others),
        cmocka_unit_test(equal_names_cost_no_more_the_more_there_are),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
