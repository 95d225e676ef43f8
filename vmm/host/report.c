/*
 * Writing the report. The keys are documented in the manual page; units are in their names.
 */
#include "report.h"

#include "base/json.h"
#include "os/ram.h"
#include "sandbox.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void put_seconds(FILE *to, const char *key, uint64_t ns)
{
    fprintf(to, "  \"%s\": %.9f,\n", key, (double)ns / 1e9);
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_usec * 1000;
}

static void put_exits(FILE *to, const struct machine_counts *counts)
{
    fprintf(to, "  \"exits\": {");
    for (enum cpu_stop stop = 0; stop < CPU_STOPS; stop++)
        fprintf(to, "%s\"%s\": %llu", stop ? ", " : "", cpu_stop_name(stop),
                (unsigned long long)counts->exits[stop]);
    fprintf(to, "},\n");
}

/* Resident memory of this process now, in KiB; 0 where the host doesn't tell. */
static long resident_kib(void)
{
    FILE *statm = fopen("/proc/self/statm", "r");
    long size, resident = 0;

    if (!statm)
        return 0;
    if (fscanf(statm, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(statm);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The lines that were ever raised. */
static void put_interrupts(FILE *to, const struct machine *machine)
{
    const char *separator = "";

    fprintf(to, "  \"interrupts\": [");
    for (unsigned i = 0; i < machine->interrupts->inputs; i++) {
        struct interrupt_input input = machine_input(machine, i);
        if (input.raised == 0 && input.taken == 0)
            continue;
        fprintf(to, "%s{\"irq\": %u, \"raised\": %llu, \"injected\": %llu}", separator, i,
                (unsigned long long)input.raised, (unsigned long long)input.taken);
        separator = ", ";
    }
    fprintf(to, "],\n");
}

int report_write(FILE *to, const struct runner *runner, const struct report_host *host)
{
    const struct machine *machine = runner->machine;
    const struct machine_outcome *outcome = &machine->outcome;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    fprintf(to, "{\n  \"vmm\": \"%s\",\n  \"image\": ", VMM_VERSION);
    json_put_string(to, machine->config.image.path ? machine->config.image.path : "");
    fprintf(to, ",\n  \"format\": ");
    json_put_string(to, machine->image.format ? machine->image.format : "snapshot");
    fprintf(to, ",\n  \"start\": \"%s\"", machine->config.start.is_real ? "real" : "friendly");
    if (machine->config.start.is_real)
        fprintf(to, ",\n  \"seed\": %llu", (unsigned long long)machine->config.start.seed);
    fprintf(to, ",\n  \"engine\": ");
    json_put_string(to, machine->cpu->ops->name);
    fprintf(to, ",\n  \"end\": ");
    json_put_string(to, machine_end_name(outcome->end));
    fprintf(to, ",\n  \"status\": %d,\n  \"text\": ", outcome->status);
    json_put_string(to, outcome->text);
    fprintf(to, ",\n  \"reboots\": %u,\n", host->reboots);
    put_seconds(to, "wall_s", host->end - host->start);
    put_seconds(to, "guest_s", outcome->guest_ns);
    put_seconds(to, "guest_idle_s", machine->counts.idle_ns);
    fprintf(to, "  \"wakeups\": %llu,\n  \"late_wakeups\": %llu,\n",
            (unsigned long long)runner->wakeups.count, (unsigned long long)runner->wakeups.late);
    put_seconds(to, "latest_wakeup_s", runner->wakeups.latest_ns);
    put_seconds(to, "host_cpu_s", timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime));
    if (machine->cpu->ops->instructions) {
        uint64_t count = machine->cpu->ops->instructions(machine->cpu);
        fprintf(to, "  \"instructions\": %llu,\n", (unsigned long long)count);
        fprintf(to, "  \"mips\": %.1f,\n",
                (double)count * 1e3 / (double)(host->end - host->start + 1));
    }
    if (host->first_output)
        put_seconds(to, "first_output_s", host->first_output - host->start);
    else
        fprintf(to, "  \"first_output_s\": null,\n");
    fprintf(to, "  \"output_bytes\": %llu,\n", (unsigned long long)machine->output.total);
    put_exits(to, &machine->counts);
    put_interrupts(to, machine);
    fprintf(to, "  \"guest_touched_kib\": %llu,\n",
            (unsigned long long)(ram_resident(&machine->memory) / 1024));
    fprintf(to, "  \"resident_kib\": %ld,\n", resident_kib());
    fprintf(to, "  \"peak_resident_kib\": %ld,\n", usage.ru_maxrss);
    fprintf(to, "  \"sandbox\": {\"calls\": %s, \"files\": %s},\n",
            sandbox_in_force().calls ? "true" : "false",
            sandbox_in_force().files ? "true" : "false");
    /* Last, since it touches all of RAM. */
    fprintf(to, "  \"ram_hash\": \"%016llx\"\n}\n",
            (unsigned long long)memory_hash(&machine->memory));

    return fflush(to) != 0 ? -errno : ferror(to) ? -EIO : 0;
}
