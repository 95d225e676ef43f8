/*
 * A disk in memory: the bytes of an image file, which stays as it is whatever the guest writes.
 */
#ifndef VMM_BASE_MEMORY_DISK_H
#define VMM_BASE_MEMORY_DISK_H

#include "disk.h"

struct memory_disk {
    struct disk disk; /* first */
    uint8_t *bytes;
    size_t size;
};

/* Takes over `bytes`, from malloc; freed by memory_disk_free. What lies behind them reads as
 * zeros, and can't be written. */
void memory_disk_init(struct memory_disk *disk, uint8_t *bytes, size_t size);
void memory_disk_free(struct memory_disk *disk);

#endif
