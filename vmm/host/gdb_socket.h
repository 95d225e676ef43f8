/*
 * A socket for gdb: one for all guests of a process, and one client at a time.
 */
#ifndef VMM_HOST_GDB_SOCKET_H
#define VMM_HOST_GDB_SOCKET_H

#include "gdb/session.h"

struct gdb_socket;

/* Listens where an option says: [HOST:]PORT or unix:PATH. NULL with one sentence in `error`. Freed
 * by gdb_socket_free, while the guests are still there; it removes the file. */
struct gdb_socket *gdb_socket_open(const char *where, char *error, size_t error_size);
void gdb_socket_free(struct gdb_socket *socket);

/* Its file; NULL: it has none. */
const char *gdb_socket_path(const struct gdb_socket *socket);

/* The command that brings gdb here, for a shell in the same directory; an image with symbols may
 * follow. */
const char *gdb_socket_command(const struct gdb_socket *socket);

/* To be polled for reading; then, and after an answer at a desk, gdb_socket_update is due. */
int gdb_socket_fd(const struct gdb_socket *socket);

/* Passes on what came from the client, and what guests have answered. `list` gives the guests, for
 * a client that begins, into room for `most`; it returns how many they are. */
void gdb_socket_update(struct gdb_socket *socket,
                       size_t (*list)(void *owner, struct gdb_guest *guests, size_t most),
                       void *owner);

/* Ends the session with the client, if there is one, while the guests are still there. */
void gdb_socket_drop(struct gdb_socket *socket);

#endif
