/*
 * Files by name: open(2), and drafts that rename(2) puts into their place.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the process: who opens files for it. */
static int (*asked)(const char *path, enum file_request request) = file_do_here;

void file_ask(int (*other)(const char *path, enum file_request request))
{
    asked = other ? other : file_do_here;
}

int file_do(const char *path, enum file_request request)
{
    return asked(path, request);
}

FILE *file_stream(const char *path, enum file_request request)
{
    int fd = file_do(path, request);
    FILE *file = fd < 0 ? NULL : fdopen(fd, request == FILE_READ ? "r" : "w");

    if (fd < 0)
        errno = -fd;
    else if (!file)
        close(fd);
    return file;
}

/* Where a path leads, links followed, to be freed, and the permissions of what is there or will be.
 * NULL, and errno: it can't be replaced. */
static char *find_place(const char *path, mode_t *mode)
{
    char *place = realpath(path, NULL);
    struct stat status;

    *mode = S_IRUSR | S_IWUSR;
    if (!place && errno == ENOENT && stat(path, &status) < 0)
        return strdup(path);
    if (!place && errno == ENOENT)
        errno = EINVAL; /* a pipe, by way of /dev/stdout */
    if (place && stat(place, &status) == 0) {
        *mode = status.st_mode & 0777;
        if (S_ISREG(status.st_mode))
            return place;
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    }
    free(place);
    return NULL;
}

/* The draft that takes `name`. One that a process of this number has left is done away with. */
static int open_draft(const char *name, mode_t mode)
{
    int fd;

    unlink(name);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0 && fchmod(fd, mode) < 0) {
        /* a file system without permissions */
    }
    return fd;
}

static int do_draft(const char *path, enum file_request request)
{
    mode_t mode;
    char *place = find_place(path, &mode), name[PATH_MAX];
    int result = -1;

    if (!place)
        return -errno;
    if (snprintf(name, sizeof(name), "%s.vmm-%d", place, (int)getpid()) >= (int)sizeof(name))
        errno = ENAMETOOLONG;
    else if (request == FILE_DRAFT)
        result = open_draft(name, mode);
    else
        result = request == FILE_KEEP ? rename(name, place) : unlink(name);
    free(place);
    return result < 0 ? -errno : result;
}

/* Opening a named pipe waits for its other end, and a signal ends the wait. */
static int open_file(const char *path, int flags)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int file_do_here(const char *path, enum file_request request)
{
    switch (request) {
    case FILE_READ:
        return open_file(path, O_RDONLY);
    case FILE_WRITE:
        return open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    case FILE_REMOVE:
        return unlink(path) < 0 ? -errno : 0;
    default:
        return do_draft(path, request);
    }
}
