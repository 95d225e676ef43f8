/*
 * The past of a machine: whatever moment is gone back to, and however often, running on from there
 * comes to the same states, with the same input and nothing printed twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/history.h"
#include "os/image_file.h"
#include "os/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct inbox inbox;
static struct machine *machine;
static struct history *history;
static char printed[65536];
static size_t printed_count;

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    assert_true(printed_count + count < sizeof(printed));
    memcpy(printed + printed_count, bytes, count);
    printed_count += count;
}

static void begin(const char *path, uint64_t budget, uint64_t interval)
{
    struct machine_config config = {
        .image = {.path = path, .mode = IMAGE_AUTO, .read = image_file_read},
        .memory_size = UINT64_C(4) << 20,
        .make_cpu = cpu_soft_create,
        .timeout = CLOCK_NEVER,
        .inbox = &inbox,
        .take = inbox_take,
        .print = print,
        .virtual_time = true,
    };
    char error[320];

    printed_count = 0;
    assert_int_equal(inbox_init(&inbox), 0);
    machine = machine_create(&config, error, sizeof(error));
    if (!machine)
        fail_msg("%s", error);
    history = history_begin(machine, budget, interval, error, sizeof(error));
    if (!history)
        fail_msg("%s", error);
}

static void end(void)
{
    history_free(history);
    machine_destroy(machine);
    inbox_free(&inbox);
}

static uint64_t count(void)
{
    return machine->cpu->ops->instructions(machine->cpu);
}

/* Runs to a count as a guest's thread does: it comes back for its history. */
static void run_to(uint64_t instructions)
{
    while (count() < instructions && machine->outcome.end == END_NONE) {
        struct machine_pause pause = {.time = history_deadline(history),
                                      .instructions = instructions};
        machine_run_until(machine, &pause);
        history_look(history);
    }
}

/* All that there is of a moment. */
struct moment {
    uint64_t count, time, ram, printed;
    struct cpu_state state;
    struct cpu_fpu fpu;
};

static struct moment look(void)
{
    struct moment moment;

    memset(&moment, 0, sizeof(moment));
    moment.count = count();
    moment.time = clock_now(&machine->clock);
    moment.ram = memory_hash(&machine->memory);
    moment.printed = machine->output.total;
    machine->cpu->ops->get_state(machine->cpu, &moment.state);
    machine->cpu->ops->get_fpu(machine->cpu, &moment.fpu);
    return moment;
}

#define SAME(a, b) assert_memory_equal(&(a), &(b), sizeof(struct moment))

static uint64_t seed;

static uint64_t below(uint64_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 20) % limit;
}

static void type(const char *keys)
{
    for (; *keys; keys++) {
        inbox_post(&inbox, INBOX_KEYBOARD, (struct inbox_event){(uint16_t)*keys, true});
        machine_input_came(machine);
    }
}

/* Forward N, back M, forward M: with keys typed on the way, which the past has too. */
static void forward_and_back_comes_to_the_same(void **unused)
{
    (void)unused;
    for (unsigned round = 0; round < 9; round++) {
        uint64_t length = 0;
        struct moment there, middle;

        seed = round + 1;
        /* scan codes of 2, 3 and r, which set the timer */
        static const char keys[] = "\x03\x04\x13\x03\x04\x13";
        begin("build/guests/timer_keys.elf", round % 3 ? UINT64_C(64) << 20 : 300000,
              300 + below(2000));
        history_look(history);
        for (unsigned i = 0; i < 6; i++) {
            length += 20 + below(4000);
            run_to(length);
            type((const char[]){keys[below(6)], 0});
        }
        for (unsigned i = 0; i < 8; i++) {
            uint64_t back = 1 + below(count() - 1);
            there = look();
            assert_true(history_go(history, there.count - back));
            assert_int_equal(count(), there.count - back);
            middle = look();
            run_to(there.count);
            if (machine->halted || clock_now(&machine->clock) < there.time) {
                struct machine_pause pause = {.time = there.time, .instructions = UINT64_MAX};
                machine_run_until(machine, &pause);
            }
            history_look(history);
            struct moment again = look();
            SAME(again, there);
            /* from another distance */
            history_go(history, below(middle.count + 1));
            run_to(middle.count);
            again = look();
            SAME(again, middle);
            run_to(there.count);
            history_look(history);
            length = count() + below(3000);
            run_to(length);
        }
        end();
    }
}

static void nothing_is_printed_twice(void **unused)
{
    char first[sizeof(printed)];
    size_t first_count;

    (void)unused;
    begin("build/guests/multiboot.elf", UINT64_C(64) << 20, 400);
    run_to(UINT64_MAX);
    assert_int_equal(machine->outcome.end, END_POWER_OFF);
    first_count = printed_count;
    assert_true(first_count > 0);
    memcpy(first, printed, printed_count);
    for (unsigned i = 1; i < 20; i++) {
        assert_true(history_go(history, i * 100));
        run_to(UINT64_MAX);
        assert_int_equal(machine->outcome.end, END_POWER_OFF);
    }
    assert_int_equal(printed_count, first_count);
    assert_memory_equal(printed, first, first_count);
    end();
}

static void a_search_finds_the_last_stop(void **unused)
{
    struct machine_pause stops = {.time = CLOCK_NEVER, .instructions = UINT64_MAX};
    struct history_hit hit;
    uint32_t eip;
    uint64_t counts[5];

    (void)unused;
    begin("build/guests/timer_keys.elf", UINT64_C(64) << 20, 400);
    run_to(550);
    while (!machine->halted)
        run_to(count() + 1);
    run_to(count() + 3); /* in the timer's handler */
    eip = machine_eip(machine);
    stops.addresses = &eip;
    stops.address_count = 1;
    for (unsigned i = 0; i < 5; i++) {
        counts[i] = count();
        machine_run_until(machine, &stops);
    }
    for (unsigned i = 5; i-- > 0;) {
        assert_true(history_search(history, &stops, &hit));
        assert_false(hit.is_watch);
        assert_int_equal(count(), counts[i]);
        assert_int_equal(machine_eip(machine), eip);
    }
    assert_false(history_search(history, &stops, &hit));
    assert_int_equal(count(), history_first(history));
    end();
}

static void a_search_stops_before_a_write(void **unused)
{
    struct cpu_watch watch = {.length = 4, .kinds = CPU_WATCH_WRITE};
    struct machine_pause stops = {
        .time = CLOCK_NEVER, .instructions = UINT64_MAX, .watches = &watch, .watch_count = 1};
    struct history_hit hit;
    uint64_t after;
    uint32_t value;

    (void)unused;
    begin("build/guests/timer_keys.elf", UINT64_C(64) << 20, 400);
    run_to(2000);
    watch.address = 0x10104c; /* ticks */
    machine_run_until(machine, &stops);
    assert_true(machine->has_access);
    after = count();
    memory_read(&machine->memory, watch.address, &value, 4);
    run_to(after + 300);
    assert_true(history_search(history, &stops, &hit));
    while (count() > after - 1) /* ticks that came meanwhile */
        assert_true(history_search(history, &stops, &hit));
    assert_true(hit.is_watch && hit.access.is_write);
    assert_int_equal(count(), after - 1);
    after = value;
    memory_read(&machine->memory, watch.address, &value, 4);
    assert_int_equal(value, after - 1);
    end();
}

static void a_change_begins_another_past(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", UINT64_C(64) << 20, 400);
    run_to(1000);
    history_go(history, 500);
    assert_true(history_is_past(history));
    history_forget(history);
    assert_false(history_is_past(history));
    assert_int_equal(history_first(history), 500);
    run_to(800);
    assert_false(history_go(history, 400));
    assert_int_equal(count(), 500);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_and_back_comes_to_the_same),
        cmocka_unit_test(nothing_is_printed_twice),
        cmocka_unit_test(a_search_finds_the_last_stop),
        cmocka_unit_test(a_search_stops_before_a_write),
        cmocka_unit_test(a_change_begins_another_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
