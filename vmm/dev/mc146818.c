/*
 * MC146818. Seconds are counted from a base that moves when the guest sets the time; the periodic
 * rate is derived from a 32.768 kHz that has run since the machine started.
 */
#include "mc146818.h"

#include "base/bus.h"

#include <string.h>
#include <time.h>

enum {
    SECONDS = 0x00,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY, /* 1 is Sunday */
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    FLOPPY_TYPES = 0x10, /* the first drive's in the upper half */
    EQUIPMENT = 0x14,    /* bit 0: there are floppy drives; bits 6 and 7: one less than how many */
    BASE_MEMORY = 0x15,  /* KiB below 1 MiB */
    EXTENDED_MEMORY = 0x17,   /* KiB above 1 MiB, at most 65535 */
    EXTENDED_MEMORY_2 = 0x30, /* the same */
    CENTURY = 0x32,
    BOOT_FLAG_1 = 0x38, /* upper half: the third kind of drive to start from */
    BOOT_FLAG_2 = 0x3d, /* lower half: the first; upper: the second */
    HIGH_MEMORY = 0x34, /* 64 KiB above 16 MiB, at most 65535 */
};

#define A_RATE    0x0f
#define A_DIVIDER 0x70
#define A_UIP     0x80
#define A_DEFAULT 0x26 /* 32.768 kHz crystal, periodic rate 1024 Hz */

#define DIVIDER_HELD 0x60 /* this or 0x70: the divider is held in reset */

#define B_24H    0x02
#define B_BINARY 0x04
#define B_UIE    0x10
#define B_AIE    0x20
#define B_PIE    0x40
#define B_SET    0x80

#define C_UF    0x10 /* these three stand where their enables stand in B */
#define C_AF    0x20
#define C_PF    0x40
#define C_IRQF  0x80
#define C_FLAGS (C_UF | C_AF | C_PF)

#define D_VRT 0x80 /* the battery is good */

#define HOURS_PM      0x80
#define ALARM_ANY     0xc0              /* in an alarm register: every value matches */
#define UPDATE_NS     UINT64_C(2228000) /* UIP: 244 us of notice and 1984 us of update */
#define CRYSTAL_HZ    UINT64_C(32768)
#define SECONDS_A_DAY 86400
#define MEBIBYTE      UINT64_C(0x100000)
#define INDEX_BITS    0x7f /* the top bit of port 0x70 masks NMI */

static uint8_t encode(const struct mc146818_state *s, int value)
{
    return (uint8_t)(s->cmos[REG_B] & B_BINARY ? value : value / 10 * 16 + value % 10);
}

static int decode(const struct mc146818_state *s, uint8_t value)
{
    return s->cmos[REG_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const struct mc146818_state *s, int hour)
{
    if (s->cmos[REG_B] & B_24H)
        return encode(s, hour);
    return (uint8_t)(encode(s, (hour + 11) % 12 + 1) | (hour >= 12 ? HOURS_PM : 0));
}

static int decode_hour(const struct mc146818_state *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H)
        return decode(s, value);
    return decode(s, value & (uint8_t)~HOURS_PM) % 12 + (value & HOURS_PM ? 12 : 0);
}

/* Whole seconds on the clock at a time not before base_ns. */
static int64_t seconds_at(const struct mc146818_state *s, uint64_t now)
{
    return s->base + (int64_t)((now - s->base_ns) / NS_PER_SECOND);
}

static uint64_t into_second(const struct mc146818_state *s, uint64_t now)
{
    return (now - s->base_ns) % NS_PER_SECOND;
}

/* Puts the time into its registers. */
static void show_time(struct mc146818_state *s, uint64_t now)
{
    time_t seconds = (time_t)seconds_at(s, now);
    struct tm tm;

    if (s->stopped || !gmtime_r(&seconds, &tm))
        return;
    s->cmos[SECONDS] = encode(s, tm.tm_sec);
    s->cmos[MINUTES] = encode(s, tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, tm.tm_hour);
    s->cmos[WEEKDAY] = encode(s, tm.tm_wday + 1);
    s->cmos[DAY] = encode(s, tm.tm_mday);
    s->cmos[MONTH] = encode(s, tm.tm_mon + 1);
    s->cmos[YEAR] = encode(s, (tm.tm_year + 1900) % 100);
    s->cmos[CENTURY] = encode(s, (tm.tm_year + 1900) / 100);
}

/* Goes on from the time in the registers, in the same part of the second. */
static void take_time(struct mc146818_state *s, uint64_t now)
{
    struct tm tm = {
        .tm_sec = decode(s, s->cmos[SECONDS]),
        .tm_min = decode(s, s->cmos[MINUTES]),
        .tm_hour = decode_hour(s, s->cmos[HOURS]),
        .tm_mday = decode(s, s->cmos[DAY]),
        .tm_mon = decode(s, s->cmos[MONTH]) - 1,
        .tm_year = decode(s, s->cmos[CENTURY]) * 100 + decode(s, s->cmos[YEAR]) - 1900,
    };

    s->base = (int64_t)timegm(&tm);
    s->base_ns = now - into_second(s, now);
}

static bool alarm_part_matches(uint8_t alarm, int wanted, int64_t value)
{
    return (alarm & ALARM_ANY) == ALARM_ANY || wanted == value;
}

static bool alarm_matches(const struct mc146818_state *s, int64_t seconds)
{
    const uint8_t *cmos = s->cmos;
    int64_t of_day = (seconds % SECONDS_A_DAY + SECONDS_A_DAY) % SECONDS_A_DAY;

    return alarm_part_matches(cmos[SECONDS_ALARM], decode(s, cmos[SECONDS_ALARM]), of_day % 60) &&
           alarm_part_matches(cmos[MINUTES_ALARM], decode(s, cmos[MINUTES_ALARM]),
                              of_day / 60 % 60) &&
           alarm_part_matches(cmos[HOURS_ALARM], decode_hour(s, cmos[HOURS_ALARM]), of_day / 3600);
}

/* Crystal ticks between periodic interrupts; 0: none. */
static uint64_t period(const struct mc146818_state *s)
{
    unsigned rate = s->cmos[REG_A] & A_RATE;

    if (rate == 0)
        return 0;
    return UINT64_C(1) << (rate < 3 ? rate + 6 : rate - 1);
}

static uint64_t crystal_ticks(uint64_t ns)
{
    return ns / NS_PER_SECOND * CRYSTAL_HZ + ns % NS_PER_SECOND * CRYSTAL_HZ / NS_PER_SECOND;
}

static uint64_t ns_from_crystal(uint64_t ticks)
{
    return ticks / CRYSTAL_HZ * NS_PER_SECOND +
           (ticks % CRYSTAL_HZ * NS_PER_SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
}

/* Raises the flags of all that has happened since the last look. */
static void settle(struct mc146818_state *s, uint64_t now)
{
    uint8_t *flags = &s->cmos[REG_C];
    uint64_t p = period(s);

    if (p && crystal_ticks(s->looked) / p != crystal_ticks(now) / p)
        *flags |= C_PF;
    if (!s->stopped) {
        int64_t from = seconds_at(s, s->looked), to = seconds_at(s, now);
        if (from != to)
            *flags |= C_UF;
        if (to - from > SECONDS_A_DAY)
            from = to - SECONDS_A_DAY; /* a day has every time that can match */
        while (!(*flags & C_AF) && from < to) {
            if (alarm_matches(s, ++from))
                *flags |= C_AF;
        }
    }
    s->looked = now;
}

/* Drives the line, and arms the timer for the next event that would change it. */
static void mc146818_update_irq(struct mc146818 *rtc, uint64_t now)
{
    struct mc146818_state *s = &rtc->s;
    uint8_t awaited = (uint8_t)(s->cmos[REG_B] & C_FLAGS & ~s->cmos[REG_C]);
    uint64_t deadline = CLOCK_NEVER, p = period(s);

    if (awaited & C_PF && p)
        deadline = ns_from_crystal((crystal_ticks(now) / p + 1) * p);
    if (awaited & (C_UF | C_AF) && !s->stopped) {
        uint64_t next_second = now + NS_PER_SECOND - into_second(s, now);
        deadline = next_second < deadline ? next_second : deadline;
    }
    timer_arm(rtc->clock, &rtc->timer, deadline);
    irq_line_set(&rtc->irq8, s->cmos[REG_B] & s->cmos[REG_C] & C_FLAGS);
}

static uint64_t look(struct mc146818 *rtc)
{
    uint64_t now = clock_now(rtc->clock);

    settle(&rtc->s, now);
    return now;
}

static void event_is_due(void *owner)
{
    struct mc146818 *rtc = owner;

    mc146818_update_irq(rtc, look(rtc));
}

static bool is_time(uint8_t index)
{
    return index == SECONDS || index == MINUTES || index == CENTURY ||
           (index >= HOURS && index <= YEAR && index != HOURS_ALARM);
}

static bool divider_is_held(const struct mc146818_state *s)
{
    return (s->cmos[REG_A] & DIVIDER_HELD) == DIVIDER_HELD;
}

/* Stops or restarts the seconds as SET and the divider ask. */
static void update_stopped(struct mc146818_state *s, uint64_t now)
{
    bool stop = divider_is_held(s) || s->cmos[REG_B] & B_SET;

    if (s->stopped && !stop)
        take_time(s, now);
    s->stopped = stop;
}

static void write_register(struct mc146818_state *s, uint8_t value, uint64_t now)
{
    show_time(s, now);
    switch (s->index) {
    case REG_A:
        if (divider_is_held(s)) /* the first second after the release is a half one */
            s->base_ns = now - NS_PER_SECOND / 2;
        s->cmos[REG_A] = value & (A_RATE | A_DIVIDER);
        update_stopped(s, now);
        break;
    case REG_B:
        s->cmos[REG_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
        update_stopped(s, now);
        break;
    case REG_C:
    case REG_D:
        break; /* read only */
    default:
        s->cmos[s->index] = value;
        if (is_time(s->index) && !s->stopped)
            take_time(s, now);
        break;
    }
}

static uint8_t read_register(struct mc146818_state *s, uint64_t now)
{
    uint8_t value;

    show_time(s, now);
    value = s->cmos[s->index];
    switch (s->index) {
    case REG_A:
        if (!s->stopped && into_second(s, now) >= NS_PER_SECOND - UPDATE_NS)
            value |= A_UIP;
        break;
    case REG_C:
        if (value & s->cmos[REG_B] & C_FLAGS)
            value |= C_IRQF;
        s->cmos[REG_C] = 0;
        break;
    case REG_D:
        value = D_VRT;
        break;
    default:
        break;
    }
    return value;
}

static uint32_t port_read(void *device, uint32_t offset, unsigned width)
{
    struct mc146818 *rtc = device;

    (void)width;
    if (offset == 0)
        return 0xff; /* the index is write only */
    uint64_t now = look(rtc);
    uint8_t value = read_register(&rtc->s, now);
    mc146818_update_irq(rtc, now);
    return value;
}

static void port_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct mc146818 *rtc = device;

    (void)width;
    if (offset == 0) {
        rtc->s.index = value & INDEX_BITS;
        return;
    }
    uint64_t now = look(rtc);
    write_register(&rtc->s, (uint8_t)value, now);
    mc146818_update_irq(rtc, now);
}

void mc146818_init(struct mc146818 *rtc, struct clock *clock, int64_t epoch_seconds)
{
    memset(rtc, 0, sizeof(*rtc));
    rtc->clock = clock;
    timer_init(&rtc->timer, event_is_due, rtc);
    rtc->s.base = epoch_seconds;
    rtc->s.base_ns = clock_now(clock);
    rtc->s.looked = rtc->s.base_ns;
    rtc->s.cmos[REG_A] = A_DEFAULT;
    rtc->s.cmos[REG_B] = B_24H;
}

static void put_word(struct mc146818_state *s, unsigned at, uint64_t value)
{
    if (value > 0xffff)
        value = 0xffff;
    s->cmos[at] = (uint8_t)value;
    s->cmos[at + 1] = (uint8_t)(value >> 8);
}

void mc146818_set_memory(struct mc146818 *rtc, uint64_t ram_bytes)
{
    uint64_t above_1m = ram_bytes > MEBIBYTE ? ram_bytes - MEBIBYTE : 0;
    uint64_t above_16m = ram_bytes > 16 * MEBIBYTE ? ram_bytes - 16 * MEBIBYTE : 0;

    put_word(&rtc->s, BASE_MEMORY, 640);
    put_word(&rtc->s, EXTENDED_MEMORY, above_1m / 1024);
    put_word(&rtc->s, EXTENDED_MEMORY_2, above_1m / 1024);
    put_word(&rtc->s, HIGH_MEMORY, above_16m / 65536);
}

void mc146818_set_boot_order(struct mc146818 *rtc, const uint8_t kinds[3])
{
    rtc->s.cmos[BOOT_FLAG_2] = (uint8_t)(kinds[0] | kinds[1] << 4);
    rtc->s.cmos[BOOT_FLAG_1] = (uint8_t)(kinds[2] << 4);
}

void mc146818_set_floppies(struct mc146818 *rtc, uint8_t first, uint8_t second)
{
    rtc->s.cmos[FLOPPY_TYPES] = (uint8_t)(first << 4 | second);
    rtc->s.cmos[EQUIPMENT] &= 0x3e;
    if (first || second)
        rtc->s.cmos[EQUIPMENT] |= first && second ? 0x41 : 0x01;
}

bool mc146818_attach(struct mc146818 *rtc, struct bus *ports)
{
    const struct bus_region region = {"mc146818", MC146818_PORT, 2, 1, port_read,
                                      port_write, .device = rtc};

    return !bus_add(ports, &region);
}

void mc146818_restored(void *device)
{
    struct mc146818 *rtc = device;

    mc146818_update_irq(rtc, look(rtc));
}

/* ---- what snapshots and the monitor ask ---- */

static bool valid(const void *device, const void *state)
{
    const struct mc146818_state *s = state;

    (void)device;
    return s->index < MC146818_CMOS && s->base >= -MC146818_EPOCH_MAX &&
           s->base <= MC146818_EPOCH_MAX && s->looked <= CLOCK_MAX && ARE_BOOLS(&s->stopped);
}

static void tell(const void *device, struct words *to)
{
    static const char *const sources[8] = {[4] = "update ended", [5] = "alarm", [6] = "periodic"};
    const struct mc146818 *rtc = device;
    const struct mc146818_state *s = &rtc->s;
    time_t seconds = (time_t)seconds_at(s, clock_now(rtc->clock));
    uint8_t b = s->cmos[REG_B];
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        words_print(to, "time: %d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        words_print(to, "time: no time");
    words_print(to, ", %s, %s hours%s\n", b & B_BINARY ? "binary" : "BCD", b & B_24H ? "24" : "12",
                s->stopped ? ", stopped while it is set" : "");
    if (period(s))
        words_print(to, "periodic rate: %llu Hz\n", (unsigned long long)(CRYSTAL_HZ / period(s)));
    else
        words_print(to, "periodic rate: none\n");
    words_print(to, "interrupts enabled: ");
    words_list_bits(to, b, sources);
    words_end_list(to, "none");
    words_print(to, "flags in register C: ");
    words_list_bits(to, s->cmos[REG_C], sources);
    words_end_list(to, "none");
}

const struct device_kind mc146818_kind = {
    DEVICE_STATE(struct mc146818, s),
    .line = {{offsetof(struct mc146818, irq8), "mc146818"}},
    .valid = valid,
    .restored = mc146818_restored,
    .tell = tell,
};
