/*
 * Writing the report. The keys are documented in the manual page; units are in their names.
 */
#include "report.h"

#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void put_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < 0x20)
            fprintf(to, "\\u%04x", c);
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void put_seconds(FILE *to, const char *key, uint64_t ns)
{
    fprintf(to, "  \"%s\": %.9f,\n", key, (double)ns / 1e9);
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_usec * 1000;
}

static void put_exits(FILE *to, const struct machine_outcome *outcome)
{
    fprintf(to, "  \"exits\": {");
    for (enum cpu_stop stop = 0; stop < CPU_STOPS; stop++)
        fprintf(to, "%s\"%s\": %llu", stop ? ", " : "", cpu_stop_name(stop),
                (unsigned long long)outcome->exits[stop]);
    fprintf(to, "},\n");
}

/* The lines that were ever raised. */
static void put_interrupts(FILE *to, const struct i8259_pair *pic)
{
    const char *separator = "";

    fprintf(to, "  \"interrupts\": [");
    for (unsigned i = 0; i < 16; i++) {
        if (pic->raised[i] == 0 && pic->acknowledged[i] == 0)
            continue;
        fprintf(to, "%s{\"irq\": %u, \"raised\": %llu, \"injected\": %llu}", separator, i,
                (unsigned long long)pic->raised[i], (unsigned long long)pic->acknowledged[i]);
        separator = ", ";
    }
    fprintf(to, "],\n");
}

int report_write(const char *path, const struct machine *machine, const struct report_host *host)
{
    const struct machine_outcome *outcome = &machine->outcome;
    FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    struct rusage usage;

    if (!to)
        return -errno;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(to, "{\n  \"vmm\": \"%s\",\n  \"image\": ", VMM_VERSION);
    put_string(to, machine->config.image.path);
    fprintf(to, ",\n  \"format\": ");
    put_string(to, machine->image.format);
    fprintf(to, ",\n  \"engine\": ");
    put_string(to, machine->cpu->ops->name);
    fprintf(to, ",\n  \"end\": ");
    put_string(to, machine_end_name(outcome->end));
    fprintf(to, ",\n  \"status\": %d,\n  \"text\": ", outcome->status);
    put_string(to, outcome->text);
    fprintf(to, ",\n  \"reboots\": %u,\n", host->reboots);
    put_seconds(to, "wall_s", host->end - host->start);
    put_seconds(to, "guest_s", outcome->guest_ns);
    put_seconds(to, "guest_idle_s", outcome->idle_ns);
    put_seconds(to, "host_cpu_s", timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime));
    if (machine->cpu->ops->instructions)
        fprintf(to, "  \"instructions\": %llu,\n",
                (unsigned long long)machine->cpu->ops->instructions(machine->cpu));
    if (host->first_output)
        put_seconds(to, "first_output_s", host->first_output - host->start);
    else
        fprintf(to, "  \"first_output_s\": null,\n");
    fprintf(to, "  \"output_bytes\": %llu,\n", (unsigned long long)machine->output.total);
    put_exits(to, outcome);
    put_interrupts(to, &machine->pic);
    fprintf(to, "  \"guest_touched_kib\": %llu,\n",
            (unsigned long long)(memory_resident(&machine->memory) / 1024));
    fprintf(to, "  \"peak_resident_kib\": %ld\n}\n", usage.ru_maxrss);

    bool failed = ferror(to) || fflush(to) != 0;
    int error = failed ? -errno : 0;
    if (to != stdout && fclose(to) != 0 && !error)
        error = -errno;
    return error;
}
