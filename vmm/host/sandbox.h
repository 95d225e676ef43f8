/*
 * What this process gives up before guests run, so that one that breaks out of its machine finds
 * little: no other programs, no network, no files but those that options name.
 */
#ifndef VMM_HOST_SANDBOX_H
#define VMM_HOST_SANDBOX_H

#include "options.h"

/*
 * Enters it, for good, with all threads that are started later. The files of these guests can still
 * be read, and written beside each other where that was asked for; `written` is one more, or NULL.
 * What the host's kernel does not have is left out.
 */
void sandbox_enter(const struct options *options, size_t count, const char *written);

#endif
