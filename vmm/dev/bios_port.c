/*
 * The BIOS's requests: what a drive is, its sectors, what is to be said. Geometry: floppies by
 * their size; disks by the partition table, else as SeaBIOS and others translate it.
 */
#include "bios_port.h"

#include "base/bus.h"
#include "base/disk.h"

#include <string.h>

#define ROM_END      UINT64_C(0x100000)
#define SECTORS_EACH 128 /* moved at a time */

/* struct request of boot/bios/layout.inc. */
struct request {
    uint8_t what, drive;
    uint16_t count;
    uint32_t address;
    uint64_t sector;
    uint8_t status, kind;
    uint16_t sectors_a_track, heads, sector_size;
    uint32_t cylinders;
    uint64_t sectors;
} __attribute__((packed));

enum { ASK_ABOUT, ASK_READ, ASK_WRITE, ASK_VERIFY, ASK_BOOT, ASK_UNKNOWN, ASK_NO_BOOT, ASK_LEAVE };

/* As INT 13h has them in AH: IBM BIOS Interface Technical Reference. */
enum {
    STATUS_OK = 0x00,
    STATUS_BAD_COMMAND = 0x01,
    STATUS_WRITE_PROTECTED = 0x03,
    STATUS_NOT_FOUND = 0x04,
    STATUS_READ_FAILED = 0x10,
    STATUS_WRITE_FAILED = 0xcc,
};

#define CD_SECTOR 2048u

static const struct floppy {
    uint16_t kib;
    uint8_t cylinders, heads, sectors, type;
} floppies[] = {
    {160, 40, 1, 8, 1},   {180, 40, 1, 9, 1},   {320, 40, 2, 8, 1},   {360, 40, 2, 9, 1},
    {720, 80, 2, 9, 3},   {1200, 80, 2, 15, 2}, {1440, 80, 2, 18, 4}, {1680, 80, 2, 21, 4},
    {1722, 82, 2, 21, 4}, {2880, 80, 2, 36, 6},
};

#define FLOPPIES (sizeof(floppies) / sizeof(floppies[0]))

static unsigned sector_size(unsigned drive)
{
    return drive >= BIOS_FIRST_CD ? CD_SECTOR : DISK_SECTOR;
}

static enum bios_drive_kind kind_of(unsigned drive)
{
    return drive < BIOS_FIRST_DISK ? BIOS_DRIVE_FLOPPY
           : drive < BIOS_FIRST_CD ? BIOS_DRIVE_DISK
                                   : BIOS_DRIVE_CD;
}

static uint8_t number_of(unsigned drive)
{
    return (uint8_t)(drive < BIOS_FIRST_DISK ? drive
                     : drive < BIOS_FIRST_CD ? 0x80 + drive - BIOS_FIRST_DISK
                                             : 0xe0 + drive - BIOS_FIRST_CD);
}

static uint32_t word_at(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The drive with a number that a guest has in DL; NULL: there is none. */
static const struct bios_drive *find(const struct bios_port *bios, uint8_t number, unsigned *which)
{
    if (bios->s.emulates && number < BIOS_FLOPPIES && number-- == 0) {
        *which = 0;
        return &bios->emulation.drive;
    }
    for (*which = 0; *which < BIOS_DRIVES; ++*which) {
        if (number_of(*which) == number)
            return bios->drives[*which].disk ? &bios->drives[*which] : NULL;
    }
    return NULL;
}

/* ---- geometry ---- */

static void set_floppy(struct bios_drive *drive)
{
    const struct floppy *floppy = floppies;

    while (floppy < &floppies[FLOPPIES - 1] && drive->disk->sectors > floppy->kib * 2u)
        floppy++;
    drive->cylinders = floppy->cylinders;
    drive->heads = floppy->heads;
    drive->sectors = floppy->sectors;
    drive->floppy = floppy->type;
}

/* The geometry that the partitions were made with: where the first one ends. */
static bool set_by_partition(struct bios_drive *drive)
{
    uint8_t sector[DISK_SECTOR];

    if (disk_read(drive->disk, 0, sector, sizeof(sector)) < 0 || sector[510] != 0x55 ||
        sector[511] != 0xaa)
        return false;
    for (const uint8_t *entry = sector + 446; entry < sector + 510; entry += 16) {
        uint16_t heads = (uint16_t)(entry[5] + 1), sectors = entry[6] & 63;
        uint64_t cylinders = sectors ? drive->disk->sectors / (heads * sectors) : 0;
        bool is_used = entry[4] && (entry[12] | entry[13] | entry[14] | entry[15]);

        if ((entry[0] & 0x7f) || !is_used || entry[5] == 0 || cylinders < 1 || cylinders > 16383)
            continue;
        drive->cylinders = cylinders > 1024 ? 1024 : (uint32_t)cylinders;
        drive->heads = heads;
        drive->sectors = sectors;
        return true;
    }
    return false;
}

bool bios_is_floppy(const struct disk *disk)
{
    for (unsigned i = 0; i < FLOPPIES; i++) {
        if (disk->sectors == floppies[i].kib * 2u)
            return true;
    }
    return false;
}

bool bios_fits_floppy(const struct disk *disk)
{
    return disk->sectors <= floppies[FLOPPIES - 1].kib * 2u;
}

bool bios_is_partitioned(const struct disk *disk)
{
    struct bios_drive drive = {.disk = disk};

    return set_by_partition(&drive);
}

static void set_disk(struct bios_drive *drive)
{
    uint64_t cylinders;

    if (set_by_partition(drive))
        return;
    drive->sectors = 63;
    drive->heads = 16;
    while (drive->heads < 255 && drive->disk->sectors / (drive->heads * 63u) > 1024)
        drive->heads = drive->heads == 128 ? 255 : (uint16_t)(drive->heads * 2);
    cylinders = drive->disk->sectors / (drive->heads * 63u);
    drive->cylinders = cylinders > 1024 ? 1024 : cylinders ? (uint32_t)cylinders : 1;
}

/* ---- CDs: El Torito 1.0 ---- */

#define SECTORS_EACH_CD (CD_SECTOR / DISK_SECTOR)

static int read_emulated(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    const struct bios_emulation *emulation = (const struct bios_emulation *)disk;

    return disk_read(emulation->cd, emulation->first + sector, to, length);
}

static const struct disk_host emulated_host = {.read = read_emulated};

/* Figure 7: the boot record in sector 17, with the number of the catalog's sector. Figures 2 and 3:
 * the catalog's validation entry and its default entry. Takes that, of 32 bytes. */
static bool read_entry(const struct disk *cd, uint8_t entry[32])
{
    static const char start[] = "\0CD001\1EL TORITO SPECIFICATION";
    uint8_t sector[DISK_SECTOR];

    if (disk_read(cd, 17 * SECTORS_EACH_CD, sector, sizeof(sector)) < 0 ||
        memcmp(sector, start, sizeof(start) - 1) != 0 ||
        disk_read(cd, (uint64_t)word_at(sector + 0x47) * SECTORS_EACH_CD, sector, sizeof(sector)) <
            0 ||
        sector[0] != 1 || sector[0x1e] != 0x55 || sector[0x1f] != 0xaa || sector[0x20] != 0x88)
        return false;
    memcpy(entry, sector + 32, 32);
    return true;
}

/* The kind of drive that the default entry emulates, 0: none; -1: there is no such entry. */
static int emulated_kind(const struct disk *cd, uint64_t *first)
{
    uint8_t entry[32];

    if (!read_entry(cd, entry))
        return -1;
    *first = (uint64_t)word_at(entry + 8) * SECTORS_EACH_CD;
    return entry[1] & 15;
}

static void set_emulation(struct bios_emulation *emulation, const struct disk *cd)
{
    static const uint16_t kib[] = {0, 1200, 1440, 2880};
    uint64_t first;
    int kind = emulated_kind(cd, &first);

    *emulation = (struct bios_emulation){.cd = cd};
    if (kind < 1 || kind > 3)
        return;
    emulation->first = first;
    emulation->disk =
        (struct disk){.host = &emulated_host, .sectors = kib[kind] * 2u, .read_only = true};
    emulation->drive.disk = &emulation->disk;
    set_floppy(&emulation->drive);
}

/* ---- requests ---- */

static void put_about(struct request *request, const struct bios_drive *drive, unsigned which)
{
    request->kind = BIOS_DRIVE_NONE;
    if (!drive)
        return;
    request->kind = (uint8_t)(kind_of(which) | drive->floppy << 4);
    request->sectors_a_track = drive->sectors;
    request->heads = drive->heads;
    request->cylinders = drive->cylinders;
    request->sector_size = (uint16_t)sector_size(which);
    request->sectors = drive->disk->sectors / (sector_size(which) / DISK_SECTOR);
}

/* Where a drive ends: a floppy has all of its tracks, whatever the file has. */
static uint64_t end_of(const struct bios_drive *drive, unsigned which)
{
    if (kind_of(which) == BIOS_DRIVE_FLOPPY)
        return (uint64_t)drive->cylinders * drive->heads * drive->sectors;
    return drive->disk->sectors;
}

static int move_some(const struct bios_port *bios, const struct disk *disk, uint8_t what,
                     uint64_t sector, uint32_t address, uint32_t length)
{
    uint8_t bytes[8 * DISK_SECTOR];
    int error;

    if (what == ASK_WRITE) {
        memset(bytes, 0xff, length);
        memory_read(bios->memory, address, bytes, length);
        return disk_write(disk, sector, bytes, length);
    }
    error = disk_read(disk, sector, bytes, length);
    if (error == 0 && what == ASK_READ)
        memory_write(bios->memory, address, bytes, length); /* to ROM or nowhere: it is lost */
    return error;
}

/* `count` sectors; what was moved before an error is counted. */
static uint8_t move(const struct bios_port *bios, struct request *request,
                    const struct bios_drive *drive, unsigned which)
{
    uint32_t size = sector_size(which), each = size / DISK_SECTOR, done = 0, count = request->count;
    uint64_t first = request->sector * each, end = end_of(drive, which);

    request->count = 0;
    if (request->sector > UINT64_MAX / 8 || first > end || (uint64_t)count * each > end - first)
        return STATUS_NOT_FOUND;
    if (request->what == ASK_WRITE && drive->disk->read_only)
        return STATUS_WRITE_PROTECTED;
    for (; done < count; done++) {
        if (move_some(bios, drive->disk, request->what, first + (uint64_t)done * each,
                      (uint32_t)memory_wire(bios->memory, request->address + done * size),
                      size) < 0)
            return request->what == ASK_WRITE ? STATUS_WRITE_FAILED : STATUS_READ_FAILED;
        request->count++;
    }
    return STATUS_OK;
}

static bool has_signature(const struct bios_drive *drive)
{
    uint8_t sector[DISK_SECTOR];

    return disk_read(drive->disk, 0, sector, sizeof(sector)) == 0 && sector[510] == 0x55 &&
           sector[511] == 0xaa;
}

static bool can_start(const struct bios_port *bios, unsigned which)
{
    const struct bios_drive *drive = &bios->drives[which];
    uint64_t first;

    if (!drive->disk || kind_of(which) != BIOS_DRIVE_CD)
        return drive->disk && has_signature(drive);
    if (bios->emulation.drive.disk)
        return has_signature(&bios->emulation.drive);
    return emulated_kind(drive->disk, &first) == 0;
}

/* Takes the first drive of a kind; with BIOS_DRIVE_NONE, of any. */
static bool find_of_kind(struct bios_port *bios, enum bios_drive_kind kind, struct request *request)
{
    for (unsigned which = 0; which < BIOS_DRIVES; which++) {
        const struct bios_drive *drive = &bios->drives[which];

        if ((kind != BIOS_DRIVE_NONE && kind != kind_of(which)) || !can_start(bios, which))
            continue;
        bios->s.emulates = kind_of(which) == BIOS_DRIVE_CD && bios->emulation.drive.disk;
        if (bios->s.emulates) {
            which = 0;
            drive = &bios->emulation.drive;
        }
        put_about(request, drive, which);
        request->drive = number_of(which);
        return true;
    }
    return false;
}

static void find_boot(struct bios_port *bios, struct request *request)
{
    request->kind = BIOS_DRIVE_NONE;
    for (unsigned i = 0; i < BIOS_ORDER_MAX && bios->order[i] != BIOS_DRIVE_NONE; i++) {
        if (find_of_kind(bios, bios->order[i], request))
            return;
    }
    find_of_kind(bios, BIOS_DRIVE_NONE, request);
}

static bool was_told(struct bios_port *bios, uint8_t interrupt, uint8_t ah)
{
    struct bios_port_state *s = &bios->s;

    for (unsigned i = 0; i < s->told; i++) {
        if (s->of[i].interrupt == interrupt && s->of[i].ah == ah)
            return true;
    }
    if (s->told == BIOS_TOLD_MAX)
        return true;
    s->of[s->told].interrupt = interrupt;
    s->of[s->told++].ah = ah;
    return false;
}

/* EAX as most BIOSes have it, since they have just looked for it in the sector. */
static void leave(const struct bios_port *bios, const struct request *request)
{
    struct bios_registers registers = {.general = {[5] = request->drive, [7] = 0xaa55},
                                       .flags = 0x202};

    bios->host->leave(bios->owner, &registers);
    memory_write(bios->memory, request->address, &registers, sizeof(registers));
}

static void answer(struct bios_port *bios, struct request *request)
{
    unsigned which;
    const struct bios_drive *drive = find(bios, request->drive, &which);

    switch (request->what) {
    case ASK_ABOUT:
        put_about(request, drive, which);
        break;
    case ASK_READ:
    case ASK_WRITE:
    case ASK_VERIFY:
        request->status = drive ? move(bios, request, drive, which) : STATUS_BAD_COMMAND;
        break;
    case ASK_BOOT:
        find_boot(bios, request);
        break;
    case ASK_UNKNOWN: /* the number is where the drive is, the rest where there was room */
        if (!was_told(bios, request->drive, (uint8_t)(request->count >> 8)))
            bios->host->unknown(bios->owner, request->drive, request->count, request->heads,
                                request->sectors_a_track);
        break;
    case ASK_NO_BOOT:
        bios->host->no_boot(bios->owner);
        break;
    case ASK_LEAVE:
        leave(bios, request);
        break;
    default:
        break;
    }
}

static void write_port(void *device, uint32_t offset, unsigned width, uint32_t address)
{
    struct bios_port *bios = device;
    struct request request;

    if (offset != 0 || width != 4 || !bios->s.is_mapped ||
        !memory_read(bios->memory, address, &request, sizeof(request)))
        return;
    answer(bios, &request);
    memory_write(bios->memory, address, &request, sizeof(request));
}

/* ---- the device ---- */

void bios_port_init(struct bios_port *bios, const struct memory *memory,
                    const enum bios_drive_kind order[BIOS_ORDER_MAX], const struct bios_host *host,
                    void *owner)
{
    *bios = (struct bios_port){.memory = memory, .order = order, .host = host, .owner = owner};
}

bool bios_port_attach(struct bios_port *bios, struct bus *ports)
{
    const struct bus_region region = {
        .name = "bios",
        .base = BIOS_PORT,
        .size = 4,
        .max_width = 4,
        .write = write_port,
        .device = bios,
        .whole = true,
    };
    return bus_add(ports, &region) == NULL;
}

void bios_port_insert(struct bios_port *bios, unsigned which, const struct disk *disk)
{
    struct bios_drive *drive = &bios->drives[which];

    *drive = (struct bios_drive){.disk = disk, .heads = 1, .sectors = 1, .cylinders = 1};
    if (disk && kind_of(which) == BIOS_DRIVE_FLOPPY)
        set_floppy(drive);
    else if (disk && kind_of(which) == BIOS_DRIVE_DISK)
        set_disk(drive);
    else if (disk)
        set_emulation(&bios->emulation, disk);
}

static void map_rom(const struct bios_port *bios)
{
    memory_map_set(bios->memory, ROM_END - 0x10000, 0x10000, MEMORY_ROM);
}

void bios_port_map(struct bios_port *bios, const void *rom, size_t size)
{
    memory_write(bios->memory, ROM_END - size, rom, size);
    bios->s.is_mapped = true;
    map_rom(bios);
}

static bool valid(const void *device, const void *state)
{
    const struct bios_port_state *s = state;

    (void)device;
    return ARE_BOOLS(&s->is_mapped, &s->emulates) && s->told <= BIOS_TOLD_MAX;
}

static void restored(void *device)
{
    const struct bios_port *bios = device;

    if (bios->s.is_mapped)
        map_rom(bios);
}

const struct device_kind bios_port_kind = {DEVICE_STATE(struct bios_port, s), .valid = valid,
                                           .restored = restored};
