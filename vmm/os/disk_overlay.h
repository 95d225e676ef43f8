/*
 * A disk over another one, which it only reads: what is written stays in memory.
 */
#ifndef VMM_OS_DISK_OVERLAY_H
#define VMM_OS_DISK_OVERLAY_H

#include "base/disk.h"

/* How many sectors may be written, unless `most` says more; then there is no space left. */
#define DISK_OVERLAY_SECTORS (UINT32_C(64) << 20 >> 9)

struct disk_overlay {
    struct disk disk; /* first */
    const struct disk *below;
    struct disk_overlay_sector *sectors; /* a hash table with open addressing; NULL: none yet */
    uint32_t count, size;
    uint32_t most; /* sectors, below half of what 32 bits count */
};

/* Over `below`, which must outlive it, and is not to be written meanwhile. Freed by
 * disk_overlay_free. */
void disk_overlay_init(struct disk_overlay *overlay, const struct disk *below);
void disk_overlay_free(struct disk_overlay *overlay);

#endif
