/*
 * Writing in small pieces, each after poll has said that it won't block.
 */
#include "sink.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A tty takes this much without blocking once poll says it is writable; a pipe takes PIPE_BUF. */
#define WRITE_MAX 256

void sink_free(struct sink *sink)
{
    free(sink->bytes);
    *sink = (struct sink){.fd = sink->fd};
}

void sink_put(struct sink *sink, const void *bytes, size_t count)
{
    if (sink->used + count > sink->size) {
        size_t size = 2 * (sink->used + count) + 4096;
        char *grown = realloc(sink->bytes, size);
        if (!grown) {
            sink->error = ENOMEM;
            return;
        }
        sink->bytes = grown;
        sink->size = size;
    }
    memcpy(sink->bytes + sink->used, bytes, count);
    sink->used += count;
    if (count > 0)
        sink->in_line = sink->bytes[sink->used - 1] != '\n';
}

void sink_end_line(struct sink *sink)
{
    if (sink->in_line)
        sink_put(sink, "\n", 1);
}

void sink_puts(struct sink *sink, const char *text)
{
    sink_put(sink, text, strlen(text));
}

void sink_printf(struct sink *sink, const char *format, ...)
{
    char text[512];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length > 0)
        sink_put(sink, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

bool sink_write(struct sink *sink)
{
    struct pollfd to = {.fd = sink->fd, .events = POLLOUT};
    size_t written = 0;

    while (written < sink->used && !sink->error && poll(&to, 1, 0) > 0) {
        size_t left = sink->used - written;
        ssize_t done = write(sink->fd, sink->bytes + written, left < WRITE_MAX ? left : WRITE_MAX);
        if (done > 0)
            written += (size_t)done;
        else if (errno == EAGAIN || errno == EINTR)
            break;
        else
            sink->error = errno;
    }
    if (sink->error)
        written = sink->used;
    sink->used -= written;
    if (sink->used > 0 && written > 0)
        memmove(sink->bytes, sink->bytes + written, sink->used);
    return sink->used == 0;
}
