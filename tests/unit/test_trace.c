/*
 * What --trace writes: a machine whose time is stepped by hand, its interrupt lines driven, and the
 * lines of its trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paper.h"
#include "watch/trace/summary.h"
#include "watch/watch.h"

#define TIME_WIDTH 16 /* of a line, with its blank */

static char trace_path[64];
static struct trace_file *file;
static struct watch_config watch;
static struct machine *machine;
static FILE *lines;

/* A machine with a trace of these categories, its interrupt controllers at vectors 0x20 and 0x28,
 * all open, as an operating system has them; and a CPU that takes interrupts. */
static void begin(const char *categories, const char *suffix)
{
    static const struct step nothing[] = {{.stop = CPU_STOP_HALTED}};
    static const uint8_t icws[][2] = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 0x04}, {0x21, 0x01},
                                      {0xa0, 0x11}, {0xa1, 0x28}, {0xa1, 0x02}, {0xa1, 0x01}};
    struct machine_config config = {.timeout = CLOCK_NEVER};
    char error[200];
    int fd;

    snprintf(trace_path, sizeof(trace_path), "/tmp/trace-test-XXXXXX%s", suffix);
    fd = mkstemps(trace_path, (int)strlen(suffix));
    assert_true(fd >= 0);
    close(fd);
    file = trace_file_new(trace_path);
    watch.trace = trace_open(file, trace_parse(categories, error, sizeof(error)), "guest", error,
                             sizeof(error));
    assert_non_null(watch.trace);
    machine = paper_machine(nothing, &config);
    assert_true(watch_attach(machine, &watch));
    for (size_t i = 0; i < sizeof(icws) / sizeof(icws[0]); i++)
        bus_write(&machine->ports, icws[i][0], 1, icws[i][1]);
    paper.ready = true;
}

static void out(uint32_t port, uint32_t value)
{
    machine_write(machine, &machine->ports, port, 1, value);
}

static void raise_line(unsigned irq)
{
    i8259_set_line(&machine->pic, irq, true);
}

static void pulse(unsigned irq)
{
    raise_line(irq);
    i8259_set_line(&machine->pic, irq, false);
}

static void take(void)
{
    i8259_acknowledge(&machine->pic);
}

/* Ends the trace, to be read. */
static void end(void)
{
    struct trace *trace = watch.trace;
    char first[100];

    machine_destroy(machine);
    assert_int_equal(trace_close(trace), 0);
    trace_file_release(file);
    lines = fopen(trace_path, "r");
    assert_non_null(lines);
    assert_non_null(fgets(first, sizeof(first), lines));
}

/* The next line is this, behind its time. */
static void expect(const char *text)
{
    char line[300] = "";

    assert_non_null(fgets(line, sizeof(line), lines));
    line[strcspn(line, "\n")] = '\0';
    assert_true(strlen(line) > TIME_WIDTH);
    assert_string_equal(line + TIME_WIDTH, text);
}

static void expect_end(void)
{
    char line[300];

    assert_null(fgets(line, sizeof(line), lines));
    fclose(lines);
    unlink(trace_path);
}

static void trace_tells_the_life_of_an_interrupt(void **unused)
{
    char line[100];

    (void)unused;
    begin("irq", "");
    paper.now = 1000;
    raise_line(1);
    paper.now += 250;
    take();
    machine->observer->interrupt(machine->observer, 0x21);
    paper.now += 1000;
    out(0x20, 0x20);
    end();
    assert_non_null(fgets(line, sizeof(line), lines));
    assert_string_equal(line, "    0.000001000 irq       raise     irq=1  from=i8042 state=open\n");
    expect("irq       ack       irq=1  vector=0x21 after=250ns");
    expect("irq       handler   irq=1  back=0x00000000 eip=0x00000000 (by the IDT)");
    expect("irq       eoi       irq=1  ocw2=0x20 after=1000ns non-specific");
    expect_end();
}

static void trace_shows_interrupts_within_interrupts(void **unused)
{
    (void)unused;
    begin("irq", "");
    pulse(4);
    take();
    paper.now += 10;
    pulse(0);
    take();
    pulse(3); /* above 4, below 0 */
    paper.now += 10;
    out(0x20, 0x20);
    take();
    out(0x20, 0x63);
    out(0x20, 0x20);
    end();
    expect("irq       raise     irq=4  from=16550A state=open");
    expect("irq       ack       irq=4  vector=0x24 after=0ns");
    expect("irq       raise     irq=0  from=i8254 state=open");
    expect("irq       ack       irq=0  vector=0x20 after=0ns");
    expect("irq       raise     irq=3  from=16550A state=held");
    expect("irq       eoi       irq=0  ocw2=0x20 after=10ns non-specific");
    expect("irq       ack       irq=3  vector=0x23 after=10ns");
    expect("irq       eoi       irq=3  ocw2=0x63 after=0ns specific");
    expect("irq       eoi       irq=4  ocw2=0x20 after=20ns non-specific");
    expect_end();
}

static void trace_shows_what_holds_a_request_back(void **unused)
{
    (void)unused;
    begin("irq", "");
    out(0x21, 0x02);
    pulse(1);
    out(0x21, 0x04);
    pulse(8); /* by the cascade's mask */
    paper.ready = false;
    pulse(4);
    paper.ready = true;
    paper.now = 500;
    take();
    end();
    expect("irq       raise     irq=1  from=i8042 state=masked");
    expect("irq       raise     irq=8  from=mc146818 state=masked");
    expect("irq       raise     irq=4  from=16550A state=if-clear");
    expect("irq       ack       irq=1  vector=0x21 after=500ns");
    expect_end();
}

static void trace_tells_of_an_edge_that_is_lost(void **unused)
{
    (void)unused;
    begin("irq", "");
    pulse(0);
    paper.now = 70;
    pulse(0);
    take();
    pulse(0); /* a new one: it waits for the EOI */
    end();
    expect("irq       raise     irq=0  from=i8254 state=open");
    expect("irq       lost      irq=0  from=i8254 state=open");
    expect("irq       ack       irq=0  vector=0x20 after=70ns");
    expect("irq       raise     irq=0  from=i8254 state=held");
    expect_end();
}

static void trace_tells_of_spurious_interrupts(void **unused)
{
    (void)unused;
    begin("irq", "");
    take(); /* nothing asks */
    pulse(10);
    out(0xa1, 0xff); /* too late: the master has latched it */
    take();
    out(0x20, 0x20);
    out(0xa0, 0x20);
    out(0xa0, 0x62);
    end();
    expect("irq       spurious  irq=7  vector=0x27");
    expect("irq       raise     irq=10 from=virtio-blk state=open");
    expect("irq       spurious  irq=15 vector=0x2f");
    expect("irq       eoi       irq=2  ocw2=0x20 non-specific");
    expect("irq       vain-eoi  irq=8  ocw2=0x20 nothing is in service there");
    expect("irq       vain-eoi  irq=10 ocw2=0x62 this input is not in service");
    expect_end();
}

static void trace_knows_automatic_eois(void **unused)
{
    (void)unused;
    begin("irq", "");
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, 0x03);
    pulse(1);
    take();
    out(0x20, 0x20);
    end();
    expect("irq       raise     irq=1  from=i8042 state=open");
    expect("irq       ack       irq=1  vector=0x21 after=0ns automatic EOI");
    expect("irq       vain-eoi  irq=0  ocw2=0x20 nothing is in service there");
    expect_end();
}

static void trace_tells_of_polls_and_of_what_icw1_forgets(void **unused)
{
    (void)unused;
    begin("irq", "");
    pulse(1);
    out(0x20, 0x0c);
    paper.now = 40;
    machine_read(machine, &machine->ports, 0x20, 1);
    pulse(4);
    paper.now = 100;
    out(0x20, 0x11);
    end();
    expect("irq       raise     irq=1  from=i8042 state=open");
    expect("irq       poll      irq=1  after=40ns");
    expect("irq       raise     irq=4  from=16550A state=held");
    expect("irq       forget    irq=1  after=60ns ICW1");
    expect("irq       forget    irq=4  after=60ns ICW1");
    expect_end();
}

static void trace_puts_an_access_before_what_it_does(void **unused)
{
    (void)unused;
    begin("irq,io,hypercall", "");
    pulse(1);
    take();
    out(0x20, 0x20);
    machine_read(machine, &machine->ports, 0x64, 1);
    paper.state.gpr[CPU_EBX] = 'x';
    out(0x500, 1);
    machine_read(machine, &machine->ports, 0x1234, 2);
    end();
    expect("irq       raise     irq=1  from=i8042 state=open");
    expect("irq       ack       irq=1  vector=0x21 after=0ns");
    expect("io        out       port=0x020 value=0x20 8259 master command");
    expect("irq       eoi       irq=1  ocw2=0x20 after=0ns non-specific");
    expect("io        in        port=0x064 value=0x14 8042 status");
    expect("io        out       port=0x500 value=0x01 hypercall");
    expect("hypercall call      number=1 ebx=0x78 putchar");
    expect("io        in        port=0x1234 value=0xffff (nothing is there)");
    expect_end();
}

static void trace_writes_only_what_was_asked_for(void **unused)
{
    (void)unused;
    begin("mmio", "");
    pulse(1);
    take();
    out(0x20, 0x20);
    end();
    expect_end();
}

static void trace_goes_on_over_a_reset(void **unused)
{
    struct trace_event event = {.kind = TRACE_END, .time = 5, .since = CLOCK_NEVER};
    char line[100];

    (void)unused;
    begin("irq", "");
    trace_reset(watch.trace, 1000);
    trace_put(watch.trace, &event);
    end();
    assert_non_null(fgets(line, sizeof(line), lines));
    assert_string_equal(line, "    0.000001005 machine   end      \n");
    expect_end();
}

/* Slices are opened and closed in pairs on each track, also where the trace begins in the middle.
 */
static void trace_for_perfetto_has_whole_slices(void **unused)
{
    static char text[100000];
    unsigned depth[64] = {0}, slices = 0;
    size_t length;

    (void)unused;
    begin("irq,halt", ".json");
    pulse(4);
    take();
    pulse(4);
    pulse(0);
    take();
    machine->observer->halt(machine->observer);
    out(0x20, 0x20);
    out(0x20, 0x20);
    take();
    out(0x20, 0x20);
    out(0x20, 0x20); /* of nothing */
    pulse(1);
    machine->observer->end(machine->observer, "halted");
    end();
    length = fread(text, 1, sizeof(text) - 1, lines);
    assert_string_equal(text + length - 4, "}\n]\n");
    for (char *at = text; (at = strstr(at, "{\"ph\":\"")); at++) {
        unsigned track;
        char phase = at[7];
        assert_int_equal(sscanf(at + 8, "\",\"pid\":1,\"tid\":%u", &track), 1);
        assert_true(track < 64);
        if (phase == 'B') {
            assert_int_equal(depth[track]++, 0);
            slices++;
        } else if (phase == 'E') {
            assert_int_equal(depth[track]--, 1);
        }
    }
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(depth[i], 0);
    assert_int_equal(slices, 4 + 3 + 1); /* waits, services, the halt */
    expect_end();
}

static void trace_refuses_unknown_categories(void **unused)
{
    char error[200] = "";

    (void)unused;
    assert_int_equal(trace_parse("all", error, sizeof(error)), TRACE_ALL);
    assert_int_equal(trace_parse("irq,io", error, sizeof(error)),
                     1u << CATEGORY_IRQ | 1u << CATEGORY_IO);
    assert_string_equal(error, "");
    assert_int_equal(trace_parse("irq,net", error, sizeof(error)), 0);
    assert_non_null(strstr(error, "'net'"));
    assert_non_null(strstr(error, "irq exc int io"));
    assert_int_equal(trace_parse("", error, sizeof(error)), 0);
    assert_int_equal(trace_parse("irq,", error, sizeof(error)), 0);
}

/* ---- the summary ---- */

static char summary[10000], complaint[400];

static bool sum_up(const char *trace)
{
    FILE *from = fmemopen((void *)(uintptr_t)trace, strlen(trace), "r");
    FILE *to = fmemopen(summary, sizeof(summary), "w");
    bool ok;

    memset(summary, 0, sizeof(summary));
    ok = trace_summary(from, "t", to, complaint, sizeof(complaint));
    fclose(from);
    fclose(to);
    return ok;
}

#define MAGIC "# vmm trace 1\n"

static void summary_finds_what_is_wrong(void **unused)
{
    (void)unused;
    assert_true(sum_up(MAGIC "0.000000000 irq raise irq=1 from=i8042 state=open\n"
                             "0.000000300 irq ack irq=1 vector=0x21 after=300ns\n"
                             "0.000000400 io in port=0x61 value=0x00\n"
                             "0.000000500 irq raise irq=4 from=16550A state=held\n"
                             "0.200000000 machine end halted\n"));
    assert_non_null(strstr(summary, "lost EOI: IRQ 1 was taken at 0.000000300 s"));
    assert_non_null(strstr(summary, "held back since: 1"));
    assert_non_null(strstr(summary, "unread key: port 0x60 was not read after 1 of IRQ 1"));
    assert_non_null(strstr(summary, "256 -> 511        : 1        |****"));
    assert_true(sum_up(MAGIC "0.000000300 irq ack irq=1 vector=0x21\n"
                             "0.000000400 io in port=0x60 value=0x1e\n"
                             "0.000000500 irq eoi irq=1 ocw2=0x20 after=200ns\n"
                             "9.000000000 machine end halted\n"));
    assert_null(strstr(summary, "lost EOI"));
    assert_null(strstr(summary, "unread"));
}

/* 100 within a millisecond are one; 100 in a little more are none. */
static void summary_finds_storms(void **unused)
{
    static char trace[20000];

    (void)unused;
    for (unsigned step = 10; step <= 11; step++) {
        size_t used = (size_t)sprintf(trace, MAGIC);
        for (unsigned i = 0; i <= 100; i++)
            used += (size_t)sprintf(trace + used, "0.%09u irq ack irq=0 vector=0x20\n",
                                    i * step * 1000 - (step == 10 && i == 100));
        assert_true(sum_up(trace));
        assert_true((strstr(summary, "storm: IRQ 0") != NULL) == (step == 10));
    }
}

static void summary_keeps_guests_apart(void **unused)
{
    (void)unused;
    assert_true(sum_up(MAGIC "a: 0.000000001 machine end exit\n"
                             "b: 0.000000001 int software vector=0x80\n"));
    assert_non_null(strstr(summary, "a: 1 events"));
    assert_non_null(strstr(summary, "b: 1 events"));
    assert_non_null(strstr(summary, "1 of INT 0x80"));
}

/* Lives after --restart begin at 0 again: ten times ten interrupts at the same times are no storm.
 */
static void summary_puts_lives_one_behind_the_other(void **unused)
{
    static char trace[20000];
    size_t used = (size_t)sprintf(trace, MAGIC);

    (void)unused;
    for (unsigned life = 0; life <= 10; life++) {
        for (unsigned i = 0; i < 10; i++)
            used += (size_t)sprintf(trace + used, "0.0%u0000000 irq ack irq=0 vector=0x20\n", i);
        used += (size_t)sprintf(trace + used, "0.100000000 machine end timeout\n");
    }
    assert_true(sum_up(trace));
    assert_null(strstr(summary, "storm"));
    assert_non_null(strstr(summary, "t: 121 events in 1.100000000 s"));
}

static void summary_names_the_line_that_is_none(void **unused)
{
    static const char *const bad[] = {
        "0.1 irq ack irq=1\n",
        "0.000000001 irq frobnicate\n",
        "0.000000001 io ack irq=1\n",
        "0.000000001 irq ack irq=16\n",
        "0.000000001 irq ack irq=-1\n",
        "0.000000001 irq ack\n",
        "0.000000001 io in port=0x10000\n",
        "0.000000001 int software vector=256\n",
        "99999999999.000000001 machine end\n",
        "x:\n",
        "0.000000001 irq raise irq=1 from=\033[2J\n",
        "\n",
    };
    char trace[200];

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(trace, sizeof(trace), MAGIC "# a comment\n%s", bad[i]);
        assert_false(sum_up(trace));
        assert_non_null(strstr(complaint, "t:3: this is no line of a trace"));
    }
    assert_false(sum_up("[\n"));
    assert_non_null(strstr(complaint, "Perfetto"));
    assert_false(sum_up("\n"));
    assert_true(sum_up(MAGIC "0.000000001 machine end\n0.00000"));
    assert_non_null(strstr(complaint, "t:3: the trace is cut short here"));
    assert_non_null(strstr(summary, "1 events"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_tells_the_life_of_an_interrupt),
        cmocka_unit_test(trace_shows_interrupts_within_interrupts),
        cmocka_unit_test(trace_shows_what_holds_a_request_back),
        cmocka_unit_test(trace_tells_of_an_edge_that_is_lost),
        cmocka_unit_test(trace_tells_of_spurious_interrupts),
        cmocka_unit_test(trace_knows_automatic_eois),
        cmocka_unit_test(trace_tells_of_polls_and_of_what_icw1_forgets),
        cmocka_unit_test(trace_puts_an_access_before_what_it_does),
        cmocka_unit_test(trace_writes_only_what_was_asked_for),
        cmocka_unit_test(trace_goes_on_over_a_reset),
        cmocka_unit_test(trace_for_perfetto_has_whole_slices),
        cmocka_unit_test(trace_refuses_unknown_categories),
        cmocka_unit_test(summary_finds_what_is_wrong),
        cmocka_unit_test(summary_finds_storms),
        cmocka_unit_test(summary_keeps_guests_apart),
        cmocka_unit_test(summary_puts_lives_one_behind_the_other),
        cmocka_unit_test(summary_names_the_line_that_is_none),
    };
    return cmocka_run_group_tests_name("trace", tests, paper_set_up, paper_tear_down);
}
