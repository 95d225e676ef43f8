/*
 * A disk as a device sees it: sectors of 512 bytes, kept by a host.
 */
#ifndef VMM_BASE_DISK_H
#define VMM_BASE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR    512
#define DISK_NAME_SIZE 20

struct disk;

/*
 * Where the sectors are. `read` and `write` move `length` bytes from a sector on; all return 0 or
 * -errno. What lies behind the end reads as zeros. What was written is there for who reads next;
 * after a flush also if the host's power fails.
 */
struct disk_host {
    int (*read)(const struct disk *disk, uint64_t sector, void *to, size_t length);
    int (*write)(const struct disk *disk, uint64_t sector, const void *from, size_t length);
    int (*flush)(const struct disk *disk);
};

struct disk {
    const struct disk_host *host;
    uint64_t sectors; /* a last one that is not all there counts */
    bool read_only;
    bool modern;               /* virtio: asked for with registers of version 2 */
    bool is_cd;                /* ATA: a CD, whose sectors have four of these; not a hard disk */
    char name[DISK_NAME_SIZE]; /* not ended when it is too long */
};

static inline int disk_read(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    return disk->host->read(disk, sector, to, length);
}

static inline int disk_write(const struct disk *disk, uint64_t sector, const void *from,
                             size_t length)
{
    return disk->host->write(disk, sector, from, length);
}

static inline int disk_flush(const struct disk *disk)
{
    return disk->host->flush(disk);
}

#endif
