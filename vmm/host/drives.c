/*
 * Options of disks: what each asks for, where each disk goes, and over which there is an overlay.
 */
#include "drives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CD_SECTOR    2048
#define OVERLAY_MOST (UINT32_C(1) << 30) /* sectors: what is written may fill the host's memory */

/* What can be asked for on each bus, and where. */
static const struct {
    int places;
    const char *kind; /* before "disks" */
    const char *place[4];
} buses[] = {
    [DRIVE_VIRTIO] = {MACHINE_DISKS, "", {"slot 0", "slot 1", "slot 2", "slot 3"}},
    [DRIVE_ATA] = {MACHINE_ATA_DISKS,
                   "ATA ",
                   {"primary master", "primary slave", "secondary master", "secondary slave"}},
    [DRIVE_FLOPPY] = {MACHINE_FLOPPIES, "floppy ", {"drive A", "drive B"}},
};

char *drives_cut_word(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text == ',' && *++text != ',') {
            *to = '\0';
            return text;
        }
        *to++ = *text;
    }
    *to = '\0';
    return NULL;
}

/* ---- what an option asks for ---- */

/* The drive that was asked for at a place; NULL: none. */
static const struct drive *drive_at(const struct drives *drives, enum drive_bus bus, int index)
{
    for (unsigned i = 0; i < drives->count; i++) {
        if (drives->drive[i].bus == bus && drives->drive[i].index == index)
            return &drives->drive[i];
    }
    return NULL;
}

static bool add(struct drives *drives, const char *shown, const struct drive *drive)
{
    const struct drive *there =
        drive->index >= 0 ? drive_at(drives, drive->bus, drive->index) : NULL;
    int count = 1, most = buses[drive->bus].places;

    for (unsigned i = 0; i < drives->count; i++)
        count += drives->drive[i].bus == drive->bus;
    if (count > most) {
        fprintf(stderr, "vmm: %s: more than %d %sdisks\n", shown, most, buses[drive->bus].kind);
        return false;
    }
    if (there) {
        fprintf(stderr, "vmm: %s: %s %s is there already (%s, index %d)\n", shown,
                there->request.option, there->request.path, buses[drive->bus].place[drive->index],
                drive->index);
        return false;
    }
    drives->drive[drives->count] = *drive;
    drives->drive[drives->count++].file.fd = -1;
    return true;
}

bool drives_take_disk(struct drives *drives, const char *shown, char *value)
{
    struct drive drive = {.request = {.option = "--disk", .alone = ",ro", .path = value},
                          .index = -1};
    char *words = drives_cut_word(value);

    while (words) {
        char *word = words;
        words = drives_cut_word(word);
        if (strcmp(word, "ro") == 0) {
            drive.request.read_only = true;
        } else if (strcmp(word, "modern") == 0) {
            drive.request.modern = true;
        } else {
            fprintf(stderr,
                    "vmm: --disk %s,%s: not one of ro modern (a comma in a name is written ,,)\n",
                    value, word);
            return false;
        }
    }
    return add(drives, shown, &drive);
}

#define ALONE "--drive file=FILE,readonly=on; or its writes stay in memory: --overlay"

bool drives_take_ata(struct drives *drives, const char *shown, const char *option, int index,
                     bool is_cd, char *value)
{
    const struct drive drive = {.request = {.option = option,
                                            .alone = ALONE,
                                            .path = value,
                                            .read_only = is_cd,
                                            .is_cd = is_cd},
                                .bus = DRIVE_ATA,
                                .index = index};

    return add(drives, shown, &drive);
}

bool drives_take_floppy(struct drives *drives, const char *shown, const char *option, int index,
                        char *value)
{
    const struct drive drive = {.request = {.option = option, .alone = ALONE, .path = value},
                                .bus = DRIVE_FLOPPY,
                                .index = index};

    return add(drives, shown, &drive);
}

bool drives_take_image(struct drives *drives, const char *path, enum drive_bus bus, bool is_cd)
{
    const struct drive drive = {
        .request = {.option = is_cd                 ? "--cdrom"
                              : bus == DRIVE_FLOPPY ? "--fda"
                                                    : "--hda",
                    .alone = ALONE,
                    .path = path,
                    .read_only = is_cd,
                    .is_cd = is_cd},
        .bus = bus,
        .index = is_cd ? 2 : 0,
        .has_overlay = true,
    };

    return add(drives, path, &drive);
}

static bool refuse(const char *shown, const char *word, const char *why)
{
    fprintf(stderr, "vmm: %s: %s: %s\n", shown, word, why);
    return false;
}

/* One of two words; false with a message. */
static bool take_either(const char *shown, const char *name, const char *value, const char *yes,
                        const char *no, bool *to)
{
    *to = strcmp(value, yes) == 0;
    if (*to || strcmp(value, no) == 0)
        return true;
    fprintf(stderr, "vmm: %s: %s=%s: not one of %s %s\n", shown, name, value, yes, no);
    return false;
}

/* The buses by QEMU's names. */
static bool take_bus(struct drive *drive, const char *shown, const char *value)
{
    static const char *const names[] = {
        [DRIVE_VIRTIO] = "virtio", [DRIVE_ATA] = "ide", [DRIVE_FLOPPY] = "floppy"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        drive->bus = (enum drive_bus)i;
        if (strcmp(value, names[i]) == 0)
            return true;
    }
    fprintf(stderr, "vmm: %s: if=%s: not one of virtio ide floppy\n", shown, value);
    return false;
}

static bool take_index(struct drive *drive, const char *shown, const char *value)
{
    char *end;
    long index = strtol(value, &end, 10);

    drive->index = index < 0 || index > 3 ? -1 : (int)index;
    if (end != value && !*end && drive->index >= 0)
        return true;
    fprintf(stderr, "vmm: %s: index=%s: not a number from 0 to 3\n", shown, value);
    return false;
}

/* A part of --drive. What QEMU's says of the host's caches, and names for other options, means
 * nothing here. */
static bool take_part(struct drive *drive, const char *shown, const char *name, char *value)
{
    static const char *const ignored[] = {"id", "cache", "aio", "discard", "detect-zeroes", NULL};
    bool is_raw;

    if (strcmp(name, "file") == 0) {
        drive->request.path = value;
        return true;
    }
    if (strcmp(name, "if") == 0)
        return take_bus(drive, shown, value);
    if (strcmp(name, "format") == 0)
        return take_either(shown, name, value, "raw", "raw", &is_raw) ||
               refuse(shown, "format", "qemu-img convert -O raw FILE NEW makes a raw image");
    if (strcmp(name, "index") == 0)
        return take_index(drive, shown, value);
    if (strcmp(name, "media") == 0)
        return take_either(shown, name, value, "cdrom", "disk", &drive->request.is_cd);
    if (strcmp(name, "readonly") == 0 || strcmp(name, "read-only") == 0)
        return take_either(shown, name, value, "on", "off", &drive->request.read_only);
    if (strcmp(name, "snapshot") == 0)
        return take_either(shown, name, value, "on", "off", &drive->has_overlay);
    for (size_t i = 0; ignored[i]; i++) {
        if (strcmp(name, ignored[i]) == 0)
            return true;
    }
    return refuse(shown, name,
                  "not one of file if format index media readonly snapshot (a comma in a name is "
                  "written ,,)");
}

bool drives_take_drive(struct drives *drives, const char *shown, char *value)
{
    struct drive drive = {
        .request = {.option = "--drive", .alone = "readonly=on; or snapshot=on"},
        .bus = DRIVE_ATA,
        .index = -1,
    };

    for (char *word = value; word;) {
        char *next = drives_cut_word(word), *equals = strchr(word, '=');
        if (!equals)
            return refuse(shown, word, "this needs a value (NAME=VALUE)");
        *equals = '\0';
        if (!take_part(&drive, shown, word, equals + 1))
            return false;
        word = next;
    }
    if (!drive.request.path)
        return refuse(shown, "file", "there is none (--drive file=FILE)");
    if (drive.request.is_cd && drive.bus != DRIVE_ATA)
        return refuse(shown, "media", "only if=ide has CDs");
    if (drive.index >= buses[drive.bus].places)
        return refuse(shown, "index", "there are two floppy drives, 0 and 1");
    drive.request.read_only |= drive.request.is_cd;
    return add(drives, shown, &drive);
}

const char *drives_first(const struct drives *drives)
{
    for (unsigned i = 0; i < drives->count; i++) {
        if (drives->drive[i].bus != DRIVE_VIRTIO)
            return drives->drive[i].request.path;
    }
    return NULL;
}

/* ---- which one is started from ---- */

static bool take_letters(const char *shown, const char *letters,
                         enum bios_drive_kind order[BIOS_ORDER_MAX])
{
    static const struct {
        char letter;
        enum bios_drive_kind kind;
    } kinds[] = {{'a', BIOS_DRIVE_FLOPPY}, {'c', BIOS_DRIVE_DISK}, {'d', BIOS_DRIVE_CD}};
    size_t count = strlen(letters);

    memset(order, 0, BIOS_ORDER_MAX * sizeof(*order));
    for (size_t i = 0; i < count && count <= BIOS_ORDER_MAX; i++) {
        for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
            if (kinds[kind].letter == letters[i] && !strchr(letters + i + 1, letters[i]))
                order[i] = kinds[kind].kind;
        }
        if (order[i] == BIOS_DRIVE_NONE)
            break;
    }
    if (count > 0 && count <= BIOS_ORDER_MAX && order[count - 1] != BIOS_DRIVE_NONE)
        return true;
    fprintf(stderr, "vmm: %s: not of the letters a (floppy), c (hard disk) and d (CD), each once\n",
            shown);
    return false;
}

bool drives_take_boot(const char *shown, char *value, enum bios_drive_kind order[BIOS_ORDER_MAX])
{
    static const char *const ignored[] = {"menu", "strict", "splash", "splash-time",
                                          "reboot-timeout"};

    if (!strchr(value, '='))
        return take_letters(shown, value, order);
    for (char *word = value; word;) {
        char *next = drives_cut_word(word), *equals = strchr(word, '=');
        size_t i = 0;

        if (equals)
            *equals++ = '\0';
        while (i < sizeof(ignored) / sizeof(ignored[0]) && strcmp(word, ignored[i]) != 0)
            i++;
        if (equals && (strcmp(word, "order") == 0 || strcmp(word, "once") == 0)) {
            if (!take_letters(shown, equals, order))
                return false;
        } else if (!equals || i == sizeof(ignored) / sizeof(ignored[0])) {
            return refuse(shown, word, "not one of order once menu strict");
        }
        word = next;
    }
    return true;
}

/* ---- opening ---- */

static bool has_overlay(const struct drives *drives, const struct drive *drive)
{
    return !drive->request.read_only && (drive->has_overlay || drives->overlay ||
                                         (drives->overlay_pc && drive->bus != DRIVE_VIRTIO));
}

static bool open_drive(const struct drives *drives, struct drive *drive)
{
    struct disk_request request = drive->request;
    unsigned unit = request.is_cd ? CD_SECTOR : DISK_SECTOR;
    char error[512];

    drive->is_over = has_overlay(drives, drive);
    request.read_only |= drive->is_over;
    if (disk_file_open(&drive->file, &request, error, sizeof(error)) < 0) {
        fprintf(stderr, "vmm: %s\n", error);
        return false;
    }
    if (drive->bus == DRIVE_FLOPPY && !floppy_format(drive->file.disk.sectors)) {
        fprintf(stderr, "vmm: %s %s: larger than a floppy disk, whose largest has 2880 KiB\n",
                request.option, request.path);
        return false;
    }
    if (drive->bus != DRIVE_VIRTIO && drive->file.bytes % unit)
        fprintf(stderr,
                "vmm: %s %s: its %llu bytes are not whole sectors of %u; the rest of the last one "
                "reads as zeros\n",
                request.option, request.path, (unsigned long long)drive->file.bytes, unit);
    if (drive->is_over) {
        disk_overlay_init(&drive->overlay, &drive->file.disk);
        drive->overlay.disk.read_only = false;
        drive->overlay.most = OVERLAY_MOST;
    }
    return true;
}

bool drives_open(struct drives *drives, struct machine_config *config)
{
    for (unsigned i = 0; i < drives->count; i++) {
        struct drive *drive = &drives->drive[i];
        for (int index = 0; drive->index < 0; index++) {
            if (!drive_at(drives, drive->bus, index))
                drive->index = index;
        }
    }
    drives->are_open = true;
    for (unsigned i = 0; i < drives->count; i++) {
        if (!open_drive(drives, &drives->drive[i]))
            return false;
    }
    drives_place(drives, config);
    return true;
}

void drives_place(struct drives *drives, struct machine_config *config)
{
    for (unsigned i = 0; drives->are_open && i < drives->count; i++) {
        struct drive *drive = &drives->drive[i];
        const struct disk **places_of = drive->bus == DRIVE_ATA      ? config->ata_disks
                                        : drive->bus == DRIVE_FLOPPY ? config->floppies
                                                                     : config->disks;

        drive->overlay.below = &drive->file.disk;
        places_of[drive->index] = drive->is_over ? &drive->overlay.disk : &drive->file.disk;
    }
}

void drives_close(struct drives *drives)
{
    for (unsigned i = 0; i < drives->count; i++) {
        disk_overlay_free(&drives->drive[i].overlay);
        disk_file_close(&drives->drive[i].file);
    }
    drives->count = 0;
    drives->are_open = false;
}
