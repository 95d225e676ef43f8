/*
 * The desk: a list under a lock, and an eventfd for the way back.
 */
#include "desk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int desk_init(struct desk *desk, struct inbox *inbox, const char *image)
{
    *desk = (struct desk){.inbox = inbox, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&desk->lock, NULL);
    monitor_init(&desk->monitor, inbox, image);
    return desk->fd < 0 ? -errno : 0;
}

void desk_free(struct desk *desk)
{
    monitor_free(&desk->monitor);
    pthread_mutex_destroy(&desk->lock);
    if (desk->fd >= 0)
        close(desk->fd);
    desk->fd = -1;
}

void desk_ask(struct desk *desk, struct question *question)
{
    struct question **last = &desk->first;

    free(question->answer);
    question->answer = NULL;
    question->is_answered = question->is_interrupted = false;
    question->next = NULL;
    pthread_mutex_lock(&desk->lock);
    while (*last)
        last = &(*last)->next;
    *last = question;
    inbox_ask(desk->inbox);
    pthread_mutex_unlock(&desk->lock);
}

static struct question *take(struct desk *desk)
{
    struct question *first;

    pthread_mutex_lock(&desk->lock);
    first = desk->first;
    if (first)
        desk->first = first->next;
    /* With the list: or a question that was taken at once would be asked for again. */
    atomic_store(&desk->inbox->asked, desk->first != NULL);
    pthread_mutex_unlock(&desk->lock);
    return first;
}

/* One of a question's flags. */
static bool look_at(struct desk *desk, const bool *flag)
{
    bool value;

    pthread_mutex_lock(&desk->lock);
    value = *flag;
    pthread_mutex_unlock(&desk->lock);
    return value;
}

bool desk_has_answered(struct desk *desk, const struct question *question)
{
    return look_at(desk, &question->is_answered);
}

static void free_question(struct question *question)
{
    free(question->answer);
    free(question);
}

void desk_withdraw(struct desk *desk, struct question *question)
{
    bool is_ours;

    pthread_mutex_lock(&desk->lock);
    is_ours = question->is_answered;
    question->is_withdrawn = true;
    pthread_mutex_unlock(&desk->lock);
    if (is_ours)
        free_question(question);
}

void desk_interrupt(struct desk *desk, struct question *question)
{
    pthread_mutex_lock(&desk->lock);
    question->is_interrupted = true;
    inbox_ask(desk->inbox);
    pthread_mutex_unlock(&desk->lock);
}

static void give(struct desk *desk, struct question *question, char *answer)
{
    uint64_t one = 1;
    bool is_ours;

    pthread_mutex_lock(&desk->lock);
    question->answer = answer;
    question->is_answered = true;
    is_ours = question->is_withdrawn;
    pthread_mutex_unlock(&desk->lock);
    if (is_ours)
        free_question(question);
    if (write(desk->fd, &one, sizeof(one)) < 0)
        return; /* it was readable before */
}

/* Names come from the guest's files: no byte of them may move a terminal's cursor. */
static void clean(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n' && (text[i] < 0x20 || text[i] >= 0x7f))
            text[i] = '.';
    }
}

/* One question, or the rest of one; its answer is given unless the guest has to run for it. */
static void answer(struct desk *desk, struct machine *machine, struct question *question)
{
    bool arrives = question == desk->running;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    desk->running = NULL;
    if (to && question->completes)
        monitor_complete(&desk->monitor, question->line, to);
    else if (to && arrives && !look_at(desk, &question->is_withdrawn))
        monitor_arrived(&desk->monitor, machine, to);
    else if (to && arrives)
        ; /* nobody waits for it */
    else if (to && monitor_command(&desk->monitor, machine, question->line, to))
        desk->running = question;
    if (to && fclose(to) == 0)
        clean(text, size);
    if (desk->running)
        free(text);
    else
        give(desk, question, text);
}

void desk_serve(struct desk *desk, struct machine *machine)
{
    struct question *next = desk->running;
    bool was_over = !machine || machine->outcome.end != END_NONE;

    while ((next = next ? next : take(desk))) {
        answer(desk, machine, next);
        if (!was_over && machine->outcome.end != END_NONE)
            return; /* a reset: the rest is about the next machine */
        next = desk->running;
        if (next && !look_at(desk, &next->is_interrupted))
            return;
    }
}

void desk_give_up(struct desk *desk, struct machine *machine)
{
    if (desk->running)
        answer(desk, machine, desk->running);
}

const struct machine_pause *desk_pause(const struct desk *desk)
{
    return desk->running ? &desk->monitor.pause : NULL;
}
