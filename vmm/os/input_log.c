/*
 * The input log's lines:  TIME ACCESSES serial BYTE | key CODE down | key CODE up | closed | quit |
 * reset TIME in ns of the guest's clock, ACCESSES to devices before it. '#' begins a comment.
 */
#include "input_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char title[] = "# vmm input log 1\n";

FILE *input_log_create(const char *path, int64_t epoch)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return NULL;
    setvbuf(file, NULL, _IOLBF, BUFSIZ);
    fprintf(file, "%sepoch %" PRId64 "\n# time (ns), accesses to devices before it, input\n", title,
            epoch);
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

int input_log_read(struct input_log *log, const char *path, char *error, size_t error_size)
{
    FILE *file = fopen(path, "re");
    char line[128];
    unsigned number = 0;
    bool has_epoch = false, ok;

    *log = (struct input_log){.inputs = calloc(1, sizeof(struct machine_input))};
    ok = log->inputs != NULL;
    if (!file || !fgets(line, sizeof(line), file)) {
        snprintf(error, error_size, "can't read the input log %s: %s", path,
                 file && !ferror(file) ? "it is empty" : strerror(errno));
        if (file)
            fclose(file);
        input_log_free(log);
        return -1;
    }
    for (number = 1; ok && (number == 1 || fgets(line, sizeof(line), file)); number++) {
        if (number == 1)
            ok = strcmp(line, title) == 0;
        else if (line[0] == '#' || line[0] == '\n')
            continue;
        else if (!has_epoch)
            ok = has_epoch = sscanf(line, "epoch %" SCNd64, &log->epoch) == 1 &&
                             log->epoch >= -MC146818_EPOCH_MAX && log->epoch <= MC146818_EPOCH_MAX;
        else {
            struct machine_input *input = add(log);
            ok = input && parse_line(line, input);
        }
    }
    if (ok && !has_epoch)
        ok = false;
    if (!ok) {
        snprintf(error, error_size,
                 "%s:%u: not a line of an input log ('vmm run --record' writes "
                 "one)",
                 path, number ? number - 1 : 0);
        input_log_free(log);
    }
    fclose(file);
    return ok ? 0 : -1;
}

void input_log_free(struct input_log *log)
{
    free(log->inputs);
    *log = (struct input_log){0};
}
