/*
 * The subcommands of vmm, one file each. A command gets its arguments from argv[1] on and
 * returns the process's exit status.
 */
#ifndef VMM_CLI_CMD_H
#define VMM_CLI_CMD_H

#include "host/status.h"

int cmd_run(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_trace(int argc, char **argv);

#endif
