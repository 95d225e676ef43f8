/*
 * Traces: their categories, their file, and the guests that share it. Each event is written under
 * the file's lock; a trace of any length takes no memory but the file's buffer.
 */
#include "trace.h"

#include "base/clock.h"
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE 65536

struct trace_file {
    const char *path;
    unsigned users;
    bool is_json;
    FILE *file;               /* NULL: not open */
    pthread_mutex_t lock;     /* held to write, and to use what is below */
    char first[64];           /* the first guest's name */
    unsigned guests, running; /* one that begins again counts again */
    bool is_shared, has_events;
    long end; /* where the end was written that a guest which begins again overwrites; 0: nowhere */
    int error; /* errno of a write that failed */
};

struct trace {
    struct trace_file *file;
    struct trace_writer writer;
    unsigned categories;
    uint64_t base; /* of the present boot's time */
};

const char *const trace_categories[CATEGORIES + 1] = {
    [CATEGORY_IRQ] = "irq",   [CATEGORY_EXC] = "exc",   [CATEGORY_INT] = "int",
    [CATEGORY_IO] = "io",     [CATEGORY_MMIO] = "mmio", [CATEGORY_HYPERCALL] = "hypercall",
    [CATEGORY_DISK] = "disk", [CATEGORY_HALT] = "halt", [CATEGORY_INPUT] = "input",
    [CATEGORIES] = "machine",
};

const struct trace_kind_info trace_kinds[TRACE_KINDS] = {
    [TRACE_RAISE] = {"raise", CATEGORY_IRQ},
    [TRACE_LOST] = {"lost", CATEGORY_IRQ},
    [TRACE_ACK] = {"ack", CATEGORY_IRQ},
    [TRACE_SPURIOUS] = {"spurious", CATEGORY_IRQ},
    [TRACE_POLL] = {"poll", CATEGORY_IRQ},
    [TRACE_HANDLER] = {"handler", CATEGORY_IRQ},
    [TRACE_EOI] = {"eoi", CATEGORY_IRQ},
    [TRACE_VAIN_EOI] = {"vain-eoi", CATEGORY_IRQ},
    [TRACE_FORGET] = {"forget", CATEGORY_IRQ},
    [TRACE_EXCEPTION] = {"exception", CATEGORY_EXC},
    [TRACE_UNDELIVERED] = {"no-handler", CATEGORY_EXC},
    [TRACE_SOFTWARE] = {"software", CATEGORY_INT},
    [TRACE_IN] = {"in", CATEGORY_IO},
    [TRACE_OUT] = {"out", CATEGORY_IO},
    [TRACE_READ] = {"read", CATEGORY_MMIO},
    [TRACE_WRITE] = {"write", CATEGORY_MMIO},
    [TRACE_CALL] = {"call", CATEGORY_HYPERCALL},
    [TRACE_DISK] = {"request", CATEGORY_DISK},
    [TRACE_HALT] = {"halt", CATEGORY_HALT},
    [TRACE_WAKE] = {"wake", CATEGORY_HALT},
    [TRACE_KEY] = {"key", CATEGORY_INPUT},
    [TRACE_SERIAL] = {"serial", CATEGORY_INPUT},
    [TRACE_RESTORED] = {"restored", CATEGORY_MACHINE},
    [TRACE_END] = {"end", CATEGORY_MACHINE},
};

/* ---- what is asked for ---- */

static unsigned parse_one(const char *word, size_t length)
{
    if (length == 3 && strncmp(word, "all", length) == 0)
        return TRACE_ALL;
    for (unsigned i = 0; i < CATEGORIES; i++) {
        if (strlen(trace_categories[i]) == length &&
            strncmp(trace_categories[i], word, length) == 0)
            return 1u << i;
    }
    return 0;
}

unsigned trace_parse(const char *list, char *error, size_t error_size)
{
    unsigned set = 0, one;
    size_t length, used;

    for (;; list += length + 1) {
        length = strcspn(list, ",");
        one = parse_one(list, length);
        set |= one;
        if (one == 0)
            break;
        if (!list[length])
            return set;
    }
    used = (size_t)snprintf(error, error_size, "'%.*s' is nothing to trace; there are all",
                            length < 32 ? (int)length : 32, list);
    for (unsigned i = 0; i < CATEGORIES && used < error_size; i++)
        used += (size_t)snprintf(error + used, error_size - used, " %s", trace_categories[i]);
    return 0;
}

bool trace_wants(const struct trace *trace, enum trace_category category)
{
    return category == CATEGORY_MACHINE || trace->categories >> category & 1;
}

/* ---- the file ---- */

struct trace_file *trace_file_new(const char *path)
{
    struct trace_file *file = calloc(1, sizeof(*file));
    size_t length = strlen(path);

    if (!file)
        return NULL;
    file->path = path;
    file->users = 1;
    pthread_mutex_init(&file->lock, NULL);
    file->is_json = length >= 5 && strcmp(path + length - 5, ".json") == 0;
    return file;
}

struct trace_file *trace_file_hold(struct trace_file *file)
{
    if (file)
        file->users++;
    return file;
}

void trace_file_release(struct trace_file *file)
{
    if (!file || --file->users > 0)
        return;
    if (file->file && file->file != stderr)
        fclose(file->file);
    pthread_mutex_destroy(&file->lock);
    free(file);
}

const char *trace_file_path(const struct trace_file *file)
{
    return file ? file->path : NULL;
}

static int open_file(struct trace_file *file)
{
    if (file->file)
        return 0;
    if (strcmp(file->path, "-") == 0) {
        file->file = stderr;
    } else {
        file->file = fopen(file->path, "we");
        if (!file->file)
            return errno;
        setvbuf(file->file, NULL, _IOFBF, BUFFER_SIZE);
    }
    if (file->is_json)
        trace_json_begin(file->file);
    else
        trace_text_begin(file->file);
    return 0;
}

/* ---- a guest ---- */

struct trace *trace_open(struct trace_file *file, unsigned categories, const char *guest,
                         char *error, size_t error_size)
{
    struct trace *trace = calloc(1, sizeof(*trace));
    int failure = trace ? open_file(file) : ENOMEM;

    if (failure) {
        snprintf(error, error_size, "can't write the trace to %s: %s", file->path,
                 strerror(failure));
        free(trace);
        return NULL;
    }
    pthread_mutex_lock(&file->lock);
    trace->file = trace_file_hold(file);
    trace->categories = categories;
    trace->writer = (struct trace_writer){.file = file->file,
                                          .number = ++file->guests,
                                          .is_shared = &file->is_shared,
                                          .has_events = &file->has_events};
    snprintf(trace->writer.name, sizeof(trace->writer.name), "%s", guest);
    for (char *c = trace->writer.name; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == ':')
            *c = '_';
    }
    if (file->guests == 1)
        memcpy(file->first, trace->writer.name, sizeof(file->first));
    else if (strcmp(file->first, trace->writer.name) != 0)
        file->is_shared = true;
    if (file->running++ == 0 && file->end > 0)
        fseek(file->file, file->end, SEEK_SET);
    if (file->is_json)
        trace_json_guest(&trace->writer);
    pthread_mutex_unlock(&file->lock);
    return trace;
}

/* Keeps the error of what was written since errno was 0. */
static void note_error(struct trace_file *file)
{
    if (!file->error && ferror(file->file))
        file->error = errno ? errno : EIO;
}

int trace_close(struct trace *trace)
{
    struct trace_file *file = trace ? trace->file : NULL;
    int error;

    if (!trace)
        return 0;
    pthread_mutex_lock(&file->lock);
    errno = 0;
    if (--file->running == 0 && file->is_json && !file->error) {
        file->end = ftell(file->file);
        trace_json_end(file->file);
    }
    if (!file->error)
        fflush(file->file);
    note_error(file);
    error = file->error;
    pthread_mutex_unlock(&file->lock);
    trace_file_release(file);
    free(trace);
    return error;
}

void trace_put(struct trace *trace, const struct trace_event *event)
{
    struct trace_file *file = trace->file;
    struct trace_event at = *event;

    if (!trace_wants(trace, trace_kinds[event->kind].category))
        return;
    at.time += trace->base;
    if (at.since != CLOCK_NEVER)
        at.since += trace->base;
    pthread_mutex_lock(&file->lock);
    errno = 0;
    if (!file->error && file->is_json)
        trace_json_put(&trace->writer, &at);
    else if (!file->error)
        trace_text_put(&trace->writer, &at);
    note_error(file);
    pthread_mutex_unlock(&file->lock);
}

void trace_reset(struct trace *trace, uint64_t time)
{
    trace->base += time;
}
