/*
 * vmm probe: runs the probe guest on each engine and prints what worked.
 */
#include "cmd.h"
#include "engine/engine.h"
#include "engine/probe.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
    "usage: vmm probe [-q] [ENGINE]\n\n"
    "Runs a small guest on each CPU engine (or on ENGINE) and says what works: real and protected\n"
    "mode, interrupts, paging, ring 3, injection, speed. Status 0 if an engine works, 1 if "
    "none.\n\n"
    "  -q, --quiet   print nothing; only the status counts\n"
    "  -h, --help    this text\n";

static void print_verdict(const struct engine *engine, const struct probe *probe)
{
    if (probe->works)
        printf("%s: works (%.1f ms, %.2f ns an instruction in a plain loop)\n", engine->name,
               (double)probe->elapsed_ns / 1e6, probe->instruction_ns);
    else
        printf("%s: does not work here: %s\n", engine->name, probe->why);
    for (unsigned step = 0; step < probe->passed; step++)
        printf("    ok      %s\n", probe_step_name(step));
    if (probe->passed > 0 && probe->passed < PROBE_STEPS)
        printf("    FAILED  %s\n", probe_step_name(probe->passed));
}

int cmd_probe(int argc, char **argv)
{
    static const struct option options[] = {
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool quiet = false, any = false;
    const struct engine *only = NULL;
    char note[320];
    int option;

    while ((option = getopt_long(argc, argv, "qh", options, NULL)) != -1) {
        switch (option) {
        case 'q':
            quiet = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return STATUS_USAGE;
        }
    }
    if (argc - optind > 1) {
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
    if (optind < argc) {
        only = engine_choose(argv[optind], note, sizeof(note));
        if (!only) {
            fprintf(stderr, "vmm: %s\n", note);
            return STATUS_USAGE;
        }
    }
    for (const struct engine *engine = engines; engine->name; engine++) {
        struct probe probe;

        if (only && engine != only)
            continue;
        probe_run(&probe, engine->create);
        any |= probe.works;
        if (!quiet)
            print_verdict(engine, &probe);
    }
    return any ? 0 : 1;
}
