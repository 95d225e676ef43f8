/*
 * Blocks of decoded instructions, found by address and mode. They know no back end but by `struct
 * back_end`.
 */
#ifndef VMM_CPU_SOFT_BLOCK_H
#define VMM_CPU_SOFT_BLOCK_H

#include "op.h"

#define BLOCK_OPS   32
#define BLOCK_BYTES 160

/* A place in the list of a page's blocks. */
struct page_link {
    struct block *block;
    struct page_link *next;
};

/* A run of instructions that are executed one after the other, from one page; or one instruction
 * that goes on in another. */
struct block {
    uint64_t generation; /* soft.generation when last verified; 0: never use again */
    uint64_t mode;
    uint64_t epoch;
    uint32_t eip, limit;              /* start, and the limit of CS it was decoded under */
    uint32_t physical, physical_rest; /* of the first byte, and of the first in another page */
    uint16_t count, length, first;    /* instructions, bytes, bytes in the first page */
    struct block *next_in_hash;
    struct page_link in_page[2];
    uint8_t bytes[BLOCK_BYTES]; /* what was decoded */
    struct op ops[];
};

/* What executes blocks, and keeps what it needs for that in their operations. */
struct back_end {
    /* A block was decoded: `mode`, `count` and `ops` are known. A KIND_END follows the last one. */
    void (*prepare)(struct soft *c, struct block *block);
    /* It is not to be executed any further, even if it is the present one. */
    void (*discard)(struct block *block);
};

static inline uint32_t soft_jump_slot(uint32_t eip)
{
    return (eip ^ eip >> 12) % JUMP_SLOTS;
}

/* Once, before anything else, with the back end in place. */
void soft_blocks_init(struct soft *c);
/* Forgets every block. */
void soft_blocks_reset(struct soft *c);
size_t soft_arena_size(void);
size_t soft_hash_size(void);

/* The block at EIP in c->mode | MODE_STEP if `step`. NULL: fetching raised an exception, or it is a
 * stop, and c->attention says so. */
struct block *soft_look_for_block(struct soft *c, bool step);

static inline struct block *soft_find_block(struct soft *c, bool step)
{
    struct block *block = c->jumps[soft_jump_slot(c->s.eip)];

    if (block->eip == c->s.eip && block->generation == c->generation &&
        block->mode == (c->mode | (step ? MODE_STEP : 0)))
        return block;
    return soft_look_for_block(c, step);
}

/* Ends execution at `op`, as if it had not begun. */
struct op *soft_abort(struct soft *c, struct op *op);
/* Ends execution behind `op`, a direct branch to `eip`, which will be linked to the block there. */
struct op *soft_follow(struct soft *c, struct op *op, uint32_t eip);
/* How many instructions were executed before `op` of the present block. */
uint64_t soft_count_before(const struct soft *c, const struct op *op);

/* Makes notes of branches independent of their blocks, which may be overwritten then. */
void soft_settle_notes(struct soft *c);
/* A note that is settled. */
struct cpu_branch soft_branch_of(const struct branch_note *note);

/* Whether run is to come back before the instruction at a linear address. */
bool soft_is_stop(const struct soft *c, uint32_t linear);

#endif
