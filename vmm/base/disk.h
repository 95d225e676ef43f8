/*
 * A disk: a file or block device of the host, as sectors of 512 bytes, locked against a second
 * writer for as long as it is open.
 */
#ifndef VMM_BASE_DISK_H
#define VMM_BASE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR    512
#define DISK_NAME_SIZE 20

struct disk {
    int fd;
    uint64_t sectors; /* a last one that is not all in the file counts */
    bool read_only;
    bool modern;               /* asked for with registers of version 2 */
    char name[DISK_NAME_SIZE]; /* the file's, without directories; not ended when it is too long */
};

/*
 * Opens what an option asks for: FILE[,ro][,modern], a comma in the name written twice. `option` is
 * changed, and begins with the plain file name afterwards. Locks the file: for itself alone, or
 * with other readers for `ro` (flock, which other programs may ignore). Returns 0, or -1 with one
 * sentence in `error`. Closed by disk_close.
 */
int disk_open(struct disk *disk, char *option, char *error, size_t error_size);
void disk_close(struct disk *disk);

/*
 * Read and write `length` bytes from a sector on; both return 0 or -errno. What lies behind the end
 * of the file reads as zeros. A write that returned 0 is in the host's page cache: it survives this
 * process, and after disk_flush the host's power failing too.
 */
int disk_read(const struct disk *disk, uint64_t sector, void *to, size_t length);
int disk_write(const struct disk *disk, uint64_t sector, const void *from, size_t length);
int disk_flush(const struct disk *disk);

#endif
