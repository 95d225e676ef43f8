/*
 * An epoll descriptor stands for the two others, so that whoever waits for much has one to poll.
 */
#include "monitor_socket.h"

#include "console/sink.h"
#include "explain/desk.h"
#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WAITING_MAX 65536 /* answers that nobody reads; then nothing more is asked */

struct monitor_socket {
    struct listener listener;
    int poll, client; /* client: -1: none */
    struct sink out;
    char typed[4096];
    size_t typed_count;
    bool is_at_end, is_watched; /* at_end: of what the client says */
    struct question *question;  /* that waits for its answer; or NULL */
};

/* ---- listening ---- */

static void watch(const struct monitor_socket *socket, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    epoll_ctl(socket->poll, operation, fd, &event);
}

struct monitor_socket *monitor_socket_open(const char *where, char *error, size_t error_size)
{
    struct monitor_socket *made = calloc(1, sizeof(*made));

    if (!made) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    made->poll = made->listener.fd = made->client = made->out.fd = -1;
    if (listener_open_unix(&made->listener, strncmp(where, "unix:", 5) == 0 ? where + 5 : "", error,
                           error_size) == 0) {
        made->poll = epoll_create1(EPOLL_CLOEXEC);
        if (made->poll >= 0) {
            watch(made, EPOLL_CTL_ADD, made->listener.fd, EPOLLIN);
            return made;
        }
        snprintf(error, error_size, "can't make a socket: %s", strerror(errno));
    }
    monitor_socket_free(made);
    return NULL;
}

void monitor_socket_free(struct monitor_socket *socket)
{
    if (!socket)
        return;
    if (socket->client >= 0)
        close(socket->client);
    listener_close(&socket->listener);
    if (socket->poll >= 0)
        close(socket->poll);
    sink_free(&socket->out);
    if (socket->question && socket->question->is_answered) { /* else it is still a thread's */
        free(socket->question->answer);
        free(socket->question);
    }
    free(socket);
}

const char *monitor_socket_path(const struct monitor_socket *socket)
{
    return socket->listener.path;
}

int monitor_socket_fd(const struct monitor_socket *socket)
{
    return socket->poll;
}

bool monitor_socket_is_busy(const struct monitor_socket *socket)
{
    return socket->client >= 0;
}

/* ---- a client ---- */

/* Nobody is at the other end any more; one who only has nothing more to say still reads. */
static bool has_gone(const struct monitor_socket *socket)
{
    struct pollfd client = {.fd = socket->client};

    return socket->out.error || (poll(&client, 1, 0) > 0 && (client.revents & (POLLHUP | POLLERR)));
}

static void take_clients(struct monitor_socket *socket)
{
    static const char refusal[] = "somebody else is at this monitor\n";
    int fd;

    /* Behind one who has gone, and whose lines are still done, the next one waits. */
    while ((socket->client < 0 || !has_gone(socket)) &&
           (fd = listener_accept(&socket->listener)) >= 0) {
        if (socket->client >= 0) {
            if (write(fd, refusal, sizeof(refusal) - 1) < 0) {
                /* it has gone */
            }
            close(fd);
            continue;
        }
        socket->client = socket->out.fd = fd;
        socket->out.error = 0;
        socket->typed_count = 0;
        socket->is_at_end = socket->is_watched = false;
        sink_puts(&socket->out, MONITOR_PROMPT);
    }
}

static void drop_client(struct monitor_socket *socket, struct desk *desk)
{
    if (socket->question)
        desk_withdraw(desk, socket->question);
    socket->question = NULL;
    close(socket->client);
    sink_free(&socket->out);
    socket->client = socket->out.fd = -1;
}

static void take_bytes(struct monitor_socket *socket)
{
    size_t room = sizeof(socket->typed) - socket->typed_count;
    ssize_t count = room ? read(socket->client, socket->typed + socket->typed_count, room) : 0;

    if (count > 0)
        socket->typed_count += (size_t)count;
    else if (room && (count == 0 || (errno != EAGAIN && errno != EINTR)))
        socket->is_at_end = true;
}

/* The next line that came, without its end; how long it is with that, 0: none is complete. A line
 * that fills the buffer, or that nothing follows, is complete. */
static size_t next_line(const struct monitor_socket *socket, char line[MONITOR_LINE])
{
    const char *end = memchr(socket->typed, '\n', socket->typed_count);
    size_t length = end ? (size_t)(end - socket->typed) : socket->typed_count;
    size_t taken = end ? length + 1 : length;

    if (!end && !socket->is_at_end && socket->typed_count < sizeof(socket->typed))
        return 0;
    length = length < MONITOR_LINE ? length : MONITOR_LINE - 1;
    memcpy(line, socket->typed, length);
    line[length] = '\0';
    return taken;
}

static bool has_line(const struct monitor_socket *socket)
{
    char line[MONITOR_LINE];

    return next_line(socket, line) > 0;
}

static bool somebody_comes(const struct monitor_socket *socket)
{
    struct pollfd listener = {.fd = socket->listener.fd, .events = POLLIN};

    return poll(&listener, 1, 0) > 0;
}

/* A line that waits behind `until` and says `stop` ends the waiting; so does who comes after a
 * client that has gone, or he might wait for ever. */
static void heed_stop(const struct monitor_socket *socket, struct desk *desk)
{
    char line[MONITOR_LINE];

    if ((next_line(socket, line) > 0 && monitor_is_stop(line)) ||
        (has_gone(socket) && somebody_comes(socket)))
        desk_interrupt(desk, socket->question);
}

static bool ask_next(struct monitor_socket *socket, struct desk *desk)
{
    char line[MONITOR_LINE];
    size_t taken;

    if (socket->client < 0 || socket->question || socket->out.used >= WAITING_MAX ||
        !(taken = next_line(socket, line)))
        return false;
    socket->typed_count -= taken;
    memmove(socket->typed, socket->typed + taken, socket->typed_count);
    socket->question = calloc(1, sizeof(*socket->question));
    if (!socket->question) {
        sink_puts(&socket->out, "out of memory\n" MONITOR_PROMPT);
        return true;
    }
    memcpy(socket->question->line, line, sizeof(line));
    desk_ask(desk, socket->question);
    return true;
}

static void take_answer(struct monitor_socket *socket, struct desk *desk)
{
    struct question *question = socket->question;

    if (!question || !desk_has_answered(desk, question))
        return;
    sink_puts(&socket->out, question->answer ? question->answer : "out of memory\n");
    sink_puts(&socket->out, MONITOR_PROMPT);
    free(question->answer);
    free(question);
    socket->question = NULL;
}

/* What is waited for of the client: its going, too, but not while there are lines left to do. */
static void watch_client(struct monitor_socket *socket)
{
    bool has_room = !socket->is_at_end && socket->typed_count < sizeof(socket->typed);
    uint32_t events = (has_room ? EPOLLIN : 0u) | (socket->out.used > 0 ? EPOLLOUT : 0u);
    bool was_watched = socket->is_watched;

    socket->is_watched = events || !has_line(socket);
    if (socket->is_watched || was_watched)
        watch(socket,
              !was_watched         ? EPOLL_CTL_ADD
              : socket->is_watched ? EPOLL_CTL_MOD
                                   : EPOLL_CTL_DEL,
              socket->client, events);
}

void monitor_socket_update(struct monitor_socket *socket, struct desk *desk)
{
    take_clients(socket);
    if (socket->client >= 0)
        take_bytes(socket);
    do
        take_answer(socket, desk);
    while (ask_next(socket, desk));
    if (socket->client < 0)
        return;
    if (socket->question)
        heed_stop(socket, desk);
    sink_write(&socket->out);
    /* What was said is done, whoever has gone meanwhile. */
    if (!has_line(socket) &&
        (has_gone(socket) || (socket->is_at_end && !socket->question && socket->out.used == 0)))
        drop_client(socket, desk);
    else
        watch_client(socket);
}
