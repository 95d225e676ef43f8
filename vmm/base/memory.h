/*
 * Guest memory: one block of RAM from physical address 0 up, and a map of what is not RAM there:
 * ROM made of it, and holes, where devices answer or nobody does. Every access by the VMM goes
 * through these functions, which check bounds; nothing else has the base.
 */
#ifndef VMM_BASE_MEMORY_H
#define VMM_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_MIN UINT64_C(0x100000)   /* 1 MiB: the real-mode address space */
#define MEMORY_MAX UINT64_C(0xe0000000) /* 3.5 GiB: above it lie memory-mapped registers */

#define MEMORY_PAGE UINT32_C(4096)

/* Who has written what: for engines that keep decoded code, and for copies of RAM (ram_image.h). */
struct memory_log {
    uint64_t changes; /* how often something else than a CPU engine has written */
    bool *is_dirty;   /* by page: it is on the list; NULL while nobody asks */
    uint32_t *dirty;  /* pages written since the list was last emptied */
    uint32_t dirty_count;
    struct ram_image *base;               /* what RAM held then; NULL: zeros */
    void (*drop)(struct ram_image *base); /* how that is given back */
};

/* What is at an address: memory that is read and written; memory that is read, where writes come to
 * the machine as an access to a device does; nothing that is memory, the same for reads. */
enum memory_kind { MEMORY_RAM, MEMORY_ROM, MEMORY_HOLE };

#define MEMORY_REGIONS_MAX 32

struct memory_map {
    unsigned version; /* changes with the map: engines look before they run */
    uint64_t wires;   /* the bits of the CPU's addresses that reach memory: all, or not A20 */
    unsigned count;
    struct memory_region {
        uint64_t address, end;
        enum memory_kind kind;
    } region[MEMORY_REGIONS_MAX]; /* sorted, disjoint; what is in none is RAM */
};

#define MEMORY_A20 UINT64_C(0x100000)

struct memory {
    uint8_t *base;          /* host address of guest physical 0, for the CPU engines */
    uint64_t size;          /* bytes, a multiple of the page size */
    struct memory_log *log; /* NULL in RAM that was not made by memory_init or memory_adopt */
    struct memory_map *map; /* NULL likewise: all is RAM */
    const struct memory_host *host;
};

/* Whose the bytes are. */
struct memory_host {
    /* Gives them back. */
    void (*release)(struct memory *memory);
    /* See memory_given; NULL: it doesn't tell. */
    uint8_t *(*given)(const struct memory *memory);
};

/* Takes `size` bytes from malloc, rounded up to a page. Returns 0, or -errno. Freed by memory_free.
 */
int memory_init(struct memory *memory, uint64_t size);

/* Takes `size` bytes, a multiple of a page, all zero, that begin at a page, from a host, which gets
 * them back from memory_free. Returns 0, or -ENOMEM: then they are still the caller's. */
int memory_adopt(struct memory *memory, void *base, uint64_t size, const struct memory_host *host);

void memory_free(struct memory *memory);

/* The host address of `length` bytes at guest physical `address`, or NULL unless all is in RAM or
 * ROM. Valid until memory_free. To be read; who writes there calls memory_changed or memory_mark.
 */
void *memory_at(const struct memory *memory, uint64_t address, uint64_t length);

/* The same, whatever the map says is there: for the device that stands in a hole. NULL unless all
 * is below `size`. */
void *memory_behind(const struct memory *memory, uint64_t address, uint64_t length);

/* Copies between guest memory and the host; false, with nothing copied, unless all is in RAM, or
 * for reading in ROM. Writing is memory_changed too. */
bool memory_read(const struct memory *memory, uint64_t address, void *to, uint64_t length);
bool memory_write(const struct memory *memory, uint64_t address, const void *from, uint64_t length);

/*
 * Makes [address, address + length), whole pages below `size`, what `kind` says from now on. What
 * was in RAM stays there, unseen in a hole: a ROM is RAM that was filled before. False: those are
 * no pages, or there are too many regions. All of it is RAM to begin with.
 */
bool memory_map_set(const struct memory *memory, uint64_t address, uint64_t length,
                    enum memory_kind kind);

/* The A20 gate, open to begin with: while it is closed, the CPU's addresses lack bit 20. Devices
 * are not behind it: engines, and who looks with the CPU's eyes, cut addresses by memory_wire. */
void memory_map_set_a20(const struct memory *memory, bool is_open);

static inline uint64_t memory_wire(const struct memory *memory, uint64_t address)
{
    return memory->map ? address & memory->map->wires : address;
}

/* What is at a physical address. */
enum memory_kind memory_kind(const struct memory *memory, uint64_t address);

/* `length` bytes that the CPU sees at `address`: those from `at` on, all of a kind. */
struct memory_piece {
    uint64_t address, length, at;
    enum memory_kind kind;
};

/* The piece from an address on; false above all memory. */
bool memory_map_piece(const struct memory *memory, uint64_t address, struct memory_piece *piece);

/* [address, address + length) of RAM was written from outside of the CPU. */
void memory_changed(const struct memory *memory, uint64_t address, uint64_t length);

/* Notes, for the list of dirty pages, that the CPU writes to the page of `address` in RAM. */
static inline void memory_mark(const struct memory *memory, uint64_t address)
{
    struct memory_log *log = memory->log;
    uint32_t page = (uint32_t)(address / MEMORY_PAGE);

    if (log && log->is_dirty && !log->is_dirty[page]) {
        log->is_dirty[page] = true;
        log->dirty[log->dirty_count++] = page;
    }
}

/*
 * Which pages of MEMORY_PAGE bytes are resident in the host's memory, or swapped out: all others
 * are zeros, and reading them would allocate memory. One byte a page, freed by the caller; NULL if
 * the host doesn't say.
 */
uint8_t *memory_given(const struct memory *memory);

/* A hash of all of RAM, the same for the same contents (64-bit FNV-1a over words and addresses;
 * zero bytes count for nothing). */
uint64_t memory_hash(const struct memory *memory);

#endif
