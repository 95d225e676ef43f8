/*
 * What this process gives up before guests run, so that one that breaks out of its machine finds
 * little: no other programs, no network, no files but those that options name.
 */
#ifndef VMM_HOST_SANDBOX_H
#define VMM_HOST_SANDBOX_H

#include "options.h"

/* Its two parts. */
struct sandbox {
    bool calls; /* system calls that are not needed end the process (seccomp) */
    bool files; /* files that are not named can't be opened (Landlock) */
};

/* What this host's kernel has, and this build uses. */
struct sandbox sandbox_offered(void);

/* What holds this process now; nothing before sandbox_enter. */
struct sandbox sandbox_in_force(void);

/*
 * Enters it, for good, with all threads that are started later, while there are none: all that is
 * offered, or nothing runs. What the options of these guests name can still be read, or written
 * where an option writes it, through another process (opener.h), which is due to sandbox_end;
 * `cast` is one more file to be written, `socket` one to be removed, or NULL. Returns 0, or -1 with
 * a sentence in `error`.
 */
int sandbox_enter(const struct options *options, size_t guests, const char *cast,
                  const char *socket, char *error, size_t error_size);

/* Ends the other process, if there is one. What is in force stays. */
void sandbox_end(void);

#endif
