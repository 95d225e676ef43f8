/*
 * Guest RAM as an anonymous mapping without reservation.
 */
#include "ram.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Bits of a page's entry in /proc/self/pagemap: Linux, Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_PRESENT_OR_SWAPPED (UINT64_C(3) << 62)

static bool read_pagemap(FILE *pagemap, const void *address, uint64_t page, uint64_t *entries,
                         size_t count)
{
    off_t at = (off_t)((uintptr_t)address / page * sizeof(*entries));

    return fseeko(pagemap, at, SEEK_SET) == 0 &&
           fread(entries, sizeof(*entries), count, pagemap) == count;
}

static uint8_t *given_pages(const struct memory *memory)
{
    uint64_t page = page_size(), entry = 0, *entries;
    size_t count = memory->size / page;
    uint8_t *given = calloc(memory->size / MEMORY_PAGE, 1);
    FILE *pagemap = fopen("/proc/self/pagemap", "re");
    bool ok;

    entries = calloc(count, sizeof(*entries));
    /* Under an emulator the file may speak of other addresses: not if it knows our stack. */
    ok = given && entries && pagemap && read_pagemap(pagemap, &entry, page, &entry, 1) &&
         (entry & PAGEMAP_PRESENT_OR_SWAPPED) &&
         read_pagemap(pagemap, memory->base, page, entries, count);
    for (size_t i = 0; ok && i < count; i++) {
        if (entries[i] & PAGEMAP_PRESENT_OR_SWAPPED)
            memset(given + i * page / MEMORY_PAGE, 1, page / MEMORY_PAGE);
    }
    if (pagemap)
        fclose(pagemap);
    free(entries);
    if (ok)
        return given;
    free(given);
    return NULL;
}

uint64_t ram_resident(const struct memory *memory)
{
    uint64_t page = page_size(), pages = memory->size / page, resident = 0;
    unsigned char *map = malloc(pages);

    if (map && mincore(memory->base, memory->size, map) == 0) {
        for (uint64_t i = 0; i < pages; i++)
            resident += map[i] & 1;
    }
    free(map);
    return resident * page;
}

static void unmap(struct memory *memory)
{
    munmap(memory->base, memory->size);
}

static const struct memory_host mapping = {.release = unmap, .given = given_pages};

int ram_init(struct memory *memory, uint64_t size)
{
    uint64_t page = page_size();
    void *base;
    int error;

    size = (size + page - 1) / page * page;
    base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0);
    if (base == MAP_FAILED)
        return -errno;
    /* Small pages: a huge one would make a guest that touched a byte cost 2 MiB. */
    madvise(base, size, MADV_NOHUGEPAGE);
    error = memory_adopt(memory, base, size, &mapping);
    if (error < 0)
        munmap(base, size);
    return error;
}
