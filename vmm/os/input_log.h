/*
 * The log of a run's input: each key and byte with the time at which it came to the guest, as a
 * text file. With it a run of the software CPU can be repeated, to the last instruction.
 */
#ifndef VMM_MACHINE_INPUT_LOG_H
#define VMM_MACHINE_INPUT_LOG_H

#include "machine/machine.h"

#include <stdio.h>

struct input_log {
    int64_t epoch; /* what the guest's real-time clock began with, s since 1970 */
    struct boot_start start;
    struct machine_input *inputs;
    size_t count;
};

/* Begins a log, with the epoch and the start of a configuration; each line put is written at once.
 * NULL, and errno, on failure. */
FILE *input_log_create(const char *path, const struct machine_config *config);
void input_log_put(FILE *file, const struct machine_input *input);

/* Reads a log, to be freed by input_log_free. Returns -1 with a sentence in `error`, which names
 * the line, when the file can't be read or is none. */
int input_log_read(struct input_log *log, const char *path, char *error, size_t error_size);
void input_log_free(struct input_log *log);

#endif
