/*
 * Output as lines: a guest's bytes wait until their line is complete.
 */
#include "plain.h"

#include "host/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line that is longer is cut, and goes on in the next one. */
#define LINE_MAX_LENGTH 4096

struct line {
    size_t length;
    char text[LINE_MAX_LENGTH];
};

struct plain {
    struct many *many;
    bool has_colour;
    struct line *lines; /* by member */
    struct line typed;
};

static void put_line(struct plain *plain, const struct member *member, const char *text,
                     size_t length)
{
    unsigned colour = 31 + (unsigned)(member - plain->many->members) % 6;

    if (plain->has_colour)
        sink_printf(&plain->many->out, "\033[%um%s:\033[0m ", colour, member->name);
    else
        sink_printf(&plain->many->out, "%s: ", member->name);
    sink_put(&plain->many->out, text, length);
    sink_puts(&plain->many->out, plain->has_colour ? "\033[0m\n" : "\n");
}

/* What is there of a line is shown as one. */
static void end_line(struct plain *plain, const struct member *member)
{
    struct line *line = &plain->lines[member - plain->many->members];

    if (line->length > 0)
        put_line(plain, member, line->text, line->length);
    line->length = 0;
}

static void put_messages(struct plain *plain, const struct member *member, const char *text,
                         size_t length)
{
    struct sink *err = plain->many->err;

    if (!member->is_running || err == &plain->many->out)
        end_line(plain, member); /* that was before */
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t now = end ? (size_t)(end - text) + 1 : length;
        sink_printf(err, "%s: ", member->name);
        sink_put(err, text, now);
        sink_end_line(err);
        text += now;
        length -= now;
    }
}

static void output(void *front, struct member *member, const uint8_t *bytes, size_t count,
                   enum shown what)
{
    struct plain *plain = front;
    struct line *line = &plain->lines[member - plain->many->members];

    if (what == SHOWN_MESSAGE) {
        put_messages(plain, member, (const char *)bytes, count);
        return;
    }
    if (what == SHOWN_REPORT) {
        sink_put(&plain->many->out, bytes, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\n')
            line->text[line->length++] = (char)bytes[i];
        if (bytes[i] == '\n' && line->length > 0 && line->text[line->length - 1] == '\r')
            line->length--;
        if (bytes[i] == '\n' || line->length == LINE_MAX_LENGTH) {
            put_line(plain, member, line->text, line->length);
            line->length = 0;
        }
    }
}

/* A line for one guest, or for all. */
static void type_line(struct plain *plain)
{
    struct many *many = plain->many;
    const struct line *line = &plain->typed;

    for (size_t i = 0; i < many->count; i++) {
        size_t length = strlen(many->members[i].name), skip = length + 2;
        if (line->length < skip || memcmp(line->text, many->members[i].name, length) != 0 ||
            memcmp(line->text + length, ": ", 2) != 0)
            continue;
        for (size_t at = skip; at < line->length; at++)
            member_type(&many->members[i], (uint8_t)line->text[at]);
        return;
    }
    for (size_t i = 0; i < many->count; i++) {
        for (size_t at = 0; at < line->length; at++)
            member_type(&many->members[i], (uint8_t)line->text[at]);
    }
}

static void input(void *front, const uint8_t *bytes, size_t count)
{
    struct plain *plain = front;
    struct line *line = &plain->typed;

    for (size_t i = 0; i < count; i++) {
        line->text[line->length++] = (char)bytes[i];
        if (bytes[i] == '\n' || line->length == LINE_MAX_LENGTH) {
            type_line(plain);
            line->length = 0;
        }
    }
    if (count > 0)
        return;
    if (line->length > 0)
        type_line(plain);
    line->length = 0;
    many_end_input(plain->many);
}

static void changed(void *front, struct member *member)
{
    if (!member->is_running)
        end_line(front, member);
}

int plain_run(struct many *many)
{
    static const struct front front = {
        .output = output,
        .input = input,
        .changed = changed,
    };
    struct plain plain = {.many = many};
    int error, status;

    plain.has_colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    plain.lines = calloc(many->count, sizeof(*plain.lines));
    if (!plain.lines) {
        fprintf(stderr, "vmm: out of memory\n");
        return STATUS_USAGE;
    }
    error = many_run(many, &front, &plain);
    if (error)
        fprintf(stderr, "vmm: can't start the guests: %s\n", strerror(error));
    if (many->out.error && many->out.error != EPIPE)
        fprintf(stderr, "vmm: can't write the guests' output: %s\n", strerror(many->out.error));
    status = error ? STATUS_USAGE : many_status(many);
    free(plain.lines);
    return status;
}
