/*
 * Where a socket listens that an option names: unix:PATH, or [HOST:]PORT.
 */
#ifndef VMM_HOST_LISTENER_H
#define VMM_HOST_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

struct listener {
    int fd;         /* -1: it is not open */
    char path[108]; /* of a Unix socket; empty: it is none */
};

/*
 * Listens. A socket file that nobody listens at any more is replaced. Without a host, TCP listens
 * for this machine alone (127.0.0.1). 0, or -1 with one sentence in `error`.
 */
int listener_open_unix(struct listener *listener, const char *path, char *error, size_t error_size);
int listener_open_tcp(struct listener *listener, const char *where, char *error, size_t error_size);

/* Closes it, and removes its file. */
void listener_close(struct listener *listener);

/* The next client's descriptor, which does not block; -1: there is none now. */
int listener_accept(const struct listener *listener);

#endif
