/*
 * What the contract of cpu/cpu.h promises of every engine. One that does not work on this host is
 * passed over; tests/suite.sh's guests are for the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

static struct memory memory;

static int set_up(void **unused)
{
    (void)unused;
    return memory_init(&memory, MEMORY_MIN);
}

static int tear_down(void **unused)
{
    (void)unused;
    memory_free(&memory);
    return 0;
}

static void time_is_counted_or_passes(void **unused)
{
    (void)unused;
    for (const struct engine *engine = engines; engine->name; engine++) {
        const struct cpu_ops *ops = engine->ops;
        bool counts = ops->ns_per_instruction != 0;

        assert_string_equal(ops->name, engine->name);
        assert_int_equal(engine_counts_time(engine), counts);
        assert_int_equal(ops->instructions != NULL, counts);
        assert_int_equal(ops->stop_at != NULL, counts);
        assert_int_equal(ops->skip_to != NULL, counts);
        assert_int_equal(ops->take_back != NULL, !counts);
    }
}

static void fpu_registers_come_back(void **unused)
{
    (void)unused;
    for (const struct engine *engine = engines; engine->name; engine++) {
        struct cpu_fpu in = {.control = 0x027f, .status = 0x3000, .valid = 0xc0, .mxcsr = 0x1fa0};
        struct cpu_fpu out;
        char why[160];
        struct cpu *cpu = engine->create(&memory, why, sizeof(why));

        if (!cpu) {
            print_message("%s is passed over: %s\n", engine->name, why);
            continue;
        }
        /* TOP is 6: ST(0) and ST(1) are R6 and R7. */
        memcpy(in.st[0], "\0\0\0\0\0\0\0\x80\xff\x3f", 10);             /* 1 */
        memcpy(in.st[1], "\x35\xc2\x68\x21\xa2\xda\x0f\xc9\0\xc0", 10); /* -pi */
        for (unsigned i = 0; i < 8; i++)
            memset(in.xmm[i], (int)(0x10 + i), 16);
        assert_int_equal(cpu->ops->set_fpu(cpu, &in), 0);
        assert_int_equal(cpu->ops->get_fpu(cpu, &out), 0);
        assert_int_equal(out.control, in.control);
        assert_int_equal(out.status, in.status);
        assert_int_equal(out.valid, in.valid);
        assert_int_equal(out.mxcsr, in.mxcsr);
        assert_memory_equal(out.st[0], in.st[0], 10);
        assert_memory_equal(out.st[1], in.st[1], 10);
        assert_memory_equal(out.xmm, in.xmm, sizeof(in.xmm));
        cpu->ops->destroy(cpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_counted_or_passes),
        cmocka_unit_test(fpu_registers_come_back),
    };

    return cmocka_run_group_tests_name("engines", tests, set_up, tear_down);
}
