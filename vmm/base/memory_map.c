/*
 * The map over RAM: a few regions that are not RAM, sorted, and address bits that are cut.
 */
#include "memory.h"

#include <string.h>

/* The first region that ends behind an address; the count if none does. */
static unsigned first_behind(const struct memory_map *map, uint64_t address)
{
    unsigned i = 0;

    while (i < map->count && map->region[i].end <= address)
        i++;
    return i;
}

static void remove_at(struct memory_map *map, unsigned i)
{
    map->count--;
    memmove(&map->region[i], &map->region[i + 1], (map->count - i) * sizeof(map->region[0]));
}

static void insert_at(struct memory_map *map, unsigned i, struct memory_region region)
{
    memmove(&map->region[i + 1], &map->region[i], (map->count - i) * sizeof(map->region[0]));
    map->region[i] = region;
    map->count++;
}

bool memory_map_set(const struct memory *memory, uint64_t address, uint64_t length,
                    enum memory_kind kind)
{
    struct memory_map *map = memory->map;
    uint64_t end = address + length;
    unsigned i = first_behind(map, address);

    if (length == 0 || address % MEMORY_PAGE || length % MEMORY_PAGE || address > memory->size ||
        length > memory->size - address || map->count > MEMORY_REGIONS_MAX - 2)
        return false;
    map->version++;
    /* What others leave of themselves. */
    if (i < map->count && map->region[i].address < address) {
        struct memory_region before = map->region[i];
        map->region[i].address = address;
        before.end = address;
        insert_at(map, i++, before);
    }
    while (i < map->count && map->region[i].end <= end)
        remove_at(map, i);
    if (i < map->count && map->region[i].address < end)
        map->region[i].address = end;
    if (kind != MEMORY_RAM)
        insert_at(map, i, (struct memory_region){address, end, kind});
    return true;
}

void memory_map_set_a20(const struct memory *memory, bool is_open)
{
    uint64_t wires = is_open ? UINT64_MAX : ~MEMORY_A20;

    memory->map->version += memory->map->wires != wires;
    memory->map->wires = wires;
}

enum memory_kind memory_kind(const struct memory *memory, uint64_t address)
{
    const struct memory_map *map = memory->map;
    unsigned i;

    if (address >= memory->size)
        return MEMORY_HOLE;
    if (!map || map->count == 0)
        return MEMORY_RAM;
    i = first_behind(map, address);
    return i < map->count && map->region[i].address <= address ? map->region[i].kind : MEMORY_RAM;
}

bool memory_map_piece(const struct memory *memory, uint64_t address, struct memory_piece *piece)
{
    const struct memory_map *map = memory->map;
    uint64_t at = address & map->wires, end = memory->size;
    unsigned i = first_behind(map, at);

    if (at >= memory->size)
        return false;
    if (i < map->count)
        end = map->region[i].address <= at ? map->region[i].end : map->region[i].address;
    if (map->wires != UINT64_MAX && end > (at | (MEMORY_A20 - 1)) + 1)
        end = (at | (MEMORY_A20 - 1)) + 1; /* the next MiB is another's, or this one again */
    *piece = (struct memory_piece){
        .address = address, .length = end - at, .at = at, .kind = memory_kind(memory, at)};
    return true;
}
