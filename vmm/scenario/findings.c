/*
 * What a sweep has found: the places of its boundaries, grouped by source line or symbol, with how
 * many variants failed at each and the command that repeats the first of them.
 */
#include "sweep_parts.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_SHOWN 20

struct group {
    char where[200];
    uint64_t tried, failed, first; /* the first variant that failed */
};

/* Where a boundary is, without the offset in its function: so that those of a line are one. */
static void where_is(struct sweep *sweep, uint64_t boundary, char *to, size_t size)
{
    char *plus, *line;

    session_describe(&sweep->session, sweep->boundary[boundary].eip, to, size);
    plus = strchr(to, '+');
    line = strstr(to, " (");
    if (plus && line && line > plus)
        memmove(plus, line, strlen(line) + 1);
    else if (plus)
        *plus = '\0';
}

static void print_replay(const struct sweep *sweep, uint64_t which)
{
    uint64_t at[SWEEP_AT_ONCE];
    unsigned count = variants_places(sweep, which, at);

    printf("      vmm replay %s --irq %u", sweep->request->path, sweep->request->irq);
    if (sweep->request->irq == 1 && sweep->request->scancode != MACHINE_SCANCODE)
        printf(" --scancode %#x", sweep->request->scancode);
    printf("%s --at ", sweep->request->ignores_output ? " --ignore-output" : "");
    for (unsigned i = 0; i < count; i++)
        printf("%s%llu", i ? "," : "", (unsigned long long)sweep->boundary[at[i]].count);
    printf("\n");
}

/* ---- which group a boundary belongs to ---- */

struct groups {
    struct group *group;
    size_t count;
    uint32_t *of; /* by boundary */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->where, ((const struct group *)b)->where);
}

static void keep(void *node)
{
    (void)node;
}

static int by_eip(const void *a, const void *b)
{
    const struct boundary *const *x = a, *const *y = b;

    return ((*x)->eip > (*y)->eip) - ((*x)->eip < (*y)->eip);
}

/* A boundary of each address, and those of the same one after it. */
static const struct boundary **sort_by_eip(const struct sweep *sweep)
{
    const struct boundary **sorted = calloc(sweep->boundaries, sizeof(*sorted));

    for (uint64_t i = 0; sorted && i < sweep->boundaries; i++)
        sorted[i] = &sweep->boundary[i];
    if (sorted)
        qsort(sorted, sweep->boundaries, sizeof(*sorted), by_eip);
    return sorted;
}

/* Asks for the symbol of an address once, however often the guest comes there. */
static bool make_groups(struct sweep *sweep, struct groups *groups)
{
    const struct boundary **sorted = sort_by_eip(sweep);
    void *names = NULL; /* a tree of pointers to groups */
    size_t at = 0;
    bool ok;

    groups->group = calloc(sweep->boundaries, sizeof(*groups->group));
    groups->of = calloc(sweep->boundaries, sizeof(*groups->of));
    ok = sorted && groups->group && groups->of;
    for (uint64_t i = 0; ok && i < sweep->boundaries; i++) {
        if (i == 0 || sorted[i]->eip != sorted[i - 1]->eip) {
            struct group *group = &groups->group[groups->count], **node;
            group->first = UINT64_MAX;
            where_is(sweep, (uint64_t)(sorted[i] - sweep->boundary), group->where,
                     sizeof(group->where));
            node = tsearch(group, &names, by_name);
            ok = node != NULL;
            at = ok ? (size_t)(*node - groups->group) : 0;
            groups->count += ok && *node == group;
        }
        groups->of[sorted[i] - sweep->boundary] = (uint32_t)at;
    }
    tdestroy(names, keep);
    free(sorted);
    return ok;
}

static struct group *group_of(const struct sweep *sweep, const struct groups *groups,
                              uint64_t which)
{
    uint64_t at[SWEEP_AT_ONCE];

    variants_places(sweep, which, at);
    return &groups->group[groups->of[at[0]]];
}

static void count_variants(const struct sweep *sweep, struct groups *groups)
{
    for (uint64_t i = 0; i < sweep->variants; i++) {
        enum variant_end how = sweep->board->variant[i].how;
        struct group *group = group_of(sweep, groups, i);
        group->tried += how == VARIANT_PASSED || how == VARIANT_FAILED;
        group->failed += how == VARIANT_FAILED;
        if (how == VARIANT_FAILED && group->first == UINT64_MAX)
            group->first = i;
    }
}

/* ---- printing ---- */

/* In the order of their first failures, which is the order of execution. */
static void print_groups(const struct sweep *sweep, const struct groups *groups)
{
    size_t failing = 0, shown = 0;
    const char *last = "";

    for (size_t i = 0; i < groups->count; i++)
        failing += groups->group[i].failed > 0;
    for (uint64_t i = 0; i < sweep->variants && shown < GROUPS_SHOWN && shown < failing; i++) {
        const struct variant *variant = &sweep->board->variant[i];
        const struct group *group = group_of(sweep, groups, i);
        const char *why = variant->reason ? sweep->board->reason[variant->reason - 1].text : last;
        if (group->first != i)
            continue;
        shown++;
        printf("  %s: %llu of %llu fail\n", group->where, (unsigned long long)group->failed,
               (unsigned long long)group->tried);
        if (strcmp(why, last) != 0)
            printf("      %s\n", last = why);
        print_replay(sweep, i);
    }
    if (failing > shown)
        printf("  and %zu more places\n", failing - shown);
}

static void print_unfinished(const struct sweep *sweep)
{
    uint64_t count = atomic_load(&sweep->board->unfinished), first = 0;

    if (count == 0)
        return;
    while (sweep->board->variant[first].how != VARIANT_UNFINISHED)
        first++;
    printf("  %llu not finished within %g s of the host's time (--host-timeout); the first:\n",
           (unsigned long long)count, (double)sweep->limit.allowed / 1e9);
    print_replay(sweep, first);
}

bool findings_print(struct sweep *sweep)
{
    struct groups groups = {0};
    bool ok = make_groups(sweep, &groups);

    if (ok) {
        count_variants(sweep, &groups);
        print_groups(sweep, &groups);
        print_unfinished(sweep);
    }
    free(groups.group);
    free(groups.of);
    return ok || sweep_refuse("out of memory");
}
