/*
 * The processor's tables as it finds them in memory. Intel SDM vol. 3, chapters 3 (descriptors), 4
 * (paging), 6 (gates), 7 (tasks).
 */
#include "info.h"

#include "cpu/arch.h"
#include "crash.h"

#include <stdlib.h>
#include <string.h>

static bool read_linear(const struct info *info, uint32_t address, void *to, size_t size)
{
    return arch_read_linear(info->state, &info->machine->memory, address, to, size) == size;
}

void info_regs(const struct info *info)
{
    crash_print_place(info);
    crash_print_cpu(info);
}

static void print_branch_kind(const struct info *info, const struct cpu_branch *branch)
{
    static const char *const names[CPU_BRANCH_KINDS] = {
        [CPU_BRANCH_UNKNOWN] = "branch",
        [CPU_BRANCH_NEXT] = "next",
        [CPU_BRANCH_JUMP] = "JMP",
        [CPU_BRANCH_CALL] = "CALL",
        [CPU_BRANCH_JUMP_INDIRECT] = "JMP r/m",
        [CPU_BRANCH_CALL_INDIRECT] = "CALL r/m",
        [CPU_BRANCH_RET] = "RET",
        [CPU_BRANCH_JUMP_FAR] = "JMP far",
        [CPU_BRANCH_CALL_FAR] = "CALL far",
        [CPU_BRANCH_RET_FAR] = "RET far",
        [CPU_BRANCH_IRET] = "IRET",
        [CPU_BRANCH_EXCEPTION] = "exception",
        [CPU_BRANCH_INTERRUPT] = "interrupt",
        [CPU_BRANCH_SOFTWARE] = "INT",
    };
    char name[20];

    if (branch->kind >= CPU_BRANCH_EXCEPTION)
        snprintf(name, sizeof(name), "%s 0x%02x", names[branch->kind], branch->vector);
    else
        snprintf(name, sizeof(name), "%s", names[branch->kind]);
    fprintf(info->to, "%-14s ", name);
}

void info_branches(const struct info *info)
{
    const struct cpu_ops *ops = info->machine->cpu->ops;
    struct cpu_branch branches[CPU_BRANCHES];
    unsigned count;

    if (!ops->branches) {
        fprintf(info->to, "not kept by this engine: use --cpu soft\n");
        return;
    }
    count = ops->branches(info->machine->cpu, branches);
    for (unsigned i = 0; i < count; i++) {
        print_branch_kind(info, &branches[i]);
        info_print_place(info, branches[i].from);
        fprintf(info->to, " -> ");
        info_print_place(info, branches[i].to);
        fputc('\n', info->to);
    }
    if (count == 0)
        fprintf(info->to, "none yet\n");
}

/* ---- gates ---- */

struct gate {
    bool is_present;
    unsigned type, dpl;
    uint16_t selector;
    uint32_t offset;
};

/* False where the table does not reach, or is not in memory. */
static bool read_gate(const struct info *info, unsigned vector, struct gate *gate)
{
    bool real = !(info->state->cr0 & CR0_PE);
    uint32_t size = real ? 4 : 8, at = vector * size;
    uint16_t words[4] = {0};

    if (at + size - 1 > info->state->idtr.limit ||
        !read_linear(info, info->state->idtr.base + at, words, size))
        return false;
    if (real)
        *gate = (struct gate){true, 6, 0, words[1], words[0]};
    else
        *gate = (struct gate){.is_present = words[2] >> 15,
                              .type = words[2] >> 8 & 31,
                              .dpl = words[2] >> 13 & 3,
                              .selector = words[1],
                              .offset = words[0] | (uint32_t)words[3] << 16};
    return true;
}

static const char *gate_name(unsigned type)
{
    switch (type) {
    case 5:
        return "task gate";
    case 6:
        return "16-bit interrupt gate";
    case 7:
        return "16-bit trap gate";
    case 14:
        return "interrupt gate";
    case 15:
        return "trap gate";
    default:
        return "no kind of gate";
    }
}

/* A gate and those behind it that differ in nothing but where they lead, `stride` bytes apart. */
static void print_gates(const struct info *info, unsigned first, unsigned last,
                        const struct gate *gate, uint32_t stride)
{
    char range[16] = "";

    if (last > first)
        snprintf(range, sizeof(range), "-0x%02x", last);
    fprintf(info->to, "0x%02x%-5s ", first, range);
    if (!(info->state->cr0 & CR0_PE)) {
        fprintf(info->to, "-> %04x:%04x ", gate->selector, gate->offset);
        info_print_place(info, gate->selector * 16u + gate->offset);
    } else if (gate->type == 5) {
        fprintf(info->to, "task gate, ring %u -> TSS 0x%02x", gate->dpl, gate->selector);
    } else {
        fprintf(info->to, "%s, ring %u -> 0x%02x:", gate_name(gate->type), gate->dpl,
                gate->selector);
        info_print_place(info, gate->offset);
    }
    if (stride)
        fprintf(info->to, ", then every %u bytes", stride);
    fputc('\n', info->to);
}

static bool is_followed_by(const struct gate *gate, const struct gate *next, uint32_t offset)
{
    return next->is_present == gate->is_present && next->type == gate->type &&
           next->dpl == gate->dpl && next->selector == gate->selector && next->offset == offset;
}

#define STRIDE_MAX 64 /* of stubs that a macro has made */

/* Gates that are not present are left out, and those that follow each other in step are one line.
 */
void info_idt(const struct info *info)
{
    struct gate gate = {0}, next = {0};
    unsigned count = 0;

    fprintf(info->to, "IDT at 0x%08x, limit 0x%x\n", info->state->idtr.base,
            info->state->idtr.limit);
    for (unsigned vector = 0; vector < 256 && read_gate(info, vector, &gate); vector++) {
        unsigned last = vector;
        uint32_t stride = 0;
        if (!gate.is_present)
            continue;
        if (vector < 255 && read_gate(info, vector + 1, &next) &&
            next.offset - gate.offset <= STRIDE_MAX)
            stride = next.offset - gate.offset;
        while (last < 255 && read_gate(info, last + 1, &next) &&
               is_followed_by(&gate, &next, gate.offset + stride * (last + 1 - vector)))
            last++;
        print_gates(info, vector, last, &gate, last > vector ? stride : 0);
        count += last - vector + 1;
        vector = last;
    }
    fprintf(info->to, "%u gates present\n", count);
}

/* ---- descriptors ---- */

static const char *system_name(unsigned type)
{
    static const char *const names[16] = {[1] = "16-bit TSS",       [2] = "LDT",
                                          [3] = "16-bit TSS, busy", [4] = "call gate",
                                          [5] = "task gate",        [6] = "interrupt gate",
                                          [7] = "trap gate",        [9] = "TSS",
                                          [11] = "TSS, busy",       [12] = "call gate",
                                          [14] = "interrupt gate",  [15] = "trap gate"};

    return names[type] ? names[type] : "reserved type";
}

static void print_descriptor(const struct info *info, unsigned selector, uint64_t d)
{
    uint32_t base = (uint32_t)(d >> 16 & 0xffffff) | (uint32_t)(d >> 32 & 0xff000000);
    uint32_t limit = (uint32_t)(d & 0xffff) | (uint32_t)(d >> 32 & 0xf0000);
    unsigned type = d >> 40 & 15, dpl = d >> 45 & 3;
    bool is_segment = d >> 44 & 1, is_big = d >> 54 & 1;

    if (d >> 55 & 1)
        limit = limit << 12 | 0xfff;
    fprintf(info->to, "0x%02x ", selector);
    if (!is_segment)
        fprintf(info->to, "%s", system_name(type));
    else if (type & 8)
        fprintf(info->to, "code, %s-bit%s%s", is_big ? "32" : "16", type & 2 ? ", readable" : "",
                type & 4 ? ", conforming" : "");
    else
        fprintf(info->to, "data, %s-bit%s%s", is_big ? "32" : "16",
                type & 2 ? ", writable" : ", read-only", type & 4 ? ", grows down" : "");
    fprintf(info->to, ", ring %u, base 0x%08x, limit 0x%08x%s\n", dpl, base, limit,
            d >> 47 & 1 ? "" : ", not present");
}

void info_gdt(const struct info *info)
{
    const struct cpu_table *gdtr = &info->state->gdtr;

    if (!(info->state->cr0 & CR0_PE)) {
        fprintf(info->to, "real mode: segments are where their selectors say\n");
        return;
    }
    fprintf(info->to, "GDT at 0x%08x, limit 0x%x\n", gdtr->base, gdtr->limit);
    for (unsigned at = 8; at + 7 <= gdtr->limit; at += 8) {
        uint64_t descriptor;
        if (!read_linear(info, gdtr->base + at, &descriptor, sizeof(descriptor))) {
            fprintf(info->to, "0x%02x is not in memory\n", at);
            return;
        }
        if (descriptor)
            print_descriptor(info, at, descriptor);
    }
}

void info_tss(const struct info *info)
{
    const struct cpu_segment *tr = &info->state->tr;
    bool is_wide = tr->attributes & 8;
    struct {
        uint32_t link, esp0, ss0;
    } wide;
    uint16_t narrow[3], map;

    if (!(tr->selector & ~3u)) {
        fprintf(info->to, "no TSS is loaded: an interrupt in ring 3 would find no stack\n");
        return;
    }
    fprintf(info->to, "TR 0x%02x: %s TSS at 0x%08x, limit 0x%x\n", tr->selector,
            is_wide ? "32-bit" : "16-bit", tr->base, tr->limit);
    if (is_wide && read_linear(info, tr->base, &wide, sizeof(wide)))
        fprintf(info->to, "ring 0's stack: 0x%02x:0x%08x, task before it: 0x%02x\n",
                wide.ss0 & 0xffff, wide.esp0, wide.link & 0xffff);
    else if (!is_wide && read_linear(info, tr->base, narrow, sizeof(narrow)))
        fprintf(info->to, "ring 0's stack: 0x%02x:0x%04x, task before it: 0x%02x\n", narrow[2],
                narrow[1], narrow[0]);
    else
        fprintf(info->to, "it is not in memory\n");
    if (is_wide && tr->limit >= 103 && read_linear(info, tr->base + 102, &map, sizeof(map))) {
        if (map <= tr->limit)
            fprintf(info->to, "I/O permission map: at +0x%x\n", map);
        else
            fprintf(info->to, "I/O permission map: none\n");
    }
}

/* ---- pages ---- */

/* More ranges than a person reads: no kernel has so many, a damaged directory may. */
#define RANGES_MAX 1000

/* Pages that follow each other with equal rights, and their physical pages too or not. */
struct range {
    uint64_t first, end; /* linear; first == end: nothing yet */
    uint64_t physical;
    bool is_contiguous; /* physical pages follow each other */
    unsigned rights;    /* bits 1 (W) and 2 (U) of the entries, and'ed */
};

#define PTE_P  UINT32_C(0x001)
#define PDE_PS UINT32_C(0x080)
#define RIGHTS UINT32_C(0x006)

struct walk {
    const struct info *info;
    struct range range; /* the last one, which may grow */
    unsigned count;
};

static void print_range(struct walk *walk)
{
    const struct range *range = &walk->range;
    const struct info *info = walk->info;
    uint64_t kib = (range->end - range->first) >> 10;

    if (range->first == range->end || ++walk->count > RANGES_MAX)
        return;
    fprintf(info->to, "0x%08llx-0x%08llx %8llu KiB  r%c %s", (unsigned long long)range->first,
            (unsigned long long)range->end - 1, (unsigned long long)kib,
            range->rights & 2 ? 'w' : '-', range->rights & 4 ? "user  " : "kernel");
    if (!range->is_contiguous)
        fprintf(info->to, "  to scattered pages\n");
    else if (range->physical == range->first)
        fprintf(info->to, "  to the same addresses\n");
    else
        fprintf(info->to, "  to 0x%08llx\n", (unsigned long long)range->physical);
}

static void add_pages(struct walk *walk, struct range more)
{
    struct range *range = &walk->range;

    if (range->first != range->end && range->end == more.first && range->rights == more.rights) {
        range->is_contiguous =
            range->is_contiguous && range->physical + (more.first - range->first) == more.physical;
        range->end = more.end;
        return;
    }
    print_range(walk);
    *range = more;
}

static void add_table(struct walk *walk, uint32_t linear, uint32_t pde)
{
    uint32_t table[1024];

    if (!memory_read(&walk->info->machine->memory, pde & ~UINT32_C(0xfff), table, sizeof(table)))
        return; /* an empty bus reads as ones, but no pages are there */
    for (uint32_t i = 0; i < 1024; i++) {
        uint64_t first = linear + ((uint64_t)i << 12);
        if (table[i] & PTE_P)
            add_pages(walk, (struct range){first, first + 0x1000, table[i] & ~UINT32_C(0xfff), true,
                                           table[i] & pde & RIGHTS});
    }
}

void info_pages(const struct info *info)
{
    const struct cpu_state *state = info->state;
    struct walk walk = {.info = info};
    uint32_t directory[1024];

    if (!(state->cr0 & CR0_PG)) {
        fprintf(info->to, "paging is off: every address is a physical one\n");
        return;
    }
    if (!memory_read(&info->machine->memory, state->cr3 & ~UINT32_C(0xfff), directory,
                     sizeof(directory))) {
        fprintf(info->to, "the page directory (cr3 0x%08x) is not in RAM\n", state->cr3);
        return;
    }
    fprintf(info->to, "page directory at 0x%08x\n", state->cr3 & ~UINT32_C(0xfff));
    for (uint32_t i = 0; i < 1024; i++) {
        uint32_t pde = directory[i], linear = i << 22;
        uint64_t physical = (uint64_t)(pde >> 13 & 0xf) << 32 | (pde & UINT32_C(0xffc00000));
        if (!(pde & PTE_P))
            continue;
        if ((pde & PDE_PS) && (state->cr4 & CR4_PSE))
            add_pages(&walk, (struct range){linear, (uint64_t)linear + 0x400000, physical, true,
                                            pde & RIGHTS});
        else
            add_table(&walk, linear, pde);
    }
    print_range(&walk);
    if (walk.count > RANGES_MAX)
        fprintf(info->to, "and %u ranges more\n", walk.count - RANGES_MAX);
}
