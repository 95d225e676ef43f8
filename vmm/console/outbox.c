/*
 * The ring between a guest's thread and the one that shows it.
 */
#include "outbox.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void outbox_init(struct outbox *outbox, int news_fd)
{
    *outbox = (struct outbox){.news_fd = news_fd};
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_cond_init(&outbox->room, NULL);
}

void outbox_free(struct outbox *outbox)
{
    pthread_cond_destroy(&outbox->room);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox->bytes);
    outbox->bytes = NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool outbox_has_room(struct outbox *outbox, size_t count)
{
    bool has_room;

    pthread_mutex_lock(&outbox->lock);
    has_room = OUTBOX_SIZE - outbox->count >= count;
    pthread_mutex_unlock(&outbox->lock);
    return has_room;
}

/* The run that bytes of this kind are added to; NULL: there are too many already. */
static struct outbox_run *last_run(struct outbox *outbox, bool is_message)
{
    struct outbox_run *last =
        &outbox->runs[(outbox->first_run + outbox->run_count - 1) % OUTBOX_RUNS];

    if (outbox->run_count > 0 && last->is_message == is_message)
        return last;
    if (outbox->run_count == OUTBOX_RUNS)
        return NULL;
    last = &outbox->runs[(outbox->first_run + outbox->run_count++) % OUTBOX_RUNS];
    *last = (struct outbox_run){.is_message = is_message};
    return last;
}

void outbox_put(struct outbox *outbox, const uint8_t *bytes, size_t count, bool is_message)
{
    uint64_t one = 1;

    pthread_mutex_lock(&outbox->lock);
    if (!outbox->bytes)
        outbox->bytes = malloc(OUTBOX_SIZE);
    outbox->has_lost = outbox->has_lost || !outbox->bytes;
    while (count > 0 && outbox->bytes) {
        struct outbox_run *run = NULL;
        size_t last, now;
        while ((outbox->count == OUTBOX_SIZE || !(run = last_run(outbox, is_message))) &&
               !outbox->is_closed)
            pthread_cond_wait(&outbox->room, &outbox->lock);
        last = (outbox->first + outbox->count) % OUTBOX_SIZE;
        now = least(count, least(OUTBOX_SIZE - outbox->count, OUTBOX_SIZE - last));
        if (now == 0 || !run)
            break; /* closed */
        memcpy(outbox->bytes + last, bytes, now);
        if (outbox->count == 0 && write(outbox->news_fd, &one, sizeof(one)) < 0)
            break; /* can't be: the counter is far from full */
        outbox->count += now;
        run->count += now;
        bytes += now;
        count -= now;
    }
    pthread_mutex_unlock(&outbox->lock);
}

size_t outbox_take(struct outbox *outbox, uint8_t *to, size_t size, bool *is_message)
{
    struct outbox_run *run;
    size_t taken = 0;

    pthread_mutex_lock(&outbox->lock);
    run = &outbox->runs[outbox->first_run];
    if (outbox->run_count > 0) {
        size = least(size, run->count);
        *is_message = run->is_message;
    }
    while (taken < size && outbox->count > 0) {
        size_t now = least(size - taken, least(outbox->count, OUTBOX_SIZE - outbox->first));
        memcpy(to + taken, outbox->bytes + outbox->first, now);
        outbox->first = (outbox->first + now) % OUTBOX_SIZE;
        outbox->count -= now;
        taken += now;
    }
    if (taken > 0) {
        run->count -= taken;
        if (run->count == 0) {
            outbox->first_run = (outbox->first_run + 1) % OUTBOX_RUNS;
            outbox->run_count--;
        }
        pthread_cond_signal(&outbox->room);
    }
    pthread_mutex_unlock(&outbox->lock);
    return taken;
}

bool outbox_has_lost(struct outbox *outbox)
{
    bool has_lost;

    pthread_mutex_lock(&outbox->lock);
    has_lost = outbox->has_lost;
    outbox->has_lost = false;
    pthread_mutex_unlock(&outbox->lock);
    return has_lost;
}

void outbox_close(struct outbox *outbox, bool closed)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->is_closed = closed;
    pthread_cond_signal(&outbox->room);
    pthread_mutex_unlock(&outbox->lock);
}
