/* TEST=NAME in the environment: of a program's tests, only those that match run (* and ? count), so
 * that one which failed can be repeated alone. Linked to every test program of cmocka. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose_tests(void)
{
    const char *name = getenv("TEST");

    if (name && *name)
        cmocka_set_test_filter(name);
}
