/*
 * Mistakes in programming the 8254: control words that go to a counter, counts that are not what
 * was meant.
 */
#ifndef VMM_WATCH_PIT_RULES_H
#define VMM_WATCH_PIT_RULES_H

#include <stdint.h>

struct i8254;
struct mistakes;

struct pit_rules {
    uint8_t controlled, begun; /* bits by counter: a control word was for it; it was written */
};

/* A byte is about to be written to 0x40 + offset, 0 to 3. */
void pit_rules_write(struct pit_rules *rules, struct mistakes *mistakes, const struct i8254 *pit,
                     unsigned offset, uint8_t value);

/* The rate, in Hz, for which a count of more than 16 bits was meant, if `count` is what is left of
 * it, and that count; 0: it is not. */
unsigned pit_rules_overflow(uint32_t count, uint32_t *meant);

#endif
