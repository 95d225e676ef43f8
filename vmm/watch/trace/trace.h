/*
 * --trace: events of guests, written to a file that they may share; as lines, or, if its name ends
 * in .json, as Trace Event Format, which Perfetto and chrome://tracing open. The file is the same
 * in every run that is the same.
 */
#ifndef VMM_WATCH_TRACE_TRACE_H
#define VMM_WATCH_TRACE_TRACE_H

#include "event.h"

#include <stddef.h>

struct trace_file;
struct trace;

#define TRACE_ALL ((1u << CATEGORIES) - 1)

/* The set of categories in "irq,io" or "all", a bit each; 0 with one sentence in `error`. */
unsigned trace_parse(const char *list, char *error, size_t error_size);

/* A file that is yet to be opened; "-" is standard error. The path must outlive it. NULL: no
 * memory. */
struct trace_file *trace_file_new(const char *path);

/* One more user of the file, who releases it, too; NULL is no file. The last one closes it. */
struct trace_file *trace_file_hold(struct trace_file *file);
void trace_file_release(struct trace_file *file);
const char *trace_file_path(const struct trace_file *file);

/* Begins a guest's part, and opens the file if it is the first. NULL with one sentence in `error`.
 */
struct trace *trace_open(struct trace_file *file, unsigned categories, const char *guest,
                         char *error, size_t error_size);

/* Ends it. Returns 0, or the errno of a write that failed. NULL is no trace. */
int trace_close(struct trace *trace);

bool trace_wants(const struct trace *trace, enum trace_category category);

/* Writes an event, on the guest's thread. A file that takes no more ends the trace, not the guest:
 * trace_close tells. */
void trace_put(struct trace *trace, const struct trace_event *event);

/* The guest boots again, and its time begins anew; the trace's goes on from `time`. */
void trace_reset(struct trace *trace, uint64_t time);

#endif
