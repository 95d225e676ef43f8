/*
 * vmm: finds the subcommand and calls it.
 */
#include "cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", cmd_run, "run a guest"},
    {"test", cmd_test, "run scenarios, which test guests"},
    {"sweep", cmd_sweep, "run a scenario with an interrupt at every boundary"},
    {"replay", cmd_replay, "run it with an interrupt at one boundary"},
    {"trace", cmd_trace, "sum up what vmm run --trace has written"},
    {"probe", cmd_probe, "say which CPU engines work on this machine, and why"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
    fprintf(to, "usage: vmm COMMAND [OPTION...] [ARGUMENT...]\n\n"
                "A host for toy operating systems: runs 16-bit and 32-bit x86 guests.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  vmm %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(to,
            "\n'vmm COMMAND --help' lists a command's options; 'man docs/vmm.1' has everything.\n");
}

/* A closed standard stream would give its number to the next file opened, /dev/kvm for one. */
static void keep_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    keep_standard_streams();
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            argv[1] = argv[0]; /* for getopt's messages */
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("vmm %s\n", VMM_VERSION);
        return 0;
    }
    if (*name)
        fprintf(stderr, "vmm: there is no command '%s'%s\n\n", name,
                access(name, F_OK) == 0 ? " (to run an image: vmm run FILE)" : "");
    print_usage(stderr);
    return STATUS_USAGE;
}
