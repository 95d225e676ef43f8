/*
 * Fuzz target for input logs (--replay): whatever the file, it is a log, which written again is the
 * same log, or one sentence that names a line of it.
 */
#include "os/input_log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory and a name for it; the descriptor. */
static int make_file(char name[32])
{
    int fd = memfd_create("log", 0);

    if (fd < 0)
        abort();
    snprintf(name, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_refusal(const char *name, const char *error)
{
    size_t length = strlen(name);
    unsigned line = 0;

    if (strncmp(error, "can't read the input log ", 25) == 0 && strstr(error, "it is empty"))
        return;
    if (strncmp(error, name, length) != 0 || sscanf(error + length, ":%u: ", &line) != 1 ||
        line == 0)
        abort();
}

static bool is_same(const struct machine_input *a, const struct machine_input *b)
{
    return a->time == b->time && a->accesses == b->accesses && a->kind == b->kind &&
           a->event.code == b->event.code && a->event.down == b->event.down;
}

static void check_log(const struct input_log *log)
{
    char name[32], error[300];
    struct input_log again;
    int fd = make_file(name);
    const struct machine_config config = {.epoch = log->epoch, .start = log->start};
    FILE *file = input_log_create(name, &config);

    if (!file)
        abort();
    for (size_t i = 0; i < log->count; i++) {
        if (log->inputs[i].kind == INPUT_SERIAL && log->inputs[i].event.code > 0xff)
            abort();
        input_log_put(file, &log->inputs[i]);
    }
    fclose(file);
    if (input_log_read(&again, name, error, sizeof(error)) < 0 || again.count != log->count ||
        again.epoch != log->epoch || again.start.is_real != log->start.is_real ||
        again.start.seed != log->start.seed)
        abort();
    for (size_t i = 0; i < log->count; i++) {
        if (!is_same(&again.inputs[i], &log->inputs[i]))
            abort();
    }
    input_log_free(&again);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[32], error[300] = "";
    struct input_log log;
    int fd = make_file(name);

    if (write(fd, data, size) != (ssize_t)size)
        abort();
    if (input_log_read(&log, name, error, sizeof(error)) < 0)
        check_refusal(name, error);
    else
        check_log(&log);
    input_log_free(&log);
    close(fd);
    return 0;
}
