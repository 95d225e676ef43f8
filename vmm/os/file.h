/*
 * The user's files, by name. This process opens them itself until it gives that up; from then on
 * another one does, for it, those that options have named (host/opener.h).
 */
#ifndef VMM_OS_FILE_H
#define VMM_OS_FILE_H

#include <stdbool.h>
#include <stdio.h>

enum file_request {
    FILE_READ,   /* open it */
    FILE_WRITE,  /* create it or empty it, and open it */
    FILE_DRAFT,  /* create and open a file beside it, which is to take its place */
    FILE_KEEP,   /* the draft takes its place: whatever happens, there is the old file or the new */
    FILE_DROP,   /* the draft is removed */
    FILE_REMOVE, /* remove it */
};

/*
 * Does that. Returns a descriptor, which is the caller's, or 0, or -errno. A draft has the
 * permissions of the file that is there (a new one is its owner's alone); links are followed, and
 * what is no file is refused: -EISDIR, -EINVAL. A process has one draft of a file at a time.
 */
int file_do(const char *path, enum file_request request);

/* FILE_READ, FILE_WRITE or FILE_DRAFT as a stream; NULL, and errno, on failure. */
FILE *file_stream(const char *path, enum file_request request);

/* The same as file_do, by this process itself, always. */
int file_do_here(const char *path, enum file_request request);

/* Has file_do call this from now on; NULL: file_do_here. */
void file_ask(int (*other)(const char *path, enum file_request request));

#endif
