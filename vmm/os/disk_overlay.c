/*
 * The sectors that were written, by number.
 */
#include "disk_overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct disk_overlay_sector {
    uint8_t *bytes; /* NULL: the place is free */
    uint64_t number;
};

/* Where a sector is, or the free place for it; the table is never full. */
static struct disk_overlay_sector *find(const struct disk_overlay *overlay, uint64_t number)
{
    uint32_t at = (uint32_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (overlay->size - 1);

    while (overlay->sectors[at].bytes && overlay->sectors[at].number != number)
        at = (at + 1) & (overlay->size - 1);
    return &overlay->sectors[at];
}

/* Has room for one more. */
static int grow(struct disk_overlay *overlay)
{
    struct disk_overlay old = *overlay;

    if (overlay->count >= overlay->most)
        return -ENOSPC;
    if (overlay->count < overlay->size / 2)
        return 0;
    overlay->size = old.size ? 2 * old.size : 64;
    overlay->sectors = calloc(overlay->size, sizeof(*overlay->sectors));
    if (!overlay->sectors) {
        *overlay = old;
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < old.size; i++) {
        if (old.sectors[i].bytes)
            *find(overlay, old.sectors[i].number) = old.sectors[i];
    }
    free(old.sectors);
    return 0;
}

static int read_over(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    const struct disk_overlay *overlay = (const struct disk_overlay *)disk;
    int error = disk_read(overlay->below, sector, to, length);

    if (error || overlay->count == 0)
        return error;
    for (size_t i = 0; i < length / DISK_SECTOR; i++) {
        const struct disk_overlay_sector *written = find(overlay, sector + i);
        if (written->bytes)
            memcpy((uint8_t *)to + i * DISK_SECTOR, written->bytes, DISK_SECTOR);
    }
    return 0;
}

static int write_over(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk; /* none is const itself */

    for (size_t i = 0; i < length / DISK_SECTOR; i++) {
        int error = grow(overlay);
        struct disk_overlay_sector *written = error ? NULL : find(overlay, sector + i);
        if (error)
            return error;
        if (!written->bytes) {
            written->bytes = malloc(DISK_SECTOR);
            if (!written->bytes)
                return -ENOMEM;
            written->number = sector + i;
            overlay->count++;
        }
        memcpy(written->bytes, (const uint8_t *)from + i * DISK_SECTOR, DISK_SECTOR);
    }
    return 0;
}

static int flush_over(const struct disk *disk)
{
    (void)disk;
    return 0;
}

static const struct disk_host host = {.read = read_over, .write = write_over, .flush = flush_over};

void disk_overlay_init(struct disk_overlay *overlay, const struct disk *below)
{
    *overlay = (struct disk_overlay){.disk = *below, .below = below, .most = DISK_OVERLAY_SECTORS};
    overlay->disk.host = &host;
}

void disk_overlay_free(struct disk_overlay *overlay)
{
    for (uint32_t i = 0; i < overlay->size; i++)
        free(overlay->sectors[i].bytes);
    free(overlay->sectors);
    *overlay = (struct disk_overlay){0};
}
