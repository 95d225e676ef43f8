/*
 * Who called: the chain of frame pointers on a guest's stack.
 */
#ifndef VMM_EXPLAIN_BACKTRACE_H
#define VMM_EXPLAIN_BACKTRACE_H

#include "info.h"

#define BACKTRACE_MAX 64

/*
 * Prints up to `max` frames, a line each with its symbol and line, and why the chain ends where it
 * does not end properly. Frames that repeat are one line. Where there is no chain, return addresses
 * that lie on the stack are shown with a question mark. Reads a bounded part of memory. Returns how
 * many were printed: 0, if nobody is known to have called.
 */
unsigned backtrace_print(const struct info *info, unsigned max, const char *indent);

#endif
