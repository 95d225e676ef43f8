/*
 * The inbox: two rings under a lock, two flags without one, an eventfd in each direction.
 */
#include "inbox.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int inbox_init(struct inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
    inbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    inbox->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->wake_fd < 0 || inbox->room_fd < 0) {
        int error = -errno;
        inbox_free(inbox);
        return error;
    }
    pthread_mutex_init(&inbox->lock, NULL);
    return 0;
}

void inbox_free(struct inbox *inbox)
{
    if (inbox->wake_fd >= 0)
        close(inbox->wake_fd);
    if (inbox->room_fd >= 0)
        close(inbox->room_fd);
    inbox->wake_fd = inbox->room_fd = -1;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;

    /* Fails only when the counter is already far from zero: then the reader wakes all the same. */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

/* Called with the lock held, so that the CPU can't go away meanwhile. */
static void wake_machine(struct inbox *inbox)
{
    atomic_store(&inbox->news, true);
    if (inbox->cpu)
        inbox->cpu->ops->kick(inbox->cpu);
    signal_fd(inbox->wake_fd);
}

bool inbox_post(struct inbox *inbox, enum inbox_ring ring, struct inbox_event event)
{
    bool posted = false;

    pthread_mutex_lock(&inbox->lock);
    if (inbox->ring[ring].count < INBOX_RING_SIZE) {
        unsigned last = (inbox->ring[ring].first + inbox->ring[ring].count) % INBOX_RING_SIZE;
        inbox->ring[ring].event[last] = event;
        inbox->ring[ring].count++;
        posted = true;
        wake_machine(inbox);
    } else {
        inbox->ring[ring].was_full = true;
    }
    pthread_mutex_unlock(&inbox->lock);
    return posted;
}

static void request(struct inbox *inbox, atomic_bool *what)
{
    pthread_mutex_lock(&inbox->lock);
    atomic_store(what, true);
    wake_machine(inbox);
    pthread_mutex_unlock(&inbox->lock);
}

void inbox_close(struct inbox *inbox)
{
    request(inbox, &inbox->closed);
}

void inbox_quit(struct inbox *inbox)
{
    request(inbox, &inbox->quit);
}

void inbox_look(struct inbox *inbox)
{
    request(inbox, &inbox->look);
}

void inbox_ask(struct inbox *inbox)
{
    request(inbox, &inbox->asked);
}

void inbox_listen(struct inbox *inbox, struct cpu *cpu)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->cpu = cpu;
    pthread_mutex_unlock(&inbox->lock);
}

bool inbox_take(struct inbox *inbox, enum inbox_ring ring, struct inbox_event *event)
{
    bool taken = false;

    pthread_mutex_lock(&inbox->lock);
    if (inbox->ring[ring].count > 0) {
        *event = inbox->ring[ring].event[inbox->ring[ring].first];
        inbox->ring[ring].first = (inbox->ring[ring].first + 1) % INBOX_RING_SIZE;
        inbox->ring[ring].count--;
        taken = true;
        if (inbox->ring[ring].was_full && inbox->ring[ring].count <= INBOX_RING_SIZE / 2) {
            inbox->ring[ring].was_full = false;
            signal_fd(inbox->room_fd);
        }
    }
    pthread_mutex_unlock(&inbox->lock);
    return taken;
}

void inbox_wait(struct inbox *inbox, uint64_t timeout_ns)
{
    struct pollfd wake = {.fd = inbox->wake_fd, .events = POLLIN};
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / NS_PER_SECOND),
        .tv_nsec = (long)(timeout_ns % NS_PER_SECOND),
    };
    uint64_t count;

    if (ppoll(&wake, 1, timeout_ns == CLOCK_NEVER ? NULL : &timeout, NULL) > 0 &&
        read(inbox->wake_fd, &count, sizeof(count)) < 0)
        return;
}
