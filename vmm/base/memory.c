/*
 * Guest RAM: an anonymous mapping without reservation, so that untouched pages cost nothing.
 */
#include "memory.h"

#include "ram_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "words are copied to and from guest RAM as they are");

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

int memory_init(struct memory *memory, uint64_t size)
{
    uint64_t page = page_size();

    size = (size + page - 1) / page * page;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    memory->log = calloc(1, sizeof(*memory->log));
    if (!memory->log) {
        munmap(base, size);
        return -ENOMEM;
    }
    /* Small pages: a huge one would make a guest that touched a byte cost 2 MiB. */
    madvise(base, size, MADV_NOHUGEPAGE);
    memory->base = base;
    memory->size = size;
    return 0;
}

void memory_free(struct memory *memory)
{
    if (memory->base)
        munmap(memory->base, memory->size);
    if (memory->log) {
        ram_image_free(memory->log->base);
        free(memory->log->is_dirty);
        free(memory->log->dirty);
        free(memory->log);
    }
    *memory = (struct memory){0};
}

void *memory_at(const struct memory *memory, uint64_t address, uint64_t length)
{
    if (address > memory->size || length > memory->size - address)
        return NULL;
    return memory->base + address;
}

bool memory_read(const struct memory *memory, uint64_t address, void *to, uint64_t length)
{
    const void *from = memory_at(memory, address, length);

    if (!from)
        return false;
    memcpy(to, from, length);
    return true;
}

bool memory_write(const struct memory *memory, uint64_t address, const void *from, uint64_t length)
{
    void *to = memory_at(memory, address, length);

    if (!to)
        return false;
    memcpy(to, from, length);
    memory_changed(memory, address, length);
    return true;
}

void memory_changed(const struct memory *memory, uint64_t address, uint64_t length)
{
    if (!memory->log)
        return;
    memory->log->changes++;
    for (uint64_t at = address & ~(uint64_t)(MEMORY_PAGE - 1);
         memory->log->is_dirty && at < address + length; at += MEMORY_PAGE)
        memory_mark(memory, at);
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

uint8_t *memory_given(const struct memory *memory)
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

uint64_t memory_resident(const struct memory *memory)
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

uint64_t memory_hash(const struct memory *memory)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (uint64_t at = 0; at < memory->size; at += 8) {
        uint64_t word;
        memcpy(&word, memory->base + at, 8);
        if (word)
            hash = ((hash ^ word) * UINT64_C(0x100000001b3) ^ at) * UINT64_C(0x100000001b3);
    }
    return hash;
}
