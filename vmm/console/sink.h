/*
 * Writes to a descriptor without waiting for its reader: bytes that can't be written yet are kept.
 */
#ifndef VMM_CONSOLE_SINK_H
#define VMM_CONSOLE_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct sink {
    int fd;
    int error;    /* errno of a write that failed; from then on all is thrown away */
    bool in_line; /* the last byte that was added ended no line */
    char *bytes;
    size_t used, size;
};

/* To be zeroed, with its fd, before use. Frees the bytes, but does not close. */
void sink_free(struct sink *sink);

/* Adds bytes, to be written later. */
void sink_put(struct sink *sink, const void *bytes, size_t count);
void sink_puts(struct sink *sink, const char *text);

/* Ends the line that is there, if it has begun. */
void sink_end_line(struct sink *sink);
__attribute__((format(printf, 2, 3))) void sink_printf(struct sink *sink, const char *format, ...);

/* Writes as much as goes at once; false if something is left. */
bool sink_write(struct sink *sink);

#endif
