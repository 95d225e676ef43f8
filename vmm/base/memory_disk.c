/*
 * Disks in memory: reading and writing is copying.
 */
#include "memory_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many of `length` bytes from a sector on there are. */
static size_t there_are(const struct memory_disk *disk, uint64_t sector, size_t length)
{
    uint64_t at = sector * DISK_SECTOR;

    if (sector > disk->size / DISK_SECTOR || at >= disk->size)
        return 0;
    return disk->size - at < length ? disk->size - (size_t)at : length;
}

static int read_memory(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    const struct memory_disk *memory = (const struct memory_disk *)disk;
    size_t count = there_are(memory, sector, length);

    if (count > 0)
        memcpy(to, memory->bytes + sector * DISK_SECTOR, count);
    memset((uint8_t *)to + count, 0, length - count);
    return 0;
}

static int write_memory(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    const struct memory_disk *memory = (const struct memory_disk *)disk;

    if (there_are(memory, sector, length) < length)
        return -ENOSPC;
    memcpy(memory->bytes + sector * DISK_SECTOR, from, length);
    return 0;
}

static int flush_memory(const struct disk *disk)
{
    (void)disk;
    return 0;
}

static const struct disk_host memory_disk_host = {read_memory, write_memory, flush_memory};

void memory_disk_init(struct memory_disk *disk, uint8_t *bytes, size_t size)
{
    *disk = (struct memory_disk){
        .disk = {.host = &memory_disk_host, .sectors = (size + DISK_SECTOR - 1) / DISK_SECTOR},
        .bytes = bytes,
        .size = size,
    };
}

void memory_disk_free(struct memory_disk *disk)
{
    free(disk->bytes);
    disk->bytes = NULL;
}
