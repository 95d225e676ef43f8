/*
 * Disks in files: open and lock, then pread and pwrite.
 */
#include "disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_open(const struct disk_request *request, char *error, size_t error_size)
{
    bool may_read = !request->read_only && (errno == EACCES || errno == EROFS || errno == EPERM);

    snprintf(error, error_size, "%s %s: can't open it%s%s%s: %s", request->option, request->path,
             may_read ? " to write (for reading alone: " : "", may_read ? request->alone : "",
             may_read ? ")" : "", strerror(errno));
    return -1;
}

static int fd_of(const struct disk *disk)
{
    return ((const struct disk_file *)disk)->fd;
}

static int read_file(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    uint8_t *bytes = to;
    off_t at = (off_t)(sector * DISK_SECTOR);

    while (length > 0) {
        ssize_t done = pread(fd_of(disk), bytes, length, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (done == 0) {
            memset(bytes, 0, length);
            return 0;
        }
        bytes += done;
        at += done;
        length -= (size_t)done;
    }
    return 0;
}

static int write_file(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    const uint8_t *bytes = from;
    off_t at = (off_t)(sector * DISK_SECTOR);

    while (length > 0) {
        ssize_t done = pwrite(fd_of(disk), bytes, length, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        bytes += done;
        at += done;
        length -= (size_t)done;
    }
    return 0;
}

static int flush_file(const struct disk *disk)
{
    return fdatasync(fd_of(disk)) < 0 ? -errno : 0;
}

const struct disk_host disk_file_host = {
    .read = read_file, .write = write_file, .flush = flush_file};

/* Everything that makes an open file a disk. */
static int take_file(struct disk_file *file, const struct disk_request *request, char *error,
                     size_t error_size)
{
    const char *option = request->option, *path = request->path;
    struct stat stat;
    off_t size;

    if (fstat(file->fd, &stat) < 0 || !(S_ISREG(stat.st_mode) || S_ISBLK(stat.st_mode))) {
        snprintf(error, error_size, "%s %s: neither a file nor a block device", option, path);
        return -1;
    }
    if (flock(file->fd, (request->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            snprintf(error, error_size,
                     "%s %s: in use by another guest%s; give each guest a copy, or let each only "
                     "read it: %s",
                     option, path, request->read_only ? ", which writes it" : "", request->alone);
        else
            snprintf(error, error_size, "%s %s: can't lock it: %s", option, path, strerror(errno));
        return -1;
    }
    size = lseek(file->fd, 0, SEEK_END);
    if (size <= 0) {
        snprintf(error, error_size, "%s %s: %s", option, path,
                 size < 0 ? strerror(errno) : "empty (truncate -s 1M FILE gives it a size)");
        return -1;
    }
    file->bytes = (uint64_t)size;
    file->disk.sectors = (file->bytes + DISK_SECTOR - 1) / DISK_SECTOR;
    return 0;
}

int disk_file_open(struct disk_file *file, const struct disk_request *request, char *error,
                   size_t error_size)
{
    const char *slash = strrchr(request->path, '/'), *name = slash ? slash + 1 : request->path;
    int access = request->read_only ? O_RDONLY : O_RDWR;

    *file = (struct disk_file){
        .disk = {.host = &disk_file_host,
                 .read_only = request->read_only,
                 .modern = request->modern,
                 .is_cd = request->is_cd},
    };
    memcpy(file->disk.name, name, strnlen(name, sizeof(file->disk.name)));
    /* O_NONBLOCK: a FIFO is refused, not waited for. */
    file->fd = open(request->path, access | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return refuse_open(request, error, error_size);
    if (take_file(file, request, error, error_size) < 0) {
        disk_file_close(file);
        return -1;
    }
    return 0;
}

void disk_file_close(struct disk_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
