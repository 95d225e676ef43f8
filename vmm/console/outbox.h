/*
 * What a guest prints, and what is said of it, on its way to another thread: a ring that holds the
 * guest back when it is full.
 */
#ifndef VMM_CONSOLE_OUTBOX_H
#define VMM_CONSOLE_OUTBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_SIZE 16384
#define OUTBOX_RUNS 16

/* Bytes of one kind, one behind the other. */
struct outbox_run {
    size_t count;
    bool is_message;
};

struct outbox {
    pthread_mutex_t lock;
    pthread_cond_t room;
    uint8_t *bytes; /* OUTBOX_SIZE of them; NULL before the first */
    size_t first, count;
    struct outbox_run runs[OUTBOX_RUNS]; /* a ring, too: what the bytes are */
    unsigned first_run, run_count;
    bool is_closed;
    bool has_lost; /* there was no memory for the ring */
    int news_fd;   /* eventfd, written when something comes into an empty ring */
};

void outbox_init(struct outbox *outbox, int news_fd);
void outbox_free(struct outbox *outbox);

/* Whether so many bytes find room now. */
bool outbox_has_room(struct outbox *outbox, size_t count);

/* The guest's thread: adds all the bytes, of what the guest prints or of a message about it,
 * waiting for room. Without memory they are lost. */
void outbox_put(struct outbox *outbox, const uint8_t *bytes, size_t count, bool is_message);

/* Takes up to `size` bytes of one kind, in the order they came; 0: there are none now. */
size_t outbox_take(struct outbox *outbox, uint8_t *to, size_t size, bool *is_message);

/* From now on, or until it is opened again, what finds no room is thrown away: the guest is to end,
 * and must not wait. */
void outbox_close(struct outbox *outbox, bool closed);

/* Whether anything was lost since the last call. */
bool outbox_has_lost(struct outbox *outbox);

#endif
