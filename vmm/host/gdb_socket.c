/*
 * Bytes between a client and its session. An epoll descriptor stands for listener and client.
 */
#include "gdb_socket.h"

#include "console/sink.h"
#include "gdb/packet.h"
#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define GUESTS_MAX  512
#define WAITING_MAX 262144 /* bytes that nobody reads; then nothing more is asked */

struct gdb_socket {
    struct listener listener;
    int poll, client; /* client: -1: none */
    struct sink out;
    uint8_t taken[4096];
    size_t taken_count;
    uint32_t events; /* of the client that are waited for */
    struct gdb_session *session;
    char command[600]; /* how gdb comes here */
};

static void watch(const struct gdb_socket *socket, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    epoll_ctl(socket->poll, operation, fd, &event);
}

/* The commands that are shipped with the program, next to it; false: they are not there. */
static bool find_script(char *path, size_t size)
{
    static const char name[] = "vmm.gdb";
    char cwd[256];
    ssize_t length = readlink("/proc/self/exe", path, size - sizeof(name));
    size_t above;

    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length <= 0)
        return false;
    snprintf(path + length, size - (size_t)length, "%s", name);
    if (access(path, R_OK) < 0)
        return false;
    if (getcwd(cwd, sizeof(cwd)) && (above = strlen(cwd)) > 1 && strncmp(path, cwd, above) == 0 &&
        path[above] == '/')
        memmove(path, path + above + 1, strlen(path + above));
    return true;
}

static void make_command(struct gdb_socket *socket, const char *where)
{
    const char *colon = strncmp(where, "unix:", 5) == 0 ? NULL : strrchr(where, ':');
    char script[256], place[200];
    bool has_script = find_script(script, sizeof(script));

    if (socket->listener.path[0])
        snprintf(place, sizeof(place), "%s", socket->listener.path);
    else if (!colon) /* the address in numbers: a bare machine can't resolve "localhost" */
        snprintf(place, sizeof(place), "127.0.0.1:%s", where);
    else
        snprintf(place, sizeof(place), "%s", where);
    snprintf(socket->command, sizeof(socket->command), "gdb %s%s%s-ex 'target remote %s'",
             has_script ? "-x " : "", has_script ? script : "", has_script ? " " : "", place);
}

struct gdb_socket *gdb_socket_open(const char *where, char *error, size_t error_size)
{
    struct gdb_socket *made = calloc(1, sizeof(*made));
    int failed;

    if (!made) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    made->client = made->out.fd = made->poll = -1;
    failed = strncmp(where, "unix:", 5) == 0
                 ? listener_open_unix(&made->listener, where + 5, error, error_size)
                 : listener_open_tcp(&made->listener, where, error, error_size);
    if (failed == 0 && (made->poll = epoll_create1(EPOLL_CLOEXEC)) < 0) {
        snprintf(error, error_size, "can't make file descriptors: %s", strerror(errno));
        failed = -1;
    }
    if (failed < 0) {
        gdb_socket_free(made);
        return NULL;
    }
    watch(made, EPOLL_CTL_ADD, made->listener.fd, EPOLLIN);
    make_command(made, where);
    return made;
}

void gdb_socket_drop(struct gdb_socket *socket)
{
    if (socket->client < 0)
        return;
    gdb_session_free(socket->session);
    socket->session = NULL;
    sink_write(&socket->out);
    sink_free(&socket->out);
    close(socket->client);
    socket->client = socket->out.fd = -1;
}

void gdb_socket_free(struct gdb_socket *socket)
{
    if (!socket)
        return;
    gdb_socket_drop(socket);
    listener_close(&socket->listener);
    if (socket->poll >= 0)
        close(socket->poll);
    free(socket);
}

const char *gdb_socket_path(const struct gdb_socket *socket)
{
    return socket->listener.path[0] ? socket->listener.path : NULL;
}

const char *gdb_socket_command(const struct gdb_socket *socket)
{
    return socket->command;
}

int gdb_socket_fd(const struct gdb_socket *socket)
{
    return socket->poll;
}

/* ---- a client ---- */

static void send(void *owner, const char *bytes, size_t count)
{
    struct gdb_socket *socket = owner;

    sink_put(&socket->out, bytes, count);
}

/* gdb shows the text of an error packet that comes before it has asked anything. */
static void refuse(int fd)
{
    static const char text[] = "E.another gdb debugs these guests";
    char packet[2 * sizeof(text) + 4];

    if (write(fd, packet, gdb_wrap(text, sizeof(text) - 1, packet)) < 0) {
        /* it has gone */
    }
    close(fd);
}

/* Reads all there is. False: the client has gone. */
static bool take_bytes(struct gdb_socket *socket)
{
    ssize_t count = 1;

    while (count > 0 && socket->taken_count < sizeof(socket->taken) &&
           socket->out.used < WAITING_MAX) {
        count = read(socket->client, socket->taken + socket->taken_count,
                     sizeof(socket->taken) - socket->taken_count);
        if (count > 0)
            socket->taken_count += (size_t)count;
    }
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Passes on what came from the client and what is for it; if it has gone, so has the session. */
static void serve(struct gdb_socket *socket)
{
    bool is_there = take_bytes(socket);
    size_t used = gdb_session_take(socket->session, socket->taken, socket->taken_count);

    socket->taken_count -= used;
    memmove(socket->taken, socket->taken + used, socket->taken_count);
    sink_write(&socket->out);
    if (!is_there || socket->out.error)
        gdb_socket_drop(socket);
}

static void take_clients(struct gdb_socket *socket,
                         size_t (*list)(void *owner, struct gdb_guest *guests, size_t most),
                         void *owner)
{
    struct gdb_guest guests[GUESTS_MAX];
    int fd;

    while ((fd = listener_accept(&socket->listener)) >= 0) {
        if (socket->client >= 0)
            serve(socket); /* it may have gone before this one came */
        if (socket->client >= 0) {
            refuse(fd);
            continue;
        }
        socket->client = socket->out.fd = fd;
        socket->out.error = 0;
        socket->taken_count = 0;
        socket->events = EPOLLIN;
        watch(socket, EPOLL_CTL_ADD, fd, EPOLLIN);
        socket->session = gdb_session_new(guests, list(owner, guests, GUESTS_MAX), send, socket);
        if (!socket->session)
            gdb_socket_drop(socket);
    }
}

void gdb_socket_update(struct gdb_socket *socket,
                       size_t (*list)(void *owner, struct gdb_guest *guests, size_t most),
                       void *owner)
{
    uint32_t events;

    if (socket->client >= 0)
        serve(socket);
    take_clients(socket, list, owner);
    if (socket->client < 0)
        return;
    events =
        (socket->taken_count < sizeof(socket->taken) && socket->out.used < WAITING_MAX ? EPOLLIN
                                                                                       : 0u) |
        (socket->out.used > 0 ? EPOLLOUT : 0u);
    if (events != socket->events)
        watch(socket, EPOLL_CTL_MOD, socket->client, events);
    socket->events = events;
}
