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

/* A file's first bytes; false: it has fewer, or is of a kind that can be read but once. */
static bool read_begin(const char *path, void *bytes, size_t size)
{
    struct stat status;
    bool ok;
    int fd;

    /* What has no bytes of its own is not opened: a pipe would be waited for. */
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return false;
    fd = file_do(path, FILE_READ);
    if (fd < 0)
        return false;
    ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
         pread(fd, bytes, size, 0) == (ssize_t)size;
    close(fd);
    return ok;
}

bool image_file_is_boot_sector(const char *path)
{
    uint8_t sector[IMAGE_SECTOR];

    return read_begin(path, sector, sizeof(sector)) &&
           image_is_boot_sector(sector, sizeof(sector)) && sector[0] != 0x7f;
}

bool image_file_is_elf(const char *path)
{
    static const char magic[4] = "\177ELF";
    char begin[sizeof(magic)];

    return read_begin(path, begin, sizeof(begin)) && memcmp(begin, magic, sizeof(magic)) == 0;
}
