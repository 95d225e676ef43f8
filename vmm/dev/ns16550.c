/*
 * PC16550D: the register file, the receive FIFO, and one function that says which interrupt
 * source comes first.
 */
#include "ns16550.h"

#include "base/bus.h"

#include <string.h>

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR, MCR, LSR, MSR, SCR };

#define IER_ERBFI 0x01
#define IER_ETBEI 0x02
#define IER_ELSI  0x04
#define IER_EDSSI 0x08
#define IER_BITS  0x0f

#define IIR_MODEM   0x00
#define IIR_NONE    0x01
#define IIR_THRE    0x02
#define IIR_DATA    0x04
#define IIR_LINE    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS   0xc0

#define FCR_ENABLE   0x01
#define FCR_RX_RESET 0x02
#define FCR_TRIGGER  0xc0

#define LCR_WORD   0x03
#define LCR_STOP   0x04
#define LCR_PARITY 0x08
#define LCR_DLAB   0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_BITS 0x1f

#define LSR_DR   0x01
#define LSR_OE   0x02
#define LSR_BI   0x10
#define LSR_THRE 0x20
#define LSR_TEMT 0x40
#define LSR_FIFO 0x80 /* some byte in the FIFO carries an error */

#define MSR_DELTAS 0x0f
#define MSR_TERI   0x04 /* RI has gone off; the other deltas tell either change */
#define MSR_CTS    0x10
#define MSR_DSR    0x20
#define MSR_RI     0x40
#define MSR_DCD    0x80

#define BASE_BAUD       115200 /* at divisor 1 */
#define DEFAULT_DIVISOR 12     /* 9600 baud, as a PC's firmware leaves it */
#define TIMEOUT_CHARS   4

static bool has_fifo(const struct ns16550_state *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned capacity(const struct ns16550_state *s)
{
    return has_fifo(s) ? NS16550_FIFO : 1;
}

/* Bytes that make a receive interrupt. */
static unsigned trigger(const struct ns16550_state *s)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return has_fifo(s) ? levels[s->fcr >> 6] : 1;
}

/* ns that four characters take on the wire. */
static uint64_t timeout_ns(const struct ns16550_state *s)
{
    unsigned bits =
        1u + 5 + (s->lcr & LCR_WORD) + (s->lcr & LCR_PARITY ? 1 : 0) + (s->lcr & LCR_STOP ? 2 : 1);
    uint64_t divisor = s->divisor ? s->divisor : 0x10000;

    return TIMEOUT_CHARS * bits * divisor * NS_PER_SECOND / BASE_BAUD;
}

static uint8_t line_status(const struct ns16550_state *s)
{
    unsigned lsr = s->lsr | LSR_THRE | LSR_TEMT;

    if (s->count)
        lsr |= LSR_DR;
    bool any_break = s->lsr & LSR_BI;
    for (unsigned i = 0; i < s->count; i++)
        any_break |= s->fifo_break[i];
    if (has_fifo(s) && any_break)
        lsr |= LSR_FIFO;
    return (uint8_t)lsr;
}

/* The highest interrupt pending, as IIR names it. */
static uint8_t identify(const struct ns16550_state *s)
{
    if (s->ier & IER_ELSI && s->lsr & (LSR_OE | LSR_BI))
        return IIR_LINE;
    if (s->ier & IER_ERBFI && s->count >= trigger(s))
        return IIR_DATA;
    if (s->ier & IER_ERBFI && s->timeout_pending)
        return IIR_TIMEOUT;
    if (s->ier & IER_ETBEI && s->thre_pending)
        return IIR_THRE;
    if (s->ier & IER_EDSSI && s->msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

static void ns16550_update_irq(struct ns16550 *uart)
{
    struct ns16550_state *s = &uart->s;
    uint64_t deadline = CLOCK_NEVER;

    if (has_fifo(s) && s->count && s->ier & IER_ERBFI && !s->timeout_pending) {
        deadline = s->fifo_touched + timeout_ns(s);
        if (deadline <= clock_now(uart->clock)) {
            s->timeout_pending = true;
            deadline = CLOCK_NEVER;
        }
    }
    timer_arm(uart->clock, &uart->timer, deadline);

    /* In loopback the OUT2 pin is off, whatever MCR says. */
    bool connected = (s->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    irq_line_set(&uart->irq, connected && identify(s) != IIR_NONE);

    bool can = ns16550_can_receive(uart);
    bool turned = can && !s->was_ready;
    s->was_ready = can;
    if (turned && uart->ready)
        uart->ready(uart->owner);
}

static void timeout_is_due(void *owner)
{
    ns16550_update_irq(owner);
}

/* BI belongs to the byte that is read next. */
static void reveal_break(struct ns16550_state *s)
{
    if (s->count && s->fifo_break[0]) {
        s->fifo_break[0] = false;
        s->lsr |= LSR_BI;
    }
}

static void put_received(struct ns16550 *uart, uint8_t byte, bool is_break)
{
    struct ns16550_state *s = &uart->s;

    if (s->count == capacity(s)) {
        s->lsr |= LSR_OE;
        if (has_fifo(s))
            return; /* lost; without FIFOs it takes the place of the one before */
        s->count = 0;
    }
    s->fifo[s->count] = byte;
    s->fifo_break[s->count] = is_break;
    s->count++;
    s->fifo_touched = clock_now(uart->clock);
    reveal_break(s);
}

static uint8_t read_rbr(struct ns16550 *uart)
{
    struct ns16550_state *s = &uart->s;

    s->listening = true;
    if (s->count) {
        s->rbr = s->fifo[0];
        s->count--;
        memmove(s->fifo, s->fifo + 1, s->count * sizeof(s->fifo[0]));
        memmove(s->fifo_break, s->fifo_break + 1, s->count * sizeof(s->fifo_break[0]));
        s->timeout_pending = false;
        s->fifo_touched = clock_now(uart->clock);
        reveal_break(s);
    }
    return s->rbr;
}

static void write_thr(struct ns16550 *uart, uint8_t byte)
{
    uart->s.thre_pending = false;
    uart->s.lsr_reads = 0;
    ns16550_update_irq(uart);
    if (uart->s.mcr & MCR_LOOP)
        put_received(uart, byte, false);
    else
        uart->s.sent++;
    if (!(uart->s.mcr & MCR_LOOP) && uart->transmit)
        uart->transmit(uart->owner, byte);
    uart->s.thre_pending = true; /* empty again already */
}

static void write_ier(struct ns16550_state *s, uint8_t value)
{
    if (value & IER_ETBEI && !(s->ier & IER_ETBEI))
        s->thre_pending = true;
    if (value & IER_ERBFI)
        s->listening = true;
    s->ier = value & IER_BITS;
}

static void write_fcr(struct ns16550_state *s, uint8_t value)
{
    if ((value ^ s->fcr) & FCR_ENABLE || (value & FCR_ENABLE && value & FCR_RX_RESET)) {
        s->count = 0;
        s->timeout_pending = false;
    }
    s->fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;
}

/* The modem lines follow the outside, or in loopback this chip's own outputs. */
static void write_mcr(struct ns16550_state *s, uint8_t value)
{
    unsigned lines = MSR_CTS | MSR_DSR | MSR_DCD;

    s->mcr = value & MCR_BITS;
    if (value & MCR_LOOP) {
        lines = (value & MCR_RTS ? MSR_CTS : 0u) | (value & MCR_DTR ? MSR_DSR : 0u) |
                (value & MCR_OUT1 ? MSR_RI : 0u) | (value & MCR_OUT2 ? MSR_DCD : 0u);
    }
    unsigned deltas = (s->msr ^ lines) >> 4;
    if (lines & MSR_RI)
        deltas &= ~(unsigned)MSR_TERI;
    s->msr = (uint8_t)(lines | (s->msr & MSR_DELTAS) | deltas);
}

static uint32_t port_read(void *device, uint32_t offset, unsigned width)
{
    struct ns16550 *uart = device;
    struct ns16550_state *s = &uart->s;
    uint8_t value = 0;

    (void)width;
    uart->vain_reads += s->count == 0 && (offset == LSR || (offset == RBR && !(s->lcr & LCR_DLAB)));
    switch (offset) {
    case RBR:
        value = s->lcr & LCR_DLAB ? (uint8_t)s->divisor : read_rbr(uart);
        break;
    case IER:
        value = s->lcr & LCR_DLAB ? (uint8_t)(s->divisor >> 8) : s->ier;
        break;
    case IIR:
        value = identify(s);
        if (value == IIR_THRE)
            s->thre_pending = false;
        value |= has_fifo(s) ? IIR_FIFOS : 0;
        break;
    case LCR:
        value = s->lcr;
        break;
    case MCR:
        value = s->mcr;
        break;
    case LSR:
        value = line_status(s);
        s->lsr = 0;
        /* Once may be to see whether a byte can be sent; twice is to see whether one came. */
        if (s->lsr_reads < 2 && ++s->lsr_reads == 2)
            s->listening = true;
        break;
    case MSR:
        value = s->msr;
        s->msr &= (uint8_t)~MSR_DELTAS;
        break;
    default:
        value = s->scr;
        break;
    }
    ns16550_update_irq(uart);
    return value;
}

static void port_write(void *device, uint32_t offset, unsigned width, uint32_t value32)
{
    struct ns16550 *uart = device;
    struct ns16550_state *s = &uart->s;
    uint8_t value = (uint8_t)value32;

    (void)width;
    switch (offset) {
    case THR:
        if (s->lcr & LCR_DLAB)
            s->divisor = (uint16_t)((s->divisor & 0xff00) | value);
        else
            write_thr(uart, value);
        break;
    case IER:
        if (s->lcr & LCR_DLAB)
            s->divisor = (uint16_t)((s->divisor & 0x00ff) | value << 8);
        else
            write_ier(s, value);
        break;
    case FCR:
        write_fcr(s, value);
        break;
    case LCR:
        s->lcr = value;
        break;
    case MCR:
        write_mcr(s, value);
        break;
    case SCR:
        s->scr = value;
        break;
    default:
        break; /* LSR and MSR are read only */
    }
    ns16550_update_irq(uart);
}

void ns16550_init(struct ns16550 *uart, struct clock *clock,
                  void (*transmit)(void *owner, uint8_t byte), void (*ready)(void *owner),
                  void *owner)
{
    memset(uart, 0, sizeof(*uart));
    uart->clock = clock;
    uart->transmit = transmit;
    uart->ready = ready;
    uart->owner = owner;
    uart->s.divisor = DEFAULT_DIVISOR;
    uart->s.msr = MSR_CTS | MSR_DSR | MSR_DCD;
    timer_init(&uart->timer, timeout_is_due, uart);
}

bool ns16550_attach(struct ns16550 *uart, struct bus *ports, uint16_t base)
{
    const struct bus_region region = {"16550A",  base,       NS16550_REGISTERS, 1,
                                      port_read, port_write, .device = uart};

    return !bus_add(ports, &region);
}

void ns16550_restored(void *device)
{
    struct ns16550 *uart = device;

    ns16550_update_irq(uart);
}

bool ns16550_waits(const struct ns16550 *uart)
{
    return uart->s.ier & IER_ERBFI && uart->s.count == 0;
}

bool ns16550_can_receive(const struct ns16550 *uart)
{
    const struct ns16550_state *s = &uart->s;

    return s->listening && !(s->mcr & MCR_LOOP) && s->count < capacity(s);
}

void ns16550_receive(struct ns16550 *uart, uint8_t byte)
{
    if (!(uart->s.mcr & MCR_LOOP))
        put_received(uart, byte, false);
    ns16550_update_irq(uart);
}

void ns16550_receive_break(struct ns16550 *uart)
{
    if (!(uart->s.mcr & MCR_LOOP))
        put_received(uart, 0, true);
    ns16550_update_irq(uart);
}

/* ---- what snapshots and the monitor ask ---- */

static bool valid(const void *device, const void *state)
{
    const struct ns16550_state *s = state;

    (void)device;
    for (unsigned i = 0; i < NS16550_FIFO; i++) {
        if (!ARE_BOOLS(&s->fifo_break[i]))
            return false;
    }
    return s->count <= capacity(s) && s->fifo_touched <= CLOCK_MAX &&
           ARE_BOOLS(&s->thre_pending, &s->timeout_pending, &s->listening, &s->was_ready);
}

static void tell(const void *device, struct words *to)
{
    static const char *const enables[8] = {"received data", "transmitter empty", "line status",
                                           "modem status"};
    static const char *const outputs[8] = {"DTR", "RTS", "OUT1", "OUT2 (lets interrupts through)",
                                           "loopback"};
    static const char parities[] = "OEMS"; /* odd, even, mark, space */
    const struct ns16550 *uart = device;
    const struct ns16550_state *s = &uart->s;

    words_print(to, "%u baud, %u%c%s%s\n", BASE_BAUD / (s->divisor ? s->divisor : 0x10000u),
                5 + (s->lcr & LCR_WORD), s->lcr & LCR_PARITY ? parities[s->lcr >> 4 & 3] : 'N',
                s->lcr & LCR_STOP ? "2" : "1",
                s->lcr & LCR_DLAB ? ", DLAB set: ports 0 and 1 are the divisor" : "");
    words_print(to, "receiver: %u bytes wait, FIFOs %s%s\n", s->count, has_fifo(s) ? "on" : "off",
                s->lsr & LSR_OE ? ", a byte was lost (overrun)" : "");
    words_print(to, "transmitter: %llu bytes sent\n", (unsigned long long)s->sent);
    words_print(to, "interrupts enabled: ");
    words_list_bits(to, s->ier, enables);
    words_end_list(to, "none");
    words_print(to, "outputs: ");
    words_list_bits(to, s->mcr, outputs);
    words_end_list(to, "none");
    words_print(to, "its interrupt line is %s; the guest %s\n", uart->irq.level ? "high" : "low",
                s->listening ? "listens" : "has not read it yet: typing waits");
}

const struct device_kind ns16550_kind = {
    DEVICE_STATE(struct ns16550, s),
    .line = {{offsetof(struct ns16550, irq), "16550A"}},
    .valid = valid,
    .restored = ns16550_restored,
    .tell = tell,
};
