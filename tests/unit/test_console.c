/*
 * What lies between the user's terminal and the guest: escape keys, the keyboard, gathered output,
 * the inbox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "console/escape.h"
#include "console/keymap.h"
#include "machine/output.h"
#include "os/inbox.h"

#include <string.h>

/* ---- escape keys ---- */

static enum escape_action type(struct escape *escape, uint8_t byte, uint8_t *out)
{
    *out = byte;
    return escape_type(escape, out);
}

static void escape_passes_ordinary_bytes(void **unused)
{
    (void)unused;
    struct escape escape = {0};
    uint8_t out;

    for (unsigned byte = 0; byte < 256; byte++) {
        if (byte == 1)
            continue;
        assert_int_equal(type(&escape, (uint8_t)byte, &out), ESCAPE_BYTE);
        assert_int_equal(out, byte);
    }
}

static void escape_ctrl_a_then_a_letter(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t key;
        enum escape_action action;
    } keys[] = {{'x', ESCAPE_QUIT}, {'X', ESCAPE_QUIT}, {'h', ESCAPE_HELP}, {'?', ESCAPE_HELP},
                {'a', ESCAPE_BYTE}, {1, ESCAPE_BYTE},   {'q', ESCAPE_NONE}};
    struct escape escape = {0};
    uint8_t out;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal(type(&escape, 1, &out), ESCAPE_NONE);
        assert_int_equal(type(&escape, keys[i].key, &out), keys[i].action);
        if (keys[i].action == ESCAPE_BYTE)
            assert_int_equal(out, 1);
        assert_int_equal(type(&escape, 'x', &out), ESCAPE_BYTE);
    }
}

/* ---- the keyboard ---- */

static void expect_keys(const char *typed, const struct inbox_event *expected, unsigned count)
{
    struct keymap keymap = {0};
    struct inbox_event events[64];
    unsigned used = 0;

    for (; *typed; typed++)
        used += keymap_type(&keymap, (uint8_t)*typed, events + used);
    assert_int_equal(used, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(events[i].code, expected[i].code);
        assert_int_equal(events[i].down, expected[i].down);
    }
}

static void keymap_letter_is_make_and_break(void **unused)
{
    (void)unused;
    expect_keys("a", (struct inbox_event[]){{0x1e, true}, {0x1e, false}}, 2);
    expect_keys("\n", (struct inbox_event[]){{0x1c, true}, {0x1c, false}}, 2);
    expect_keys("\x7f", (struct inbox_event[]){{0x0e, true}, {0x0e, false}}, 2);
}

static void keymap_capital_holds_shift(void **unused)
{
    (void)unused;
    expect_keys(
        "A", (struct inbox_event[]){{0x2a, true}, {0x1e, true}, {0x1e, false}, {0x2a, false}}, 4);
    expect_keys(
        "!", (struct inbox_event[]){{0x2a, true}, {0x02, true}, {0x02, false}, {0x2a, false}}, 4);
}

static void keymap_control_character_holds_ctrl(void **unused)
{
    (void)unused;
    expect_keys("\x03",
                (struct inbox_event[]){{0x1d, true}, {0x2e, true}, {0x2e, false}, {0x1d, false}},
                4);
}

static void keymap_arrow_is_an_extended_key(void **unused)
{
    (void)unused;
    expect_keys("\x1b[A", (struct inbox_event[]){{0xe048, true}, {0xe048, false}}, 2);
    expect_keys("\x1b[3~", (struct inbox_event[]){{0xe053, true}, {0xe053, false}}, 2);
}

static void keymap_lone_escape_is_the_escape_key(void **unused)
{
    (void)unused;
    struct keymap keymap = {0};
    struct inbox_event events[KEYMAP_EVENTS_MAX];

    assert_int_equal(keymap_type(&keymap, 0x1b, events), 0);
    assert_int_equal(keymap_flush(&keymap, events), 2);
    assert_int_equal(events[0].code, 0x01);
    assert_int_equal(keymap_flush(&keymap, events), 0);
}

static void keymap_has_a_key_for_every_printable_character(void **unused)
{
    (void)unused;
    struct keymap keymap = {0};
    struct inbox_event events[KEYMAP_EVENTS_MAX];

    for (unsigned c = 0x20; c < 0x7f; c++)
        assert_true(keymap_type(&keymap, (uint8_t)c, events) >= 2);
}

static void keymap_random_bytes_stay_in_bounds(void **unused)
{
    (void)unused;
    struct keymap keymap = {0};
    struct inbox_event events[KEYMAP_EVENTS_MAX];
    uint32_t random = 1;

    for (unsigned i = 0; i < 100000; i++) {
        random = random * 1664525 + 1013904223;
        uint8_t byte = random >> 31 ? 0x1b : (uint8_t)(random >> 16);
        assert_true(keymap_type(&keymap, byte, events) <= KEYMAP_EVENTS_MAX);
    }
}

/* ---- output ---- */

static uint64_t now;
static char written[2 * OUTPUT_SIZE];
static unsigned writes;

static uint64_t read_now(void *source)
{
    return *(uint64_t *)source;
}

static void take(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    strncat(written, (const char *)bytes, count);
    writes++;
}

static void start_output(struct output *output, struct clock *clock)
{
    now = 0;
    writes = 0;
    written[0] = '\0';
    clock_init(clock, read_now, &now);
    output_init(output, clock, take, NULL);
}

static void output_first_byte_goes_out_at_once(void **unused)
{
    (void)unused;
    struct clock clock;
    struct output output;

    start_output(&output, &clock);
    output_put(&output, 'a');
    assert_string_equal(written, "a");
}

static void output_burst_is_one_write_a_millisecond_later(void **unused)
{
    (void)unused;
    struct clock clock;
    struct output output;

    start_output(&output, &clock);
    for (const char *c = "hello"; *c; c++)
        output_put(&output, (uint8_t)*c);
    assert_string_equal(written, "h");
    now = clock_deadline(&clock);
    assert_int_equal(now, OUTPUT_DELAY_NS);
    clock_run_due(&clock);
    assert_string_equal(written, "hello");
    assert_int_equal(writes, 2);
    assert_int_equal(clock_deadline(&clock), CLOCK_NEVER);
}

static void output_full_buffer_is_written(void **unused)
{
    (void)unused;
    struct clock clock;
    struct output output;

    start_output(&output, &clock);
    for (unsigned i = 0; i < 1 + OUTPUT_SIZE; i++)
        output_put(&output, 'x');
    assert_int_equal(strlen(written), 1 + OUTPUT_SIZE);
    assert_int_equal(writes, 2);
}

/* ---- the inbox ---- */

static void inbox_keeps_order_and_refuses_when_full(void **unused)
{
    (void)unused;
    struct inbox inbox;
    struct inbox_event event;
    unsigned posted = 0;

    assert_int_equal(inbox_init(&inbox), 0);
    while (inbox_post(&inbox, INBOX_SERIAL, (struct inbox_event){.code = (uint16_t)posted}))
        posted++;
    assert_int_equal(posted, INBOX_RING_SIZE);
    assert_true(inbox_post(&inbox, INBOX_KEYBOARD, (struct inbox_event){.code = 1}));
    for (unsigned i = 0; i < posted; i++) {
        assert_true(inbox_take(&inbox, INBOX_SERIAL, &event));
        assert_int_equal(event.code, i);
    }
    assert_false(inbox_take(&inbox, INBOX_SERIAL, &event));
    inbox_free(&inbox);
}

static void inbox_wait_ends_at_a_post_and_at_its_time(void **unused)
{
    (void)unused;
    struct inbox inbox;

    assert_int_equal(inbox_init(&inbox), 0);
    inbox_wait(&inbox, 1000);
    inbox_post(&inbox, INBOX_SERIAL, (struct inbox_event){.code = 'a'});
    inbox_wait(&inbox, CLOCK_NEVER);
    inbox_free(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_passes_ordinary_bytes),
        cmocka_unit_test(escape_ctrl_a_then_a_letter),
        cmocka_unit_test(keymap_letter_is_make_and_break),
        cmocka_unit_test(keymap_capital_holds_shift),
        cmocka_unit_test(keymap_control_character_holds_ctrl),
        cmocka_unit_test(keymap_arrow_is_an_extended_key),
        cmocka_unit_test(keymap_lone_escape_is_the_escape_key),
        cmocka_unit_test(keymap_has_a_key_for_every_printable_character),
        cmocka_unit_test(keymap_random_bytes_stay_in_bounds),
        cmocka_unit_test(output_first_byte_goes_out_at_once),
        cmocka_unit_test(output_burst_is_one_write_a_millisecond_later),
        cmocka_unit_test(output_full_buffer_is_written),
        cmocka_unit_test(inbox_keeps_order_and_refuses_when_full),
        cmocka_unit_test(inbox_wait_ends_at_a_post_and_at_its_time),
    };
    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
