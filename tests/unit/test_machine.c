/*
 * The machine's run loop with a CPU of paper: each test scripts what the CPU does and looks at what
 * the machine makes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/arch.h"
#include "paper.h"
#include "watch/watch.h"

/* Makes a machine whose CPU follows the script; runs it to its end. */
static struct machine *run_script(const struct step *script, uint64_t timeout, bool strict)
{
    struct machine_config config = {.timeout = timeout};
    const struct watch_config watch = {.strict = strict};
    struct machine *machine = paper_machine(script, &config);
    struct runner runner;

    assert_true(watch_attach(machine, &watch));
    runner_init(&runner, machine, &inbox, &(struct runner_config){0});
    runner_run_until(&runner, NULL);
    runner_free(&runner);
    return machine;
}

/* Unmasks IRQ0 in a PIC that the machine has left as a BIOS does (vectors from 8). */
#define UNMASK_TIMER                                       \
    {                                                      \
        .stop = CPU_STOP_PORT, .port = 0x21, .out = "\xfe" \
    }
#define POWER_OFF                                                         \
    {                                                                     \
        .stop = CPU_STOP_PORT, .port = 0x604, .width = 2, .out = "\0\x20" \
    }

static void machine_injects_the_timer_when_the_cpu_can_take_it(void **unused)
{
    (void)unused;
    const struct step script[] = {
        UNMASK_TIMER,
        {.stop = CPU_STOP_KICKED, .ns = NS_PER_SECOND},               /* the tick; IF is off */
        {.stop = CPU_STOP_WINDOW, .interrupts_on = true, .ns = 1000}, /* sti */
        POWER_OFF,
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(paper.injected_count, 1);
    assert_int_equal(paper.injected[0], 8);
    machine_destroy(machine);
}

static void machine_asks_for_a_window_only_while_a_request_waits(void **unused)
{
    (void)unused;
    const struct step before[] = {UNMASK_TIMER, POWER_OFF};
    const struct step waiting[] = {
        UNMASK_TIMER,
        {.stop = CPU_STOP_KICKED, .ns = NS_PER_SECOND},
        POWER_OFF,
    };
    struct machine *machine = run_script(before, CLOCK_NEVER, false);

    assert_false(paper.window_wanted);
    machine_destroy(machine);
    machine = run_script(waiting, CLOCK_NEVER, false);
    assert_true(paper.window_wanted);
    assert_int_equal(paper.injected_count, 0);
    machine_destroy(machine);
}

static void machine_keeps_a_masked_request_from_the_cpu(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_KICKED, .ns = NS_PER_SECOND, .interrupts_on = true},
        POWER_OFF,
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(paper.injected_count, 0);
    assert_true(machine->pic.raised[0] > 0);
    machine_destroy(machine);
}

static void machine_wakes_a_halted_cpu_for_an_interrupt(void **unused)
{
    (void)unused;
    const struct step script[] = {
        UNMASK_TIMER,
        {.stop = CPU_STOP_HALTED, .interrupts_on = true},
        POWER_OFF,
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(machine->outcome.end, END_POWER_OFF);
    assert_int_equal(paper.injected_count, 1);
    assert_true(machine->counts.idle_ns > 0);
    machine_destroy(machine);
}

static void machine_ends_a_halt_with_interrupts_off(void **unused)
{
    (void)unused;
    const struct step script[] = {UNMASK_TIMER, {.stop = CPU_STOP_HALTED}};
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(machine->outcome.end, END_HALTED);
    assert_int_equal(machine->outcome.status, 0);
    machine_destroy(machine);
}

/* --halt-status is for a halt that may be meant. */
static void machine_gives_a_halt_with_interrupts_off_the_status_asked_for(void **unused)
{
    (void)unused;
    struct machine_config config = {.timeout = CLOCK_NEVER, .halt_status = 42};
    const struct step off[] = {{.stop = CPU_STOP_HALTED}};
    const struct step masked[] = {{.stop = CPU_STOP_HALTED, .interrupts_on = true}};
    struct machine *machine = paper_machine(off, &config);

    assert_int_equal(machine_run(machine)->status, 42);
    machine_destroy(machine);
    machine = paper_machine(masked, &config);
    assert_int_equal(machine_run(machine)->status, 6);
    machine_destroy(machine);
}

static void machine_ends_a_halt_with_all_inputs_masked(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_HALTED, .interrupts_on = true}};
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(machine->outcome.end, END_HALTED);
    assert_int_equal(machine->outcome.status, 6); /* it waits, and in vain */
    machine_destroy(machine);
}

static void machine_serves_every_element_of_string_output(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0xe9, .count = 5, .out = "hello"},
        POWER_OFF,
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_string_equal(printed, "hello");
    machine_destroy(machine);
}

static void machine_serves_every_element_of_string_input(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0xe9, .count = 3},
        POWER_OFF,
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    /* POWER_OFF has overwritten the first two. */
    assert_int_equal(paper.data[2], 0xe9);
    machine_destroy(machine);
}

static void machine_prints_what_hypercalls_say(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0x500, .out = "\x02"},
        {.stop = CPU_STOP_PORT, .port = 0x500, .out = "\x03"},
        {.stop = CPU_STOP_PORT, .port = 0x500, .out = "\x77"},
        {.stop = CPU_STOP_PORT, .port = 0x500, .out = "\x00"},
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_string_equal(printed, "0\n");
    assert_non_null(strstr(warned, "0x77"));
    assert_int_equal(machine->outcome.end, END_POWER_OFF);
    assert_int_equal(machine->outcome.status, 0);
    machine_destroy(machine);
}

static void machine_gives_the_guests_own_status(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_PORT, .port = 0xf4, .out = "\x15"}};
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(machine->outcome.end, END_EXIT);
    assert_int_equal(machine->outcome.status, 43);
    machine_destroy(machine);
}

static void machine_reports_a_triple_fault(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_SHUTDOWN}};
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(machine->outcome.end, END_SHUTDOWN);
    assert_int_equal(machine->outcome.status, 6);
    assert_true(machine->outcome.has_state);
    machine_destroy(machine);
}

/* The default handlers hand over INT 0x0d, of which no error code is on the stack; an engine in
 * hardware does not say that it was one, but the guest's code does. Then the exception. */
static void machine_tells_int_from_an_exception(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_PORT, .port = 0x500, .out = "\x05"}};
    const uint32_t int_frame[] = {1, 2, 3, 4, 5, 6, 7, 0x0e41, 0x0d, 0x50002, 8, 0x246},
                   fault_frame[] = {1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 0x33, 0x50000, 8, 0x246};
    const struct machine_config config = {.timeout = CLOCK_NEVER};

    for (unsigned is_int = 0; is_int < 2; is_int++) {
        struct machine *machine = paper_machine(script, &config);
        struct machine_outcome *outcome = &machine->outcome;

        assert_true(memory_write(&machine->memory, 0x50000, "\xcd\x0d", 2));
        if (is_int)
            memory_write(&machine->memory, 0x60000, int_frame, sizeof(int_frame));
        else
            memory_write(&machine->memory, 0x60000, fault_frame, sizeof(fault_frame));
        paper.state.gpr[CPU_EBX] = 0x60000;
        machine_run(machine);
        assert_int_equal(outcome->end, END_FAULT);
        assert_int_equal(outcome->status, 6);
        assert_int_equal(outcome->state.eip, 0x50000);
        assert_int_equal(outcome->state.eflags, 0x246);
        assert_int_equal(outcome->state.gpr[CPU_ESP],
                         0x60000 + (is_int ? sizeof(int_frame) : sizeof(fault_frame)));
        assert_int_equal(strstr(outcome->text, "INT 0xd") != NULL, is_int);
        assert_int_equal(strstr(outcome->text, "error code 0x33") == NULL, is_int);
        machine_destroy(machine);
    }
}

/* As on VMX, which keeps the registers, and as on SVM, which doesn't. */
static void machine_tells_the_place_of_a_triple_fault_if_it_is_known(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_SHUTDOWN}};

    for (int lost = 0; lost < 2; lost++) {
        struct machine_config config = {.timeout = CLOCK_NEVER};
        struct machine *machine = paper_machine(script, &config);
        struct runner runner;

        runner_init(&runner, machine, &inbox, &(struct runner_config){0});
        arch_real_mode(&paper.state, lost ? 0xf000 : 0x1234, lost ? 0xfff0 : 0x56, 0);
        runner_run_until(&runner, NULL);
        runner_free(&runner);
        if (lost)
            assert_null(strstr(machine->outcome.text, " at "));
        else
            assert_non_null(strstr(machine->outcome.text, "after it, at 1234:0056"));
        machine_destroy(machine);
    }
}

static void machine_reports_why_the_engine_failed(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_FAILED}};
    struct machine *machine = run_script(script, CLOCK_NEVER, false);

    assert_int_equal(machine->outcome.status, 4);
    assert_non_null(strstr(machine->outcome.text, "made of paper"));
    machine_destroy(machine);
}

static void machine_ends_at_its_timeout(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_KICKED, .ns = 10 * NS_PER_SECOND},
        {.stop = CPU_STOP_KICKED, .ns = 10 * NS_PER_SECOND},
        {.stop = CPU_STOP_KICKED, .ns = 10 * NS_PER_SECOND},
    };
    struct machine *machine = run_script(script, 50000000, false); /* before the first tick */

    assert_int_equal(machine->outcome.end, END_TIMEOUT);
    assert_int_equal(machine->outcome.status, 124);
    assert_true(machine->outcome.guest_ns >= 50000000);
    assert_true(machine->outcome.guest_ns < NS_PER_SECOND);
    machine_destroy(machine);
}

static void machine_ends_when_asked_to_quit(void **unused)
{
    (void)unused;
    const struct step script[] = {{.stop = CPU_STOP_KICKED}};

    inbox_quit(&inbox);
    struct machine *machine = run_script(script, CLOCK_NEVER, false);
    assert_int_equal(machine->outcome.end, END_QUIT);
    assert_int_equal(machine->outcome.status, 130);
    assert_int_equal(paper.at, 0);
    machine_destroy(machine);
    atomic_store(&inbox.quit, false);
}

static bool describe(void *symbols, uint32_t address, char *to, size_t size)
{
    (void)symbols;
    snprintf(to, size, "reboot+%#x (main.c:10)", address - 0x100000);
    return true;
}

/* The text of the end of a guest that does this at 0x100020 in protected mode, or at 07c0:0012. */
static const char *end_by(const struct step *script, bool is_real, bool has_symbols)
{
    static char text[sizeof(((struct machine_outcome *)0)->text) + 32];
    const struct machine_config options = {.timeout = CLOCK_NEVER,
                                           .describe = has_symbols ? describe : NULL};
    struct machine *machine = paper_machine(script, &options);

    paper.state = (struct cpu_state){.eip = 0x100020, .cr0 = CR0_PE};
    if (is_real)
        paper.state =
            (struct cpu_state){.eip = 0x12, .segment[CPU_CS] = {.selector = 0x7c0, .base = 0x7c00}};
    machine_run(machine);
    snprintf(text, sizeof(text), "%s: %s", machine_end_name(machine->outcome.end),
             machine->outcome.text);
    machine_destroy(machine);
    return text;
}

static void machine_says_which_port_asked_for_a_reset_and_from_where(void **unused)
{
    (void)unused;
    const struct step keyboard[] = {{.stop = CPU_STOP_PORT, .port = 0x64, .out = "\xfe"}};
    const struct step output[] = {{.stop = CPU_STOP_PORT, .port = 0x64, .out = "\xd1"},
                                  {.stop = CPU_STOP_PORT, .port = 0x60, .out = "\x02"}};
    const struct step fast[] = {{.stop = CPU_STOP_PORT, .port = 0x92, .out = "\x03"}};
    const struct step chipset[] = {{.stop = CPU_STOP_PORT, .port = 0xcf9, .out = "\x06"}};

    assert_string_equal(end_by(keyboard, true, false),
                        "reset: the guest asked for a reset by port 0x64 at 07c0:0012");
    assert_string_equal(end_by(output, false, false),
                        "reset: the guest asked for a reset by port 0x60 at eip 0x100020");
    assert_string_equal(end_by(fast, false, false),
                        "reset: the guest asked for a reset by port 0x92 at eip 0x100020");
    assert_string_equal(end_by(chipset, false, true),
                        "reset: the guest asked for a reset by port 0xcf9 at eip 0x100020, "
                        "reboot+0x20 (main.c:10)");
}

static void machine_takes_no_access_to_pci_for_a_reset(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0xcf8, .width = 4, .out = "\x00\x06\x00\x80"},
        {.stop = CPU_STOP_PORT, .port = 0xcfc, .width = 4},
        {.stop = CPU_STOP_HALTED},
    };

    assert_non_null(strstr(end_by(script, false, false), "halted: "));
    assert_memory_equal(paper.data, "\xff\xff\xff\xff", 4);
}

static char sent[16];

static void hear_com2(void *owner, uint8_t byte)
{
    assert_ptr_equal(owner, sent);
    strncat(sent, (const char *)&byte, 1);
}

/* A second 16550 at 0x2f8, with IRQ 3. */
static void machine_has_a_second_serial_line(void **unused)
{
    (void)unused;
    const struct machine_config options = {
        .timeout = CLOCK_NEVER, .com2 = hear_com2, .com2_owner = sent};
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0x21, .out = "\xf7"},  /* IRQ 3 alone */
        {.stop = CPU_STOP_PORT, .port = 0x2fc, .out = "\x08"}, /* OUT2 */
        {.stop = CPU_STOP_PORT, .port = 0x2f8, .count = 3, .out = "hi!"},
        {.stop = CPU_STOP_PORT, .port = 0x2f9, .out = "\x02", .interrupts_on = true},
        POWER_OFF,
    };
    struct machine *machine = paper_machine(script, &options);

    sent[0] = '\0';
    machine_run(machine);
    assert_int_equal(machine->outcome.end, END_POWER_OFF);
    assert_string_equal(sent, "hi!");
    assert_string_equal(printed, "");
    assert_int_equal(paper.injected_count, 1);
    assert_int_equal(paper.injected[0], machine_input(machine, 3).vector);
    assert_string_equal(board_irq_label(3), "COM2");
    assert_string_equal(board_irq_device(3), "16550A");
    machine_destroy(machine);
}

static unsigned heard_input, heard_edges;

static void hear_line(void *chip, unsigned input, bool level)
{
    (void)level;
    assert_ptr_equal(chip, &heard_input);
    heard_input = input;
    heard_edges++;
}

/* As an IOAPIC stands beside the 8259s. */
static void a_line_ends_at_every_controller(void **unused)
{
    (void)unused;
    static const struct interrupt_controller second = {.set_line = hear_line};
    const struct machine_config options = {.timeout = CLOCK_NEVER};
    const struct step script[] = {POWER_OFF};
    struct machine *machine = paper_machine(script, &options);

    heard_edges = 0;
    machine->sinks[machine->sink_count].controller = &second;
    machine->sinks[machine->sink_count++].chip = &heard_input;
    machine_raise(machine, 9, 0);
    assert_int_equal(heard_input, 9);
    assert_int_equal(heard_edges, 2); /* up, and down again */
    assert_int_equal(machine_input(machine, 9).raised, 1);
    machine_destroy(machine);
}

/* What walks the table counts on this. */
static void every_row_of_the_board_is_whole(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < board_count; i++) {
        const struct board_row *row = &board_rows[i];
        const struct device_kind *kind = row->kind;
        assert_true(row->name[0] && row->name[sizeof(row->name) - 1] == '\0');
        assert_true(kind->valid && kind->state_size > 0);
        assert_true(kind->state + kind->state_size <= kind->size);
        assert_true(!row->subject || kind->tell);
        for (unsigned line = 0; line < DEVICE_LINES; line++)
            assert_true(!kind->line[line].name || row->irq[line].label);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(row->name, board_rows[j].name);
    }
}

static void machine_gives_typed_bytes_to_a_guest_that_listens(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0x3fa, .out = "\x07"}, /* FIFO reset loses nothing */
        {.stop = CPU_STOP_PORT, .port = 0x3fd},                /* LSR: now it listens */
        {.stop = CPU_STOP_PORT, .port = 0x3f8},
        POWER_OFF,
    };

    assert_true(inbox_post(&inbox, INBOX_SERIAL, (struct inbox_event){.code = 'k'}));
    struct machine *machine = run_script(script, CLOCK_NEVER, false);
    assert_false(inbox_take(&inbox, INBOX_SERIAL, &(struct inbox_event){0}));
    machine_destroy(machine);
}

static void strict_machine_tells_of_an_unmapped_port_once(void **unused)
{
    (void)unused;
    const struct step script[] = {
        {.stop = CPU_STOP_PORT, .port = 0x1234},
        POWER_OFF,
    };
    struct machine *machine = run_script(script, CLOCK_NEVER, true);

    assert_non_null(strstr(warned, "0x1234"));
    machine_destroy(machine);
    machine = run_script(script, CLOCK_NEVER, false);
    assert_string_equal(warned, "");
    machine_destroy(machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_injects_the_timer_when_the_cpu_can_take_it),
        cmocka_unit_test(machine_asks_for_a_window_only_while_a_request_waits),
        cmocka_unit_test(machine_keeps_a_masked_request_from_the_cpu),
        cmocka_unit_test(machine_wakes_a_halted_cpu_for_an_interrupt),
        cmocka_unit_test(machine_ends_a_halt_with_interrupts_off),
        cmocka_unit_test(machine_ends_a_halt_with_all_inputs_masked),
        cmocka_unit_test(machine_gives_a_halt_with_interrupts_off_the_status_asked_for),
        cmocka_unit_test(machine_serves_every_element_of_string_output),
        cmocka_unit_test(machine_serves_every_element_of_string_input),
        cmocka_unit_test(machine_prints_what_hypercalls_say),
        cmocka_unit_test(machine_gives_the_guests_own_status),
        cmocka_unit_test(machine_reports_a_triple_fault),
        cmocka_unit_test(machine_tells_int_from_an_exception),
        cmocka_unit_test(machine_tells_the_place_of_a_triple_fault_if_it_is_known),
        cmocka_unit_test(machine_reports_why_the_engine_failed),
        cmocka_unit_test(machine_ends_at_its_timeout),
        cmocka_unit_test(machine_ends_when_asked_to_quit),
        cmocka_unit_test(machine_says_which_port_asked_for_a_reset_and_from_where),
        cmocka_unit_test(machine_takes_no_access_to_pci_for_a_reset),
        cmocka_unit_test(machine_has_a_second_serial_line),
        cmocka_unit_test(a_line_ends_at_every_controller),
        cmocka_unit_test(every_row_of_the_board_is_whole),
        cmocka_unit_test(machine_gives_typed_bytes_to_a_guest_that_listens),
        cmocka_unit_test(strict_machine_tells_of_an_unmapped_port_once),
    };
    return cmocka_run_group_tests_name("machine", tests, paper_set_up, paper_tear_down);
}
