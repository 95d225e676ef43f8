/*
 * How long it takes to put a 64 MiB guest that has written to 100 pages back to a snapshot:
 *     restore soft|kvm IMAGE [ROUNDS]
 * prints the median and the 90th percentile in us, the pages put back, and the time of one memcpy
 * of as much, interleaved with the restores: the floor. Fails if RAM is not what it was.
 */
#include "machine/machine.h"
#include "machine/snapshot.h"
#include "os/host_clock.h"
#include "os/image_file.h"
#include "os/ram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    uint64_t *restore = calloc(rounds, sizeof(*restore)), *copy = calloc(rounds, sizeof(*copy));
    uint8_t *from = malloc(100 * MEMORY_PAGE), *to = malloc(100 * MEMORY_PAGE);
    struct machine_config config = {
        .memory_size = UINT64_C(64) << 20,
        .make_memory = ram_init,
        .timeout = CLOCK_NEVER,
        .print = print,
    };
    char error[320] = "usage: restore soft|kvm IMAGE [ROUNDS]";
    struct machine *machine = NULL;
    struct snapshot *snapshot;
    uint32_t pages = 0;
    uint64_t hash;

    if (argc > 2 && rounds > 0 && restore && copy && from && to) {
        config.image =
            (struct image_request){.path = argv[2], .mode = IMAGE_PM32, .read = image_file_read};
        config.make_cpu = strcmp(argv[1], "kvm") == 0 ? cpu_kvm_create : cpu_soft_create;
        machine = machine_create(&config, error, sizeof(error));
    }
    snapshot = machine ? snapshot_take(machine, error, sizeof(error)) : NULL;
    if (!snapshot) {
        fprintf(stderr, "restore: %s\n", error);
        return 2;
    }
    hash = memory_hash(&machine->memory);
    for (size_t i = 0; i < rounds; i++) {
        uint64_t start;

        if (machine_run(machine)->end != END_HALTED) {
            fprintf(stderr, "restore: %s\n", machine->outcome.text);
            return 1;
        }
        memset(from, (int)i, 100 * MEMORY_PAGE);
        start = clock_host_ns();
        memcpy(to, from, 100 * MEMORY_PAGE);
        copy[i] = clock_host_ns() - start;
        if (i == 0) { /* how many pages it is */
            machine->cpu->ops->collect_writes(machine->cpu);
            pages = machine->memory.log->dirty_count;
        }
        start = clock_host_ns();
        if (snapshot_restore(machine, snapshot, error, sizeof(error)) < 0) {
            fprintf(stderr, "restore: %s\n", error);
            return 1;
        }
        restore[i] = clock_host_ns() - start;
        if (i % 100 == 0 && memory_hash(&machine->memory) != hash) {
            fprintf(stderr, "restore: RAM is not what it was\n");
            return 1;
        }
    }
    qsort(restore, rounds, sizeof(*restore), compare);
    qsort(copy, rounds, sizeof(*copy), compare);
    printf("%.1f %.1f %u %.1f\n", (double)restore[rounds / 2] / 1e3,
           (double)restore[rounds * 9 / 10] / 1e3, pages, (double)copy[rounds / 2] / 1e3);
    snapshot_free(snapshot);
    machine_destroy(machine);
    free(restore);
    free(copy);
    free(from);
    free(to);
    return 0;
}
