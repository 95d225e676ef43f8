/*
 * An ATA channel with up to two devices, hard disks or CDs, by PIO: registers, one line. After
 * AT Attachment with Packet Interface - 6 (T13/1410D, "ATA-6"): 7 the registers, 8 the commands, 9
 * the protocols; packets of CDs after SFF-8020i and MMC-2.
 *
 * The work of a command, or of a block of it, is done at once on the host. Where the medium is read
 * or written, the guest sees BSY meanwhile, and the end at a time of its clock; what needs the
 * registers alone is seen to be done at once, as drivers that were written for emulators expect
 * (xv6 writes the first block without a look at the status). The interrupt comes at a time of the
 * clock in both. So in virtual time every run is the same, no interrupt comes from within the
 * access that caused it, and what was shown as written is in the host's page cache. No access is
 * more work than a block, or a flush.
 */
#ifndef VMM_DEV_ATA_H
#define VMM_DEV_ATA_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define ATA_DEVICES  2
#define ATA_MULTIPLE 16 /* sectors: the largest block of READ MULTIPLE, and the default */
#define ATA_BUFFER   (ATA_MULTIPLE * 512)

/* How long things take, ns: a command, each further block of it, a reset. More than the 400 ns
 * after which drivers look at the status, and short, for most of them wait by polling. */
#define ATA_COMMAND_NS UINT64_C(4000)
#define ATA_BLOCK_NS   UINT64_C(1000)
#define ATA_RESET_NS   UINT64_C(2000)

struct bus;
struct disk;

struct ata_device_state {
    /* Registers that are two bytes deep: what was written last is the low one (ATA-6, 6.20). */
    uint16_t feature, count, low, mid, high;
    uint8_t error;
    uint8_t status;         /* without BSY and DRQ */
    uint8_t multiple;       /* sectors; 0: READ MULTIPLE is off */
    uint8_t heads, sectors; /* the geometry that CHS addresses are of */
    uint8_t sense_key, asc; /* CD: why the last packet failed */
    bool interrupt;         /* pending */
    bool writes_through;    /* the write cache is off: each write command is flushed */
    bool keeps_settings;    /* over a software reset */
    bool standby;
    bool is_locked, is_open; /* CD: the tray */
};

/* What the selected device does, or, while busy, will do when it is not any more. */
enum ata_phase {
    ATA_IDLE,
    ATA_IN,     /* DRQ: the guest reads the buffer */
    ATA_OUT,    /* DRQ: it fills the buffer */
    ATA_PACKET, /* DRQ: it writes a packet */
    ATA_PHASES
};

struct ata_state {
    struct ata_device_state device[ATA_DEVICES];
    uint8_t select;   /* the Device register */
    uint8_t control;  /* the Device Control register */
    uint8_t command;  /* the last one */
    uint8_t phase;    /* enum ata_phase */
    bool busy;        /* BSY is set, until: */
    bool is_due;      /* done_at is to come, ... */
    bool is_quiet;    /* ... without an interrupt */
    bool has_failed;  /* CD: within the present block, a sector could not be read */
    uint64_t done_at; /* ns */
    /* Of a transfer: the sector that comes next (a CD's have 2,048 bytes), and how many do. */
    uint64_t sector;
    uint32_t left;
    uint32_t at, filled; /* the buffer: where the next word is, and the end of the data in it */
    uint32_t block;      /* bytes of the present DRQ block that have not been moved */
    uint16_t limit;      /* CD: the longest DRQ block */
    uint8_t buffer[ATA_BUFFER];
};

struct ata {
    struct ata_state s;
    const struct disk *disk[ATA_DEVICES]; /* NULL: there is no such device */
    struct clock *clock;
    struct timer timer;
    struct irq_line irq;
    uint32_t base;     /* of its ports */
    uint64_t commands; /* that were begun; for whoever wants to know whether there were any */
    bool has_written;  /* the guest, to one of the disks */
    /* Takes a sentence about the guest's driver or the host's file; may be NULL. */
    void (*warn)(void *owner, const char *text);
    void *owner;
    uint32_t told; /* what it has been told of, a bit each */
    /* Told of each read, write and flush of a disk, when it has been done; NULL: nobody is. */
    void (*observe)(void *observer, unsigned slot, const char *what, uint64_t sector,
                    uint64_t bytes, bool ok);
    void *observer;
    unsigned slot; /* as the observer calls the first device; the second's is the next */
};

/* A channel after power on, with the disks that are there: `disk[n]` may be NULL. */
void ata_init(struct ata *ata, const struct disk *const disk[ATA_DEVICES], struct clock *clock,
              void (*warn)(void *owner, const char *text), void *owner);

/* Attaches eight ports from `base` on, and the one at `control`; false if one of them is taken. A
 * channel without devices attaches none: as on a PC, all ones are read there. */
bool ata_attach(struct ata *ata, struct bus *ports, uint16_t base, uint16_t control);

extern const struct device_kind ata_kind;

#endif
