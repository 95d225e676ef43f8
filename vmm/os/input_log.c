/*
 * The input log's lines:  TIME ACCESSES serial BYTE | key CODE down | key CODE up | closed | quit |
 * reset TIME in ns of the guest's clock, ACCESSES to devices before it. '#' begins a comment.
 * Before them: epoch SECONDS, and start real SEED unless the machine's start was friendly.
 */
#include "input_log.h"

#include "file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char title[] = "# vmm input log 1\n";

FILE *input_log_create(const char *path, const struct machine_config *config)
{
    FILE *file = file_stream(path, FILE_WRITE);

    if (!file)
        return NULL;
    setvbuf(file, NULL, _IOLBF, BUFSIZ);
    fprintf(file, "%sepoch %" PRId64 "\n", title, config->epoch);
    if (config->start.is_real)
        fprintf(file, "start real %" PRIu64 "\n", config->start.seed);
    fprintf(file, "# time (ns), accesses to devices before it, input\n");
    return file;
}

void input_log_put(FILE *file, const struct machine_input *input)
{
    fprintf(file, "%" PRIu64 " %" PRIu64 " ", input->time, input->accesses);
    switch (input->kind) {
    case INPUT_SERIAL:
        fprintf(file, "serial %#x\n", input->event.code);
        break;
    case INPUT_KEY:
        fprintf(file, "key %#x %s\n", input->event.code, input->event.down ? "down" : "up");
        break;
    case INPUT_CLOSED:
        fprintf(file, "closed\n");
        break;
    case INPUT_QUIT:
        fprintf(file, "quit\n");
        break;
    case INPUT_RESET:
        fprintf(file, "reset\n");
    }
}

/* One line; false if it is none. */
static bool parse_line(const char *line, struct machine_input *input)
{
    char what[8] = "", way[8] = "";
    unsigned code = 0;
    int end = 0;

    if (sscanf(line, "%" SCNu64 " %" SCNu64 " %7s %n", &input->time, &input->accesses, what, &end) <
        3)
        return false;
    line += end;
    end = 0;
    if (strcmp(what, "closed") == 0)
        input->kind = INPUT_CLOSED;
    else if (strcmp(what, "quit") == 0)
        input->kind = INPUT_QUIT;
    else if (strcmp(what, "reset") == 0)
        input->kind = INPUT_RESET;
    else if (strcmp(what, "serial") == 0 && sscanf(line, "%x %n", &code, &end) == 1 && code < 256)
        input->kind = INPUT_SERIAL;
    else if (strcmp(what, "key") == 0 && sscanf(line, "%x %7s %n", &code, way, &end) == 2 &&
             code <= UINT16_MAX && (strcmp(way, "down") == 0 || strcmp(way, "up") == 0))
        input->kind = INPUT_KEY;
    else
        return false;
    input->event = (struct inbox_event){.code = (uint16_t)code, .down = strcmp(way, "down") == 0};
    return line[end] == '\0';
}

static struct machine_input *add(struct input_log *log)
{
    if (log->count && (log->count & (log->count - 1)) == 0) { /* the room is used up */
        size_t room = 2 * log->count;
        struct machine_input *grown = realloc(log->inputs, room * sizeof(*grown));
        if (!grown)
            return NULL;
        log->inputs = grown;
    }
    log->inputs[log->count] = (struct machine_input){0};
    return &log->inputs[log->count++];
}

static bool parse_start(const char *line, struct boot_start *start)
{
    int end = 0;

    start->is_real = sscanf(line, "start real %" SCNu64 " %n", &start->seed, &end) == 1;
    return start->is_real && end > 0 && line[end] == '\0';
}

/* All lines, each counted before it is looked at. 0, or -errno: -EINVAL for one that is none. */
static int read_lines(struct input_log *log, FILE *file, unsigned *number)
{
    char line[128];
    bool has_epoch = false;

    while (errno = 0, fgets(line, sizeof(line), file)) {
        struct machine_input *input;
        if (++*number == 1 && strcmp(line, title) != 0)
            return -EINVAL;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (!has_epoch) {
            if (sscanf(line, "epoch %" SCNd64, &log->epoch) != 1 ||
                log->epoch < -MC146818_EPOCH_MAX || log->epoch > MC146818_EPOCH_MAX)
                return -EINVAL;
            has_epoch = true;
            continue;
        }
        if (log->count == 0 && !log->start.is_real && parse_start(line, &log->start))
            continue;
        input = add(log);
        if (!input)
            return -ENOMEM;
        if (!parse_line(line, input))
            return -EINVAL;
    }
    if (ferror(file))
        return errno ? -errno : -EIO;
    return *number == 0 ? -ENODATA : has_epoch ? 0 : -EINVAL;
}

int input_log_read(struct input_log *log, const char *path, char *error, size_t error_size)
{
    FILE *file = file_stream(path, FILE_READ);
    unsigned number = 0;
    int failure;

    *log = (struct input_log){0};
    if (!file)
        failure = -errno;
    else if (!(log->inputs = calloc(1, sizeof(*log->inputs)))) /* not NULL, even if it is empty */
        failure = -ENOMEM;
    else
        failure = read_lines(log, file, &number);
    if (file)
        fclose(file);
    if (failure == 0)
        return 0;
    if (failure == -EINVAL)
        snprintf(error, error_size,
                 "%s:%u: not a line of an input log ('vmm run --record' writes one)", path, number);
    else
        snprintf(error, error_size, "can't read the input log %s: %s", path,
                 failure == -ENODATA ? "it is empty" : strerror(-failure));
    input_log_free(log);
    return -1;
}

void input_log_free(struct input_log *log)
{
    free(log->inputs);
    *log = (struct input_log){0};
}
