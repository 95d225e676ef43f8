/*
 * Intel 8254. All times inside are ticks of the 1.193182 MHz input since the machine started.
 * A count written at one tick is loaded at the next one, as the chip loads it on a CLK pulse.
 */
#include "i8254.h"

#include "base/bus.h"

#include <string.h>

#define CONTROL_BCD   0x01
#define CONTROL_RW    0x30 /* which bytes of a count pass: 1 low, 2 high, 3 low then high */
#define CONTROL_LOW   0x10
#define CONTROL_HIGH  0x20
#define CONTROL_BOTH  0x30
#define CONTROL_LATCH 0x00 /* RW 0: latch the count */
#define CONTROL_BITS  0x3f
#define CONTROL_PORT  3 /* offset of the control word register */

#define READ_BACK_NO_COUNT  0x20
#define READ_BACK_NO_STATUS 0x10

#define STATUS_OUT  0x80
#define STATUS_NULL 0x40

#define SPEAKER_GATE2    0x01
#define SPEAKER_WRITABLE 0x0f
#define SPEAKER_REFRESH  0x10
#define SPEAKER_OUT2     0x20
#define REFRESH_NS       15085 /* memory refresh, which a PC drives with counter 1 */

#define NEVER CLOCK_NEVER

/* Whole seconds and the rest apart: exact, and no product is too long. */
static uint64_t ticks_from_ns(uint64_t ns)
{
    return ns / NS_PER_SECOND * I8254_HZ + ns % NS_PER_SECOND * I8254_HZ / NS_PER_SECOND;
}

/* The first nanosecond of a tick. */
static uint64_t ns_from_ticks(uint64_t ticks)
{
    if (ticks == NEVER)
        return CLOCK_NEVER;
    return ticks / I8254_HZ * NS_PER_SECOND +
           (ticks % I8254_HZ * NS_PER_SECOND + I8254_HZ - 1) / I8254_HZ;
}

static uint64_t now_in_ticks(const struct i8254 *pit)
{
    return ticks_from_ns(clock_now(pit->clock));
}

static unsigned mode(const struct i8254_counter *c)
{
    unsigned m = (c->control >> 1) & 7;

    return m > 5 ? m & 3 : m; /* 6 and 7 are 2 and 3 */
}

/* Started by a rising gate only, and not stopped by a falling one. */
static bool is_triggered(const struct i8254_counter *c)
{
    return mode(c) == 1 || mode(c) == 5;
}

static bool is_periodic(const struct i8254_counter *c)
{
    return mode(c) == 2 || mode(c) == 3;
}

static uint32_t modulus(const struct i8254_counter *c)
{
    return c->control & CONTROL_BCD ? 10000 : 0x10000;
}

/* The count that the count register means: 0 is the largest one. */
static uint32_t count_from_register(const struct i8254_counter *c)
{
    uint32_t n = c->cr;

    if (c->control & CONTROL_BCD)
        n = (n >> 12) * 1000 + (n >> 8 & 15) * 100 + (n >> 4 & 15) * 10 + (n & 15);
    return n ? n : modulus(c);
}

static uint16_t register_from_count(const struct i8254_counter *c, uint32_t n)
{
    if (c->control & CONTROL_BCD)
        n = (n / 1000 % 10) << 12 | (n / 100 % 10) << 8 | (n / 10 % 10) << 4 | n % 10;
    return (uint16_t)n;
}

/* Ticks since the count was loaded. */
static uint64_t elapsed(const struct i8254_counter *c, uint64_t now)
{
    return c->stopped ? c->elapsed : now - c->start;
}

/* The first, high part of a square wave's period. */
static uint32_t high_half(uint32_t count)
{
    return (count + 1) / 2;
}

static bool out(const struct i8254_counter *c, uint64_t now)
{
    if (!c->loaded)
        return mode(c) != 0;

    uint64_t e = elapsed(c, now);
    switch (mode(c)) {
    case 0:
    case 1:
        return e >= c->count;
    case 2:
        return c->stopped || e % c->count != c->count - 1;
    case 3:
        return c->stopped || e % c->count < high_half(c->count);
    default:
        return e != c->count;
    }
}

/* What the counting element holds. */
static uint16_t counting(const struct i8254_counter *c, uint64_t now)
{
    uint64_t e = elapsed(c, now);
    uint32_t n = c->count;

    if (!c->loaded)
        return 0;
    if (mode(c) == 3) {
        uint32_t at = (uint32_t)(e % n);
        if (at >= high_half(n))
            at -= high_half(n);
        return register_from_count(c, (n & ~1u) - 2 * at);
    }
    if (mode(c) == 2)
        return register_from_count(c, n - (uint32_t)(e % n));
    /* The others count on below zero. */
    uint32_t below = (uint32_t)(e % modulus(c));
    return register_from_count(c, (n + modulus(c) - below) % modulus(c));
}

/* Takes the count register over if its tick has come. */
static void settle(struct i8254_counter *c, uint64_t now)
{
    if (c->load_at > now)
        return;

    uint64_t at = c->load_at;
    bool was_high = c->loaded && !c->stopped && out(c, at - 1);
    c->count = count_from_register(c);
    c->start = at;
    /* A square wave takes a new count over at the end of either half. */
    if (mode(c) == 3 && was_high)
        c->start = at - high_half(c->count);
    c->loaded = true;
    c->null_count = false;
    c->load_at = NEVER;
    c->stopped = !c->gate && !is_triggered(c);
    c->elapsed = 0;
}

/* The first tick after `now` at which OUT rises by counting, or NEVER. Works on a copy. */
static uint64_t next_rise(struct i8254_counter c, uint64_t now)
{
    if (c.load_at != NEVER) {
        bool was_low = !out(&c, c.load_at - 1);
        now = c.load_at;
        settle(&c, now);
        if (was_low && out(&c, now))
            return now;
    }
    if (!c.loaded || c.stopped)
        return NEVER;

    uint64_t e = elapsed(&c, now);
    switch (mode(&c)) {
    case 0:
    case 1:
        return e < c.count ? c.start + c.count : NEVER;
    case 2:
    case 3:
        return c.count < 2 ? NEVER : c.start + (e / c.count + 1) * c.count;
    default:
        return e <= c.count ? c.start + c.count + 1 : NEVER;
    }
}

/*
 * Brings everything up to `now`: the edge of OUT 0 if one has come, its level, the next edge.
 * Called before a register access to see what happened since, and after it.
 */
static void i8254_update_irq(struct i8254 *pit, uint64_t now)
{
    struct i8254_state *s = &pit->s;

    for (unsigned i = 0; i < I8254_COUNTERS; i++)
        settle(&s->counter[i], now);
    if (s->rise_at <= now) {
        irq_line_set(&pit->out0, false); /* its fall was not computed */
        irq_line_set(&pit->out0, true);
    }
    irq_line_set(&pit->out0, out(&s->counter[0], now));
    s->rise_at = next_rise(s->counter[0], now);
    timer_arm(pit->clock, &pit->timer, ns_from_ticks(s->rise_at));
}

static void rise_is_due(void *owner)
{
    struct i8254 *pit = owner;

    i8254_update_irq(pit, now_in_ticks(pit));
}

static void write_control(struct i8254_counter *c, uint8_t value)
{
    bool gate = c->gate;

    memset(c, 0, sizeof(*c));
    c->control = value & CONTROL_BITS;
    c->gate = gate;
    c->null_count = true;
    c->load_at = NEVER;
}

static void latch_count(struct i8254_counter *c, uint64_t now)
{
    if (c->count_latched)
        return;
    c->latch = counting(c, now);
    c->count_latched = true;
}

static void latch_status(struct i8254_counter *c, uint64_t now)
{
    if (c->status_latched)
        return;
    c->status =
        (uint8_t)(c->control | (out(c, now) ? STATUS_OUT : 0) | (c->null_count ? STATUS_NULL : 0));
    c->status_latched = true;
}

static void write_control_port(struct i8254_state *s, uint8_t value, uint64_t now)
{
    unsigned select = value >> 6;

    if (select == I8254_COUNTERS) { /* read-back */
        for (unsigned i = 0; i < I8254_COUNTERS; i++) {
            if (!(value & 2u << i))
                continue;
            if (!(value & READ_BACK_NO_COUNT))
                latch_count(&s->counter[i], now);
            if (!(value & READ_BACK_NO_STATUS))
                latch_status(&s->counter[i], now);
        }
    } else if ((value & CONTROL_RW) == CONTROL_LATCH) {
        latch_count(&s->counter[select], now);
    } else {
        write_control(&s->counter[select], value);
    }
}

/* A whole count has been written: when will it be loaded? */
static void write_count(struct i8254_counter *c, uint16_t value, uint64_t now)
{
    c->cr = value;
    c->has_count = true;
    c->null_count = true;
    if (is_triggered(c))
        return;
    if (is_periodic(c) && c->loaded) {
        if (c->stopped)
            return; /* the gate will load it */
        uint64_t at = elapsed(c, now) % c->count;
        uint64_t end = mode(c) == 3 && at < high_half(c->count) ? high_half(c->count) : c->count;
        c->load_at = now + end - at;
        return;
    }
    if (mode(c) == 0)
        c->loaded = false; /* OUT falls at once */
    c->load_at = now + 1;
}

static void write_counter(struct i8254_counter *c, uint8_t value, uint64_t now)
{
    switch (c->control & CONTROL_RW) {
    case CONTROL_LOW:
        write_count(c, value, now);
        break;
    case CONTROL_HIGH:
        write_count(c, (uint16_t)(value << 8), now);
        break;
    default:
        c->second_is_due = !c->second_is_due;
        if (!c->second_is_due) {
            write_count(c, (uint16_t)(value << 8 | c->first_byte), now);
            break;
        }
        c->first_byte = value;
        if (mode(c) == 0) {
            c->loaded = false; /* the first byte stops the count */
            c->load_at = NEVER;
        }
        break;
    }
}

static uint8_t read_counter(struct i8254_counter *c, uint64_t now)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }

    uint16_t value = c->count_latched ? c->latch : counting(c, now);
    bool high = (c->control & CONTROL_RW) == CONTROL_HIGH;
    bool last = true;
    if ((c->control & CONTROL_RW) == CONTROL_BOTH) {
        high = c->read_second;
        last = high;
        c->read_second = !c->read_second;
    }
    if (last)
        c->count_latched = false;
    return (uint8_t)(high ? value >> 8 : value);
}

static void set_gate(struct i8254_counter *c, bool gate, uint64_t now)
{
    if (c->gate == gate)
        return;
    c->gate = gate;
    if (!gate) {
        if (c->loaded && !c->stopped && !is_triggered(c)) {
            c->elapsed = elapsed(c, now);
            c->stopped = true;
            if (is_periodic(c))
                c->load_at = NEVER; /* a new count waits for the gate too */
        }
    } else if (is_triggered(c) || (is_periodic(c) && c->loaded)) {
        if (c->has_count)
            c->load_at = now + 1;
    } else if (c->stopped) {
        c->start = now - c->elapsed;
        c->stopped = false;
    }
}

static uint32_t port_read(void *device, uint32_t offset, unsigned width)
{
    struct i8254 *pit = device;
    uint64_t now = now_in_ticks(pit);

    (void)width;
    if (offset == CONTROL_PORT)
        return 0xff; /* write only */
    i8254_update_irq(pit, now);
    return read_counter(&pit->s.counter[offset], now);
}

static void port_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct i8254 *pit = device;
    uint64_t now = now_in_ticks(pit);

    (void)width;
    i8254_update_irq(pit, now);
    if (offset == CONTROL_PORT)
        write_control_port(&pit->s, (uint8_t)value, now);
    else
        write_counter(&pit->s.counter[offset], (uint8_t)value, now);
    i8254_update_irq(pit, now);
}

static uint32_t speaker_read(void *device, uint32_t offset, unsigned width)
{
    struct i8254 *pit = device;
    uint32_t value = pit->s.speaker;

    (void)offset;
    (void)width;
    i8254_update_irq(pit, now_in_ticks(pit));
    if (clock_now(pit->clock) / REFRESH_NS & 1)
        value |= SPEAKER_REFRESH;
    if (i8254_out(pit, 2))
        value |= SPEAKER_OUT2;
    return value;
}

static void speaker_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct i8254 *pit = device;
    uint64_t now = now_in_ticks(pit);

    (void)offset;
    (void)width;
    i8254_update_irq(pit, now);
    pit->s.speaker = value & SPEAKER_WRITABLE;
    set_gate(&pit->s.counter[2], value & SPEAKER_GATE2, now);
    i8254_update_irq(pit, now);
}

void i8254_init(struct i8254 *pit, struct clock *clock)
{
    memset(pit, 0, sizeof(*pit));
    pit->clock = clock;
    timer_init(&pit->timer, rise_is_due, pit);
    pit->out0.level = true;
    pit->s.rise_at = NEVER;
    write_control(&pit->s.counter[0], CONTROL_BOTH | 3 << 1);
    write_control(&pit->s.counter[1], CONTROL_LOW | 2 << 1);
    write_control(&pit->s.counter[2], CONTROL_BOTH | 3 << 1);
    pit->s.counter[0].gate = true; /* tied high on the board */
    pit->s.counter[1].gate = true;
}

bool i8254_attach(struct i8254 *pit, struct bus *ports)
{
    const struct bus_region counters = {"i8254",    I8254_PORT,   4, 1, port_read,
                                        port_write, .device = pit};
    const struct bus_region speaker = {"i8254 speaker", I8254_SPEAKER, 1, 1, speaker_read,
                                       speaker_write,   .device = pit};

    return !bus_add(ports, &counters) && !bus_add(ports, &speaker);
}

void i8254_restored(void *device)
{
    struct i8254 *pit = device;

    i8254_update_irq(pit, now_in_ticks(pit));
}

bool i8254_out(const struct i8254 *pit, unsigned counter)
{
    struct i8254_counter c = pit->s.counter[counter % I8254_COUNTERS];
    uint64_t now = now_in_ticks(pit);

    settle(&c, now);
    return out(&c, now);
}

unsigned i8254_mode(const struct i8254 *pit, unsigned counter)
{
    return mode(&pit->s.counter[counter % I8254_COUNTERS]);
}

/* ---- what snapshots and the monitor ask ---- */

/* Ticks after which a count that was written is loaded, at most. */
static bool is_time_to_load(uint64_t ticks)
{
    return ticks == NEVER || ticks <= CLOCK_MAX / NS_PER_SECOND * I8254_HZ;
}

static bool valid(const void *device, const void *state)
{
    const struct i8254_state *s = state;

    (void)device;
    for (unsigned i = 0; i < I8254_COUNTERS; i++) {
        const struct i8254_counter *c = &s->counter[i];
        if (!ARE_BOOLS(&c->second_is_due, &c->read_second, &c->status_latched, &c->count_latched,
                       &c->gate, &c->has_count, &c->null_count, &c->loaded, &c->stopped))
            return false;
        if (c->control & ~CONTROL_BITS || !is_time_to_load(c->load_at))
            return false;
        if (c->loaded && (c->count == 0 || c->count > 0x10000))
            return false;
    }
    return !(s->speaker & ~SPEAKER_WRITABLE);
}

static void tell_counter(const struct i8254 *pit, unsigned i, struct words *to)
{
    static const char *const modes[] = {"interrupt on terminal count",
                                        "hardware one-shot",
                                        "rate generator",
                                        "square wave",
                                        "software strobe",
                                        "hardware strobe"};
    static const char *const uses[I8254_COUNTERS] = {"IRQ 0", "memory refresh", "speaker"};
    const struct i8254_counter *c = &pit->s.counter[i];
    uint32_t reload = count_from_register(c);

    words_print(to, "channel %u (%s): mode %u %s", i, uses[i], mode(c), modes[mode(c)]);
    if (!c->has_count)
        words_print(to, ", no count was written");
    else
        words_print(to, ", reload %u%s (%.3f %s)", reload, c->control & CONTROL_BCD ? " BCD" : "",
                    is_periodic(c) ? (double)I8254_HZ / reload : reload * 1e3 / (double)I8254_HZ,
                    is_periodic(c) ? "Hz" : "ms");
    if (c->second_is_due)
        words_print(to, ", the count's second byte is due");
    if (!c->gate)
        words_print(to, ", gate low");
    words_print(to, ", OUT %s", i8254_out(pit, i) ? "high" : "low");
    if (i == 0 && pit->timer.deadline != CLOCK_NEVER) {
        uint64_t now = clock_now(pit->clock);
        words_print(to, ", next edge in ");
        words_time(to, pit->timer.deadline > now ? pit->timer.deadline - now : 0);
    }
    words_print(to, "\n");
}

static void tell(const void *device, struct words *to)
{
    for (unsigned i = 0; i < I8254_COUNTERS; i++)
        tell_counter(device, i, to);
}

const struct device_kind i8254_kind = {
    DEVICE_STATE(struct i8254, s),
    .line = {{offsetof(struct i8254, out0), "i8254"}},
    .valid = valid,
    .restored = i8254_restored,
    .tell = tell,
};
