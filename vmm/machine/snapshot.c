/*
 * Snapshots of machines, in memory: copies of the plain structs that are a machine's state.
 */
#include "snapshot_parts.h"

#include "internal.h"

#include "base/disk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What of a machine is its state, but belongs to no device. */
#define MEMBER(name, member, valid)                                                          \
    {                                                                                        \
        name, offsetof(struct machine, member), sizeof(((struct machine *)0)->member), valid \
    }

static bool is_time(const void *state)
{
    return *(const uint64_t *)state <= CLOCK_MAX;
}

static bool is_bool(const void *state)
{
    return ARE_BOOLS((const bool *)state);
}

/* What of a machine is its state, but belongs to no device. */
static const struct {
    const char *name;
    size_t at, size;
    bool (*valid)(const void *state); /* NULL: any bytes may be it */
} members[] = {
    MEMBER("output-total", output.total, NULL),
    MEMBER("output-flush", output.last_flush, is_time),
    MEMBER("halted", halted, is_bool),
    MEMBER("line-free", line_free, is_time),
    MEMBER("beam", beam, is_time),
    MEMBER("counts", counts, NULL),
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

unsigned snapshot_part_count(void)
{
    return board_count + MEMBERS;
}

struct part snapshot_part(unsigned which)
{
    if (which < board_count)
        return (struct part){board_rows[which].name, board_rows[which].kind->state_size};
    return (struct part){members[which - board_count].name, members[which - board_count].size};
}

static uint8_t *place_of(struct machine *machine, unsigned which)
{
    if (which < board_count)
        return (uint8_t *)machine->devices[which] + board_rows[which].kind->state;
    return (uint8_t *)machine + members[which - board_count].at;
}

/* Whether a part is a state that this machine could be in. */
static bool is_valid(const struct machine *machine, unsigned which, const void *state)
{
    if (which < board_count)
        return board_rows[which].kind->valid(machine->devices[which], state);
    which -= board_count;
    return !members[which].valid || members[which].valid(state);
}

int snapshot_refuse(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    return -1;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (unsigned i = 0; snapshot->part && i < snapshot_part_count(); i++)
        free(snapshot->part[i]);
    free(snapshot->part);
    for (unsigned ring = 0; ring < INBOX_RINGS; ring++)
        free(snapshot->script[ring].own);
    ram_image_free(snapshot->ram);
    ram_image_free(snapshot->frame);
    free(snapshot->cpu);
    free(snapshot);
}

struct snapshot *snapshot_new(const char *engine, size_t cpu_size)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    bool ok = snapshot && (snapshot->cpu = calloc(1, cpu_size)) &&
              (snapshot->part = calloc(snapshot_part_count(), sizeof(snapshot->part[0])));

    for (unsigned i = 0; ok && i < snapshot_part_count(); i++)
        ok = (snapshot->part[i] = calloc(1, snapshot_part(i).size));
    if (!ok) {
        snapshot_free(snapshot);
        return NULL;
    }
    snprintf(snapshot->engine, sizeof(snapshot->engine), "%s", engine);
    snapshot->cpu_size = cpu_size;
    return snapshot;
}

/* ---- in memory ---- */

/* What a disk is called, by its number among those of all kinds. */
static void name_disk(unsigned number, char name[24])
{
    if (number < MACHINE_DISKS)
        snprintf(name, 24, "disk %u", number);
    else if (number < MACHINE_DISKS + MACHINE_ATA_DISKS)
        snprintf(name, 24, "ATA disk %u", number - MACHINE_DISKS);
    else
        snprintf(name, 24, "floppy disk %u", number - MACHINE_DISKS - MACHINE_ATA_DISKS);
}

static struct disk_kind kind_of(const struct disk *disk)
{
    if (!disk)
        return (struct disk_kind){0};
    return (struct disk_kind){.sectors = disk->sectors,
                              .read_only = disk->read_only,
                              .modern = disk->modern,
                              .is_cd = disk->is_cd};
}

static int check_disks(struct machine *machine, const struct snapshot *snapshot, char *error,
                       size_t error_size)
{
    for (unsigned i = 0; i < MACHINE_ALL_DISKS; i++) {
        char name[24];
        struct disk_kind had = snapshot->disks[i],
                         has = kind_of(*machine_config_disk(&machine->config, i));
        if (had.sectors == has.sectors && had.read_only == has.read_only &&
            had.modern == has.modern && had.is_cd == has.is_cd)
            continue;
        name_disk(i, name);
        return snapshot_refuse(
            error, error_size,
            "%s of the snapshot was %llu KiB%s%s%s, this one is %llu KiB%s%s%s: give the same "
            "options of disks",
            name, (unsigned long long)had.sectors / 2, had.read_only ? ",ro" : "",
            had.modern ? ",modern" : "", had.is_cd ? ", a CD" : "",
            (unsigned long long)has.sectors / 2, has.read_only ? ",ro" : "",
            has.modern ? ",modern" : "", has.is_cd ? ", a CD" : "");
    }
    return 0;
}

/* What is in a file may be forged. */
static int check_parts(const struct machine *machine, const struct snapshot *snapshot, char *error,
                       size_t error_size)
{
    for (unsigned i = 0; i < snapshot_part_count(); i++) {
        if (!is_valid(machine, i, snapshot->part[i]))
            return snapshot_refuse(error, error_size,
                                   "the snapshot's state of %s is none that it can be in: the file "
                                   "was changed, or is of another build",
                                   snapshot_part(i).name);
    }
    return 0;
}

struct snapshot *snapshot_take(struct machine *machine, char *error, size_t error_size)
{
    const struct cpu_ops *ops = machine->cpu->ops;
    struct snapshot *snapshot = snapshot_new(ops->name, ops->saved_size);
    int failure;

    if (!snapshot) {
        snapshot_refuse(error, error_size, "no memory for a snapshot");
        return NULL;
    }
    output_flush(&machine->output);
    failure = ops->save(machine->cpu, snapshot->cpu);
    if (failure == 0)
        failure = ops->collect_writes(machine->cpu);
    if (failure < 0) {
        snapshot_refuse(error, error_size, "the %s engine gave no snapshot: %s", ops->name,
                        strerror(-failure));
        snapshot_free(snapshot);
        return NULL;
    }
    snapshot->ram = ram_image_take(&machine->memory);
    if (machine->vga.frame.base)
        snapshot->frame = ram_image_take(&machine->vga.frame);
    if (!snapshot->ram || (machine->vga.frame.base && !snapshot->frame)) {
        snapshot_refuse(error, error_size, "no memory for a snapshot");
        snapshot_free(snapshot);
        return NULL;
    }
    for (unsigned i = 0; i < snapshot_part_count(); i++)
        memcpy(snapshot->part[i], place_of(machine, i), snapshot_part(i).size);
    for (unsigned ring = 0; ring < INBOX_RINGS; ring++)
        snapshot->script[ring].left = machine->script[ring];
    for (unsigned i = 0; i < MACHINE_ALL_DISKS; i++)
        snapshot->disks[i] = kind_of(*machine_config_disk(&machine->config, i));
    snapshot->replay = machine->replay;
    return snapshot;
}

/* Lines and timers as the devices' states say. */
static void settle(struct machine *machine)
{
    machine->is_restoring = true;
    for (unsigned i = 0; i < board_count; i++) {
        if (board_rows[i].kind->restored)
            board_rows[i].kind->restored(machine->devices[i]);
    }
    machine->is_restoring = false;
    if (machine->observer)
        machine->observer->restored(machine->observer);

    machine->outcome = (struct machine_outcome){0};
    machine->idle_since = CLOCK_NEVER;
    if (machine->silence.is_closed)
        silence_begin(machine); /* at another time, perhaps */
    machine->input_ready = machine->timers_due = true;
}

/* A framebuffer that was not there yet was empty. */
static int restore_frame(struct machine *machine, const struct snapshot *snapshot)
{
    struct ram_image *image = snapshot->frame;
    int failure;

    if (!image && !machine->vga.frame.base)
        return 0;
    if (!vga_frame_begin(&machine->vga))
        return -ENOMEM;
    if (image)
        return ram_image_restore(&machine->vga.frame, image);
    image = ram_image_new(VGA_FRAME_SIZE);
    failure = image ? ram_image_restore(&machine->vga.frame, image) : -ENOMEM;
    ram_image_free(image);
    return failure;
}

int snapshot_restore(struct machine *machine, const struct snapshot *snapshot, char *error,
                     size_t error_size)
{
    const struct cpu_ops *ops = machine->cpu->ops;
    int failure;

    if (strcmp(ops->name, snapshot->engine) != 0 || ops->saved_size != snapshot->cpu_size)
        return snapshot_refuse(error, error_size,
                               "the snapshot is of a CPU of the %s engine, this is %s",
                               snapshot->engine, ops->name);
    if (snapshot_memory_size(snapshot) != machine->memory.size)
        return snapshot_refuse(error, error_size,
                               "the snapshot has %llu MiB of RAM, the machine %llu",
                               (unsigned long long)(snapshot_memory_size(snapshot) >> 20),
                               (unsigned long long)(machine->memory.size >> 20));
    if (check_disks(machine, snapshot, error, error_size) < 0 ||
        check_parts(machine, snapshot, error, error_size) < 0)
        return -1;
    output_flush(&machine->output);
    failure = ops->collect_writes(machine->cpu);
    if (failure == 0)
        failure = ops->restore(machine->cpu, snapshot->cpu);
    if (failure == 0)
        failure = ram_image_restore(&machine->memory, snapshot->ram);
    if (failure == 0)
        failure = restore_frame(machine, snapshot);
    if (failure < 0)
        return snapshot_refuse(error, error_size, "the %s engine can't take the snapshot: %s",
                               ops->name, strerror(-failure));
    for (unsigned i = 0; i < snapshot_part_count(); i++)
        memcpy(place_of(machine, i), snapshot->part[i], snapshot_part(i).size);
    for (unsigned ring = 0; ring < INBOX_RINGS; ring++)
        machine->script[ring] = snapshot->script[ring].left;
    machine->replay = snapshot->replay;
    settle(machine);
    return 0;
}

uint64_t snapshot_memory_size(const struct snapshot *snapshot)
{
    return (uint64_t)snapshot->ram->page_count * MEMORY_PAGE;
}

const char *snapshot_engine(const struct snapshot *snapshot)
{
    return snapshot->engine;
}

const struct inbox_event *snapshot_script(const struct snapshot *snapshot, enum inbox_ring ring,
                                          size_t *count)
{
    *count = snapshot->script[ring].left.count;
    return snapshot->script[ring].left.events;
}
