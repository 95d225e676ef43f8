/*
 * Guest RAM: bounds checks, and the list of dirty pages. The host provides the bytes.
 */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "words are copied to and from guest RAM as they are");

int memory_adopt(struct memory *memory, void *base, uint64_t size, const struct memory_host *host)
{
    *memory = (struct memory){.log = calloc(1, sizeof(*memory->log)),
                              .map = calloc(1, sizeof(*memory->map))};
    if (!memory->log || !memory->map) {
        free(memory->log);
        free(memory->map);
        *memory = (struct memory){0};
        return -ENOMEM;
    }
    memory->map->wires = UINT64_MAX;
    memory->base = base;
    memory->size = size;
    memory->host = host;
    return 0;
}

/* From calloc, with room to begin at a page. */
static void release_block(struct memory *memory)
{
    free(((void **)(void *)memory->base)[-1]);
}

static const struct memory_host block_host = {.release = release_block};

int memory_init(struct memory *memory, uint64_t size)
{
    uint8_t *block, *base;
    int error;

    size = (size + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;
    block = calloc(1, size + MEMORY_PAGE + sizeof(void *));
    if (!block)
        return -ENOMEM;
    base = block + sizeof(void *);
    base += -(uintptr_t)base % MEMORY_PAGE;
    ((void **)(void *)base)[-1] = block;
    error = memory_adopt(memory, base, size, &block_host);
    if (error < 0)
        free(block);
    return error;
}

void memory_free(struct memory *memory)
{
    if (memory->base)
        memory->host->release(memory);
    if (memory->log) {
        if (memory->log->base)
            memory->log->drop(memory->log->base);
        free(memory->log->is_dirty);
        free(memory->log->dirty);
        free(memory->log);
    }
    free(memory->map);
    *memory = (struct memory){0};
}

uint8_t *memory_given(const struct memory *memory)
{
    return memory->host->given ? memory->host->given(memory) : NULL;
}

/* The most particular kind that there is in a range inside of RAM. */
static enum memory_kind worst_kind(const struct memory *memory, uint64_t address, uint64_t length)
{
    const struct memory_map *map = memory->map;
    enum memory_kind worst = MEMORY_RAM;

    for (unsigned i = 0; map && i < map->count; i++) {
        const struct memory_region *region = &map->region[i];
        if (region->address < address + length && address < region->end && region->kind > worst)
            worst = region->kind;
    }
    return worst;
}

/* Where a range is, if none of it is more particular than `kind`. */
static uint8_t *find(const struct memory *memory, uint64_t address, uint64_t length,
                     enum memory_kind kind)
{
    if (address > memory->size || length > memory->size - address ||
        worst_kind(memory, address, length) > kind)
        return NULL;
    return memory->base + address;
}

void *memory_at(const struct memory *memory, uint64_t address, uint64_t length)
{
    return find(memory, address, length, MEMORY_ROM);
}

void *memory_behind(const struct memory *memory, uint64_t address, uint64_t length)
{
    return find(memory, address, length, MEMORY_HOLE);
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
    void *to = find(memory, address, length, MEMORY_RAM);

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
