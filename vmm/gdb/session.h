/*
 * A debugger's connection: gdb's remote protocol over the guests of a process, each an inferior of
 * its own. It stops them when it begins; all stop when one does. It knows no socket: bytes come in,
 * and go out by a function.
 */
#ifndef VMM_GDB_SESSION_H
#define VMM_GDB_SESSION_H

#include "explain/desk.h"

/* A guest that can be debugged. The n-th one is gdb's inferior n, counted from 1. */
struct gdb_guest {
    const char *name;
    struct desk *desk;
};

struct gdb_session;

/* Begins one, and stops the guests, which must stay until it is freed; they may restart. `send`
 * takes what the client is to get. NULL: no memory. */
struct gdb_session *gdb_session_new(const struct gdb_guest *guests, size_t count,
                                    void (*send)(void *owner, const char *bytes, size_t count),
                                    void *owner);

/* The client has gone: breakpoints are removed, and each guest goes on, or stands still, as it did
 * before. */
void gdb_session_free(struct gdb_session *session);

/* Bytes from the client: how many it has taken, for no more come in while a guest is asked. */
size_t gdb_session_take(struct gdb_session *session, const uint8_t *bytes, size_t count);

/* A guest may have answered. */
void gdb_session_update(struct gdb_session *session);

#endif
