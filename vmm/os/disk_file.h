/*
 * A disk in a file or block device of the host, locked against a second writer for as long as it is
 * open.
 */
#ifndef VMM_OS_DISK_FILE_H
#define VMM_OS_DISK_FILE_H

#include "base/disk.h"

/* What an option asks for. */
struct disk_request {
    const char *option; /* "--disk", for messages */
    const char *alone;  /* how it is said that a disk is only read, for messages */
    const char *path;
    bool read_only;
    bool modern, is_cd; /* as in struct disk */
};

struct disk_file {
    struct disk disk; /* first */
    int fd;
    uint64_t bytes; /* of the file */
};

/* How sectors of a `struct disk_file` are read and written. */
extern const struct disk_host disk_file_host;

/*
 * Opens a file and locks it: for itself alone, or with other readers if it is only read (flock,
 * which other programs may ignore). Returns 0, or -1 with one sentence in `error`. Closed by
 * disk_file_close.
 *
 * A write that returned 0 is in the host's page cache: it survives this process.
 */
int disk_file_open(struct disk_file *file, const struct disk_request *request, char *error,
                   size_t error_size);
void disk_file_close(struct disk_file *file);

#endif
