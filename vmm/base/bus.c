/*
 * The bus: a sorted table of regions with binary search; accesses that are too wide or cross a
 * region's end are split.
 */
#include "bus.h"

#include <string.h>

void bus_init(struct bus *bus)
{
    memset(bus, 0, sizeof(*bus));
}

const struct bus_region *bus_add(struct bus *bus, const struct bus_region *region)
{
    uint64_t end = (uint64_t)region->base + region->size;
    unsigned at = 0;

    if (bus->count == BUS_REGIONS_MAX || region->size == 0 || end > UINT64_C(0x100000000))
        return region;
    for (unsigned i = 0; i < bus->count; i++) {
        const struct bus_region *other = &bus->regions[i];
        if (region->base < (uint64_t)other->base + other->size && other->base < end)
            return other;
        if (other->base < region->base)
            at = i + 1;
    }
    memmove(&bus->regions[at + 1], &bus->regions[at], (bus->count - at) * sizeof(*region));
    bus->regions[at] = *region;
    bus->count++;
    return NULL;
}

const struct bus_region *bus_find(const struct bus *bus, uint32_t address)
{
    unsigned low = 0, high = bus->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct bus_region *region = &bus->regions[middle];
        if (address < region->base)
            high = middle;
        else if (address - region->base >= region->size)
            low = middle + 1;
        else
            return region;
    }
    return NULL;
}

static struct bus_region *find_base(struct bus *bus, uint32_t base)
{
    const struct bus_region *region = bus_find(bus, base);

    return region && region->base == base ? &bus->regions[region - bus->regions] : NULL;
}

bool bus_remove(struct bus *bus, uint32_t base)
{
    struct bus_region *region = find_base(bus, base);

    if (!region)
        return false;
    bus->count--;
    memmove(region, region + 1, (size_t)(&bus->regions[bus->count] - region) * sizeof(*region));
    return true;
}

const struct bus_region *bus_move(struct bus *bus, uint32_t base, uint32_t to)
{
    const struct bus_region *found = find_base(bus, base), *in_the_way;
    struct bus_region moved, kept;

    if (!found)
        return NULL;
    moved = kept = *found;
    moved.base = to;
    bus_remove(bus, base);
    in_the_way = bus_add(bus, &moved);
    if (!in_the_way)
        return NULL;
    if (in_the_way != &moved)
        to = in_the_way->base;
    bus_add(bus, &kept);
    return bus_find(bus, in_the_way == &moved ? base : to);
}

/*
 * The region that answers the rest, `width` bytes at `address`, of an access of which `done` bytes
 * have been answered before; NULL: none does.
 */
static const struct bus_region *answering(const struct bus *bus, uint32_t address, unsigned width,
                                          unsigned done)
{
    const struct bus_region *region = bus_find(bus, address);

    if (region && region->whole &&
        (done || width > region->max_width || width > region->base + region->size - address))
        return NULL;
    return region;
}

/* The widest part of an access at `address` that one call to the region may serve. */
static unsigned part_width(const struct bus_region *region, uint32_t address, unsigned width)
{
    uint32_t room = region->base + region->size - address;
    unsigned part = width == 3 ? 2 : width; /* what an access of 4 may leave */

    while (part > region->max_width || part > room)
        part /= 2;
    return part;
}

/* The widest first part of an access that lies wholly outside all regions. */
static unsigned gap_width(const struct bus *bus, uint32_t address, unsigned width, unsigned done)
{
    const struct bus_region *first = bus_find(bus, address);
    unsigned part = width == 3 ? 2 : width;

    if (first && first->whole && !done)
        return width; /* it was for that region, which doesn't take it */
    for (unsigned i = 1; i < part; i++) {
        if (answering(bus, address + i, part - i, done + i))
            return 1;
    }
    return part;
}

static uint32_t ones(unsigned width)
{
    return width == 4 ? UINT32_MAX : (UINT32_C(1) << (8 * width)) - 1;
}

uint32_t bus_read(struct bus *bus, uint32_t address, unsigned width)
{
    uint32_t value = 0;
    unsigned done = 0;

    while (done < width) {
        const struct bus_region *region = answering(bus, address + done, width - done, done);
        unsigned part = region ? part_width(region, address + done, width - done)
                               : gap_width(bus, address + done, width - done, done);
        uint32_t bits = ones(part);

        if (region && region->read)
            bits &= region->read(region->device, address + done - region->base, part);
        else if (!region && bus->unmapped)
            bus->unmapped(bus->unmapped_context, address + done, part, false);
        value |= bits << (8 * done);
        done += part;
    }
    return value;
}

void bus_write(struct bus *bus, uint32_t address, unsigned width, uint32_t value)
{
    unsigned done = 0;

    while (done < width) {
        const struct bus_region *region = answering(bus, address + done, width - done, done);
        unsigned part = region ? part_width(region, address + done, width - done)
                               : gap_width(bus, address + done, width - done, done);
        uint32_t bits = (value >> (8 * done)) & ones(part);

        if (region && region->write)
            region->write(region->device, address + done - region->base, part, bits);
        else if (!region && bus->unmapped)
            bus->unmapped(bus->unmapped_context, address + done, part, true);
        done += part;
    }
}
