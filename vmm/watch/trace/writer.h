/*
 * The two forms of a trace. Both write to a file that is locked for them.
 */
#ifndef VMM_WATCH_TRACE_WRITER_H
#define VMM_WATCH_TRACE_WRITER_H

#include "event.h"

#include <stdio.h>

/* Of one guest. */
struct trace_writer {
    FILE *file;
    char name[64];          /* without blanks */
    unsigned number;        /* from 1 on */
    const bool *is_shared;  /* there are others in the file */
    bool *has_events;       /* the file, of whichever guest */
    uint64_t waits, serves; /* JSON: bits for IRQs whose slice is open */
    bool halts;
};

/* The first line of the text, by which it is known. */
#define TRACE_TEXT_MAGIC "# vmm trace 1"

void trace_text_begin(FILE *file);
void trace_text_put(struct trace_writer *writer, const struct trace_event *event);

/* An array of events; one that lacks its end is read all the same. */
void trace_json_begin(FILE *file);
void trace_json_guest(struct trace_writer *writer);
void trace_json_put(struct trace_writer *writer, const struct trace_event *event);
void trace_json_end(FILE *file);

#endif
