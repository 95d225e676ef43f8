/*
 * The commands of an ATA hard disk, by PIO. Numbers of sections are of ATA-6. Commands that move
 * data by DMA are aborted, and IDENTIFY DEVICE says that there are none.
 */
#include "ata_parts.h"

#include <string.h>

#define LBA28_MAX     UINT32_C(0x0fffffff) /* sectors that 28 bits can address */
#define CYLINDERS_MAX 16383                /* of the default geometry (6.2.1) */
#define CYLINDERS_MIN 2
#define HEADS         16
#define SECTORS       63
#define PIO_CYCLE_NS  120
#define ATA_VERSIONS  0x0070 /* ATA/ATAPI-4, 5 and 6 */

enum {
    READ_SECTORS_EXT = 0x24,
    READ_MULTIPLE_EXT = 0x29,
    WRITE_SECTORS_EXT = 0x34,
    WRITE_MULTIPLE_EXT = 0x39,
    READ_VERIFY_EXT = 0x42,
    READ_MULTIPLE = 0xc4,
    WRITE_MULTIPLE = 0xc5,
    READ_NATIVE_MAX_EXT = 0x27,
};

/* SET FEATURES (8.46). */
enum {
    ENABLE_WRITE_CACHE = 0x02,
    SET_TRANSFER_MODE = 0x03,
    DISABLE_LOOK_AHEAD = 0x55,
    KEEP_SETTINGS = 0x66, /* over a software reset */
    DISABLE_WRITE_CACHE = 0x82,
    ENABLE_LOOK_AHEAD = 0xaa,
    REVERT_SETTINGS = 0xcc,
};
#define MODE_PIO_LAST 0x0c /* PIO mode 4; from 0x10 on there are DMA modes */

#define POWER_STANDBY 0x00
#define POWER_ACTIVE  0xff

void ata_disk_set_defaults(struct ata *ata, unsigned device)
{
    struct ata_device_state *to = &ata->s.device[device];

    to->multiple = ATA_MULTIPLE;
    to->heads = HEADS;
    to->sectors = SECTORS;
    to->writes_through = to->keeps_settings = false;
}

/* ---- addresses ---- */

static bool is_ext(uint8_t command)
{
    switch (command) {
    case READ_SECTORS_EXT:
    case READ_MULTIPLE_EXT:
    case WRITE_SECTORS_EXT:
    case WRITE_MULTIPLE_EXT:
    case READ_VERIFY_EXT:
    case READ_NATIVE_MAX_EXT:
        return true;
    default:
        return false;
    }
}

/* Cylinder, head and sector, which counts from 1, of the current geometry (6.2). False: there can't
 * be such a sector. */
static bool chs_sector(const struct ata *ata, const struct ata_device_state *d, uint64_t *sector)
{
    uint32_t cylinder = (d->mid & 0xffu) | (d->high & 0xffu) << 8, number = d->low & 0xff;
    uint32_t head = ata->s.select & 0x0f;

    *sector = ((uint64_t)cylinder * d->heads + head) * d->sectors + number - 1;
    return number > 0 && number <= d->sectors && head < d->heads;
}

/* Which sectors the registers are about. */
static bool take_address(struct ata *ata)
{
    const struct ata_device_state *d = ata_device(ata);
    struct ata_state *s = &ata->s;
    uint64_t low = (d->low & 0xffu) | (d->mid & 0xffu) << 8 | (d->high & 0xffu) << 16;
    uint64_t high =
        (uint64_t)(d->low >> 8) | (uint64_t)(d->mid >> 8) << 8 | (uint64_t)(d->high >> 8) << 16;

    if (is_ext(s->command)) {
        s->left = d->count ? d->count : 0x10000;
        s->sector = high << 24 | low;
        return true;
    }
    s->left = d->count & 0xff ? d->count & 0xff : 0x100;
    if (s->select & ATA_LBA) {
        s->sector = (uint64_t)(s->select & 0x0f) << 24 | low;
        return true;
    }
    return chs_sector(ata, d, &s->sector);
}

/* Shows in the registers which sector is meant, and how many are left. */
static void show_address(struct ata *ata, uint64_t sector, uint32_t left)
{
    struct ata_device_state *d = ata_device(ata);
    struct ata_state *s = &ata->s;

    if (is_ext(s->command)) {
        d->count = (uint16_t)left;
        d->low = (uint16_t)((sector & 0xff) | (sector >> 24 & 0xff) << 8);
        d->mid = (uint16_t)((sector >> 8 & 0xff) | (sector >> 32 & 0xff) << 8);
        d->high = (uint16_t)((sector >> 16 & 0xff) | (sector >> 40 & 0xff) << 8);
        return;
    }
    ata_put(&d->count, left);
    if (!(s->select & ATA_LBA)) {
        uint64_t track = sector / d->sectors;
        ata_put(&d->low, (unsigned)(sector % d->sectors + 1));
        s->select = (uint8_t)((s->select & 0xf0) | track % d->heads);
        ata_put(&d->mid, (unsigned)(track / d->heads));
        ata_put(&d->high, (unsigned)(track / d->heads >> 8));
        return;
    }
    ata_put(&d->low, (unsigned)sector);
    ata_put(&d->mid, (unsigned)(sector >> 8));
    ata_put(&d->high, (unsigned)(sector >> 16));
    s->select = (uint8_t)((s->select & 0xf0) | (sector >> 24 & 0x0f));
}

/* Whether `count` sectors are on the disk from the next one on. If not, the command fails, at the
 * first that isn't. */
static bool are_there(struct ata *ata, uint32_t count)
{
    uint64_t size = ata_disk(ata)->sectors, sector = ata->s.sector;

    if (sector < size && count <= size - sector)
        return true;
    show_address(ata, sector < size ? size : sector, ata->s.left);
    ata_fail(ata, ATA_IDNF);
    return false;
}

/* A sector of the next ones failed on the host. */
static void fail_here(struct ata *ata, uint8_t error)
{
    show_address(ata, ata->s.sector, ata->s.left);
    ata_fail(ata, error);
}

/* ---- reading and writing: 9.5 PIO data-in, 9.6 PIO data-out ---- */

static bool is_multiple(uint8_t command)
{
    return command == READ_MULTIPLE || command == READ_MULTIPLE_EXT || command == WRITE_MULTIPLE ||
           command == WRITE_MULTIPLE_EXT;
}

/* Sectors of the next DRQ block. */
static uint32_t block_size(struct ata *ata)
{
    uint32_t most = is_multiple(ata->s.command) ? ata_device(ata)->multiple : 1;

    if (most == 0)
        most = 1; /* begin_transfer has refused it; a snapshot may be forged */
    return ata->s.left < most ? ata->s.left : most;
}

static void give_block(struct ata *ata)
{
    struct ata_state *s = &ata->s;
    uint32_t count = block_size(ata);

    if (!are_there(ata, count))
        return;
    if (!ata_disk_read(ata, s->sector, count)) {
        fail_here(ata, ATA_UNC);
        return;
    }
    s->sector += count;
    s->left -= count;
    show_address(ata, s->sector - 1, s->left);
    ata_give(ata, ATA_IN, count * DISK_SECTOR);
}

static void await_block(struct ata *ata)
{
    uint32_t count = block_size(ata);

    if (are_there(ata, count))
        ata_give(ata, ATA_OUT, count * DISK_SECTOR);
}

/* The guest has filled a block: it is written before the guest hears of it. */
static void take_block(struct ata *ata)
{
    struct ata_state *s = &ata->s;
    uint32_t count = s->filled / DISK_SECTOR;
    bool is_last = count == s->left;

    if (!are_there(ata, count))
        return;
    if (!ata_disk_write(ata, s->sector, count) ||
        (is_last && ata_device(ata)->writes_through && !ata_disk_flush(ata))) {
        fail_here(ata, ATA_ABRT);
        ata_device(ata)->status |= ATA_DF;
        return;
    }
    s->sector += count;
    s->left -= count;
    show_address(ata, s->sector - 1, s->left);
    if (is_last)
        ata_succeed(ata);
    else
        await_block(ata);
}

bool ata_disk_moved(struct ata *ata)
{
    if (ata->s.phase == ATA_OUT) {
        take_block(ata);
        return true;
    }
    if (ata->s.left == 0) { /* the guest has read the last word */
        ata->s.phase = ATA_IDLE;
        return false;
    }
    give_block(ata);
    return true;
}

/* What all that address sectors begin with. False, and the command has failed. */
static bool begin_transfer(struct ata *ata)
{
    if (is_multiple(ata->s.command) && ata_device(ata)->multiple == 0) {
        ata_fail(ata, ATA_ABRT);
        return false;
    }
    if (!take_address(ata)) {
        ata_fail(ata, ATA_IDNF);
        return false;
    }
    ata_device(ata)->standby = false;
    ata_succeed(ata);
    return true;
}

static void read_sectors(struct ata *ata)
{
    if (begin_transfer(ata))
        give_block(ata);
}

static void write_sectors(struct ata *ata)
{
    if (ata_disk(ata)->read_only)
        ata_fail(ata, ATA_ABRT);
    else if (begin_transfer(ata))
        await_block(ata);
}

static void verify_sectors(struct ata *ata)
{
    struct ata_state *s = &ata->s;

    if (!begin_transfer(ata))
        return;
    while (s->left > 0) {
        uint32_t count = s->left < ATA_MULTIPLE ? s->left : ATA_MULTIPLE;
        if (!are_there(ata, count))
            return;
        if (!ata_disk_read(ata, s->sector, count)) {
            fail_here(ata, ATA_UNC);
            return;
        }
        s->sector += count;
        s->left -= count;
    }
    show_address(ata, s->sector - 1, 0);
}

static void seek(struct ata *ata)
{
    if (begin_transfer(ata))
        are_there(ata, 1);
}

/* ---- settings ---- */

/* 8.16: the geometry that CHS addresses are of from now on. */
static void initialize_device_parameters(struct ata *ata)
{
    struct ata_device_state *d = ata_device(ata);

    if ((d->count & 0xff) == 0) {
        ata_fail(ata, ATA_ABRT);
        return;
    }
    d->heads = (uint8_t)((ata->s.select & 0x0f) + 1);
    d->sectors = (uint8_t)d->count;
    ata_succeed(ata);
}

/* 8.47: a power of two; 0 switches READ MULTIPLE off. */
static void set_multiple(struct ata *ata)
{
    struct ata_device_state *d = ata_device(ata);
    uint8_t count = (uint8_t)d->count;

    if (count > ATA_MULTIPLE || count & (count - 1)) {
        ata_fail(ata, ATA_ABRT);
        return;
    }
    d->multiple = count;
    ata_succeed(ata);
}

static void set_features(struct ata *ata)
{
    struct ata_device_state *d = ata_device(ata);
    uint8_t mode = (uint8_t)d->count;
    bool ok = true;

    switch (d->feature & 0xff) {
    case ENABLE_WRITE_CACHE:
        d->writes_through = false;
        break;
    case DISABLE_WRITE_CACHE: /* 8.46.2: what is in the cache is written */
        d->writes_through = true;
        ok = ata_disk_flush(ata);
        break;
    case SET_TRANSFER_MODE:
        ok = mode <= MODE_PIO_LAST;
        break;
    case KEEP_SETTINGS:
        d->keeps_settings = true;
        break;
    case REVERT_SETTINGS:
        d->keeps_settings = false;
        break;
    case ENABLE_LOOK_AHEAD:
    case DISABLE_LOOK_AHEAD:
        break;
    default:
        ok = false;
        break;
    }
    if (ok)
        ata_succeed(ata);
    else
        ata_fail(ata, ATA_ABRT);
}

/* ---- the rest ---- */

static void flush_cache(struct ata *ata)
{
    if (ata_disk_flush(ata)) {
        ata_succeed(ata);
        return;
    }
    ata_fail(ata, ATA_ABRT);
    ata_device(ata)->status |= ATA_DF;
}

static void stand_by(struct ata *ata)
{
    ata_device(ata)->standby = true;
    ata_succeed(ata);
}

static void idle(struct ata *ata)
{
    ata_device(ata)->standby = false;
    ata_succeed(ata);
}

static void check_power_mode(struct ata *ata)
{
    ata_put(&ata_device(ata)->count, ata_device(ata)->standby ? POWER_STANDBY : POWER_ACTIVE);
    ata_succeed(ata);
}

/* Sectors that are addressed with 28 bits, or 48. */
static uint64_t capacity(const struct ata *ata, bool ext)
{
    uint64_t sectors = ata_disk(ata)->sectors;

    return ext || sectors <= LBA28_MAX ? sectors : LBA28_MAX;
}

/* 8.33: the address of the last sector. */
static void read_native_max(struct ata *ata)
{
    ata->s.select |= ATA_LBA;
    show_address(ata, capacity(ata, is_ext(ata->s.command)) - 1, ata_device(ata)->count);
    ata_succeed(ata);
}

static void always_done(struct ata *ata)
{
    ata_succeed(ata);
}

static void always_aborted(struct ata *ata)
{
    ata_fail(ata, ATA_ABRT);
}

/* ---- IDENTIFY DEVICE (8.15) ---- */

static void put_word(uint8_t *to, unsigned word, unsigned value)
{
    to[2 * word] = (uint8_t)value;
    to[2 * word + 1] = (uint8_t)(value >> 8);
}

static void put_number(uint8_t *to, unsigned word, unsigned words, uint64_t value)
{
    for (unsigned i = 0; i < words; i++)
        put_word(to, word + i, (unsigned)(value >> (16 * i)) & 0xffff);
}

static uint32_t cylinders(uint64_t sectors, uint32_t heads, uint32_t of_track, uint32_t most)
{
    uint64_t count = sectors / (heads * of_track);

    if (count < CYLINDERS_MIN)
        return CYLINDERS_MIN;
    return count < most ? (uint32_t)count : most;
}

/* Words 1 to 6: the default geometry; 53 to 58: the current one. */
static void put_geometry(uint8_t *to, const struct ata_device_state *d, uint64_t sectors)
{
    uint32_t now = cylinders(sectors, d->heads, d->sectors, 65535);

    put_word(to, 1, cylinders(sectors, HEADS, SECTORS, CYLINDERS_MAX));
    put_word(to, 3, HEADS);
    put_word(to, 4, SECTORS * DISK_SECTOR); /* these two: up to ATA-1 */
    put_word(to, 5, DISK_SECTOR);
    put_word(to, 6, SECTORS);
    put_word(to, 53, 0x0003); /* words 54 to 58 and 64 to 70 hold */
    put_word(to, 54, now);
    put_word(to, 55, d->heads);
    put_word(to, 56, d->sectors);
    put_number(to, 57, 2, (uint64_t)now * d->heads * d->sectors);
}

/* Words 80 to 87: versions, command sets that there are, and that are enabled. */
static void put_command_sets(uint8_t *to, const struct ata_device_state *d)
{
    unsigned first = 1u << 14 | 1u << 5 | 1u << 3;               /* NOP, write cache, power */
    unsigned second = 1u << 14 | 1u << 13 | 1u << 12 | 1u << 10; /* both FLUSH CACHEs, 48 bits */

    put_word(to, 80, ATA_VERSIONS);
    put_word(to, 82, first);
    put_word(to, 83, second);
    put_word(to, 84, 1u << 14);
    put_word(to, 85, d->writes_through ? first & ~(1u << 5) : first);
    put_word(to, 86, second & ~(1u << 14));
    put_word(to, 87, 1u << 14);
}

static void identify(struct ata *ata)
{
    const struct ata_device_state *d = ata_device(ata);
    const struct disk *disk = ata_disk(ata);
    uint8_t *to = ata->s.buffer;

    memset(to, 0, DISK_SECTOR);
    put_word(to, 0, 0x0040); /* a disk that is not removable */
    put_geometry(to, d, disk->sectors);
    ata_identify_text(to + 2 * 10, 10, disk->name, DISK_NAME_SIZE); /* the serial number */
    ata_identify_text(to + 2 * 23, 4, "1.0", DISK_NAME_SIZE);
    ata_identify_text(to + 2 * 27, 20, "VMM HARDDISK", DISK_NAME_SIZE);
    put_word(to, 47, 0x8000 | ATA_MULTIPLE);
    put_word(to, 48, 1);                  /* 32 bits of data at once */
    put_word(to, 49, 1u << 11 | 1u << 9); /* IORDY, LBA; no DMA */
    put_word(to, 50, 1u << 14);
    put_word(to, 51, 2u << 8); /* PIO mode 2 and, from word 64, 3 and 4 */
    put_word(to, 59, d->multiple ? 0x0100u | d->multiple : 0);
    put_number(to, 60, 2, capacity(ata, false));
    put_word(to, 64, 0x0003);
    put_word(to, 67, PIO_CYCLE_NS);
    put_word(to, 68, PIO_CYCLE_NS);
    put_command_sets(to, d);
    put_word(to, 93, 1u << 14 | 1u << 13 | 1); /* the reset found a cable of 80 wires */
    put_number(to, 100, 4, capacity(ata, true));
    ata->s.left = 0;
    ata_succeed(ata);
    ata_give(ata, ATA_IN, DISK_SECTOR);
}

/* ---- the table: clause 8, and what older drivers send ---- */

const struct ata_command ata_disk_commands[] = {
    {0x00, 0x00, "NOP", always_aborted, false},
    {0x10, 0x1f, "RECALIBRATE", always_done, false},
    {0x20, 0x21, "READ SECTORS", read_sectors, true},
    {0x24, 0x24, "READ SECTORS EXT", read_sectors, true},
    {0x27, 0x27, "READ NATIVE MAX ADDRESS EXT", read_native_max, false},
    {0x29, 0x29, "READ MULTIPLE EXT", read_sectors, true},
    {0x30, 0x31, "WRITE SECTORS", write_sectors, false},
    {0x34, 0x34, "WRITE SECTORS EXT", write_sectors, false},
    {0x39, 0x39, "WRITE MULTIPLE EXT", write_sectors, false},
    {0x40, 0x41, "READ VERIFY SECTORS", verify_sectors, true},
    {0x42, 0x42, "READ VERIFY SECTORS EXT", verify_sectors, true},
    {0x70, 0x7f, "SEEK", seek, false},
    {0x91, 0x91, "INITIALIZE DEVICE PARAMETERS", initialize_device_parameters, false},
    {0x94, 0x94, "STANDBY IMMEDIATE", stand_by, false},
    {0x95, 0x95, "IDLE IMMEDIATE", idle, false},
    {0x96, 0x96, "STANDBY", stand_by, false},
    {0x97, 0x97, "IDLE", idle, false},
    {0x98, 0x98, "CHECK POWER MODE", check_power_mode, false},
    {0xc4, 0xc4, "READ MULTIPLE", read_sectors, true},
    {0xc5, 0xc5, "WRITE MULTIPLE", write_sectors, false},
    {0xc6, 0xc6, "SET MULTIPLE MODE", set_multiple, false},
    {0xe0, 0xe0, "STANDBY IMMEDIATE", stand_by, false},
    {0xe1, 0xe1, "IDLE IMMEDIATE", idle, false},
    {0xe2, 0xe2, "STANDBY", stand_by, false},
    {0xe3, 0xe3, "IDLE", idle, false},
    {0xe5, 0xe5, "CHECK POWER MODE", check_power_mode, false},
    {0xe7, 0xe7, "FLUSH CACHE", flush_cache, true},
    {0xea, 0xea, "FLUSH CACHE EXT", flush_cache, true},
    {0xec, 0xec, "IDENTIFY DEVICE", identify, false},
    {0xef, 0xef, "SET FEATURES", set_features, false},
    {0xf8, 0xf8, "READ NATIVE MAX ADDRESS", read_native_max, false},
    {0},
};
