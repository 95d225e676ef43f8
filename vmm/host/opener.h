/*
 * A process that opens files for this one, once this one is not allowed to any more: those that
 * were named before, each for what it was named for, and no others, whatever it is asked. It has
 * nothing else open, and ends with this process.
 */
#ifndef VMM_HOST_OPENER_H
#define VMM_HOST_OPENER_H

#include "os/file.h"

#include <stddef.h>

/* A file, and what for: FILE_READ, FILE_WRITE, FILE_REMOVE, or FILE_DRAFT, which stands for keeping
 * and dropping it, too. The rest is the opener's. */
struct named_file {
    const char *path;
    enum file_request use;
    bool is_own;    /* only this process can open it: a terminal, a named pipe, /dev/stdout */
    bool has_draft; /* that was neither kept nor dropped */
};

/*
 * Starts it; file_do asks it from then on, and fails with -EACCES for a file that is to be written
 * and was not named. A file that is `is_own`, which is found out here, is still opened by this
 * process, and so is one that is to be read and was not named: if it may. Sorts the files, which
 * must stay until opener_stop. Returns 0 or -errno. There must be no other threads yet.
 */
int opener_start(struct named_file *files, size_t count);

/* Ends it, if there is one, and waits for that. Drafts that are left are removed. */
void opener_stop(void);

#endif
