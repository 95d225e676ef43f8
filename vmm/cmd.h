/*
 * The subcommands of vmm, one file each. A command gets its arguments from argv[1] on and
 * returns the process's exit status.
 */
#ifndef VMM_CMD_H
#define VMM_CMD_H

#define VMM_VERSION "0.1.0"

/* Usage, or an image refused. */
#define STATUS_USAGE 2

int cmd_run(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_trace(int argc, char **argv);

#endif
