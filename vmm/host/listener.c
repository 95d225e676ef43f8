/*
 * Unix sockets and TCP ones.
 */
#include "listener.h"

#include "os/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4

__attribute__((format(printf, 3, 4))) static int fail(char *error, size_t size, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return -1;
}

/* Makes way for the socket: a file that is one, and that nobody listens at, is removed. */
static int clear_path(const struct sockaddr_un *address, char *error, size_t error_size)
{
    struct stat status;
    int fd, refused;

    if (lstat(address->sun_path, &status) < 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return fail(error, error_size, "%s is there already, and no socket", address->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
              errno == ECONNREFUSED;
    close(fd);
    if (!refused)
        return fail(error, error_size, "another program listens at %s", address->sun_path);
    unlink(address->sun_path);
    return 0;
}

static int listen_at(struct listener *listener, int family, const void *address, socklen_t size,
                     const char *shown, char *error, size_t error_size)
{
    int one = 1;

    listener->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return fail(error, error_size, "can't make a socket: %s", strerror(errno));
    if (family == AF_INET) { /* what is accepted inherits it: short packets, each waited for */
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (bind(listener->fd, address, size) == 0 && listen(listener->fd, BACKLOG) == 0)
        return 0;
    fail(error, error_size, "can't listen at %s: %s", shown, strerror(errno));
    close(listener->fd);
    listener->fd = -1;
    return -1;
}

int listener_open_unix(struct listener *listener, const char *path, char *error, size_t error_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *listener = (struct listener){.fd = -1};
    if (!*path || strlen(path) >= sizeof(address.sun_path))
        return fail(error, error_size, "not unix:PATH with a path of up to %zu bytes",
                    sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);
    if (clear_path(&address, error, error_size) < 0 ||
        listen_at(listener, AF_UNIX, &address, sizeof(address), path, error, error_size) < 0)
        return -1;
    strcpy(listener->path, path);
    return 0;
}

int listener_open_tcp(struct listener *listener, const char *where, char *error, size_t error_size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
    char host[64] = "", *end;
    unsigned long number = strtoul(port, &end, 10);

    *listener = (struct listener){.fd = -1};
    if (colon)
        snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
    if (strcmp(host, "localhost") == 0)
        host[0] = '\0';
    if (*port < '0' || *port > '9' || *end || number == 0 || number > UINT16_MAX ||
        (host[0] && inet_pton(AF_INET, host, &address.sin_addr) != 1))
        return fail(error, error_size,
                    "not [HOST:]PORT with an address such as 127.0.0.1 and a port from 1 to 65535");
    address.sin_port = htons((uint16_t)number);
    return listen_at(listener, AF_INET, &address, sizeof(address), where, error, error_size);
}

void listener_close(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->path[0])
        file_do(listener->path, FILE_REMOVE);
    *listener = (struct listener){.fd = -1};
}

int listener_accept(const struct listener *listener)
{
    return accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
