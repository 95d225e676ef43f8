/*
 * Motorola MC146818 real-time clock with 128 bytes of CMOS memory, as in a PC/AT. After its data
 * sheet (ADI856R2); the meaning of the bytes above 0x0d after the PC/AT's firmware.
 *
 * Time is computed when it is asked for. A timer is armed only for an interrupt that is enabled
 * and not pending already, so a guest that never acknowledges gets only one edge.
 */
#ifndef VMM_DEV_MC146818_H
#define VMM_DEV_MC146818_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define MC146818_PORT      0x70
#define MC146818_CMOS      128
#define MC146818_EPOCH_MAX (INT64_C(1) << 40) /* s: further from 1970 than its registers can be */

struct bus;

struct mc146818_state {
    uint8_t index;
    /* By address. The time registers (0, 2, 4, 6 to 9, century) are those of the last look. */
    uint8_t cmos[MC146818_CMOS];
    int64_t base;     /* seconds since 1970 at base_ns, UTC */
    uint64_t base_ns; /* a beginning of a second, modulo 2^64: may lie before the start */
    bool stopped;     /* by SET or a held divider; the time registers count as written */
    uint64_t looked;  /* ns: flags are known up to here */
};

struct mc146818 {
    struct mc146818_state s;
    struct clock *clock;
    struct timer timer;
    struct irq_line irq8;
};

/* Power on with the time `epoch_seconds` (UTC, since 1970, at most MC146818_EPOCH_MAX from it) now:
 * BCD, 24 hours, no interrupts. */
void mc146818_init(struct mc146818 *rtc, struct clock *clock, int64_t epoch_seconds);

/* Writes the memory sizes that a PC's firmware leaves for `ram_bytes` (1 MiB or more) of RAM. */
void mc146818_set_memory(struct mc146818 *rtc, uint64_t ram_bytes);

/* Writes which kinds of drives a BIOS is to start from: 1 floppy, 2 hard disk, 3 CD, 0 none. As
 * Bochs' and SeaBIOS have them: SeaBIOS, src/boot.c. */
void mc146818_set_boot_order(struct mc146818 *rtc, const uint8_t kinds[3]);

/* Writes the types of the floppy drives, 0 for none, and that they are there. */
void mc146818_set_floppies(struct mc146818 *rtc, uint8_t first, uint8_t second);

/* Attaches ports 0x70-71; false if one of them is taken. */
bool mc146818_attach(struct mc146818 *rtc, struct bus *ports);

/* To be called after `s` was replaced: drives irq8 and arms the timer again. */
void mc146818_restored(void *rtc);

extern const struct device_kind mc146818_kind;

#endif
