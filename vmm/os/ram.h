/*
 * Guest RAM from the operating system: a page takes memory only after it was accessed.
 */
#ifndef VMM_OS_RAM_H
#define VMM_OS_RAM_H

#include "base/memory.h"

/* Reserves `size` bytes, rounded up to a page of the host. Returns 0, or -errno. Freed by
 * memory_free. */
int ram_init(struct memory *memory, uint64_t size);

/* How many bytes of it are resident in the host's memory. */
uint64_t ram_resident(const struct memory *memory);

#endif
