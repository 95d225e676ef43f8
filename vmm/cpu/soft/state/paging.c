/*
 * From segment:offset to bytes: limit and type checks, the page walk, the TLB, and what lies
 * outside of memory. Intel SDM vol. 3, chapter 4 (paging) and sections 5.2 to 5.3 (limits, types).
 *
 * The TLB is four flat tables of host pointers, one entry a linear page: for reading and for
 * writing, as supervisor and as user. An entry promises that such an access needs no check but the
 * segment's. A page that is entered for writing is noted as dirty, so it needn't be at each write.
 * A page that holds decoded code is never entered for writing, nor is one that holds
 * page-table entries that some entry came from: a change of those empties the TLB at once. Real
 * TLBs may keep what was there; here what is cached, which depends on how code was cut into blocks,
 * must never show. Nor is a page entered that a debugger watches, for what it watches.
 */
#include "paging.h"

#include <errno.h>
#include <stdlib.h>

#define PTE_P  UINT32_C(0x001)
#define PTE_W  UINT32_C(0x002)
#define PTE_U  UINT32_C(0x004)
#define PTE_A  UINT32_C(0x020)
#define PTE_D  UINT32_C(0x040)
#define PDE_PS UINT32_C(0x080)

/* Bits of a 4 MiB entry that select no page: PSE-36 gives four bits above the 32nd. */
#define PDE_LARGE_RESERVED UINT32_C(0x003e0000)

#define PF_PRESENT  1u
#define PF_WRITE    2u
#define PF_USER     4u
#define PF_RESERVED 8u

static bool page_fault(struct soft *c, uint32_t linear, uint32_t error, bool is_write, bool is_user)
{
    c->s.cr2 = linear;
    return soft_raise_error(c, EXCEPTION_PF,
                            error | (is_write ? PF_WRITE : 0) | (is_user ? PF_USER : 0));
}

/* Notes that the TLB is going to depend on an entry at this physical address. */
static void depend_on(struct soft *c, uint64_t address)
{
    uint64_t page = address / PAGE_SIZE;

    if (address >= c->memory->size || c->is_table[page])
        return;
    soft_tlb_forget_writes(c);
    c->is_table[page] = true;
    c->table_log[c->tables_logged++] = (uint32_t)page;
}

/* Writes to RAM, with what hangs on it. Only an entry that was present can be in the TLB. */
static void write_ram(struct soft *c, uint64_t address, const void *from, uint32_t length)
{
    uint64_t page = address / PAGE_SIZE;
    bool changes_mapping = false;

    for (uint64_t at = address & ~UINT64_C(3); c->is_table[page] && at < address + length;
         at += 4) {
        uint32_t entry = 0;
        memory_read(c->memory, at, &entry, 4);
        changes_mapping = changes_mapping || (entry & PTE_P);
    }
    memcpy(memory_at(c->memory, address, length), from, length);
    memory_mark(c->memory, address);
    if (c->code_lines[page])
        c->code_written(c, address, length);
    if (changes_mapping) {
        soft_tlb_flush(c);
        c->end_block(c);
    }
}

static void set_entry_bits(struct soft *c, uint64_t address, uint32_t entry, uint32_t bits)
{
    void *at = memory_at(c->memory, address, 4);

    if (!at || (entry & bits) == bits || memory_kind(c->memory, address) != MEMORY_RAM)
        return;
    entry |= bits;
    memcpy(at, &entry, 4);
    memory_mark(c->memory, address);
    if (c->code_lines[address / PAGE_SIZE])
        c->code_written(c, address, 4);
}

static bool walk(struct soft *c, uint32_t linear, bool is_write, bool is_user, uint64_t *physical)
{
    uint64_t pde_at = memory_wire(c->memory, (c->s.cr3 & ~PAGE_MASK) + (linear >> 22) * 4),
             pte_at = 0;
    uint32_t pde = UINT32_MAX, pte = UINT32_MAX, rights;
    bool is_large;

    memory_read(c->memory, pde_at, &pde, 4);
    if (!(pde & PTE_P))
        return page_fault(c, linear, 0, is_write, is_user);
    is_large = (pde & PDE_PS) && (c->s.cr4 & CR4_PSE);
    rights = pde;
    if (is_large) {
        if (pde & PDE_LARGE_RESERVED)
            return page_fault(c, linear, PF_PRESENT | PF_RESERVED, is_write, is_user);
    } else {
        pte_at = memory_wire(c->memory, (pde & ~PAGE_MASK) + (linear >> 12 & 0x3ff) * 4);
        memory_read(c->memory, pte_at, &pte, 4);
        if (!(pte & PTE_P))
            return page_fault(c, linear, 0, is_write, is_user);
        rights &= pte;
    }
    if ((is_user && !(rights & PTE_U)) ||
        (is_write && !(rights & PTE_W) && (is_user || (c->s.cr0 & CR0_WP))))
        return page_fault(c, linear, PF_PRESENT, is_write, is_user);
    if (is_large) {
        set_entry_bits(c, pde_at, pde, PTE_A | (is_write ? PTE_D : 0));
        *physical = (uint64_t)(pde >> 13 & 0xf) << 32 | (pde & UINT32_C(0xffc00000)) |
                    (linear & UINT32_C(0x003fffff));
    } else {
        set_entry_bits(c, pde_at, pde, PTE_A);
        set_entry_bits(c, pte_at, pte, PTE_A | (is_write ? PTE_D : 0));
        *physical = (pte & ~PAGE_MASK) | (linear & PAGE_MASK);
        depend_on(c, pte_at);
    }
    depend_on(c, pde_at);
    return true;
}

static void tlb_fill(struct soft *c, uint32_t linear, uint64_t physical, bool is_write,
                     bool is_user)
{
    uint32_t page = linear >> 12;
    uint8_t *host = memory_at(c->memory, physical & ~(uint64_t)PAGE_MASK, PAGE_SIZE);
    unsigned watched = c->watch_count ? c->watched_pages[page] : 0;

    /* What is read and written by one instruction goes by the entry for writing alone. */
    if (!host || (watched & CPU_WATCH_READ))
        return;
    if (!c->tlb[0][0][page] && !c->tlb[0][1][page] && !c->tlb[1][0][page] && !c->tlb[1][1][page]) {
        c->tlb_log[c->tlb_logged++] = page;
    }
    c->tlb[is_user][0][page] = host;
    if (is_write && !watched && !c->code_lines[physical / PAGE_SIZE] &&
        !c->is_table[physical / PAGE_SIZE] && memory_kind(c->memory, physical) == MEMORY_RAM) {
        c->tlb[is_user][1][page] = host;
        memory_mark(c->memory, physical);
    }
}

/* Translates a linear address for one access, setting accessed and dirty bits; raises #PF. */
bool soft_translate(struct soft *c, uint32_t linear, bool is_write, bool is_user,
                    uint64_t *physical)
{
    const uint8_t *host = c->tlb[is_user][is_write][linear >> 12];

    if (host) {
        *physical = (uint64_t)(host - c->memory->base) + (linear & PAGE_MASK);
        return true;
    }
    if (c->tlb_logged == TLB_LOG || c->tables_logged > TABLE_LOG - 2)
        soft_tlb_flush(c); /* the logs must have room for what comes */
    if (!(c->s.cr0 & CR0_PG))
        *physical = linear;
    else if (!walk(c, linear, is_write, is_user, physical))
        return false;
    *physical = memory_wire(c->memory, *physical);
    tlb_fill(c, linear, *physical, is_write, is_user);
    return true;
}

void soft_tlb_flush(struct soft *c)
{
    for (uint32_t i = 0; i < c->tlb_logged; i++) {
        uint32_t page = c->tlb_log[i];
        c->tlb[0][0][page] = c->tlb[0][1][page] = NULL;
        c->tlb[1][0][page] = c->tlb[1][1][page] = NULL;
    }
    for (uint32_t i = 0; i < c->tables_logged; i++)
        c->is_table[c->table_log[i]] = false;
    c->tlb_logged = c->tables_logged = 0;
    c->generation++;
}

/* INVLPG. What a 4 MiB page left under other addresses is found only by forgetting everything. */
void soft_tlb_flush_page(struct soft *c, uint32_t linear)
{
    if (c->s.cr4 & CR4_PSE) {
        soft_tlb_flush(c);
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        c->tlb[i >> 1][i & 1][linear >> 12] = NULL;
    c->generation++;
}

void soft_tlb_forget_writes(struct soft *c)
{
    for (uint32_t i = 0; i < c->tlb_logged; i++)
        c->tlb[0][1][c->tlb_log[i]] = c->tlb[1][1][c->tlb_log[i]] = NULL;
}

/* ---- what a debugger watches ---- */

static void mark_watched(struct soft *c, const struct cpu_watch *watch)
{
    uint32_t last = (watch->address + watch->length - 1) >> 12;

    for (uint32_t page = watch->address >> 12; page <= last; page++)
        c->watched_pages[page] |= (uint8_t)watch->kinds;
}

static void unmark_watched(struct soft *c, const struct cpu_watch *watch)
{
    uint32_t first = watch->address >> 12, last = (watch->address + watch->length - 1) >> 12;

    memset(c->watched_pages + first, 0, last - first + 1);
}

int soft_set_watches(struct soft *c, const struct cpu_watch *watches, unsigned count)
{
    struct cpu_watch *copy;

    if (count == c->watch_count &&
        (count == 0 || memcmp(watches, c->watches, count * sizeof(*watches)) == 0))
        return 0;
    copy = count ? malloc(count * sizeof(*copy)) : NULL;
    if (count && !c->watched_pages)
        c->watched_pages = calloc(PAGE_COUNT, 1);
    if (count && (!copy || !c->watched_pages)) {
        free(copy);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < c->watch_count; i++)
        unmark_watched(c, &c->watches[i]);
    if (count)
        memcpy(copy, watches, count * sizeof(*copy));
    free(c->watches);
    c->watches = copy;
    c->watch_count = count;
    for (unsigned i = 0; i < count; i++)
        mark_watched(c, &copy[i]);
    c->has_access = false;
    soft_tlb_flush(c);
    return 0;
}

/* An access takes place unless its instruction comes to fault. The run is to end behind it: no
 * block that it leads to is entered. */
SLOW void meet_watches(struct soft *c, uint32_t linear, uint32_t length, bool is_write)
{
    for (unsigned i = 0; i < c->watch_count; i++) {
        const struct cpu_watch *watch = &c->watches[i];
        bool begins_inside = linear - watch->address < watch->length;

        if (!(watch->kinds & (is_write ? CPU_WATCH_WRITE : CPU_WATCH_READ)) ||
            (!begins_inside && watch->address - linear >= length))
            continue;
        if (!c->has_access || (is_write && !c->access.is_write))
            c->access = (struct cpu_access){
                .watch = i,
                .address = begins_inside ? linear : watch->address,
                .is_write = is_write,
            };
        c->has_access = c->attention = true;
        c->generation++;
        c->end_block(c);
        return;
    }
}

/*
 * An access that the machine makes: it ends the run, and when the instruction is executed again
 * the record of it is used in its stead. Nothing of the instruction was done meanwhile.
 */
static bool outside_access(struct soft *c, bool is_port, uint64_t address, uint32_t width,
                           bool is_write, void *data)
{
    struct access_record *record;
    struct cpu_exit *exit = &c->cpu.exit;

    if (c->replayed < c->logged) {
        record = &c->log[c->replayed];
        if (record->address == address && record->width == width && record->is_write == is_write &&
            record->is_port == is_port) {
            c->replayed++;
            if (!is_write)
                memcpy(data, record->data, width);
            return true;
        }
        c->logged = c->replayed; /* the state was changed meanwhile */
    }
    if (c->in_delivery || c->logged == ACCESS_LOG) {
        /* Stacks and tables outside of RAM: nothing answers. */
        if (!is_write)
            memset(data, 0xff, width);
        return true;
    }
    record = &c->log[c->logged++];
    c->replayed = c->logged;
    *record = (struct access_record){
        .address = address, .width = (uint8_t)width, .is_write = is_write, .is_port = is_port};
    if (is_write)
        memcpy(record->data, data, width);
    else
        memset(record->data, 0xff, width);
    if (is_port) {
        exit->port.port = (uint16_t)address;
        exit->port.width = (uint8_t)width;
        exit->port.is_write = is_write;
        exit->port.count = 1;
        exit->port.data = record->data;
        return soft_raise_stop(c, CPU_STOP_PORT);
    }
    exit->mmio.address = address;
    exit->mmio.width = (uint8_t)width;
    exit->mmio.is_write = is_write;
    exit->mmio.data = record->data;
    return soft_raise_stop(c, CPU_STOP_MMIO);
}

/* I/O breakpoints: Intel SDM vol. 3, section 17.2.4. */
static void watch_port(struct soft *c, uint16_t port, uint32_t width)
{
    static const uint32_t lengths[4] = {1, 2, 8, 4};

    for (unsigned i = 0; i < 4; i++) {
        uint32_t size = lengths[c->s.dr[7] >> (18 + 4 * i) & 3], from = c->s.dr[i] & ~(size - 1);

        if ((c->s.dr[7] >> (2 * i) & 3) && (c->s.dr[7] >> (16 + 4 * i) & 3) == 2 &&
            from < (uint32_t)port + width && port < (uint64_t)from + size)
            c->s.debug_hits |= UINT32_C(1) << i;
    }
}

bool soft_port(struct soft *c, uint16_t port, uint32_t width, bool is_write, uint32_t *value)
{
    uint8_t data[4];

    for (unsigned i = 0; i < 4; i++)
        data[i] = (uint8_t)(*value >> (8 * i));
    if (!outside_access(c, true, port, width, is_write, data))
        return false;
    if (!is_write) {
        *value = 0;
        for (unsigned i = 0; i < width; i++)
            *value |= (uint32_t)data[i] << (8 * i);
    }
    if (c->s.cr4 & CR4_DE)
        watch_port(c, port, width);
    return true;
}

static bool mmio(struct soft *c, uint64_t physical, bool is_write, uint8_t *data, uint32_t length)
{
    while (length) {
        uint32_t width = length < 8 ? length : 8;
        if (!outside_access(c, false, physical, width, is_write, data))
            return false;
        physical += width;
        data += width;
        length -= width;
    }
    return true;
}

/* The part of [linear, linear + length) in its first page, with its physical address. */
struct piece {
    uint64_t physical;
    uint32_t length;
    bool is_memory; /* that can be read, or written: the rest goes to the machine */
};

static bool next_piece(struct soft *c, uint32_t linear, uint32_t length, bool is_write,
                       bool is_user, struct piece *piece)
{
    uint32_t left = PAGE_SIZE - (linear & PAGE_MASK);

    if (!soft_translate(c, linear, is_write, is_user, &piece->physical))
        return false;
    piece->length = length < left ? length : left;
    piece->is_memory =
        memory_kind(c->memory, piece->physical) <= (is_write ? MEMORY_RAM : MEMORY_ROM);
    return true;
}

bool soft_check_linear(struct soft *c, uint32_t linear, uint32_t length, bool is_write,
                       bool is_user)
{
    struct piece piece;

    for (; length; length -= piece.length, linear += piece.length) {
        if (!next_piece(c, linear, length, is_write, is_user, &piece))
            return false;
    }
    return true;
}

/* Copies the few lengths that are common without a call. */
static inline void copy(void *to, const void *from, uint32_t length)
{
    if (length == 4)
        memcpy(to, from, 4);
    else if (length == 8)
        memcpy(to, from, 8);
    else if (length == 2)
        memcpy(to, from, 2);
    else
        memcpy(to, from, length);
}

/* Apart, so that the fast path has no registers to save. */
SLOW bool read_pieces(struct soft *c, uint32_t linear, uint8_t *data, uint32_t length, bool is_user)
{
    struct piece piece;

    if ((linear & PAGE_MASK) + length > PAGE_SIZE &&
        !soft_check_linear(c, linear, length, false, is_user))
        return false;
    if (c->watch_count)
        meet_watches(c, linear, length, false);
    for (; length; length -= piece.length, linear += piece.length, data += piece.length) {
        if (!next_piece(c, linear, length, false, is_user, &piece))
            return false;
        if (piece.is_memory)
            memory_read(c->memory, piece.physical, data, piece.length);
        else if (!mmio(c, piece.physical, false, data, piece.length))
            return false;
    }
    return true;
}

bool soft_read_linear(struct soft *c, uint32_t linear, void *to, uint32_t length, bool is_user)
{
    const uint8_t *host = c->tlb[is_user][0][linear >> 12];

    if (unlikely(!host || (linear & PAGE_MASK) + length > PAGE_SIZE))
        return read_pieces(c, linear, to, length, is_user);
    copy(to, host + (linear & PAGE_MASK), length);
    return true;
}

/* All faults come before the first byte is written; what goes outside of RAM, to ROM too, is
 * written first, since it may end the run and have the instruction executed again. */
SLOW bool write_pieces(struct soft *c, uint32_t linear, const void *from, uint32_t length,
                       bool is_user)
{
    if ((linear & PAGE_MASK) + length > PAGE_SIZE &&
        !soft_check_linear(c, linear, length, true, is_user))
        return false;
    if (c->watch_count)
        meet_watches(c, linear, length, true);
    for (unsigned pass = 0; pass < 2; pass++) {
        const uint8_t *data = from;
        struct piece piece;
        uint32_t at = linear, left = length;

        for (; left; left -= piece.length, at += piece.length, data += piece.length) {
            if (!next_piece(c, at, left, true, is_user, &piece))
                return false;
            if (!piece.is_memory && pass == 0) {
                uint8_t copy[512];
                memcpy(copy, data, piece.length);
                if (!mmio(c, piece.physical, true, copy, piece.length))
                    return false;
            } else if (piece.is_memory && pass == 1) {
                write_ram(c, piece.physical, data, piece.length);
            }
        }
    }
    return true;
}

bool soft_write_linear(struct soft *c, uint32_t linear, const void *from, uint32_t length,
                       bool is_user)
{
    uint8_t *host = c->tlb[is_user][1][linear >> 12];

    if (unlikely(!host || (linear & PAGE_MASK) + length > PAGE_SIZE))
        return write_pieces(c, linear, from, length, is_user);
    copy(host + (linear & PAGE_MASK), from, length);
    return true;
}

/* Whether an access is inside a segment and of a kind that its type allows. */
static bool segment_allows(const struct soft *c, unsigned segment, uint32_t offset, uint32_t length,
                           bool is_write)
{
    const struct cpu_segment *s = &c->s.segment[segment];
    uint32_t last = offset + length - 1;

    if (is_protected(c)) {
        if (!(s->attributes & SEGMENT_P))
            return false;
        if (s->attributes & 8 ? is_write || !(s->attributes & 2) : is_write && !(s->attributes & 2))
            return false;
    }
    if (last < offset)
        return false;
    if ((s->attributes & 0x1c) == 0x14) /* data, expand-down */
        return offset > s->limit &&
               last <= (s->attributes & SEGMENT_DB ? UINT32_MAX : UINT32_C(0xffff));
    return last <= s->limit;
}

/* What the address of an operand of `length` bytes is to be a multiple of: Intel SDM vol. 3, table
 * 6-7. The long ones are those of x87: 80-bit values, environments and states. */
static uint32_t alignment(uint32_t length)
{
    switch (length) {
    case 2:
    case 4:
    case 8:
        return length;
    case 10:
        return 8;
    case 14:
    case 94:
        return 2;
    case 28:
    case 108:
        return 4;
    default:
        return 1;
    }
}

bool soft_watch(struct soft *c, uint32_t linear, uint32_t length, bool is_write)
{
    static const uint32_t lengths[4] = {1, 2, 8, 4};

    for (unsigned i = 0; i < 4; i++) {
        uint32_t kind = c->s.dr[7] >> (16 + 4 * i) & 3, size, from;
        if (!(c->s.dr[7] >> (2 * i) & 3) || !(kind == 1 ? is_write : kind == 3))
            continue;
        size = lengths[c->s.dr[7] >> (18 + 4 * i) & 3];
        from = c->s.dr[i] & ~(size - 1);
        if (linear - from < size || from - linear < length)
            c->s.debug_hits |= UINT32_C(1) << i;
    }
    if ((c->s.cr0 & CR0_AM) && (c->s.eflags & EFLAGS_AC) && c->s.cpl == 3 &&
        (linear & (alignment(length) - 1)))
        return soft_raise_error(c, EXCEPTION_AC, 0);
    return true;
}

static bool to_linear(struct soft *c, unsigned segment, uint32_t offset, uint32_t length,
                      bool is_write, uint32_t *linear)
{
    if (!segment_allows(c, segment, offset, length, is_write))
        return soft_raise_error(c, segment == CPU_SS ? EXCEPTION_SS : EXCEPTION_GP, 0);
    *linear = c->s.segment[segment].base + offset;
    return !c->watches_memory || soft_watch(c, *linear, length, is_write);
}

bool soft_read(struct soft *c, unsigned segment, uint32_t offset, void *to, uint32_t length)
{
    uint32_t linear;

    return to_linear(c, segment, offset, length, false, &linear) &&
           soft_read_linear(c, linear, to, length, c->s.cpl == 3);
}

bool soft_write(struct soft *c, unsigned segment, uint32_t offset, const void *from,
                uint32_t length)
{
    uint32_t linear;

    return to_linear(c, segment, offset, length, true, &linear) &&
           soft_write_linear(c, linear, from, length, c->s.cpl == 3);
}

bool soft_check_write(struct soft *c, unsigned segment, uint32_t offset, uint32_t length)
{
    uint32_t linear;

    return to_linear(c, segment, offset, length, true, &linear) &&
           soft_check_linear(c, linear, length, true, c->s.cpl == 3);
}

uint32_t soft_load(struct soft *c, unsigned segment, uint32_t offset, uint32_t length)
{
    const uint8_t *fast = fast_read(c, segment, offset, 4);
    uint8_t data[4] = {0};

    if (fast)
        memcpy(data, fast, length);
    else if (!soft_read(c, segment, offset, data, length))
        return 0;
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

bool soft_store(struct soft *c, unsigned segment, uint32_t offset, uint32_t length, uint32_t value)
{
    uint8_t data[4];

    for (unsigned i = 0; i < 4; i++)
        data[i] = (uint8_t)(value >> (8 * i));
    return soft_write(c, segment, offset, data, length);
}

uint8_t *soft_modify_begin(struct soft *c, unsigned segment, uint32_t offset, uint32_t length)
{
    uint32_t linear;

    if (!to_linear(c, segment, offset, length, true, &linear) ||
        !soft_check_linear(c, linear, length, true, c->s.cpl == 3) ||
        !soft_read_linear(c, linear, c->bounce, length, c->s.cpl == 3))
        return NULL;
    c->bounce_address = linear;
    c->bounce_size = length;
    c->saved_result = c->s.flag_result;
    c->saved_carry = c->s.flag_carry;
    return c->bounce;
}

bool soft_modify_end(struct soft *c)
{
    if (soft_write_linear(c, c->bounce_address, c->bounce, c->bounce_size, c->s.cpl == 3))
        return true;
    c->s.flag_result = c->saved_result;
    c->s.flag_carry = c->saved_carry;
    return false;
}
