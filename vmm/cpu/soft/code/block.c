/*
 * Blocks of decoded instructions: found by address, linked to each other, thrown away when their
 * code is overwritten; and the loop that executes them.
 *
 * A block is good while its `generation` is the CPU's: that changes with every change of the
 * address mapping or of CS's limit and whenever the machine may have written to RAM. Then the next
 * use goes through find_block, which checks that the page, the mode and the bytes are the same.
 */
#include "block.h"

#include "cpu/soft/state/paging.h"
#include "decode.h"

#define ARENA_SIZE (UINT64_C(16) << 20)
#define HASH_SLOTS 16384
#define BLOCK_SPACE(ops) \
    ((sizeof(struct block) + ((ops) + 1) * sizeof(struct op) + 15) & ~(size_t)15)

size_t soft_arena_size(void)
{
    return ARENA_SIZE;
}

size_t soft_hash_size(void)
{
    return HASH_SLOTS * sizeof(struct block *);
}

/* The tables are as calloc gives them, and stay untouched. */
static void begin_without_blocks(struct soft *c)
{
    for (unsigned i = 0; i < JUMP_SLOTS; i++)
        c->jumps[i] = c->no_block;
    c->arena_used = 0;
    c->pending_link = NULL;
    c->block = NULL;
}

/* The branch at the end of a block to a linear address. */
static struct cpu_branch branch_from(const struct block *block, uint32_t to)
{
    static const uint8_t kinds[KINDS] = {
        [KIND_CALL] = CPU_BRANCH_CALL,           [KIND_RET] = CPU_BRANCH_RET,
        [KIND_JMP_E] = CPU_BRANCH_JUMP_INDIRECT, [KIND_CALL_E] = CPU_BRANCH_CALL_INDIRECT,
        [KIND_INT] = CPU_BRANCH_SOFTWARE,        [KIND_INT3] = CPU_BRANCH_SOFTWARE,
        [KIND_INTO] = CPU_BRANCH_SOFTWARE,       [KIND_IRET] = CPU_BRANCH_IRET};
    const struct op *op = &block->ops[block->count - 1];
    uint32_t base = (uint32_t)(block->mode >> 32);
    struct cpu_branch branch = {.from = base + op_eip(op), .to = to, .kind = kinds[op->kind]};

    if (branch.kind == CPU_BRANCH_SOFTWARE)
        branch.vector = op->kind == KIND_INT    ? (uint8_t)op->imm
                        : op->kind == KIND_INT3 ? EXCEPTION_BP
                                                : EXCEPTION_OF;
    if (!branch.kind || (op->kind == KIND_INTO && base + op->next == to))
        branch.kind = base + op->next == to ? CPU_BRANCH_NEXT : CPU_BRANCH_JUMP;
    return branch;
}

void soft_settle_notes(struct soft *c)
{
    for (unsigned i = 0; i < CPU_BRANCHES; i++) {
        struct branch_note *note = &c->notes[i];
        const struct block *block = (const struct block *)(uintptr_t)note->what;
        struct cpu_branch branch;
        uint32_t base;

        if (note->what < NOTE_KINDS)
            continue;
        base = note->from == NOTE_FAR ? 0 : (uint32_t)(block->mode >> 32);
        branch = branch_from(block, base + note->to);
        *note = (struct branch_note){NOTE_KIND(branch.kind, branch.vector), branch.to, branch.from};
    }
}

struct cpu_branch soft_branch_of(const struct branch_note *note)
{
    return (struct cpu_branch){note->from, note->to, (uint8_t)note->what,
                               (uint8_t)(note->what >> 8)};
}

void soft_blocks_reset(struct soft *c)
{
    soft_settle_notes(c);
    memset(c->hash, 0, HASH_SLOTS * sizeof(c->hash[0]));
    memset(c->page_blocks, 0, c->memory->size / PAGE_SIZE * sizeof(c->page_blocks[0]));
    memset(c->code_lines, 0, c->memory->size / PAGE_SIZE * sizeof(c->code_lines[0]));
    begin_without_blocks(c);
}

/* Takes back what the present block was charged for `op` and all after it. */
static void uncharge(struct soft *c, const struct op *op)
{
    c->budget += c->block->count - (op - c->block->ops);
}

struct op *soft_abort(struct soft *c, struct op *op)
{
    uncharge(c, op);
    if (unlikely(c->in_new_task))
        c->in_new_task = false;
    else
        c->s.eip = op_eip(op);
    return NULL;
}

uint64_t soft_count_before(const struct soft *c, const struct op *op)
{
    int64_t left = c->budget + c->block->count - (op - c->block->ops);

    return c->count_end - (uint64_t)left;
}

/* The execution loop finds the block and links it. */
struct op *soft_follow(struct soft *c, struct op *op, uint32_t eip)
{
    c->s.eip = eip;
    c->pending_link = &op->link;
    return NULL;
}

static void drop_block(struct soft *c, struct block *block)
{
    struct block **at = &c->hash[block->physical % HASH_SLOTS];

    while (*at && *at != block)
        at = &(*at)->next_in_hash;
    if (*at)
        *at = block->next_in_hash;
    block->generation = 0;
    c->back_end->discard(block);
}

static void end_present_block(struct soft *c)
{
    if (c->block)
        drop_block(c, c->block);
}

/* The block being executed may be among those that are dropped: it ends with the instruction that
 * has written. */
static void code_written(struct soft *c, uint64_t physical, uint32_t length)
{
    uint64_t page = physical / PAGE_SIZE;
    uint32_t first = (uint32_t)(physical & PAGE_MASK) / 64;
    uint32_t last = (uint32_t)((physical & PAGE_MASK) + length - 1) / 64;
    uint64_t touched = 0;

    for (uint32_t line = first; line <= last; line++)
        touched |= UINT64_C(1) << line;
    if (!(c->code_lines[page] & touched))
        return;
    for (struct page_link *link = c->page_blocks[page]; link; link = link->next)
        drop_block(c, link->block);
    c->page_blocks[page] = NULL;
    c->code_lines[page] = 0;
}

void soft_blocks_init(struct soft *c)
{
    c->code_written = code_written;
    c->end_block = end_present_block;
    begin_without_blocks(c);
}

bool soft_is_stop(const struct soft *c, uint32_t linear)
{
    for (unsigned i = 0; i < c->stop_count; i++) {
        if (c->stops[i] == linear)
            return true;
    }
    return false;
}

/* Makes `count` decoded operations of a block ready for the back end. */
static void complete(struct soft *c, struct block *block, uint64_t mode, unsigned count)
{
    uint32_t end = block->ops[count - 1].next;

    block->count = (uint16_t)count;
    block->mode = mode;
    block->ops[count] = (struct op){.kind = KIND_END, .next = end, .imm = end};
    c->back_end->prepare(c, block);
}

/* Fetches code at linear address `linear`: *physical is where it lies, or nowhere (all ones). */
static bool code_address(struct soft *c, uint32_t linear, uint64_t *physical)
{
    return soft_translate(c, linear, false, c->s.cpl == 3, physical);
}

/* How execution came to linear address `to`: by an event or a far transfer, which were noted last;
 * or by the last instruction of the last block. */
static struct cpu_branch how_it_came(struct soft *c, uint32_t to)
{
    const struct branch_note *last =
        &c->notes[(uint8_t)(c->note_at - sizeof(*last)) / sizeof(*last)];

    if (last->what >= NOTE_KINDS && last->from == NOTE_FAR)
        soft_settle_notes(c);
    if (last->what && last->what < NOTE_KINDS && last->to == to)
        return soft_branch_of(last);
    if (!c->block)
        return (struct cpu_branch){.to = to};
    return branch_from(c->block, to);
}

/* Whether what is at a place can't be meant to be executed; a user's code is its kernel's matter.
 */
static bool is_astray(const struct soft *c, uint64_t physical, const uint8_t *bytes, uint32_t count)
{
    return c->cpu.is_code && c->s.cpl < 3 && !c->cpu.is_code(c->cpu.judge, physical, bytes, count);
}

static struct block *stop_astray(struct soft *c)
{
    c->cpu.exit.came = how_it_came(c, c->s.segment[CPU_CS].base + c->s.eip);
    soft_raise_stop(c, CPU_STOP_ASTRAY);
    return NULL;
}

/* One instruction that lies outside of RAM, or can't be fetched as a whole: decoded for every
 * execution. */
static struct block *decode_apart(struct soft *c, uint64_t mode)
{
    struct block *block = c->scratch;
    uint32_t eip = c->s.eip, base = (uint32_t)(mode >> 32), available = 0;
    uint32_t limit = c->s.segment[CPU_CS].limit, faults_at = 0;
    uint64_t physical = 0;
    enum decoded decoded;

    for (; available < 15; available++) {
        uint32_t linear = base + eip + available;
        if (eip + available > limit || eip + available < eip)
            break;
        if (available == 0 || !(linear & PAGE_MASK)) {
            uint32_t old_cr2 = c->s.cr2;
            if (!code_address(c, linear, &physical)) {
                if (available == 0)
                    return NULL;
                /* Only a fault if the instruction needs these bytes. */
                c->raised = RAISED_NOTHING;
                c->s.cr2 = old_cr2;
                faults_at = available;
                break;
            }
        }
        if (!memory_read(c->memory, physical, &block->bytes[available], 1)) {
            if (available == 0 && is_astray(c, physical, NULL, 0))
                return stop_astray(c);
            block->bytes[available] = 0xff; /* an open bus */
        }
        physical++;
    }
    soft_settle_notes(c);
    decoded = soft_decode(block->ops, block->bytes, available, eip, (uint32_t)mode, limit);
    if (decoded == DECODED_SHORT) {
        if (faults_at)
            code_address(c, base + eip + available, &physical);
        else
            soft_raise_error(c, EXCEPTION_GP, 0);
        return NULL;
    }
    complete(c, block, mode, 1);
    return block;
}

/* Enters a piece of a block's code into the list of its page. */
static void watch_code(struct soft *c, struct block *block, struct page_link *link,
                       uint32_t physical, uint32_t length)
{
    uint32_t page = physical / PAGE_SIZE;
    uint64_t lines = 0;

    for (uint32_t i = 0; i < length; i++)
        lines |= UINT64_C(1) << ((physical & PAGE_MASK) + i) / 64;
    link->block = block;
    link->next = c->page_blocks[page];
    c->page_blocks[page] = link;
    if (!c->code_lines[page])
        soft_tlb_forget_writes(c);
    c->code_lines[page] |= lines;
}

/* Room for a block at the end of the arena; it is taken by keep_block. */
static struct block *new_block(struct soft *c)
{
    if (c->arena_used + BLOCK_SPACE(BLOCK_OPS) > ARENA_SIZE)
        soft_blocks_reset(c);
    return (struct block *)(void *)(c->arena + c->arena_used);
}

/* Keeps a block whose operations, bytes and places are known, to be found again. */
static struct block *keep_block(struct soft *c, struct block *block, uint64_t mode, unsigned count)
{
    complete(c, block, mode, count);
    block->eip = c->s.eip;
    block->limit = c->s.segment[CPU_CS].limit;
    block->epoch = c->epoch;
    c->arena_used += BLOCK_SPACE(block->count);

    block->next_in_hash = c->hash[block->physical % HASH_SLOTS];
    c->hash[block->physical % HASH_SLOTS] = block;
    watch_code(c, block, &block->in_page[0], block->physical, block->first);
    if (block->first < block->length)
        watch_code(c, block, &block->in_page[1], block->physical_rest,
                   (uint32_t)block->length - block->first);
    return block;
}

/* An instruction of which the `first` bytes at `physical` are not all. NULL: it can't be kept. */
static struct block *decode_across(struct soft *c, uint64_t mode, uint64_t physical, uint32_t first)
{
    struct block *block = new_block(c);
    uint32_t eip = c->s.eip, room = c->s.segment[CPU_CS].limit - eip, old_cr2 = c->s.cr2;
    uint32_t available = room < 14 ? room + 1 : 15;
    const uint8_t *bytes = memory_at(c->memory, physical, first), *rest;
    uint64_t physical_rest;

    if (!bytes || first >= available)
        return NULL;
    if (!code_address(c, (uint32_t)(mode >> 32) + eip + first, &physical_rest)) {
        c->raised = RAISED_NOTHING; /* decode_apart comes to the same */
        c->s.cr2 = old_cr2;
        return NULL;
    }
    rest = memory_at(c->memory, physical_rest, available - first);
    if (!rest)
        return NULL;
    memcpy(block->bytes, bytes, first);
    memcpy(block->bytes + first, rest, available - first);
    if (soft_decode(block->ops, block->bytes, available, eip, (uint32_t)mode,
                    c->s.segment[CPU_CS].limit) == DECODED_SHORT)
        return NULL;
    block->length = (uint16_t)(block->ops[0].next - eip);
    block->first = (uint16_t)first;
    block->physical = (uint32_t)physical;
    block->physical_rest = (uint32_t)physical_rest;
    return keep_block(c, block, mode, 1);
}

static struct block *decode_block(struct soft *c, uint64_t mode, uint64_t physical)
{
    struct block *block;
    uint32_t eip = c->s.eip, limit = c->s.segment[CPU_CS].limit, at = 0;
    uint32_t available = PAGE_SIZE - (uint32_t)(physical & PAGE_MASK);
    unsigned most = mode & MODE_STEP ? 1 : BLOCK_OPS, count = 0;
    const uint8_t *bytes = memory_at(c->memory, physical, available);
    enum decoded decoded = DECODED;

    if (!bytes || eip > limit)
        return decode_apart(c, mode);
    if (available - 1 > limit - eip)
        available = limit - eip + 1;
    if (is_astray(c, physical, bytes, available))
        return stop_astray(c);
    block = new_block(c);
    while (count < most && decoded == DECODED && at < BLOCK_BYTES - 15) {
        uint32_t left = available - at;
        decoded =
            soft_decode(&block->ops[count], bytes + at, left, eip + at, (uint32_t)mode, limit);
        if (decoded == DECODED_SHORT)
            break;
        at = block->ops[count].next - eip;
        count++;
        if (at >= available ||
            ((mode & MODE_STOPS) && soft_is_stop(c, (uint32_t)(mode >> 32) + eip + at)) ||
            (bytes[at] == 0 && is_astray(c, physical + at, bytes + at, available - at)))
            break;
    }
    if (count == 0) {
        block = decode_across(c, mode, physical, available);
        return block ? block : decode_apart(c, mode);
    }
    memcpy(block->bytes, bytes, at);
    block->length = block->first = (uint16_t)at;
    block->physical = (uint32_t)physical;
    return keep_block(c, block, mode, count);
}

/* Whether the rest of a block that goes on in another page is still where it was. The page walk
 * sets accessed bits: if these lie in code, that code is thrown away, the block perhaps with it. */
static bool is_in_place(struct soft *c, struct block *block)
{
    uint32_t old_cr2 = c->s.cr2;
    uint64_t physical;

    if (block->first == block->length)
        return true;
    block->generation = UINT64_MAX; /* not current, and not thrown away yet */
    if (code_address(c, (uint32_t)(block->mode >> 32) + block->eip + block->first, &physical))
        return physical == block->physical_rest && block->generation;
    c->raised = RAISED_NOTHING;
    c->s.cr2 = old_cr2;
    return false;
}

static bool same_bytes(const struct soft *c, uint32_t physical, const uint8_t *bytes,
                       uint32_t length)
{
    const void *now = memory_at(c->memory, physical, length);

    return now && memcmp(now, bytes, length) == 0;
}

/* Whether a block's code was changed from outside; then all that is near it is thrown away. */
static bool is_stale(struct soft *c, const struct block *block)
{
    uint32_t rest = (uint32_t)block->length - block->first;

    if (!same_bytes(c, block->physical, block->bytes, block->first)) {
        code_written(c, block->physical, block->first);
        return true;
    }
    if (rest > 0 && !same_bytes(c, block->physical_rest, block->bytes + block->first, rest)) {
        code_written(c, block->physical_rest, rest);
        return true;
    }
    return false;
}

struct block *soft_look_for_block(struct soft *c, bool step)
{
    uint64_t mode = c->mode | (step ? MODE_STEP : 0), physical;
    uint32_t eip = c->s.eip;
    struct block *block, *next;

    /* What is here is never kept under this mode: so no other block leads to it without this. */
    if (unlikely((mode & MODE_STOPS) && !step && soft_is_stop(c, (uint32_t)(mode >> 32) + eip))) {
        c->attention = true;
        return NULL;
    }
    if (eip > c->s.segment[CPU_CS].limit) {
        soft_raise_error(c, EXCEPTION_GP, 0);
        return NULL;
    }
    if (!code_address(c, (uint32_t)(mode >> 32) + eip, &physical))
        return NULL;
    for (block = c->hash[(uint32_t)physical % HASH_SLOTS]; block; block = next) {
        next = block->next_in_hash;
        if (block->physical != physical || block->eip != eip || block->mode != mode ||
            block->limit != c->s.segment[CPU_CS].limit)
            continue;
        if (block->epoch != c->epoch && is_stale(c, block)) {
            block = NULL;
            break;
        }
        block->epoch = c->epoch;
        if (is_in_place(c, block))
            break;
    }
    if (!block)
        block = decode_block(c, mode, physical);
    if (block && block != c->scratch) {
        block->generation = c->generation;
        c->jumps[soft_jump_slot(eip)] = block;
    }
    return block;
}
