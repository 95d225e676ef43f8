/*
 * Memory and ports as instructions reach them: by segment and offset, or by linear address.
 */
#ifndef VMM_CPU_SOFT_PAGING_H
#define VMM_CPU_SOFT_PAGING_H

#include "state.h"

bool soft_translate(struct soft *c, uint32_t linear, bool is_write, bool is_user,
                    uint64_t *physical);
void soft_tlb_flush(struct soft *c);
void soft_tlb_flush_page(struct soft *c, uint32_t linear);
void soft_tlb_forget_writes(struct soft *c);
bool soft_read_linear(struct soft *c, uint32_t linear, void *to, uint32_t length, bool is_user);
bool soft_write_linear(struct soft *c, uint32_t linear, const void *from, uint32_t length,
                       bool is_user);
bool soft_check_linear(struct soft *c, uint32_t linear, uint32_t length, bool is_write,
                       bool is_user);
/* The debugger's watches instead of the present ones: 0 or -errno. */
int soft_set_watches(struct soft *c, const struct cpu_watch *watches, unsigned count);
/* Data breakpoints (Intel SDM vol. 3, section 17.2) and alignment; only if c->watches_memory. */
bool soft_watch(struct soft *c, uint32_t linear, uint32_t length, bool is_write);
/* Any length up to 512, at an offset in a segment; checks limit, type and pages, raises. */
bool soft_read(struct soft *c, unsigned segment, uint32_t offset, void *to, uint32_t length);
bool soft_write(struct soft *c, unsigned segment, uint32_t offset, const void *from,
                uint32_t length);
/* Raises what a write would. */
bool soft_check_write(struct soft *c, unsigned segment, uint32_t offset, uint32_t length);
/* 1, 2 or 4 bytes. After a load, c->raised tells success. */
uint32_t soft_load(struct soft *c, unsigned segment, uint32_t offset, uint32_t length);
bool soft_store(struct soft *c, unsigned segment, uint32_t offset, uint32_t length, uint32_t value);
/* Fetches a value into c->bounce to be changed there and written back; NULL: raised. */
uint8_t *soft_modify_begin(struct soft *c, unsigned segment, uint32_t offset, uint32_t length);
bool soft_modify_end(struct soft *c);
/* One port access; the machine makes it. False: raised (RAISED_STOP until it was made). */
bool soft_port(struct soft *c, uint16_t port, uint32_t width, bool is_write, uint32_t *value);

/* Host address for an access of `length` bytes, or NULL for the slow path. */
static inline uint8_t *fast_read(const struct soft *c, unsigned segment, uint32_t offset,
                                 uint32_t length)
{
    uint32_t linear = c->window.base[segment] + offset;
    uint8_t *page;

    if (unlikely(offset >= c->window.read_end[segment]))
        return NULL;
    page = c->tlb_read[linear >> 12];
    if (unlikely(!page) || (length > 1 && unlikely((linear & PAGE_MASK) > PAGE_SIZE - length)))
        return NULL;
    return page + (linear & PAGE_MASK);
}

static inline uint8_t *fast_write(const struct soft *c, unsigned segment, uint32_t offset,
                                  uint32_t length)
{
    uint32_t linear = c->window.base[segment] + offset;
    uint8_t *page;

    if (unlikely(offset >= c->window.write_end[segment]))
        return NULL;
    page = c->tlb_write[linear >> 12];
    if (unlikely(!page) || (length > 1 && unlikely((linear & PAGE_MASK) > PAGE_SIZE - length)))
        return NULL;
    return page + (linear & PAGE_MASK);
}

#endif
