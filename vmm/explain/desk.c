/*
 * The queue of questions: a list under a lock, and an eventfd that announces answers.
 */
#include "desk.h"

#include "dev/vga_text.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int desk_init(struct desk *desk, struct run_control *run, const char *image)
{
    *desk = (struct desk){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&desk->lock, NULL);
    monitor_init(&desk->monitor, run, image);
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
    if (desk->fd < 0) {
        question->is_answered = true;
        return;
    }
    pthread_mutex_lock(&desk->lock);
    while (*last)
        last = &(*last)->next;
    *last = question;
    inbox_ask(desk->monitor.run->inbox);
    pthread_mutex_unlock(&desk->lock);
    if (!desk->is_served)
        desk_serve(desk, NULL);
}

static struct question *take(struct desk *desk)
{
    struct question *first;

    pthread_mutex_lock(&desk->lock);
    first = desk->first;
    if (first)
        desk->first = first->next;
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
    inbox_ask(desk->monitor.run->inbox);
    pthread_mutex_unlock(&desk->lock);
    if (!desk->is_served)
        desk_serve(desk, NULL);
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

/* How long the character is that begins here, if it is one of the VGA's in UTF-8, of two or three
 * bytes; else 0. */
static size_t screen_character(const char *text, size_t size)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t length = (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 0;
    unsigned code = at[0] & (length == 2 ? 0x1fu : 0x0fu);

    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    for (unsigned c = 0; c <= UINT8_MAX; c++) {
        if (vga_text_unicode((uint8_t)c) == code && code >= 0xa0)
            return length;
    }
    return 0;
}

/* Names come from the guest's files: no byte of them may move a terminal's cursor. What a screen
 * shows is not ASCII alone. */
static void clean(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        size_t more = screen_character(text + i, size - i);
        if (more > 0)
            i += more - 1;
        else if (text[i] != '\n' && (text[i] < 0x20 || text[i] >= 0x7f))
            text[i] = '.';
    }
}

/* The end of an answer's text, which is the question's from now on. */
static void end_answer(struct desk *desk, struct question *question, FILE *to, char **text,
                       const size_t *size)
{
    if (to && fclose(to) == 0)
        clean(*text, *size);
    give(desk, question, *text);
}

/* The question waits for the guest to stop, behind the others that do. */
static void begin_wait(struct desk *desk, struct question *question)
{
    struct question **last = &desk->waiting;

    while (*last)
        last = &(*last)->next;
    *last = question;
    question->next = NULL;
}

/* The next question; its answer is given unless it waits. */
static void answer(struct desk *desk, struct machine *machine, struct question *question)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    question->wait = (struct monitor_wait){0};
    if (to && question->completes) {
        monitor_complete(&desk->monitor, question->line, to);
    } else if (to && (question->begin ? question->begin(question, desk, machine, to)
                                      : monitor_command(&desk->monitor, machine, question->line,
                                                        &question->wait, to))) {
        begin_wait(desk, question);
        fclose(to);
        free(text);
        return;
    }
    end_answer(desk, question, to, &text, &size);
}

/* Whom nobody waits for any more, and who is to wait no longer. */
static void heed_askers(struct desk *desk)
{
    struct question **link = &desk->waiting, *question;

    while ((question = *link)) {
        if (look_at(desk, &question->is_withdrawn)) {
            *link = question->next;
            monitor_leave(&desk->monitor, &question->wait);
            free_question(question);
        } else {
            if (look_at(desk, &question->is_interrupted))
                run_control_hold(desk->monitor.run, true);
            link = &question->next;
        }
    }
}

static void end_wait(struct desk *desk, struct machine *machine, struct question *question)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (to && question->end)
        question->end(question, desk, machine, to);
    else if (to)
        monitor_stopped(&desk->monitor, machine, &question->wait, to);
    monitor_leave(&desk->monitor, &question->wait);
    end_answer(desk, question, to, &text, &size);
}

/* Has the guest stopped, all that have waited for that are told. */
static void end_waits(struct desk *desk, struct machine *machine)
{
    struct question **link = &desk->waiting, *question;

    heed_askers(desk);
    if (!machine || !run_control_has_stopped(desk->monitor.run, machine))
        return;
    while ((question = *link)) {
        if (question->passes_reset && machine->outcome.end == END_RESET) {
            link = &question->next;
            continue;
        }
        *link = question->next;
        desk->monitor.run->was_told = true;
        end_wait(desk, machine, question);
    }
}

void desk_serve(struct desk *desk, struct machine *machine)
{
    bool was_over = !machine || machine->outcome.end != END_NONE;
    struct question *question;

    atomic_store(&desk->monitor.run->inbox->asked, false); /* before the list is looked at */
    end_waits(desk, machine);
    while ((was_over || machine->outcome.end == END_NONE) && (question = take(desk))) {
        answer(desk, machine, question); /* behind a reset, the rest is about the next machine */
        end_waits(desk, machine);
    }
}

void desk_end(struct desk *desk, struct machine *machine)
{
    end_waits(desk, machine);
}
