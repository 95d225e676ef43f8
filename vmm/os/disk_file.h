/*
 * A disk in a file or block device of the host, locked against a second writer for as long as it is
 * open.
 */
#ifndef VMM_OS_DISK_FILE_H
#define VMM_OS_DISK_FILE_H

#include "base/disk.h"

struct disk_file {
    struct disk disk; /* first */
    int fd;
};

/* How sectors of a `struct disk_file` are read and written. */
extern const struct disk_host disk_file_host;

/*
 * Opens what an option asks for: FILE[,ro][,modern], a comma in the name written twice. `option` is
 * changed, and begins with the plain file name afterwards. Locks the file: for itself alone, or
 * with other readers for `ro` (flock, which other programs may ignore). Returns 0, or -1 with one
 * sentence in `error`. Closed by disk_file_close.
 *
 * A write that returned 0 is in the host's page cache: it survives this process.
 */
int disk_file_open(struct disk_file *file, char *option, char *error, size_t error_size);
void disk_file_close(struct disk_file *file);

#endif
