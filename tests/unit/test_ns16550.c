/*
 * Tests of the 16550A (vmm/dev/ns16550): ports in and out, bytes at the far end of the wire, the
 * level of its line, a stepped clock. Behaviour is that of the PC16550D data sheet.
 */
#include "chip.h"
#include "dev/ns16550.h"

#define BASE 0x3f8
#define RBR  (BASE + 0)
#define THR  (BASE + 0)
#define IER  (BASE + 1)
#define IIR  (BASE + 2)
#define FCR  (BASE + 2)
#define LCR  (BASE + 3)
#define MCR  (BASE + 4)
#define LSR  (BASE + 5)
#define MSR  (BASE + 6)
#define SCR  (BASE + 7)

#define CHARACTER_NS 86806 /* ten bits at 115200 baud */

static struct ns16550 uart;
static uint8_t sent[64];
static unsigned sent_count, ready_calls;
static const char *waiting; /* what on_ready types */

static void on_transmit(void *owner, uint8_t byte)
{
    assert_ptr_equal(owner, &uart);
    sent[sent_count++ % sizeof(sent)] = byte;
}

static void on_ready(void *owner)
{
    assert_ptr_equal(owner, &uart);
    ready_calls++;
    while (waiting && *waiting && ns16550_can_receive(&uart))
        ns16550_receive(&uart, (uint8_t)*waiting++);
}

static void receive(const char *text)
{
    while (*text)
        ns16550_receive(&uart, (uint8_t)*text++);
}

/* Power on. */
static int set_up(void **state)
{
    (void)state;
    bench_init(12345);
    ns16550_init(&uart, &clk, on_transmit, on_ready, &uart);
    uart.irq.set = hear;
    assert_true(ns16550_attach(&uart, &ports, BASE));
    sent_count = ready_calls = 0;
    waiting = NULL;
    return 0;
}

/* 115200 8N1, FIFOs with trigger level 14, DTR, RTS and OUT2. */
static int set_up_programmed(void **state)
{
    set_up(state);
    out(LCR, 0x80);
    out(RBR, 1);
    out(IER, 0);
    out(LCR, 0x03);
    out(FCR, 0xc7);
    out(MCR, 0x0b);
    in(RBR);
    return 0;
}

/* ---- registers ---- */

static void ns16550_is_idle_at_power_on(void **state)
{
    (void)state;
    assert_int_equal(in(IER), 0);
    assert_int_equal(in(IIR), 0x01);
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(MSR), 0xb0); /* CTS, DSR, DCD */
    assert_false(uart.irq.level);
    out(LCR, 0x80);
    assert_int_equal(in(RBR), 12); /* 9600 baud, as firmware leaves it */
}

static void ns16550_keeps_its_registers(void **state)
{
    (void)state;
    out(SCR, 0x5a);
    out(LCR, 0x1b);
    out(IER, 0xff);
    out(MCR, 0xe3);
    assert_int_equal(in(SCR), 0x5a);
    assert_int_equal(in(LCR), 0x1b);
    assert_int_equal(in(IER), 0x0f);
    assert_int_equal(in(MCR), 0x03);
}

static void ns16550_dlab_shows_the_divisor(void **state)
{
    (void)state;
    out(IER, 0x05);
    out(LCR, 0x83);
    out(RBR, 0x34);
    out(IER, 0x12);
    assert_int_equal(in(RBR), 0x34);
    assert_int_equal(in(IER), 0x12);
    assert_int_equal(sent_count, 0);
    out(LCR, 0x03);
    assert_int_equal(in(IER), 0x05);
}

static void ns16550_iir_tells_of_fifos(void **state)
{
    (void)state;
    assert_int_equal(in(IIR), 0x01);
    out(FCR, 0x01);
    assert_int_equal(in(IIR), 0xc1);
    out(FCR, 0x00);
    assert_int_equal(in(IIR), 0x01);
}

static void ns16550_status_registers_are_read_only(void **state)
{
    (void)state;
    out(LSR, 0xff);
    out(MSR, 0xff);
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(MSR), 0xb0);
}

static void ns16550_is_restored_from_a_copy_of_its_state(void **state)
{
    (void)state;
    out(IER, 0x01);
    receive("a");
    struct ns16550_state copy = uart.s;
    uint64_t deadline = clock_deadline(&clk);
    set_up(state);
    uart.s = copy;
    ns16550_restored(&uart);
    assert_true(clock_deadline(&clk) == deadline);
    step(4 * CHARACTER_NS + 10);
    assert_true(uart.irq.level);
    assert_int_equal(in(RBR), 'a');
}

/* ---- sending ---- */

static void ns16550_sends_at_once(void **state)
{
    (void)state;
    out(THR, 'h');
    assert_int_equal(in(LSR), 0x60);
    out(THR, 'i');
    assert_int_equal(sent_count, 2);
    assert_memory_equal(sent, "hi", 2);
}

static void ns16550_thre_comes_when_it_is_enabled(void **state)
{
    (void)state;
    out(MCR, 0x08);
    assert_false(uart.irq.level);
    out(IER, 0x02);
    assert_true(uart.irq.level);
    assert_int_equal(in(IIR), 0x02);
    assert_false(uart.irq.level); /* the read has acknowledged it */
    assert_int_equal(in(IIR), 0x01);
    out(IER, 0x02); /* enabled already: not again */
    assert_false(uart.irq.level);
    out(IER, 0x00);
    out(IER, 0x02);
    assert_true(uart.irq.level);
}

static void ns16550_thre_comes_again_after_each_byte(void **state)
{
    (void)state;
    out(MCR, 0x08);
    out(IER, 0x02);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(in(IIR), 0x02);
        assert_false(uart.irq.level);
        out(THR, 'x');
        assert_true(uart.irq.level);
    }
    assert_int_equal(sent_count, 5);
}

static void ns16550_write_to_thr_makes_a_new_edge_even_unacknowledged(void **state)
{
    (void)state;
    out(MCR, 0x08);
    out(IER, 0x02);
    assert_int_equal(rises, 1);
    out(THR, 'x');
    assert_int_equal(rises, 2);
}

static void ns16550_thre_is_kept_while_a_higher_source_is_told(void **state)
{
    (void)state;
    out(MCR, 0x08);
    out(IER, 0x03);
    receive("a");
    assert_int_equal(in(IIR), 0x04);
    assert_int_equal(in(IIR), 0x04); /* a read that tells of data acknowledges nothing */
    in(RBR);
    assert_int_equal(in(IIR), 0x02);
    assert_int_equal(in(IIR), 0x01);
}

/* ---- receiving ---- */

static void ns16550_receives_without_fifos(void **state)
{
    (void)state;
    receive("a");
    assert_int_equal(in(LSR), 0x61);
    assert_int_equal(in(RBR), 'a');
    assert_int_equal(in(LSR), 0x60);
}

static void ns16550_empty_rbr_gives_the_last_byte(void **state)
{
    (void)state;
    receive("a");
    in(RBR);
    assert_int_equal(in(RBR), 'a');
}

static void ns16550_overrun_without_fifos_keeps_the_newer_byte(void **state)
{
    (void)state;
    receive("ab");
    assert_int_equal(in(LSR), 0x63);
    assert_int_equal(in(LSR), 0x61); /* the read has cleared OE */
    assert_int_equal(in(RBR), 'b');
}

static void ns16550_overrun_with_fifos_keeps_the_older_bytes(void **state)
{
    (void)state;
    receive("0123456789abcdef");
    assert_int_equal(in(LSR), 0x61);
    receive("X");
    assert_int_equal(in(LSR), 0x63);
    for (const char *c = "0123456789abcdef"; *c; c++)
        assert_int_equal(in(RBR), *c);
    assert_int_equal(in(LSR), 0x60);
}

static void ns16550_overrun_interrupts_as_line_status(void **state)
{
    (void)state;
    out(IER, 0x05);
    receive("0123456789abcdefX");
    assert_int_equal(in(IIR), 0xc6);
    in(LSR);
    assert_int_equal(in(IIR), 0xc4);
}

static void ns16550_break_is_a_zero_byte_with_bi(void **state)
{
    (void)state;
    out(IER, 0x04);
    receive("a");
    ns16550_receive_break(&uart);
    receive("b");
    assert_int_equal(in(LSR), 0xe1); /* an error, but further back in the FIFO */
    assert_false(uart.irq.level);
    assert_int_equal(in(RBR), 'a');
    assert_true(uart.irq.level);
    assert_int_equal(in(IIR), 0xc6);
    assert_int_equal(in(LSR), 0xf1);
    assert_int_equal(in(LSR), 0x61);
    assert_int_equal(in(RBR), 0);
    assert_int_equal(in(RBR), 'b');
}

static void ns16550_break_into_an_empty_fifo_is_told_at_once(void **state)
{
    (void)state;
    out(IER, 0x04);
    ns16550_receive_break(&uart);
    assert_true(uart.irq.level);
    assert_int_equal(in(LSR), 0xf1);
    assert_false(uart.irq.level);
    assert_int_equal(in(LSR), 0x61);
}

static void ns16550_break_control_does_not_disturb_sending(void **state)
{
    (void)state;
    out(LCR, 0x43);
    out(THR, 'a');
    assert_int_equal(sent_count, 1);
    assert_int_equal(in(LSR), 0x60);
}

static void ns16550_trigger_levels_are_1_4_8_14(void **state)
{
    static const unsigned level[] = {1, 4, 8, 14};

    (void)state;
    out(IER, 0x01);
    for (unsigned i = 0; i < 4; i++) {
        out(FCR, i << 6 | 0x03);
        for (unsigned n = 1; n <= 16; n++) {
            receive("x");
            assert_int_equal(uart.irq.level, n >= level[i]);
        }
        for (unsigned n = 16; n > 0; n--) {
            assert_int_equal(in(IIR) == 0xc4, n >= level[i]);
            in(RBR);
        }
        assert_false(uart.irq.level);
    }
}

static void ns16550_fifo_timeout_after_four_characters(void **state)
{
    (void)state;
    out(IER, 0x01);
    receive("abc");
    step(4 * CHARACTER_NS - 10);
    assert_false(uart.irq.level);
    step(20);
    assert_true(uart.irq.level);
    assert_int_equal(in(IIR), 0xcc);
    assert_int_equal(in(RBR), 'a'); /* clears it */
    assert_false(uart.irq.level);
    assert_int_equal(in(IIR), 0xc1);
    step(4 * CHARACTER_NS + 10); /* and starts the time again for what is left */
    assert_int_equal(in(IIR), 0xcc);
}

static void ns16550_fifo_timeout_starts_again_with_each_byte(void **state)
{
    (void)state;
    out(IER, 0x01);
    for (int i = 0; i < 5; i++) {
        receive("x");
        step(3 * CHARACTER_NS);
        assert_false(uart.irq.level);
    }
    step(CHARACTER_NS + 10);
    assert_true(uart.irq.level);
}

static void ns16550_fifo_timeout_follows_the_programmed_rate(void **state)
{
    (void)state;
    out(LCR, 0x80);
    out(RBR, 12);   /* 9600 */
    out(LCR, 0x1f); /* 8 bits, parity, two stop bits: twelve in all */
    out(IER, 0x01);
    receive("a");
    step(5000000 - 10);
    assert_false(uart.irq.level);
    step(20);
    assert_true(uart.irq.level);
}

static void ns16550_fifo_timeout_arms_no_timer_in_vain(void **state)
{
    (void)state;
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    receive("a"); /* no receive interrupt enabled */
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    out(IER, 0x01);
    assert_true(clock_deadline(&clk) != CLOCK_NEVER);
    in(RBR);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
}

static void ns16550_fifo_timeout_has_come_when_enabled_late(void **state)
{
    (void)state;
    receive("a");
    step(NS_PER_SECOND);
    out(IER, 0x01);
    assert_int_equal(in(IIR), 0xcc);
}

static void ns16550_fifo_reset_drops_what_was_received(void **state)
{
    (void)state;
    out(IER, 0x01);
    receive("abc");
    step(NS_PER_SECOND);
    assert_true(uart.irq.level);
    out(FCR, 0xc3);
    assert_false(uart.irq.level);
    assert_int_equal(in(LSR), 0x60);
}

static void ns16550_switching_fifos_drops_what_was_received(void **state)
{
    (void)state;
    receive("abc");
    out(FCR, 0x00);
    assert_int_equal(in(LSR), 0x60);
    receive("a");
    out(FCR, 0x01);
    assert_int_equal(in(LSR), 0x60);
}

static void ns16550_fcr_bits_count_only_with_the_enable(void **state)
{
    (void)state;
    out(FCR, 0x01);
    receive("a");
    out(FCR, 0x01); /* no reset asked for */
    assert_int_equal(in(LSR)&1, 1);
    out(FCR, 0xc2);
    out(IER, 0x01);
    receive("b");
    out(FCR, 0xc2);
    assert_int_equal(in(LSR)&1, 1);
    assert_true(uart.irq.level); /* no FIFO: the trigger level is 1 */
}

/* ---- the interrupt line ---- */

static void ns16550_sources_come_in_order_of_priority(void **state)
{
    (void)state;
    out(IER, 0x0f);
    out(MCR, 0x10); /* loopback: CTS, DSR and DCD change */
    out(MCR, 0x0b);
    receive("0123456789abcdefX");
    assert_int_equal(in(IIR), 0xc6);
    in(LSR);
    assert_int_equal(in(IIR), 0xc4);
    for (int i = 0; i < 3; i++)
        in(RBR);
    step(NS_PER_SECOND);
    assert_int_equal(in(IIR), 0xcc);
    for (int i = 0; i < 13; i++)
        in(RBR);
    assert_int_equal(in(IIR), 0xc2);
    assert_int_equal(in(IIR), 0xc0);
    in(MSR);
    assert_int_equal(in(IIR), 0xc1);
    assert_false(uart.irq.level);
}

static void ns16550_tells_only_of_sources_that_are_enabled(void **state)
{
    (void)state;
    out(MCR, 0x10); /* modem deltas */
    out(MCR, 0x08);
    out(THR, 'x');
    out(IER, 0x01);
    receive("0123456789abcdefX"); /* data, overrun */
    step(NS_PER_SECOND);          /* time-out */
    out(IER, 0x00);
    assert_false(uart.irq.level);
    assert_int_equal(in(IIR), 0xc1);
    out(IER, 0x08);
    assert_int_equal(in(IIR), 0xc0);
    out(IER, 0x01);
    assert_int_equal(in(IIR), 0xc4);
    out(IER, 0x04);
    assert_int_equal(in(IIR), 0xc6);
    out(IER, 0x02);
    assert_int_equal(in(IIR), 0xc2);
}

static void ns16550_out2_gates_the_line(void **state)
{
    (void)state;
    out(MCR, 0x03);
    out(FCR, 0x00);
    out(IER, 0x01);
    receive("a");
    assert_false(uart.irq.level);
    assert_int_equal(in(IIR), 0x04); /* pending all the same */
    out(MCR, 0x0b);
    assert_true(uart.irq.level);
    out(MCR, 0x03);
    assert_false(uart.irq.level);
}

/* ---- loopback and modem lines ---- */

static void ns16550_loopback_receives_what_it_sends(void **state)
{
    (void)state;
    out(MCR, 0x1e);
    out(THR, 0xae);
    assert_int_equal(sent_count, 0);
    assert_int_equal(in(LSR), 0x61);
    assert_int_equal(in(RBR), 0xae);
}

static void ns16550_loopback_does_not_hear_the_wire(void **state)
{
    (void)state;
    out(MCR, 0x10);
    assert_false(ns16550_can_receive(&uart));
    receive("a");
    assert_int_equal(in(LSR), 0x60);
    in(RBR);
    out(MCR, 0x00);
    assert_true(ns16550_can_receive(&uart));
}

static void ns16550_loopback_joins_the_modem_lines(void **state)
{
    (void)state;
    out(MCR, 0x10);
    assert_int_equal(in(MSR)&0xf0, 0x00);
    out(MCR, 0x11);
    assert_int_equal(in(MSR)&0xf0, 0x20); /* DTR to DSR */
    out(MCR, 0x12);
    assert_int_equal(in(MSR)&0xf0, 0x10); /* RTS to CTS */
    out(MCR, 0x14);
    assert_int_equal(in(MSR)&0xf0, 0x40); /* OUT1 to RI */
    out(MCR, 0x18);
    assert_int_equal(in(MSR)&0xf0, 0x80); /* OUT2 to DCD */
}

static void ns16550_modem_lines_follow_the_outside_without_loopback(void **state)
{
    (void)state;
    for (uint32_t mcr = 0; mcr < 16; mcr++) {
        out(MCR, mcr);
        assert_int_equal(in(MSR), 0xb0);
    }
}

static void ns16550_modem_deltas_last_until_read(void **state)
{
    (void)state;
    out(MCR, 0x10);
    assert_int_equal(in(MSR), 0x0b); /* CTS, DSR and DCD went off */
    assert_int_equal(in(MSR), 0x00);
    out(MCR, 0x12);
    out(MCR, 0x10);
    assert_int_equal(in(MSR), 0x01); /* there and back */
}

static void ns16550_ring_delta_is_its_trailing_edge(void **state)
{
    (void)state;
    out(MCR, 0x10);
    in(MSR);
    out(MCR, 0x14);
    assert_int_equal(in(MSR), 0x40); /* none at the leading one */
    out(MCR, 0x10);
    assert_int_equal(in(MSR), 0x04);
}

static void ns16550_modem_status_interrupts(void **state)
{
    (void)state;
    out(IER, 0x08);
    out(MCR, 0x18);
    assert_false(uart.irq.level); /* OUT2 is off in loopback */
    assert_int_equal(in(IIR), 0xc0);
    out(MCR, 0x08);
    assert_true(uart.irq.level);
    in(MSR);
    assert_false(uart.irq.level);
}

/* ---- pacing ---- */

static void ns16550_waits_until_the_guest_listens(void **state)
{
    (void)state;
    assert_false(ns16550_can_receive(&uart));
    out(LCR, 0x83);
    out(RBR, 1);
    in(RBR); /* the divisor, not RBR */
    out(LCR, 0x03);
    out(FCR, 0x07);
    out(MCR, 0x0b);
    out(THR, 'x');
    out(IER, 0x0e);
    in(IIR);
    in(MSR);
    assert_false(ns16550_can_receive(&uart));
    assert_int_equal(ready_calls, 0);
    out(IER, 0x01);
    assert_true(ns16550_can_receive(&uart));
    assert_int_equal(ready_calls, 1);
}

static void ns16550_reading_lsr_twice_or_rbr_is_listening(void **state)
{
    in(LSR);
    in(LSR);
    assert_true(ns16550_can_receive(&uart));
    set_up(state);
    in(RBR);
    assert_true(ns16550_can_receive(&uart));
}

static void ns16550_waiting_to_transmit_is_not_listening(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        in(LSR);
        out(THR, 'x');
    }
    assert_false(ns16550_can_receive(&uart));
}

static void ns16550_has_room_for_16_with_fifos_and_1_without(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        assert_true(ns16550_can_receive(&uart));
        receive("x");
    }
    assert_false(ns16550_can_receive(&uart));
    out(FCR, 0x00);
    assert_true(ns16550_can_receive(&uart));
    receive("x");
    assert_false(ns16550_can_receive(&uart));
}

static void ns16550_calls_ready_once_each_time_it_turns_so(void **state)
{
    (void)state;
    out(FCR, 0x00);
    ready_calls = 0;
    receive("a");
    in(LSR);
    assert_int_equal(ready_calls, 0);
    in(RBR);
    assert_int_equal(ready_calls, 1);
    in(RBR);
    in(LSR);
    assert_int_equal(ready_calls, 1);
}

static void ns16550_ready_may_type_at_once(void **state)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog.";

    (void)state;
    waiting = text;
    in(RBR);
    for (const char *c = text; *c; c++) {
        assert_int_equal(in(LSR)&3, 1); /* a byte, and no overrun */
        assert_int_equal(in(RBR), *c);
    }
    assert_int_equal(in(LSR)&1, 0);
}

/* ---- anything at all ---- */

#define SEED 16550

/* What must be true of every state; leaves it as it was. */
static void check_invariants(void)
{
    struct ns16550_state before = uart.s;
    bool level = uart.irq.level, can = ns16550_can_receive(&uart);
    uint64_t deadline = clock_deadline(&clk);

    HOLDS(uart.s.count <= (uart.s.fcr & 1 ? 16 : 1));
    HOLDS(uart.s.was_ready == can);
    HOLDS(deadline > now);
    bool pending = !(in(IIR)&1);
    HOLDS(level == (pending && (before.mcr & 0x18) == 0x08));
    uart.s = before;
    HOLDS((in(LSR)&1) == (before.count > 0));
    if (can) {
        ns16550_receive(&uart, 'x');
        HOLDS(!(in(LSR)&2) || before.lsr & 2);
    }
    uart.s = before;
    ns16550_restored(&uart);
    HOLDS(memcmp(&before, &uart.s, sizeof(before)) == 0);
    HOLDS(uart.irq.level == level && clock_deadline(&clk) == deadline);
}

static void ns16550_survives_ten_thousand_random_accesses(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        uint32_t at = BASE + (uint32_t)rand() % 8;
        unsigned width = rand() % 8 ? 1 : 1u << rand() % 3;
        switch (rand() % 6) {
        case 0:
        case 1:
            bus_read(&ports, at, width);
            break;
        case 2:
            bus_write(&ports, at, width, (uint32_t)rand());
            break;
        case 3:
            if (rand() % 20 == 0)
                ns16550_receive_break(&uart);
            ns16550_receive(&uart, (uint8_t)rand());
            break;
        case 4:
            out(LCR, rand() % 16 ? 0x03 : 0x83);
            break;
        default:
            step((uint64_t)rand() % 2000000);
            break;
        }
        check_invariants();
    }
}

static void ns16550_attach_is_refused_a_taken_port(void **state)
{
    (void)state;
    assert_false(ns16550_attach(&uart, &ports, BASE + 4));
    assert_true(ns16550_attach(&uart, &ports, 0x2f8));
}

#define TEST(name)       cmocka_unit_test_setup(name, set_up)
#define PROGRAMMED(name) cmocka_unit_test_setup(name, set_up_programmed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ns16550_is_idle_at_power_on),
        TEST(ns16550_keeps_its_registers),
        TEST(ns16550_dlab_shows_the_divisor),
        TEST(ns16550_iir_tells_of_fifos),
        TEST(ns16550_status_registers_are_read_only),
        TEST(ns16550_sends_at_once),
        TEST(ns16550_thre_comes_when_it_is_enabled),
        TEST(ns16550_thre_comes_again_after_each_byte),
        TEST(ns16550_write_to_thr_makes_a_new_edge_even_unacknowledged),
        TEST(ns16550_thre_is_kept_while_a_higher_source_is_told),
        TEST(ns16550_receives_without_fifos),
        TEST(ns16550_empty_rbr_gives_the_last_byte),
        TEST(ns16550_overrun_without_fifos_keeps_the_newer_byte),
        PROGRAMMED(ns16550_overrun_with_fifos_keeps_the_older_bytes),
        PROGRAMMED(ns16550_overrun_interrupts_as_line_status),
        PROGRAMMED(ns16550_break_is_a_zero_byte_with_bi),
        PROGRAMMED(ns16550_break_control_does_not_disturb_sending),
        PROGRAMMED(ns16550_trigger_levels_are_1_4_8_14),
        PROGRAMMED(ns16550_fifo_timeout_after_four_characters),
        PROGRAMMED(ns16550_fifo_timeout_starts_again_with_each_byte),
        PROGRAMMED(ns16550_fifo_timeout_follows_the_programmed_rate),
        PROGRAMMED(ns16550_fifo_timeout_arms_no_timer_in_vain),
        PROGRAMMED(ns16550_fifo_timeout_has_come_when_enabled_late),
        PROGRAMMED(ns16550_fifo_reset_drops_what_was_received),
        PROGRAMMED(ns16550_switching_fifos_drops_what_was_received),
        PROGRAMMED(ns16550_fcr_bits_count_only_with_the_enable),
        PROGRAMMED(ns16550_sources_come_in_order_of_priority),
        PROGRAMMED(ns16550_is_restored_from_a_copy_of_its_state),
        PROGRAMMED(ns16550_tells_only_of_sources_that_are_enabled),
        PROGRAMMED(ns16550_break_into_an_empty_fifo_is_told_at_once),
        PROGRAMMED(ns16550_out2_gates_the_line),
        TEST(ns16550_modem_lines_follow_the_outside_without_loopback),
        TEST(ns16550_loopback_receives_what_it_sends),
        TEST(ns16550_loopback_does_not_hear_the_wire),
        TEST(ns16550_loopback_joins_the_modem_lines),
        TEST(ns16550_modem_deltas_last_until_read),
        TEST(ns16550_ring_delta_is_its_trailing_edge),
        PROGRAMMED(ns16550_modem_status_interrupts),
        TEST(ns16550_waits_until_the_guest_listens),
        TEST(ns16550_reading_lsr_twice_or_rbr_is_listening),
        TEST(ns16550_waiting_to_transmit_is_not_listening),
        PROGRAMMED(ns16550_has_room_for_16_with_fifos_and_1_without),
        PROGRAMMED(ns16550_calls_ready_once_each_time_it_turns_so),
        TEST(ns16550_ready_may_type_at_once),
        TEST(ns16550_survives_ten_thousand_random_accesses),
        TEST(ns16550_attach_is_refused_a_taken_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
