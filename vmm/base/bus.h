/*
 * A bus: a map from addresses to the devices that answer there. A machine has two, one of I/O
 * ports and one of memory-mapped registers. Addresses without a device read as all ones.
 */
#ifndef VMM_BASE_BUS_H
#define VMM_BASE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A device's registers at consecutive addresses. `read` and `write` get the offset from `base` and
 * a width of 1, 2 or 4 bytes, never above `max_width` and never past the region's end: the bus
 * splits a wider or straddling access into narrower ones, low address first, as an ISA bus does.
 * Either may be NULL: reads then give all ones, writes vanish.
 *
 * A region that is `whole` is no ISA device: it takes an access that begins in it uncut, or not at
 * all. One that is wider than max_width, or goes past the region's end, nobody answers; nor does
 * the part of an access that began before the region reach it. So a doubleword for PCI's address
 * register at 0xcf8 is no write to the reset control at 0xcf9.
 */
struct bus_region {
    const char *name; /* for messages: "i8259", "16550A" */
    uint32_t base;
    uint32_t size;
    unsigned max_width;
    uint32_t (*read)(void *device, uint32_t offset, unsigned width);
    void (*write)(void *device, uint32_t offset, unsigned width, uint32_t value);
    void *device;
    bool whole;
};

#define BUS_REGIONS_MAX 40

struct bus {
    struct bus_region regions[BUS_REGIONS_MAX]; /* sorted by base, disjoint */
    unsigned count;
    /* Told of each access that no region answers; may be NULL. */
    void (*unmapped)(void *context, uint32_t address, unsigned width, bool is_write);
    void *unmapped_context;
};

void bus_init(struct bus *bus);

/*
 * Adds a region (copied). Returns NULL, or the region already there that it overlaps; a full bus
 * or a region that wraps around returns the region given.
 */
const struct bus_region *bus_add(struct bus *bus, const struct bus_region *region);

/* Takes the region that begins at `base` away; false: there is none. */
bool bus_remove(struct bus *bus, uint32_t base);

/* Has the region that begins at `base` begin at `to`. Returns NULL, or the one that is in its way:
 * then, and if there is none at `base`, nothing has changed. */
const struct bus_region *bus_move(struct bus *bus, uint32_t base, uint32_t to);

/* The region that answers at an address, or NULL. */
const struct bus_region *bus_find(const struct bus *bus, uint32_t address);

/* Reads `width` (1, 2 or 4) bytes; bytes outside all regions are 0xff. */
uint32_t bus_read(struct bus *bus, uint32_t address, unsigned width);

/* Writes the low `width` (1, 2 or 4) bytes of `value`. */
void bus_write(struct bus *bus, uint32_t address, unsigned width, uint32_t value);

#endif
