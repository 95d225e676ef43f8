/*
 * Scenario files and expressions: what each verb takes, and where a mistake is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspect/keys.h"
#include "scenario/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char error[600];

static struct scenario *parse(const char *text)
{
    struct scenario *scenario = scenario_parse("a.t", text, error, sizeof(error));

    if (!scenario)
        fail_msg("%s", error);
    return scenario;
}

/* The second line of a scenario that has it; to be freed with the scenario. */
static struct scenario *parse_line(const char *line, struct step **step)
{
    char text[600];
    struct scenario *scenario;

    snprintf(text, sizeof(text), "boot image\n%s\n", line);
    scenario = parse(text);
    assert_int_equal(scenario->count, 2);
    *step = &scenario->steps[1];
    return scenario;
}

static void assert_refused(const char *text, const char *message)
{
    error[0] = '\0';
    assert_null(scenario_parse("a.t", text, error, sizeof(error)));
    if (strncmp(error, message, strlen(message)) != 0)
        fail_msg("\"%s\" is not \"%s...\"", error, message);
}

/* ---- lines ---- */

static void comments_and_empty_lines_are_nothing(void **state)
{
    struct scenario *scenario = parse("# first\n\n  boot image # why\n\t\r\nrun 10ms#x\n");

    (void)state;
    assert_int_equal(scenario->count, 2);
    assert_int_equal(scenario->steps[0].line, 3);
    assert_int_equal(scenario->steps[0].column, 3);
    assert_string_equal(scenario->steps[0].words[0], "image");
    assert_null(scenario->steps[0].words[1]);
    assert_int_equal(scenario->steps[1].verb, VERB_RUN);
    assert_int_equal(scenario->steps[1].number, 10000000);
    scenario_free(scenario);
}

static void boot_takes_words_and_quoted_words(void **state)
{
    struct scenario *scenario = parse("boot a.elf --append \"one two\" -m 4");
    char **words = scenario->steps[0].words;

    (void)state;
    assert_string_equal(words[0], "a.elf");
    assert_string_equal(words[1], "--append");
    assert_string_equal(words[2], "one two");
    assert_string_equal(words[3], "-m");
    assert_string_equal(words[4], "4");
    assert_null(words[5]);
    scenario_free(scenario);
}

static void mistakes_are_told_with_line_and_column(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "a.t:1:1: expected 'boot IMAGE' first, and the line ends"},
        {"# nothing\n", "a.t:1:1: expected 'boot IMAGE' first"},
        {"run 1s", "a.t:1:1: expected 'boot IMAGE' first, not 'run'"},
        {"boot", "a.t:1:5: expected an image, and the line ends"},
        {"boot a\n\n frob", "a.t:3:2: expected a verb"},
        {"boot a\nrun", "a.t:2:4: expected a time such as 10ms, and the line ends"},
        {"boot a\nrun 10", "a.t:2:5: expected a time such as 10ms, not '10'"},
        {"boot a\nrun 0ms", "a.t:2:5: expected a time"},
        {"boot a\nrun 10 ms", "a.t:2:5: expected a time"},
        {"boot a\nrun 10ms 5", "a.t:2:10: expected nothing more on this line, not '5'"},
        {"boot a\nexpect", "a.t:2:7: expected serial, screen, debugcon, \"text\" or /regex/"},
        {"boot a\nexpect serial", "a.t:2:14: expected \"text\" or /regex/"},
        {"boot a\nexpect \"a", "a.t:2:10: expected the quote that ends the string"},
        {"boot a\nexpect \"\"", "a.t:2:10: expected something between the quotes"},
        {"boot a\nexpect \"\\q\"", "a.t:2:10: expected one of"},
        {"boot a\nexpect \"\\x1\"", "a.t:2:10: expected one of"},
        {"boot a\nexpect \"\\", "a.t:2:10: expected one of"},
        {"boot a\nexpect /a", "a.t:2:10: expected the / that ends"},
        {"boot a\nexpect /(/", "a.t:2:8: the regular expression is refused: a '(' has no ')'"},
        {"boot a\nexpect /x*/",
         "a.t:2:8: the regular expression is refused: it matches the empty string"},
        {"boot a\nnever screen /x/", "a.t:2:17: expected serial or debugcon"},
        {"boot a\ntype \"\\xff\"", "a.t:2:12: expected characters of a US keyboard"},
        {"boot a\nkey", "a.t:2:4: expected a key's name"},
        {"boot a\nkey ctrl-", "a.t:2:10: expected another key"},
        {"boot a\nkey ctrl-bogus-a",
         "a.t:2:10: expected a key's name, as QEMU's sendkey has it, not"},
        {"boot a\nscancode 256", "a.t:2:10: expected a byte such as 0x1e, not '256'"},
        {"boot a\nscancode", "a.t:2:9: expected a byte"},
        {"boot a\nirq 16", "a.t:2:5: expected the number of an IRQ, 0 to 15, not '16'"},
        {"boot a\nirq 2", "a.t:2:6: expected another IRQ"},
        {"boot a\nirq 1 on", "a.t:2:7: expected 'at' or nothing, not 'on'"},
        {"boot a\nirq 1 at 5", "a.t:2:10: expected a place"},
        {"boot a\nirq 1 at 0x100000000", "a.t:2:10: expected a place"},
        {"boot a\nirq 1 at a+b", "a.t:2:10: expected a place"},
        {"boot a\nuntil +5", "a.t:2:7: expected a place"},
        {"boot a\nstep x", "a.t:2:6: expected a number of instructions"},
        {"boot a\nassert", "a.t:2:7: expected a number, a register"},
        {"boot a\nassert eax ==", "a.t:2:14: expected a number, a register"},
        {"boot a\nassert mem32[1", "a.t:2:15: expected ']'"},
        {"boot a\nassert mem32[1].x", "a.t:2:16: expected nothing behind this ']'"},
        {"boot a\nassert idt[1]", "a.t:2:14: expected .offset"},
        {"boot a\nassert foo[1]", "a.t:2:8: expected mem8, mem16, mem32, idt or irq before '['"},
        {"boot a\nassert (1", "a.t:2:10: expected ')'"},
        {"boot a\nassert 99999999999999999999", "a.t:2:8: expected a number of at most 64 bits"},
        {"boot a\nassert 1x", "a.t:2:8: expected a number"},
        {"boot a\nassert 1 = 1", "a.t:2:10: expected nothing more"},
        {"boot a\nsnapshot", "a.t:2:9: expected a name"},
        {"boot a\nrestore x\nsnapshot x", "a.t:2:1: expected a 'snapshot x' above this"},
        {"boot a\nexit", "a.t:2:5: expected a status or how it ends"},
        {"boot a\nexit 256", "a.t:2:6: expected a status from 0 to 255"},
        {"boot a\nexit well", "a.t:2:6: expected a status, exit, power-off"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i].text, cases[i].message);
}

static void a_message_has_no_control_characters(void **state)
{
    (void)state;
    assert_refused("boot a\n\x1b[2J", "a.t:2:1: expected a verb");
    assert_null(strchr(error, 0x1b));
}

/* ---- verbs ---- */

static void strings_have_escapes(void **state)
{
    struct step *step;
    struct scenario *scenario = parse_line("expect debugcon \"a\\n\\x41\\\"\\\\#\" # c", &step);

    (void)state;
    assert_int_equal(step->channel, CHANNEL_DEBUG);
    assert_int_equal(step->length, 6);
    assert_string_equal(step->text, "a\nA\"\\#");
    scenario_free(scenario);
}

static void regular_expressions_are_extended_and_may_hold_a_slash(void **state)
{
    struct step *step;
    struct scenario *scenario = parse_line("expect serial /^(a|b)+\\/c$/", &step);

    (void)state;
    assert_true(pattern_is_in(step->pattern, "abba/c", 6));
    assert_false(pattern_is_in(step->pattern, "abba/cd", 7));
    scenario_free(scenario);
}

static void assert_events(const char *line, const uint16_t *codes, const char *ways)
{
    struct step *step;
    struct scenario *scenario = parse_line(line, &step);

    assert_int_equal(step->event_count, strlen(ways));
    for (size_t i = 0; i < step->event_count; i++) {
        assert_int_equal(step->events[i].code, codes[i]);
        assert_int_equal(step->events[i].down, ways[i] == 'd');
    }
    scenario_free(scenario);
}

static void keys_become_events(void **state)
{
    (void)state;
    assert_events("type \"aB\\n\"",
                  (const uint16_t[]){0x1e, 0x1e, 0x2a, 0x30, 0x30, 0x2a, 0x1c, 0x1c}, "dudduudu");
    assert_events("key ctrl-alt-delete", (const uint16_t[]){0x1d, 0x38, 0xe053, 0xe053, 0x38, 0x1d},
                  "ddduuu");
    assert_events("key a b", (const uint16_t[]){0x1e, 0x1e, 0x30, 0x30}, "dudu");
    assert_events("down shift", (const uint16_t[]){0x2a}, "d");
    assert_events("up shift_r", (const uint16_t[]){0x36}, "u");
    assert_events("scancode 0xe0 72", (const uint16_t[]){0xe0, 72}, "dd");
    assert_events("send \"a\\0\"", (const uint16_t[]){'a', 0}, "dd");
    assert_events("type \"\\e[A\\e\"", (const uint16_t[]){0xe048, 0xe048, 1, 1}, "dudu");
}

static void keys_have_the_names_of_qemu(void **state)
{
    (void)state;
    assert_int_equal(keys_find("ret", 3), 0x1c);
    assert_int_equal(keys_find("kp_enter", 8), 0xe01c);
    assert_int_equal(keys_find("f12", 3), 0x58);
    assert_int_equal(keys_find("f12", 2), 0x3b);
    assert_int_equal(keys_find("f13", 3), 0);
    assert_int_equal(keys_find("", 0), 0);
}

static void assert_place(const char *text, int kind, uint64_t number, const char *name)
{
    struct place place;

    if (!place_parse(text, &place, error, sizeof(error)))
        fail_msg("%s: %s", text, error);
    assert_int_equal(place.kind, kind);
    assert_true(place.number == number);
    if (name)
        assert_string_equal(place.name, name);
    else
        assert_null(place.name);
    free(place.name);
}

static void places_are_counts_times_symbols_lines_addresses(void **state)
{
    struct place place;

    (void)state;
    assert_place("120034 insn", PLACE_INSTRUCTIONS, 120034, NULL);
    assert_place("120034", PLACE_INSTRUCTIONS, 120034, NULL); /* on the command line */
    assert_place("3.5ms", PLACE_TIME, 3500000, NULL);
    assert_place("20ns", PLACE_TIME, 20, NULL);
    assert_place("tick", PLACE_SYMBOL, 0, "tick");
    assert_place("tick+0x12", PLACE_SYMBOL, 0x12, "tick");
    assert_place("tick-2", PLACE_SYMBOL, (uint64_t)-2, "tick");
    assert_place("process::tick+1", PLACE_SYMBOL, 1, "process::tick");
    assert_place("work.next", PLACE_SYMBOL, 0, "work.next");
    assert_place("src/file.rs:88", PLACE_LINE, 88, "src/file.rs");
    assert_place("0x101000", PLACE_SYMBOL, 0x101000, NULL);
    assert_false(place_parse("5 apples", &place, error, sizeof(error)));
    assert_false(place_parse("", &place, error, sizeof(error)));
    assert_false(place_parse("file.rs:0", &place, error, sizeof(error)));
}

/* ---- expressions ---- */

static int find(void *owner, const char *name, uint32_t *address)
{
    (void)owner;
    *address = 0x1000;
    return strcmp(name, "there") == 0 ? 0 : -1;
}

static uint64_t cpu_now(void *cpu)
{
    (void)cpu;
    return 1234;
}

static int cpu_state(struct cpu *cpu, struct cpu_state *state)
{
    (void)cpu;
    *state = (struct cpu_state){.gpr = {[CPU_EAX] = 0x12345678, [CPU_EBX] = 0x8000ff01},
                                .eip = 0x100,
                                .eflags = EFLAGS_IF | EFLAGS_ZF,
                                .cr0 = CR0_PE,
                                .idtr = {.base = 0x2000, .limit = 0x7ff}};
    return 0;
}

/* A machine of which only what expressions read is there. */
static struct machine *make_machine(void)
{
    static const struct cpu_ops ops = {.now = cpu_now, .get_state = cpu_state};
    static struct cpu cpu = {.ops = &ops};
    struct machine *machine = calloc(1, sizeof(*machine));
    const uint8_t gate[] = {0x34, 0x12, 0x08, 0x00, 0x00, 0xee, 0x78, 0x56};
    const uint32_t word = 0xcafe;

    assert_non_null(machine);
    assert_int_equal(memory_init(&machine->memory, MEMORY_MIN), 0);
    assert_true(memory_write(&machine->memory, 0x1000, &word, 4));
    assert_true(memory_write(&machine->memory, 0x2000 + 8 * 0x21, gate, 8));
    machine->cpu = &cpu;
    clock_init(&machine->clock, cpu_now, &cpu);
    i8259_init(&machine->pic);
    machine->interrupts = i8259_kind.interrupts;
    machine->interrupt_chip = &machine->pic;
    machine->pic.master.isr = 2;
    machine->pic.slave.imr = 0xf0;
    machine->pic.acknowledged[1] = 7;
    return machine;
}

static void expressions_have_values(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"1", 1},
        {"0x10 + 2 - 1", 0x11},
        {"'a'", 'a'},
        {"eax", 0x12345678},
        {"ax == 0x5678", 1},
        {"al", 0x78},
        {"ah", 0x56},
        {"bl", 1},
        {"bh", 0xff},
        {"eax == ebx", 0},
        {"eax != ebx", 1},
        {"eax < ebx", 1},
        {"eax <= ebx", 1},
        {"eax > ebx", 0},
        {"eax >= eax", 1},
        {"eip == 0x100", 1},
        {"if", 1},
        {"cf", 0},
        {"zf == 1", 1},
        {"pic0.isr == 2", 1},
        {"pic1.imr & 0x30 == 0x30", 1},
        {"1 | 4", 5},
        {"mem32[there]", 0xcafe},
        {"mem16[there + 1]", 0xca},
        {"mem8[0x1000 + (2 - 1)] == 0xca", 1},
        {"idt[0x21].offset == 0x56781234", 1},
        {"idt[0x20 + 1].selector", 8},
        {"idt[0x21].type", 0xe},
        {"idt[0x21].dpl", 3},
        {"idt[0x21].present", 1},
        {"idt[0x22].present", 0},
        {"irq[1].taken", 7},
        {"halted", 0},
        {"ns", 1234},
    };
    struct machine *machine = make_machine();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *at = cases[i].text, *what;
        struct expression *expression = expression_parse(&at, &what);
        uint64_t value;
        if (!expression || *at)
            fail_msg("%s: expected %s at \"%s\"", cases[i].text, what, at);
        assert_int_equal(expression_resolve(expression, find, NULL), 0);
        if (!expression_value(expression, machine, &value, error, sizeof(error)))
            fail_msg("%s: %s", cases[i].text, error);
        if (value != cases[i].value)
            fail_msg("%s is %#llx", cases[i].text, (unsigned long long)value);
        expression_free(expression);
    }
    memory_free(&machine->memory);
    free(machine);
}

static void what_has_no_value_is_said(void **state)
{
    static const char *const cases[] = {"mem32[0xfffff]", "mem8[0xffffffff + 1]", "idt[256].type",
                                        "irq[16].taken"};
    struct machine *machine = make_machine();
    const char *at = "nobody + 1", *what;
    struct expression *expression = expression_parse(&at, &what);
    uint64_t value;

    (void)state;
    assert_int_equal(expression_resolve(expression, find, NULL), -1);
    expression_free(expression);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        at = cases[i];
        expression = expression_parse(&at, &what);
        assert_non_null(expression);
        error[0] = '\0';
        assert_false(expression_value(expression, machine, &value, error, sizeof(error)));
        assert_true(strlen(error) > 10);
        expression_free(expression);
    }
    memory_free(&machine->memory);
    free(machine);
}

static void a_failed_comparison_is_explained(void **state)
{
    struct machine *machine = make_machine();
    const char *at = "al + 1 == 0x10", *what;
    struct expression *expression = expression_parse(&at, &what);

    (void)state;
    expression_explain(expression, machine, error, sizeof(error));
    assert_string_equal(error, "0x79 == 0x10 does not hold");
    expression_free(expression);
    memory_free(&machine->memory);
    free(machine);
}

static void deep_expressions_are_refused(void **state)
{
    char text[400];
    const char *at = text, *what;

    (void)state;
    memset(text, '(', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_null(expression_parse(&at, &what));
    assert_string_equal(what, "something simpler");
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = i % 2 ? '+' : '1';
    at = text;
    assert_null(expression_parse(&at, &what));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_and_empty_lines_are_nothing),
        cmocka_unit_test(boot_takes_words_and_quoted_words),
        cmocka_unit_test(mistakes_are_told_with_line_and_column),
        cmocka_unit_test(a_message_has_no_control_characters),
        cmocka_unit_test(strings_have_escapes),
        cmocka_unit_test(regular_expressions_are_extended_and_may_hold_a_slash),
        cmocka_unit_test(keys_become_events),
        cmocka_unit_test(keys_have_the_names_of_qemu),
        cmocka_unit_test(places_are_counts_times_symbols_lines_addresses),
        cmocka_unit_test(expressions_have_values),
        cmocka_unit_test(what_has_no_value_is_said),
        cmocka_unit_test(a_failed_comparison_is_explained),
        cmocka_unit_test(deep_expressions_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
