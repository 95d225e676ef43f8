/*
 * The commands of a CD drive: ATA's own, PACKET, and the packets (SFF-8020i revision 2.6, and MMC-2
 * for what came later). Every packet's data goes to the guest, none comes from it. A CD's sectors
 * have 2,048 bytes.
 */
#include "ata_parts.h"

#include <string.h>

#define CD_SECTOR  2048
#define CD_PACKET  12
#define PER_SECTOR (CD_SECTOR / DISK_SECTOR)
#define IN_BUFFER  (ATA_BUFFER / CD_SECTOR) /* sectors */
#define MSF_OFFSET 150                      /* sectors before the first, in minutes and seconds */
#define CD_SECTORS (80 * 60 * 75)           /* a larger disc is a DVD */
#define LEAD_OUT   0xaa
#define FRAMES     75

/* The Interrupt Reason register, which is Sector Count (ATA-6, 8.24). */
#define REASON_CD 0x01 /* a packet, or the end; else data */
#define REASON_IO 0x02 /* to the guest */

#define FEATURE_DMA 0x01

/* Sense keys, and additional sense codes with their qualifier (MMC-2, annex A). */
enum { NOT_READY = 2, MEDIUM_ERROR = 3, ILLEGAL_REQUEST = 5 };
enum {
    NO_ADDITIONAL = 0x00,
    UNRECOVERED_READ_ERROR = 0x11,
    INVALID_OPCODE = 0x20,
    OUT_OF_RANGE = 0x21,
    INVALID_FIELD = 0x24,
    NO_MEDIUM = 0x3a,
    REMOVAL_PREVENTED = 0x53, /* with qualifier 2 */
};

static void put16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

static unsigned get16(const uint8_t *from)
{
    return (unsigned)from[0] << 8 | from[1];
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)get16(from) << 16 | get16(from + 2);
}

static uint32_t cd_sectors(const struct ata *ata)
{
    uint64_t sectors = (ata_disk(ata)->sectors + PER_SECTOR - 1) / PER_SECTOR;

    return sectors < UINT32_MAX ? (uint32_t)sectors : UINT32_MAX;
}

/* ---- how a packet ends ---- */

static void set_reason(struct ata *ata, unsigned reason)
{
    ata_put(&ata_device(ata)->count, reason);
}

static void end_well(struct ata *ata)
{
    ata_succeed(ata);
    set_reason(ata, REASON_CD | REASON_IO);
}

/* CHECK CONDITION: REQUEST SENSE says why. */
static void end_badly(struct ata *ata, uint8_t key, uint8_t asc)
{
    ata_device(ata)->sense_key = key;
    ata_device(ata)->asc = asc;
    ata_fail(ata, (uint8_t)(key << 4 | ATA_ABRT));
    set_reason(ata, REASON_CD | REASON_IO);
}

/* ---- data, in blocks of the length that the guest allows ---- */

/* Bytes that the packet still has for the guest. */
static uint64_t remaining(const struct ata_state *s)
{
    return s->filled - s->at + (uint64_t)s->left * CD_SECTOR;
}

void ata_cd_refill(struct ata *ata)
{
    struct ata_state *s = &ata->s;
    uint32_t count = s->left < IN_BUFFER ? s->left : IN_BUFFER;

    /* Behind the end is only what a forged snapshot asks for. */
    if (s->sector + count > cd_sectors(ata) ||
        !ata_disk_read(ata, s->sector * PER_SECTOR, count * PER_SECTOR)) {
        memset(s->buffer, 0, sizeof(s->buffer));
        s->has_failed = true; /* said when the block is over */
    }
    s->sector += count;
    s->left -= count;
    s->at = 0;
    s->filled = count * CD_SECTOR;
}

/* The next DRQ block, with its length in the Byte Count registers. */
static void give_block(struct ata *ata)
{
    struct ata_device_state *d = ata_device(ata);
    struct ata_state *s = &ata->s;

    if (s->at == s->filled)
        ata_cd_refill(ata);
    if (s->has_failed) {
        end_badly(ata, MEDIUM_ERROR, UNRECOVERED_READ_ERROR);
        return;
    }
    s->block = remaining(s) < s->limit ? (uint32_t)remaining(s) : s->limit;
    s->phase = ATA_IN;
    ata_put(&d->mid, s->block);
    ata_put(&d->high, s->block >> 8);
    set_reason(ata, REASON_IO);
}

/* What a packet has for the guest: `bytes` in the buffer, and the sectors that are left. */
static void begin_data(struct ata *ata, uint32_t bytes)
{
    struct ata_state *s = &ata->s;

    s->at = 0;
    s->filled = bytes;
    s->has_failed = false;
    end_well(ata);
    if (remaining(s) > 0 && s->limit == 0)
        ata_fail(ata, ATA_ABRT); /* as QEMU's: a guest that reads must say how much at a time */
    else if (remaining(s) > 0)
        give_block(ata);
}

/* An answer of `bytes` in the buffer, of which the guest has asked for `length`. */
static void reply(struct ata *ata, uint32_t bytes, uint32_t length)
{
    ata->s.left = 0;
    begin_data(ata, bytes < length ? bytes : length);
}

/* ---- packets: `p` has the 12 bytes, the answer goes to the buffer, which is all zeros ---- */

static void test_unit_ready(struct ata *ata, const uint8_t *p)
{
    (void)p;
    end_well(ata);
}

static void request_sense(struct ata *ata, const uint8_t *p)
{
    struct ata_device_state *d = ata_device(ata);
    uint8_t *to = ata->s.buffer;

    to[0] = 0x70; /* of the last packet */
    to[2] = d->sense_key;
    to[7] = 10;
    to[12] = d->asc;
    to[13] = d->asc == REMOVAL_PREVENTED ? 2 : 0;
    d->sense_key = d->asc = NO_ADDITIONAL;
    reply(ata, 18, p[4]);
}

static void inquiry(struct ata *ata, const uint8_t *p)
{
    static const char name[] = "VMM     VMM CD-ROM      1.0 ";
    uint8_t *to = ata->s.buffer;

    if (p[1] & 1 || p[2]) { /* vital product data */
        end_badly(ata, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    to[0] = 0x05; /* CD */
    to[1] = 0x80; /* removable */
    to[3] = 0x21; /* ATAPI, as SFF-8020i has it */
    to[4] = 36 - 5;
    memcpy(to + 8, name, sizeof(name) - 1);
    reply(ata, 36, p[4]);
}

static void read_capacity(struct ata *ata, const uint8_t *p)
{
    (void)p;
    put32(ata->s.buffer, cd_sectors(ata) - 1);
    put32(ata->s.buffer + 4, CD_SECTOR);
    reply(ata, 8, 8);
}

static void read_sectors(struct ata *ata, uint32_t sector, uint32_t count)
{
    if (sector > cd_sectors(ata) || count > cd_sectors(ata) - sector) {
        end_badly(ata, ILLEGAL_REQUEST, OUT_OF_RANGE);
        return;
    }
    ata->s.sector = sector;
    ata->s.left = count;
    begin_data(ata, 0);
}

static void read_10(struct ata *ata, const uint8_t *p)
{
    read_sectors(ata, get32(p + 2), get16(p + 7));
}

static void read_12(struct ata *ata, const uint8_t *p)
{
    read_sectors(ata, get32(p + 2), get32(p + 6));
}

static void seek(struct ata *ata, const uint8_t *p)
{
    if (get32(p + 2) >= cd_sectors(ata))
        end_badly(ata, ILLEGAL_REQUEST, OUT_OF_RANGE);
    else
        end_well(ata);
}

/* A sector's address, as a number, or as minute, second and frame. */
static void put_address(uint8_t *to, uint32_t sector, bool is_msf)
{
    if (!is_msf) {
        put32(to, sector);
        return;
    }
    sector += MSF_OFFSET;
    to[1] = (uint8_t)(sector / FRAMES / 60);
    to[2] = (uint8_t)(sector / FRAMES % 60);
    to[3] = (uint8_t)(sector % FRAMES);
}

static uint8_t *put_track(uint8_t *to, uint8_t track, uint32_t sector, bool is_msf)
{
    to[1] = 0x14; /* data */
    to[2] = track;
    put_address(to + 4, sector, is_msf);
    return to + 8;
}

/* One track of data: format 0 lists tracks, 1 sessions. */
static void read_toc(struct ata *ata, const uint8_t *p)
{
    uint8_t *to = ata->s.buffer, *end = to + 4;
    unsigned format = p[2] & 0x0f ? p[2] & 0x0f : p[9] >> 6;
    bool is_msf = p[1] & 2, ok = true;

    if (format == 0 && (p[6] <= 1 || p[6] == LEAD_OUT)) {
        if (p[6] <= 1)
            end = put_track(end, 1, 0, is_msf);
        end = put_track(end, LEAD_OUT, cd_sectors(ata), is_msf);
    } else if (format == 1) {
        end = put_track(end, 1, 0, is_msf);
    } else {
        ok = false;
    }
    if (!ok) {
        end_badly(ata, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    put16(to, (unsigned)(end - to) - 2);
    to[2] = to[3] = 1; /* the first and the last */
    reply(ata, (uint32_t)(end - to), get16(p + 7));
}

/* Pages of MODE SENSE: what they are when no guest has changed them, which none can. */
static const uint8_t error_page[] = {0x01, 6, 0, 5};
static const uint8_t capabilities_page[] = {
    0x2a,     18,         0x03, 0, 0x71, 0x60,
    0x29,     0,                            /* CD-R and CD-RW are read; a tray, which locks */
    706 >> 8, 706 & 0xff, 0,    2, 2,    0, /* KiB/s, volume levels, KiB of buffer */
    706 >> 8, 706 & 0xff,
};

static void mode_sense(struct ata *ata, const uint8_t *p)
{
    uint8_t *to = ata->s.buffer, *end = to + 8;
    unsigned page = p[2] & 0x3f;
    bool is_all = page == 0x3f;

    if (is_all || page == error_page[0]) {
        memcpy(end, error_page, sizeof(error_page));
        end += 2 + error_page[1];
    }
    if (is_all || page == capabilities_page[0]) {
        memcpy(end, capabilities_page, sizeof(capabilities_page));
        end += 2 + capabilities_page[1];
    }
    if (end == to + 8 || p[2] >> 6 == 3) { /* no page, or saved values */
        end_badly(ata, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    put16(to, (unsigned)(end - to) - 2);
    to[2] = ata_device(ata)->is_open ? 0x71 : 0x01; /* a disc of data, or an open tray */
    reply(ata, (uint32_t)(end - to), get16(p + 7));
}

/* The tray goes out and in again, with the same disc. */
static void start_stop(struct ata *ata, const uint8_t *p)
{
    struct ata_device_state *d = ata_device(ata);
    bool moves = p[4] & 2, opens = moves && !(p[4] & 1);

    if (opens && d->is_locked) {
        end_badly(ata, d->is_open ? NOT_READY : ILLEGAL_REQUEST, REMOVAL_PREVENTED);
        return;
    }
    if (moves)
        d->is_open = opens;
    end_well(ata);
}

static void prevent_removal(struct ata *ata, const uint8_t *p)
{
    ata_device(ata)->is_locked = p[4] & 1;
    end_well(ata);
}

/* Features of a drive that reads (MMC-2, 5.2): its profiles, core, removable medium. */
static void get_configuration(struct ata *ata, const uint8_t *p)
{
    static const uint8_t features[] = {
        0, 0,    0x03, 8, 0,    0x10, 0, 0, 0, 0x08, 0, 0, /* profiles: DVD-ROM, CD-ROM */
        0, 0x01, 0x03, 4, 0,    0,    0, 2,                /* core: ATAPI */
        0, 0x03, 0x03, 4, 0x29, 0,    0, 0,                /* a tray that locks */
    };
    uint8_t *to = ata->s.buffer, *end = to + 8;
    unsigned from = get16(p + 2), kind = p[1] & 3;
    unsigned profile = cd_sectors(ata) > CD_SECTORS ? 0x10 : 0x08;

    for (size_t at = 0; at < sizeof(features); at += features[at + 3] + 4u) {
        unsigned code = get16(features + at);
        if (kind == 2 ? code != from : code < from)
            continue;
        memcpy(end, features + at, features[at + 3] + 4u);
        if (code == 0) {
            end[6] = profile == 0x10;
            end[10] = profile == 0x08;
        }
        end += features[at + 3] + 4u;
    }
    put32(to, (uint32_t)(end - to) - 4);
    put16(to + 6, ata_device(ata)->is_open ? 0 : profile);
    reply(ata, (uint32_t)(end - to), get16(p + 7));
}

/* Polled: nothing has happened, and how it is. */
static void get_event_status(struct ata *ata, const uint8_t *p)
{
    uint8_t *to = ata->s.buffer;

    if (!(p[1] & 1)) { /* to be told later */
        end_badly(ata, ILLEGAL_REQUEST, INVALID_FIELD);
        return;
    }
    to[3] = 0x10; /* there are events of the medium */
    if (!(p[4] & 0x10)) {
        put16(to, 2);
        to[2] = 0x80; /* none of those asked for */
        reply(ata, 4, get16(p + 7));
        return;
    }
    put16(to, 6);
    to[2] = 4;
    to[5] = ata_device(ata)->is_open ? 1 : 2;
    reply(ata, 8, get16(p + 7));
}

static const struct packet {
    uint8_t code;
    bool needs_disc;
    void (*begin)(struct ata *ata, const uint8_t *p);
} packets[] = {
    {0x00, true, test_unit_ready},   {0x03, false, request_sense},
    {0x12, false, inquiry},          {0x1b, false, start_stop},
    {0x1e, false, prevent_removal},  {0x25, true, read_capacity},
    {0x28, true, read_10},           {0x2b, true, seek},
    {0x43, true, read_toc},          {0x46, false, get_configuration},
    {0x4a, false, get_event_status}, {0x5a, false, mode_sense},
    {0xa8, true, read_12},
};

static void begin_packet(struct ata *ata)
{
    const struct packet *packet = packets, *end = packets + sizeof(packets) / sizeof(packets[0]);
    struct ata_device_state *d = ata_device(ata);
    uint8_t p[CD_PACKET];

    memcpy(p, ata->s.buffer, sizeof(p));
    memset(ata->s.buffer, 0, sizeof(ata->s.buffer));
    ata->s.left = 0;
    while (packet < end && packet->code != p[0])
        packet++;
    if (p[0] != 0x03) /* REQUEST SENSE is about the packet before */
        d->sense_key = d->asc = NO_ADDITIONAL;
    if (packet == end)
        end_badly(ata, ILLEGAL_REQUEST, INVALID_OPCODE);
    else if (packet->needs_disc && d->is_open)
        end_badly(ata, NOT_READY, NO_MEDIUM);
    else
        packet->begin(ata, p);
}

bool ata_cd_moved(struct ata *ata)
{
    struct ata_state *s = &ata->s;

    if (s->phase == ATA_PACKET) {
        begin_packet(ata);
    } else if (s->command != 0xa0) { /* IDENTIFY PACKET DEVICE ends as a hard disk's commands do */
        s->phase = ATA_IDLE;
        return false;
    } else if (s->has_failed) {
        end_badly(ata, MEDIUM_ERROR, UNRECOVERED_READ_ERROR);
    } else if (remaining(s) > 0) {
        give_block(ata);
    } else {
        end_well(ata);
    }
    return true;
}

/* ---- commands ---- */

/* PACKET (ATA-6, 8.24): the guest is to write one; a block of data has no more bytes than it says,
 * an even number. */
static void packet(struct ata *ata)
{
    const struct ata_device_state *d = ata_device(ata);
    unsigned limit = (d->mid & 0xffu) | (d->high & 0xffu) << 8;

    if (d->feature & FEATURE_DMA) {
        ata_fail(ata, ATA_ABRT);
        return;
    }
    ata_succeed(ata);
    ata->s.limit = (uint16_t)(limit & ~1u);
    set_reason(ata, REASON_CD);
    ata_give(ata, ATA_PACKET, CD_PACKET);
}

/* A CD refuses a hard disk's IDENTIFY and READ, and shows what it is (ATA-6, 8.15, 8.27). */
static void refuse(struct ata *ata)
{
    ata_set_signature(ata, ata_selected(ata));
    ata_fail(ata, ATA_ABRT);
}

static void identify_packet_device(struct ata *ata)
{
    const struct disk *disk = ata_disk(ata);
    uint8_t *to = ata->s.buffer;
    static const struct {
        uint8_t word;
        uint16_t value;
    } words[] = {
        {0, 0x85c0},              /* ATAPI, a removable CD, DRQ within 50 us */
        {49, 1u << 11 | 1u << 9}, /* IORDY, LBA; no DMA */
        {53, 0x0002},             /* words 64 to 70 hold */
        {64, 0x0003},             /* PIO modes 3 and 4 */
        {67, 120},
        {68, 120}, /* ns a cycle */
        {71, 30},
        {72, 30},                           /* us to the release of the bus */
        {80, 0x0070},                       /* ATA/ATAPI-4 to 6 */
        {82, 1u << 14 | 1u << 9 | 1u << 4}, /* NOP, DEVICE RESET, PACKET */
        {83, 1u << 14},
        {84, 1u << 14},
        {85, 1u << 14 | 1u << 9 | 1u << 4},
        {87, 1u << 14},
    };

    memset(to, 0, DISK_SECTOR);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        to[2 * words[i].word] = (uint8_t)words[i].value;
        to[2 * words[i].word + 1] = (uint8_t)(words[i].value >> 8);
    }
    ata_identify_text(to + 2 * 10, 10, disk->name, DISK_NAME_SIZE); /* the serial number */
    ata_identify_text(to + 2 * 23, 4, "1.0", DISK_NAME_SIZE);
    ata_identify_text(to + 2 * 27, 20, "VMM CD-ROM", DISK_NAME_SIZE);
    ata->s.left = 0;
    ata->s.limit = DISK_SECTOR;
    ata->s.has_failed = false;
    ata_succeed(ata);
    ata_give(ata, ATA_IN, DISK_SECTOR);
}

static void always_done(struct ata *ata)
{
    ata_succeed(ata);
}

static void check_power_mode(struct ata *ata)
{
    ata_put(&ata_device(ata)->count, 0xff); /* active */
    ata_succeed(ata);
}

static void set_features(struct ata *ata)
{
    const struct ata_device_state *d = ata_device(ata);

    if ((d->feature & 0xff) == 0x03 && (d->count & 0xff) <= 0x0c) /* a PIO mode */
        ata_succeed(ata);
    else
        ata_fail(ata, ATA_ABRT);
}

const struct ata_command ata_cd_commands[] = {
    {0x20, 0x20, "READ SECTORS", refuse, false},
    {0xa0, 0xa0, "PACKET", packet, false},
    {0xa1, 0xa1, "IDENTIFY PACKET DEVICE", identify_packet_device, false},
    {0xe0, 0xe3, "STANDBY, IDLE", always_done, false},
    {0xe5, 0xe5, "CHECK POWER MODE", check_power_mode, false},
    {0xec, 0xec, "IDENTIFY DEVICE", refuse, false},
    {0xef, 0xef, "SET FEATURES", set_features, false},
    {0},
};
