/*
 * What the files of an ATA channel share: ata.c (registers, time, resets), ata_disk.c (the commands
 * of hard disks), ata_cd.c (those of CDs). For these alone.
 */
#ifndef VMM_DEV_ATA_PARTS_H
#define VMM_DEV_ATA_PARTS_H

#include "ata.h"
#include "base/disk.h"

/* The Status register (ATA-6, 7.15). */
#define ATA_ERR  0x01
#define ATA_DRQ  0x08
#define ATA_DSC  0x10 /* seek complete, as hard disks have it */
#define ATA_DF   0x20 /* device fault */
#define ATA_DRDY 0x40
#define ATA_BSY  0x80

/* The Error register (7.9). */
#define ATA_ABRT 0x04
#define ATA_IDNF 0x10 /* no such sector */
#define ATA_UNC  0x40 /* a sector that can't be read */

/* The Device register (7.8). */
#define ATA_DEV 0x10
#define ATA_LBA 0x40

/* An address register's low byte, as commands set it: it is one byte deep for those. */
static inline void ata_put(uint16_t *to, unsigned byte)
{
    *to = (uint16_t)((*to & 0xff00) | (byte & 0xff));
}

/* The device that is selected, and its disk. A command is never begun where there is none. */
static inline unsigned ata_selected(const struct ata *ata)
{
    return ata->s.select & ATA_DEV ? 1 : 0;
}

static inline struct ata_device_state *ata_device(struct ata *ata)
{
    return &ata->s.device[ata_selected(ata)];
}

static inline const struct disk *ata_disk(const struct ata *ata)
{
    return ata->disk[ata_selected(ata)];
}

/* What the host is asked for; also bits of `told`. */
enum ata_operation { ATA_READ, ATA_WRITE, ATA_FLUSH, ATA_OPERATIONS };

/* Whether an operation on the selected disk went well: `error` is 0. If not, it is told once. */
bool ata_host_did(struct ata *ata, enum ata_operation operation, int error);

/* Reads sectors of 512 bytes into the buffer, or writes them from it. */
bool ata_disk_read(struct ata *ata, uint64_t sector, uint32_t count);
bool ata_disk_write(struct ata *ata, uint64_t sector, uint32_t count);
bool ata_disk_flush(struct ata *ata);

/* `bytes` of the buffer are to be moved in a phase, as one DRQ block. */
void ata_give(struct ata *ata, enum ata_phase phase, uint32_t bytes);

/* A command ends: well; or with these bits of the Error register. */
void ata_succeed(struct ata *ata);
void ata_fail(struct ata *ata, uint8_t error);

/* Has a device show what it is (ATA-6, 9.12). */
void ata_set_signature(struct ata *ata, unsigned device);

/* Puts `text` into an IDENTIFY string of `words` words: two characters a word, the first one the
 * high byte, filled up with blanks. Ends at a zero or after `size` characters. */
void ata_identify_text(uint8_t *to, unsigned words, const char *text, size_t size);

/* A command: codes from `first` to `last`. */
struct ata_command {
    uint8_t first, last;
    const char *name;
    void (*begin)(struct ata *ata);
    bool takes_time; /* BSY is seen before its first block, or its end */
};

extern const struct ata_command ata_disk_commands[], ata_cd_commands[]; /* end with begin NULL */

/* Software reset and power on: a device's settings are what they are by default. */
void ata_disk_set_defaults(struct ata *ata, unsigned device);

/* A DRQ block of the guest's command has been moved. False: that was the end, with no more to be
 * said; else BSY follows, and an interrupt. */
bool ata_disk_moved(struct ata *ata);
bool ata_cd_moved(struct ata *ata);

/* The buffer is empty, within a block. */
void ata_cd_refill(struct ata *ata);

#endif
