/*
 * Disks: open and lock, then pread and pwrite.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Ends the word at `text` at the first comma that stands alone, and makes one of each two. Returns
 * what follows that comma, or NULL.
 */
static char *split(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text == ',' && *++text != ',') {
            *to = '\0';
            return text;
        }
        *to++ = *text;
    }
    *to = '\0';
    return NULL;
}

static int refuse_open(const char *path, bool read_only, char *error, size_t error_size)
{
    const char *hint = !read_only && (errno == EACCES || errno == EROFS || errno == EPERM)
                           ? " to write (for reading alone: ,ro)"
                           : "";

    snprintf(error, error_size, "--disk %s: can't open it%s: %s", path, hint, strerror(errno));
    return -1;
}

/* Everything that makes an open file a disk. */
static int take_file(struct disk *disk, const char *path, char *error, size_t error_size)
{
    struct stat stat;
    off_t size;

    if (fstat(disk->fd, &stat) < 0 || !(S_ISREG(stat.st_mode) || S_ISBLK(stat.st_mode))) {
        snprintf(error, error_size, "--disk %s: neither a file nor a block device", path);
        return -1;
    }
    if (flock(disk->fd, (disk->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            snprintf(
                error, error_size,
                "--disk %s: in use by another guest%s; give each a copy, or to all of them ,ro",
                path, disk->read_only ? ", which writes it" : "");
        else
            snprintf(error, error_size, "--disk %s: can't lock it: %s", path, strerror(errno));
        return -1;
    }
    size = lseek(disk->fd, 0, SEEK_END);
    if (size <= 0) {
        snprintf(error, error_size, "--disk %s: %s", path,
                 size < 0 ? strerror(errno) : "empty (truncate -s 1M FILE gives it a size)");
        return -1;
    }
    disk->sectors = ((uint64_t)size + DISK_SECTOR - 1) / DISK_SECTOR;
    return 0;
}

int disk_open(struct disk *disk, char *option, char *error, size_t error_size)
{
    char *words = split(option);
    const char *slash = strrchr(option, '/'), *name = slash ? slash + 1 : option;

    *disk = (struct disk){.fd = -1};
    while (words) {
        char *word = words;
        words = split(word);
        if (strcmp(word, "ro") == 0) {
            disk->read_only = true;
        } else if (strcmp(word, "modern") == 0) {
            disk->modern = true;
        } else {
            snprintf(error, error_size,
                     "--disk %s,%s: not one of ro modern (a comma in a name is written ,,)", option,
                     word);
            return -1;
        }
    }
    memcpy(disk->name, name, strnlen(name, sizeof(disk->name)));
    /* O_NONBLOCK: a FIFO is refused, not waited for. */
    disk->fd = open(option, (disk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    if (disk->fd < 0)
        return refuse_open(option, disk->read_only, error, error_size);
    if (take_file(disk, option, error, error_size) < 0) {
        disk_close(disk);
        return -1;
    }
    return 0;
}

void disk_close(struct disk *disk)
{
    if (disk->fd >= 0)
        close(disk->fd);
    disk->fd = -1;
}

int disk_read(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    uint8_t *bytes = to;
    off_t at = (off_t)(sector * DISK_SECTOR);

    while (length > 0) {
        ssize_t done = pread(disk->fd, bytes, length, at);
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

int disk_write(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    const uint8_t *bytes = from;
    off_t at = (off_t)(sector * DISK_SECTOR);

    while (length > 0) {
        ssize_t done = pwrite(disk->fd, bytes, length, at);
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

int disk_flush(const struct disk *disk)
{
    return fdatasync(disk->fd) < 0 ? -errno : 0;
}
