/*
 * What is written to the 8254. Its data sheet, "Control Word Format"; a PC's clock is 1.193182 MHz.
 */
#include "pit_rules.h"

#include "dev/i8254.h"
#include "machine/machine.h"
#include "mistakes.h"

/* Rates below this need a count above 65536. */
#define SLOWEST_HZ 19

/* A rate is usual if it is within so many thousandths of a number of whole Hz. */
#define USUAL_PERMILLE 5
#define FAST_HZ        20000

unsigned pit_rules_overflow(uint32_t count, uint32_t *meant)
{
    static const uint32_t clocks[] = {1193182, 1193180, 1193181}; /* as kernels have it */

    for (unsigned hz = 1; hz < SLOWEST_HZ; hz++) {
        for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
            for (unsigned up = 0; up < 2; up++) {
                *meant = (clocks[i] + (up ? hz / 2 : 0)) / hz;
                if (*meant > 0x10000 && (*meant & 0xffff) == count)
                    return hz;
            }
        }
    }
    return 0;
}

static uint64_t millihertz(uint32_t count)
{
    return I8254_HZ * 1000 / count;
}

/* The rate is a multiple of `step` Hz, but for so many thousandths of it. */
static bool is_multiple(uint32_t count, unsigned step, unsigned permille)
{
    uint64_t rate = millihertz(count), unit = step * UINT64_C(1000);
    uint64_t whole = (rate + unit / 2) / unit * unit;
    uint64_t off = rate > whole ? rate - whole : whole - rate;

    return off * 1000 <= rate * permille;
}

static bool is_usual(uint32_t count)
{
    return count == 0x10000 ||
           (is_multiple(count, 1, USUAL_PERMILLE) && millihertz(count) <= FAST_HZ * 1000);
}

/* The count would be a round rate if its bytes had come the other way round. */
static bool is_swapped(uint32_t count)
{
    uint32_t swapped = (count & 0xff) << 8 | count >> 8;

    return count < 0x10000 && swapped && is_multiple(swapped, 5, 1);
}

/* Counter 0 gets a whole count, in a mode in which it counts again and again. */
static void check_rate(struct mistakes *mistakes, uint32_t count)
{
    uint32_t meant;
    unsigned hz = pit_rules_overflow(count, &meant),
             rate = (unsigned)((millihertz(count) + 50) / 100);

    if (hz)
        MISTAKE(mistakes, PIT_DIVISOR, 0,
                "counter 0 of the 8254 is given %u, the low 16 bits of %u, which %u Hz would need: "
                "the timer runs at %u.%u Hz; no count is above 65536 (18.2 Hz)",
                count, meant, hz, rate / 10, rate % 10);
    else if (!is_usual(count) && !mistakes->seen[PIT_CONTROL])
        MISTAKE(mistakes, PIT_RATE, 0, "counter 0 of the 8254 is given %u, which is %u.%u Hz%s",
                count, rate / 10, rate % 10,
                is_swapped(count) ? ": the low byte of a count comes first" : ": an unusual rate");
}

/* The usual control words of a counter: two bytes, mode 0, 2 or 3. */
static bool is_control_of(uint8_t value, unsigned counter)
{
    uint8_t low = value & 0x3f;

    return value >> 6 == counter && (low == 0x30 || low == 0x34 || low == 0x36);
}

static void check_count(struct pit_rules *rules, struct mistakes *mistakes,
                        const struct i8254_counter *counter, unsigned which, uint8_t value)
{
    uint8_t bit = (uint8_t)(1 << which);
    unsigned mode = counter->control >> 1 & 3; /* 6 and 7 are 2 and 3 */

    if (!((rules->controlled | rules->begun) & bit) && is_control_of(value, which))
        MISTAKE(mistakes, PIT_CONTROL, which,
                "%#04x, which looks like a control word, goes to counter %u of the 8254: those go "
                "to port 0x43",
                value, which);
    rules->begun |= bit;
    if (which == 0 && (counter->control >> 4 & 3) == 3 && counter->second_is_due &&
        (mode == 2 || mode == 3)) {
        uint32_t count = (uint32_t)value << 8 | counter->first_byte;
        check_rate(mistakes, count ? count : 0x10000);
    }
}

void pit_rules_write(struct pit_rules *rules, struct mistakes *mistakes, const struct i8254 *pit,
                     unsigned offset, uint8_t value)
{
    if (offset < I8254_COUNTERS)
        check_count(rules, mistakes, &pit->s.counter[offset], offset, value);
    else if (value >> 6 < I8254_COUNTERS && (value >> 4 & 3))
        rules->controlled |= (uint8_t)(1 << (value >> 6));
}
