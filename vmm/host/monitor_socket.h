/*
 * The monitor at a Unix socket, for scripts: a line in, its answer out, then a prompt. One client
 * at a time.
 */
#ifndef VMM_HOST_MONITOR_SOCKET_H
#define VMM_HOST_MONITOR_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

struct desk;
struct monitor_socket;

/*
 * Listens where an option says: unix:PATH. A socket that nobody listens at any more is replaced.
 * NULL with one sentence in `error`. Freed by monitor_socket_free, which removes the file,
 * once the guest's thread has ended.
 */
struct monitor_socket *monitor_socket_open(const char *where, char *error, size_t error_size);
void monitor_socket_free(struct monitor_socket *socket);

/* Where it is in the file system. */
const char *monitor_socket_path(const struct monitor_socket *socket);

/* To be polled for reading; then, and after an answer, monitor_socket_update is due. */
int monitor_socket_fd(const struct monitor_socket *socket);

/* Passes on what came from the client and what has been answered at the guest's desk. */
void monitor_socket_update(struct monitor_socket *socket, struct desk *desk);

/* Whether there is a client. */
bool monitor_socket_is_busy(const struct monitor_socket *socket);

#endif
