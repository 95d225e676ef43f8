/*
 * vmm trace: sums up a trace.
 */
#include "cmd.h"
#include "watch/trace/summary.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: vmm trace summary FILE\n\n"
    "Sums up what 'vmm run --trace LIST --trace-file FILE' has written: counts, how long "
    "interrupts\n"
    "waited and were in service, lost EOIs, unread keys, storms, and the ports used most. '-' is\n"
    "standard input.\n\n"
    "Status: 0, or 2 if FILE is not a trace.\n";

static int summarize(const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0, ok;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    char error[400];

    if (!file) {
        fprintf(stderr, "vmm: can't read the trace %s: %s\n", path, strerror(errno));
        return STATUS_USAGE;
    }
    ok = trace_summary(file, is_stdin ? "standard input" : path, stdout, error, sizeof(error));
    if (error[0])
        fprintf(stderr, "vmm: %s\n", error);
    if (!is_stdin)
        fclose(file);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "vmm: can't write the summary: %s\n", strerror(errno));
        ok = false;
    }
    return ok ? 0 : STATUS_USAGE;
}

int cmd_trace(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
    }
    if (argc != 3 || strcmp(argv[1], "summary") != 0) {
        fprintf(stderr,
                "vmm: 'vmm trace' has one command: summary FILE\nTry 'vmm trace --help'.\n");
        return STATUS_USAGE;
    }
    return summarize(argv[2]);
}
