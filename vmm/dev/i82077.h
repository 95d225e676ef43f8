/*
 * Intel 82077AA floppy disk controller with up to two drives, as a PC/AT has it: data by DMA
 * channel 2, one line. After its data sheet (290166).
 *
 * A command is done at once on the host, its data moved; the guest sees the end, with the
 * interrupt, at a time of its clock. A real drive takes a thousand times as long.
 */
#ifndef VMM_DEV_I82077_H
#define VMM_DEV_I82077_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define I82077_PORT    0x3f0
#define I82077_DRIVES  2
#define I82077_DMA     2
#define I82077_FIFO    16
#define I82077_NS      UINT64_C(50000) /* a command; a reset */
#define I82077_SECTORS 5760            /* of 512 bytes: the largest disk */

struct bus;
struct disk;
struct i8237;

struct i82077_state {
    uint8_t dor; /* Digital Output Register */
    uint8_t specify[2], configure[3];
    bool is_locked; /* a reset by software keeps `configure` */
    uint8_t cylinder[I82077_DRIVES];
    bool has_changed[I82077_DRIVES]; /* the disk was put in since the last seek */
    /* The bytes of a command, as they come, and of its result, as they are read. */
    uint8_t fifo[I82077_FIFO];
    uint8_t at, length; /* length: of the result; 0: in a command */
    bool busy;          /* with a command, or a reset; up to: */
    uint64_t done_at;   /* ns */
    bool interrupt;     /* requested */
    /* What SENSE INTERRUPT STATUS says: how many drives have still to report a reset, and whether a
     * seek has ended, with which ST0. */
    uint8_t resets;
    bool has_sought;
    uint8_t st0;
};

struct i82077 {
    struct i82077_state s;
    const struct disk *disk[I82077_DRIVES]; /* NULL: the drive is empty */
    struct i8237 *dma;
    struct clock *clock;
    struct timer timer;
    struct irq_line irq;
    uint64_t commands; /* that were begun; for whoever wants to know whether there were any */
    /* Takes a sentence about the host's file; may be NULL. */
    void (*warn)(void *owner, const char *text);
    void *owner;
    bool is_told;
    bool has_written; /* the guest, to one of the disks */
    uint8_t buffer[512];
};

/* How a disk is recorded: the format of its size, or the next larger one. */
struct floppy_format {
    uint16_t sectors;
    uint8_t cylinders, heads, of_track;
    uint8_t drive_type; /* as the CMOS of a PC/AT has it */
};

/* NULL: it is larger than any. */
const struct floppy_format *floppy_format(uint64_t sectors);

/* A controller after power on, with the disks that are in its drives: `disk[n]` may be NULL. */
void i82077_init(struct i82077 *fdc, const struct disk *const disk[I82077_DRIVES],
                 struct i8237 *dma, struct clock *clock,
                 void (*warn)(void *owner, const char *text), void *owner);

/* Attaches ports 0x3f0-0x3f5 and 0x3f7; false if one of them is taken. */
bool i82077_attach(struct i82077 *fdc, struct bus *ports);

extern const struct device_kind i82077_kind;

#endif
