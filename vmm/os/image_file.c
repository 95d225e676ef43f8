/*
 * Reading images: regular files at once, pipes and devices to their end.
 */
#include "image_file.h"

#include "file.h"
#include "load/image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLOPPY_MAX (2880 * 1024)

/* Reads to the end of `fd` or until `limit` is passed. Returns 0 or -errno, -EFBIG for the latter;
 * the block is the caller's in any case. */
static int read_all(int fd, size_t expected, uint64_t limit, uint8_t **bytes, size_t *size)
{
    size_t room = 0;

    *bytes = NULL;
    *size = 0;
    for (;;) {
        if (*size == room) {
            /* One more than expected, so that a file of that size is read without growing. */
            size_t wanted = room == 0 ? expected + 1 : room * 2;
            uint8_t *grown = realloc(*bytes, wanted);

            if (!grown)
                return -ENOMEM;
            *bytes = grown;
            room = wanted;
        }
        ssize_t got = read(fd, *bytes + *size, room - *size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        *size += (size_t)got;
        if (*size > limit)
            return -EFBIG;
    }
}

int image_file_read(void *unused, const char *path, uint64_t limit, uint8_t **bytes, size_t *size)
{
    (void)unused;
    struct stat status;
    int fd, error;

    *bytes = NULL;
    *size = 0;
    fd = file_do(path, FILE_READ);
    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0) {
        error = -errno;
    } else if (S_ISDIR(status.st_mode)) {
        error = -EISDIR;
    } else {
        bool is_sized = S_ISREG(status.st_mode) && status.st_size >= 0;

        /* A pipe or a device has no size to trust. */
        if (is_sized && (uint64_t)status.st_size > limit)
            error = -EFBIG;
        else
            error = read_all(fd, is_sized ? (size_t)status.st_size : 65535, limit, bytes, size);
    }
    close(fd);
    if (error < 0) {
        free(*bytes);
        *bytes = NULL;
    }
    return error;
}

static bool read_at(int fd, off_t at, void *to, size_t size)
{
    return pread(fd, to, size, at) == (ssize_t)size;
}

static enum image_file_kind kind_of(int fd, uint64_t size)
{
    static const char elf[4] = "\177ELF";
    uint8_t sector[IMAGE_SECTOR];
    char word[IMAGE_CD_BYTES];

    /* First: most CDs can be started as disks, too. */
    if (read_at(fd, IMAGE_CD_AT, word, sizeof(word)) &&
        memcmp(word, IMAGE_CD_WORD, sizeof(word)) == 0)
        return IMAGE_FILE_CD;
    if (read_at(fd, 0, sector, sizeof(elf)) && memcmp(sector, elf, sizeof(elf)) == 0)
        return IMAGE_FILE_ELF;
    if (!read_at(fd, 0, sector, sizeof(sector)) || !image_is_boot_sector(sector, sizeof(sector)))
        return IMAGE_FILE_OTHER;
    if (size <= FLOPPY_MAX)
        return IMAGE_FILE_FLOPPY;
    return size > IMAGE_FILE_MAX ? IMAGE_FILE_DISK : IMAGE_FILE_BOOT_SECTOR;
}

enum image_file_kind image_file_kind(const char *path)
{
    enum image_file_kind kind = IMAGE_FILE_OTHER;
    struct stat status;
    int fd;

    /* What has no bytes of its own is not opened: a pipe would be waited for. */
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return IMAGE_FILE_OTHER;
    fd = file_do(path, FILE_READ);
    if (fd < 0)
        return IMAGE_FILE_OTHER;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        kind = kind_of(fd, (uint64_t)status.st_size);
    close(fd);
    return kind;
}
