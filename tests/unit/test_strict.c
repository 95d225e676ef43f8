/*
 * What --strict warns of, and what it must not: ports written and read, interrupts taken, time
 * stepped by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/recent.h"
#include "paper.h"
#include "watch/mistakes.h"
#include "watch/pit_rules.h"
#include "watch/watch.h"

#define MS UINT64_C(1000000)

static struct machine *machine;

static void out(uint32_t port, uint32_t value)
{
    machine_write(machine, &machine->ports, port, 1, value);
}

static uint8_t in(uint32_t port)
{
    return (uint8_t)machine_read(machine, &machine->ports, port, 1);
}

static void pulse(unsigned irq)
{
    i8259_set_line(&machine->pic, irq, true);
    i8259_set_line(&machine->pic, irq, false);
}

static void take(void)
{
    i8259_acknowledge(&machine->pic);
}

static void pass(uint64_t ns)
{
    paper.now += ns;
    clock_run_due(&machine->clock);
}

/* A machine whose interrupt controllers are as an operating system has them, the timer masked. */
static int set_up(void **unused)
{
    static const struct step nothing[] = {{.stop = CPU_STOP_HALTED}};
    static const uint8_t icws[][2] = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 0x04},
                                      {0x21, 0x01}, {0x21, 0x01}, {0xa0, 0x11},
                                      {0xa1, 0x28}, {0xa1, 0x02}, {0xa1, 0x01}};
    struct machine_config config = {.timeout = CLOCK_NEVER};
    const struct watch_config watch = {.strict = true};

    (void)unused;
    machine = paper_machine(nothing, &config);
    assert_true(watch_attach(machine, &watch));
    for (size_t i = 0; i < sizeof(icws) / sizeof(icws[0]); i++)
        out(icws[i][0], icws[i][1]);
    paper.ready = true;
    paper.state.gpr[CPU_ESP] = 0x1000;
    assert_string_equal(warned, "");
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    machine_destroy(machine);
    return 0;
}

/* It has warned since the last call, in these words. */
static void assert_warned(const char *words)
{
    assert_non_null(strstr(warned, words));
    warned[0] = '\0';
}

static void assert_silent(void)
{
    assert_string_equal(warned, "");
}

static void strict_tells_of_an_eoi_that_ends_nothing(void **unused)
{
    (void)unused;
    out(0x20, 0x20);
    assert_warned("an EOI to the master 8259, where nothing is in service");
    out(0x20, 0x20);
    assert_silent();
    pulse(4);
    take();
    out(0xa0, 0x20);
    assert_warned("an EOI to the slave 8259");
    out(0x20, 0x20);
    assert_silent();
}

static void strict_tells_of_a_specific_eoi_for_another(void **unused)
{
    (void)unused;
    pulse(4);
    take();
    out(0x20, 0x63);
    assert_warned("a specific EOI to the master 8259 for IRQ 3");
    out(0x20, 0x64);
    assert_silent();
}

static void strict_knows_both_eois_of_the_slave(void **unused)
{
    (void)unused;
    pulse(10);
    take();
    out(0xa0, 0x20);
    out(0x20, 0x20);
    pass(500 * MS);
    assert_silent();
}

static void strict_tells_of_an_eoi_that_never_comes(void **unused)
{
    (void)unused;
    pulse(4);
    take();
    pass(1000 * MS); /* nobody waits for it */
    assert_silent();
    pulse(3);
    pass(99 * MS); /* IRQ 3 is above, and could come */
    assert_silent();
    pulse(5);
    pass(101 * MS);
    assert_warned("IRQ 4 has been in service for");
    pass(1000 * MS);
    assert_silent();
}

static void strict_waits_for_a_slow_handler(void **unused)
{
    (void)unused;
    pulse(4);
    take();
    pulse(4);
    paper.ready = false; /* IF: it has not come back */
    pass(99 * MS);
    pass(1000 * MS);
    assert_silent();
    out(0x20, 0x20);
    take();
    paper.ready = true;
    pass(50 * MS);
    out(0x20, 0x20);
    pass(1000 * MS);
    assert_silent();
}

static void strict_tells_of_a_missing_eoi_at_the_master(void **unused)
{
    (void)unused;
    pulse(8);
    take();
    out(0xa0, 0x20);
    pulse(8);
    pass(201 * MS);
    assert_warned("IRQ 2 (the slave's, at the master) has been in service");
}

static void strict_tells_of_a_key_that_is_not_read(void **unused)
{
    (void)unused;
    i8042_raw(&machine->keyboard, 0x1e);
    pass(1 * MS);
    take();
    out(0x20, 0x20);
    pass(50 * MS);
    assert_silent();
    pass(51 * MS);
    pass(101 * MS);
    assert_warned("port 0x60 has not been read since");
}

static void strict_lets_a_key_be_read_later(void **unused)
{
    (void)unused;
    i8042_raw(&machine->keyboard, 0x1e);
    pass(1 * MS);
    take();
    out(0x20, 0x20);
    pass(50 * MS);
    in(0x60);
    pass(500 * MS);
    assert_silent();
}

static void strict_knows_the_order_of_icws(void **unused)
{
    (void)unused;
    out(0x20, 0x11);
    out(0x20, 0x0a);
    assert_warned("OCW3 (0x0a) to the master 8259, which waits for ICW2");
    out(0x21, 0x20);
    out(0x20, 0x11);
    assert_warned("ICW1 to the master 8259, which still waits for ICW3 of the previous ICW1");
    out(0x21, 0x20);
    out(0x21, 0x02);
    assert_warned("ICW3 0x02 to the master 8259: on a PC the slave is at input 2 (0x04)");
    out(0x21, 0xfe);
    assert_warned("ICW4 0xfe to the master 8259 looks like a mask");
    out(0xa0, 0x11);
    out(0xa1, 0x28);
    out(0xa1, 0x04);
    assert_warned("ICW3 0x04 to the slave 8259");
    out(0xa1, 0x00);
    assert_warned("without bit 0");
}

static void strict_tells_of_icw1_without_icw4(void **unused)
{
    (void)unused;
    out(0x20, 0x10);
    assert_warned("says that no ICW4 follows");
}

static void strict_tells_of_a_mask_before_icw1(void **unused)
{
    (void)unused;
    machine->pic.slave.awaited_icw = 1; /* as at power on */
    out(0xa1, 0xff);
    assert_warned("a mask for the slave 8259, which was never initialised");
}

static void strict_tells_of_an_eoi_for_a_spurious_interrupt(void **unused)
{
    (void)unused;
    take(); /* nothing asks: IRQ 7 */
    paper.state.gpr[CPU_ESP] -= 12;
    out(0x20, 0x20);
    assert_warned("spurious IRQ 7, which needs none");
}

static void strict_tells_whom_that_eoi_ends(void **unused)
{
    (void)unused;
    pulse(4);
    take();
    paper.state.gpr[CPU_ESP] -= 12;
    take();
    paper.state.gpr[CPU_ESP] -= 12;
    out(0x20, 0x20);
    assert_warned("ended IRQ 4");
}

/* It is for the interrupt whose handler goes on when the spurious one's has returned. */
static void strict_knows_whose_eoi_it_is(void **unused)
{
    (void)unused;
    pulse(4);
    take();
    paper.state.gpr[CPU_ESP] -= 12;
    take();
    out(0x20, 0x20);
    assert_silent();
}

static void strict_wants_the_masters_eoi_of_a_spurious_irq_15(void **unused)
{
    (void)unused;
    pulse(10);
    out(0xa1, 0xff);
    take();
    paper.state.gpr[CPU_ESP] -= 12;
    out(0x20, 0x20);
    assert_silent();
    out(0xa0, 0x20);
    assert_warned("the slave 8259 for a spurious IRQ 15");
}

static void strict_tells_of_a_counter_that_is_not_latched(void **unused)
{
    (void)unused;
    out(0x43, 0x34);
    out(0x40, 0x00);
    out(0x40, 0x10);
    pass(1 * MS);
    out(0x43, 0x00);
    in(0x40);
    in(0x40);
    assert_silent();
    in(0x40);
    assert_warned("counter 0 of the 8254 is read while it counts, without a latch");
    out(0x43, 0x54); /* one byte needs none */
    out(0x41, 0x10);
    pass(1 * MS);
    in(0x41);
    assert_silent();
}

static void strict_tells_of_a_keyboard_controller_not_asked(void **unused)
{
    (void)unused;
    in(0x64);
    out(0x64, 0xae);
    in(0x64);
    out(0x60, 0xf4);
    assert_silent();
    out(0x60, 0xed);
    assert_warned("port 0x60 is written, but port 0x64 was not read since");
}

static void strict_tells_of_a_full_transmitter(void **unused)
{
    (void)unused;
    out(0x3fb, 0x80);
    out(0x3f8, 0x0c); /* 9600 baud: 1.04 ms a byte */
    out(0x3f9, 0x00);
    out(0x3fb, 0x03);
    for (int i = 0; i < 10; i++) {
        in(0x3fd);
        out(0x3f8, 'a'); /* asked each time */
    }
    pass(20 * MS);
    for (int i = 0; i < 10; i++) {
        out(0x3f8, 'b'); /* slowly */
        pass(2 * MS);
    }
    assert_silent();
    out(0x3f8, 'c');
    out(0x3f8, 'c');
    assert_silent(); /* one is on the wire, one in THR */
    out(0x3f8, 'c');
    assert_warned("a byte is written to COM1 before");
}

static void strict_knows_the_transmitters_fifo(void **unused)
{
    (void)unused;
    out(0x3fb, 0x80);
    out(0x3f8, 0x01);
    out(0x3f9, 0x00);
    out(0x3fb, 0x03);
    out(0x3fa, 0x01);
    for (int i = 0; i < 17; i++)
        out(0x3f8, 'a');
    assert_silent();
    out(0x3f8, 'a');
    assert_warned("a byte is written to COM1 before");
}

static void strict_tells_of_each_address_once(void **unused)
{
    (void)unused;
    in(0x1234);
    assert_warned(": 1-byte read from port 0x1234, where no device is");
    in(0x1234);
    assert_silent();
    machine_write(machine, &machine->mmio, 0xfec00000, 4, 0);
    assert_warned(": 4-byte write to address 0xfec00000");
}

static void strict_does_not_tell_of_all_addresses(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 62; i++)
        in(0x8000 + i);
    warned[0] = '\0';
    in(0x9000);
    assert_warned(": 1-byte read from port 0x9000, where no device is");
    in(0x9001);
    assert_warned("more accesses to where nothing is are not told");
    in(0x9002);
    assert_silent();
}

static void strict_tells_of_a_write_to_rom(void **unused)
{
    (void)unused;
    assert_true(memory_map_set(&machine->memory, 0xf0000, 0x10000, MEMORY_ROM));
    machine_write(machine, &machine->mmio, 0xf1234, 2, 0);
    assert_warned(": 2-byte write to address 0xf1234, where ROM is");
    machine_write(machine, &machine->mmio, 0xf1234, 2, 0);
    assert_silent();
}

/* ---- the RTC ---- */

/* IRQ 8 has come and was ended at both controllers. */
static void end_clock_interrupt(void)
{
    out(0x70, 0x0b);
    out(0x71, 0x42); /* PIE */
    pass(2 * MS);
    take();
    out(0xa0, 0x20);
    out(0x20, 0x20);
}

static void strict_tells_of_an_rtc_that_is_not_read(void **unused)
{
    (void)unused;
    end_clock_interrupt();
    pass(50 * MS);
    assert_silent();
    pass(51 * MS);
    pass(101 * MS);
    assert_warned("the RTC's register C");
}

static void strict_lets_the_rtc_be_read_later(void **unused)
{
    (void)unused;
    end_clock_interrupt();
    pass(50 * MS);
    out(0x70, 0x0c);
    in(0x71);
    pass(500 * MS);
    assert_silent();
}

/* ---- the 8254 ---- */

static void set_counter_0(uint32_t count)
{
    out(0x43, 0x36);
    out(0x40, count & 0xff);
    out(0x40, count >> 8 & 0xff);
}

static void strict_knows_usual_rates(void **unused)
{
    static const uint32_t counts[] = {0, 11932, 11931, 1193, 59659, 23863, 4661, 239};

    (void)unused;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        set_counter_0(counts[i]);
    assert_silent();
}

static void strict_tells_of_a_count_that_is_too_large(void **unused)
{
    uint32_t meant;

    (void)unused;
    set_counter_0(119318);
    assert_warned("given 53782, the low 16 bits of 119318, which 10 Hz would need: the timer runs "
                  "at 22.2 Hz");
    assert_int_equal(pit_rules_overflow(1193182 & 0xffff, &meant), 1);
    assert_int_equal(meant, 1193182);
    assert_int_equal(pit_rules_overflow(11932, &meant), 0);
}

static void strict_tells_of_bytes_in_the_wrong_order(void **unused)
{
    (void)unused;
    set_counter_0(0x9c2e);
    assert_warned("which is 29.8 Hz: the low byte of a count comes first");
    set_counter_0(60000);
    assert_silent();
}

static void strict_tells_of_a_control_word_at_a_counter(void **unused)
{
    (void)unused;
    out(0x40, 0x36);
    assert_warned("0x36, which looks like a control word, goes to counter 0");
}

static void strict_lets_a_count_look_like_a_control_word(void **unused)
{
    (void)unused;
    set_counter_0(0x0536);
    out(0x40, 0x36);
    assert_silent();
}

/* ---- the processor's state ---- */

#define FLAT_STACK UINT16_C(0xc093)

static void be_protected(void)
{
    paper.state.cr0 |= CR0_PE;
    paper.state.eflags |= EFLAGS_IF;
    paper.state.segment[CPU_SS].attributes = FLAT_STACK;
}

static void strict_tells_of_an_irq_at_an_exceptions_vector(void **unused)
{
    (void)unused;
    out(0x20, 0x11);
    out(0x21, 0x08);
    out(0x21, 0x04);
    out(0x21, 0x01);
    pulse(5);
    take();
    out(0x20, 0x20);
    assert_silent(); /* in real mode it is right */
    be_protected();
    pulse(5);
    take();
    assert_warned("IRQ 5 came at vector 13, which is #GP's: the PIC was not moved");
}

static void strict_tells_of_a_lost_stack(void **unused)
{
    (void)unused;
    be_protected();
    pulse(5);
    take();
    out(0x20, 0x20);
    assert_silent();
    paper.state.gpr[CPU_ESP] = 0x80000000;
    pulse(5);
    take();
    assert_warned("the stack (esp 0x80000000) is not in RAM");
}

static void strict_tells_of_a_stack_in_code(void **unused)
{
    (void)unused;
    be_protected();
    machine->image.code_lowest = 0xff0;
    machine->image.code_highest = 0x1000;
    pulse(5);
    take();
    assert_warned("is inside the image's code, 0xff0 to 0x1000");
}

static void strict_tells_of_ring_3_without_a_stack(void **unused)
{
    static const uint32_t stack[2] = {0x5000, 0x10};

    (void)unused;
    be_protected();
    paper.state.segment[CPU_CS].selector = 0x1b;
    paper.state.tr = (struct cpu_segment){.base = 0x2000, .selector = 0x28, .attributes = 0x8b};
    assert_true(memory_write(&machine->memory, 0x2004, stack, sizeof(stack)));
    pulse(5);
    take();
    out(0x20, 0x20);
    assert_silent();
    assert_true(memory_write(&machine->memory, 0x2004, &(uint64_t){0}, sizeof(stack)));
    pulse(5);
    take();
    assert_warned("SS0:ESP0 of the TSS at 0x2000 is 0:0");
}

static void strict_tells_of_an_esp0_outside_ram(void **unused)
{
    static const uint32_t stack[2] = {0, 0x10};

    (void)unused;
    be_protected();
    paper.state.segment[CPU_CS].selector = 0x1b;
    paper.state.tr = (struct cpu_segment){.base = 0x2000, .selector = 0x28, .attributes = 0x8b};
    assert_true(memory_write(&machine->memory, 0x2004, stack, sizeof(stack)));
    pulse(5);
    take();
    assert_warned("SS0:ESP0 of the TSS at 0x2000 is 0x10:0: an interrupt has no stack");
}

static void strict_tells_of_df_in_a_handler(void **unused)
{
    (void)unused;
    be_protected();
    paper.state.eflags |= EFLAGS_DF;
    pulse(5);
    take();
    paper.state.eflags &= ~EFLAGS_DF; /* CLD */
    out(0x20, 0x20);
    assert_silent();
    paper.state.eflags |= EFLAGS_DF;
    pulse(5);
    take();
    out(0x20, 0x20);
    assert_warned("the handler of IRQ 5 runs with DF set");
}

static void strict_tells_of_an_access_to_page_0(void **unused)
{
    static const uint32_t directory = 0x4003, table = 0x0003, accessed = 0x0023;

    (void)unused;
    be_protected();
    paper.state.cr0 |= CR0_PG;
    paper.state.cr3 = 0x3000;
    assert_true(memory_write(&machine->memory, 0x3000, &directory, 4));
    assert_true(memory_write(&machine->memory, 0x4000, &table, 4));
    pulse(5);
    take();
    out(0x20, 0x20);
    warned[0] = '\0'; /* the stack is not mapped */
    assert_true(memory_write(&machine->memory, 0x4000, &accessed, 4));
    pulse(5);
    take();
    assert_warned("page 0 is mapped, and was accessed before");
}

/* ---- without --strict ---- */

static int set_up_quiet(void **unused)
{
    static const struct step nothing[] = {{.stop = CPU_STOP_HALTED}};
    struct machine_config config = {.timeout = CLOCK_NEVER};
    const struct watch_config watch = {.remembers = true};

    (void)unused;
    machine = paper_machine(nothing, &config);
    assert_true(watch_attach(machine, &watch));
    return 0;
}

static void mistakes_are_kept_quiet(void **unused)
{
    const struct mistakes *mistakes = watch_mistakes(machine);

    (void)unused;
    set_counter_0(119318);
    set_counter_0(119318);
    in(0x1234);
    assert_silent();
    assert_int_equal(mistakes->count, 1);
    assert_int_equal(mistakes->kept[0].mistake, PIT_DIVISOR);
    assert_non_null(strstr(mistakes->kept[0].text, "the low 16 bits of 119318"));
    assert_false(mistakes_are_fatal(mistakes));
}

static void accesses_are_remembered(void **unused)
{
    const struct recent *recent = watch_recent(machine);

    (void)unused;
    in(0x1f7);
    out(0x80, 0x55);
    assert_int_equal(recent->accesses, 2);
    assert_int_equal(recent->access[0].address, 0x1f7);
    assert_int_equal(recent->access[0].value, 0xff);
    assert_true(recent->access[0].is_absent && !recent->access[0].is_write);
    assert_int_equal(recent->access[1].value, 0x55);
    assert_false(recent->access[1].is_absent);
}

static void exceptions_are_counted_by_place_and_reason(void **unused)
{
    struct recent recent = {0};
    struct cpu_call fault = {.time = 1, .vector = 14, .error = 2, .from = 0x100, .cr2 = 0x5000};
    struct cpu_call other = {.time = 2, .vector = 6, .from = 0x200, .cr2 = 0x5000};

    (void)unused;
    recent_exception(&recent, &fault);
    recent_exception(&recent, &other);
    fault.time = 3;
    recent_exception(&recent, &fault);
    assert_int_equal(recent.call[0].from, 0x100);
    assert_int_equal(recent.call[0].count, 2);
    assert_int_equal(recent.call[0].first, 1);
    assert_int_equal(recent.call[0].last, 3);
    assert_int_equal(recent.call[1].vector, 6);
    fault.cr2 = 0x6000; /* another page is progress */
    recent_exception(&recent, &fault);
    assert_int_equal(recent.call[0].count, 1);
    assert_int_equal(recent.call[1].count, 2);
    other.cr2 = 7; /* of a page fault long ago */
    recent_exception(&recent, &other);
    assert_int_equal(recent.call[0].count, 2);
}

#define STRICT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define QUIET_TEST(name)  cmocka_unit_test_setup_teardown(name, set_up_quiet, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STRICT_TEST(strict_tells_of_an_eoi_that_ends_nothing),
        STRICT_TEST(strict_tells_of_a_specific_eoi_for_another),
        STRICT_TEST(strict_knows_both_eois_of_the_slave),
        STRICT_TEST(strict_tells_of_an_eoi_that_never_comes),
        STRICT_TEST(strict_waits_for_a_slow_handler),
        STRICT_TEST(strict_tells_of_a_missing_eoi_at_the_master),
        STRICT_TEST(strict_tells_of_a_key_that_is_not_read),
        STRICT_TEST(strict_lets_a_key_be_read_later),
        STRICT_TEST(strict_knows_the_order_of_icws),
        STRICT_TEST(strict_tells_of_icw1_without_icw4),
        STRICT_TEST(strict_tells_of_a_mask_before_icw1),
        STRICT_TEST(strict_tells_of_an_eoi_for_a_spurious_interrupt),
        STRICT_TEST(strict_tells_whom_that_eoi_ends),
        STRICT_TEST(strict_knows_whose_eoi_it_is),
        STRICT_TEST(strict_wants_the_masters_eoi_of_a_spurious_irq_15),
        STRICT_TEST(strict_tells_of_a_counter_that_is_not_latched),
        STRICT_TEST(strict_tells_of_a_keyboard_controller_not_asked),
        STRICT_TEST(strict_tells_of_a_full_transmitter),
        STRICT_TEST(strict_knows_the_transmitters_fifo),
        STRICT_TEST(strict_tells_of_a_write_to_rom),
        STRICT_TEST(strict_does_not_tell_of_all_addresses),
        STRICT_TEST(strict_tells_of_each_address_once),
        STRICT_TEST(strict_tells_of_an_rtc_that_is_not_read),
        STRICT_TEST(strict_lets_the_rtc_be_read_later),
        STRICT_TEST(strict_knows_usual_rates),
        STRICT_TEST(strict_tells_of_a_count_that_is_too_large),
        STRICT_TEST(strict_tells_of_bytes_in_the_wrong_order),
        STRICT_TEST(strict_tells_of_a_control_word_at_a_counter),
        STRICT_TEST(strict_lets_a_count_look_like_a_control_word),
        STRICT_TEST(strict_tells_of_an_irq_at_an_exceptions_vector),
        STRICT_TEST(strict_tells_of_a_lost_stack),
        STRICT_TEST(strict_tells_of_a_stack_in_code),
        STRICT_TEST(strict_tells_of_ring_3_without_a_stack),
        STRICT_TEST(strict_tells_of_an_esp0_outside_ram),
        STRICT_TEST(strict_tells_of_df_in_a_handler),
        STRICT_TEST(strict_tells_of_an_access_to_page_0),
        QUIET_TEST(mistakes_are_kept_quiet),
        QUIET_TEST(accesses_are_remembered),
        cmocka_unit_test(exceptions_are_counted_by_place_and_reason),
    };
    return cmocka_run_group_tests_name("strict", tests, paper_set_up, paper_tear_down);
}
