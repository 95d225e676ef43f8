/*
 * The main thread of a process with many guests.
 */
#include "many.h"

#include "console/signals.h"
#include "os/host_clock.h"
#include "status.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How long guests' threads may take to notice that they are to end. */
#define QUIT_WAIT_NS UINT64_C(2000000000)

/* How soon what is typed ahead is offered again. */
#define TYPING_WAIT_MS 20

/* What is due later than this is looked at again. */
#define DUE_MAX_MS 60000

#define FDS_PER_GUEST 16 /* with room to spare: KVM's, disks, ... */

/* ---- on guests' threads ---- */

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    struct member *member = owner;

    if (!outbox_has_room(&member->output, count))
        turn_give(&member->guest.runner.turn);
    outbox_put(&member->output, bytes, count);
    if (!member->guest.host.first_output)
        member->guest.host.first_output = clock_host_ns();
}

static void put_message(struct member *member, const char *text)
{
    char line[512];
    int length = snprintf(line, sizeof(line), "vmm: %s\n", text);

    outbox_put(&member->messages, (const uint8_t *)line,
               (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

static void warn(void *owner, const char *text)
{
    put_message(owner, text);
}

static void show(void *owner, const struct machine *machine)
{
    struct member *member = owner;
    struct sight *sight = &member->sight;

    pthread_mutex_lock(&member->sight_lock);
    sight->time = clock_host_ns();
    sight->exits = 0;
    for (enum cpu_stop stop = 0; stop < CPU_STOPS; stop++)
        sight->exits += stop == CPU_STOP_KICKED ? 0 : machine->counts.exits[stop];
    sight->is_halted = machine->halted;
    sight->is_silent = machine->output.total == 0;
    sight->has_cursor = vga_text_cursor(&machine->vga, &sight->cursor_column, &sight->cursor_row);
    vga_text_copy(&machine->vga, sight->cells);
    pthread_mutex_unlock(&member->sight_lock);
}

/* ---- one guest ---- */

void member_look(struct member *member)
{
    if (member->is_running)
        inbox_look(&member->guest.inbox);
}

void member_sight(struct member *member, struct sight *sight)
{
    pthread_mutex_lock(&member->sight_lock);
    *sight = member->sight;
    pthread_mutex_unlock(&member->sight_lock);
}

uint64_t member_uptime(const struct member *member)
{
    uint64_t end = member->is_paused    ? member->paused_since
                   : member->is_running ? clock_host_ns()
                                        : member->stop;

    return end - member->start - member->paused_ns;
}

bool member_type(struct member *member, uint8_t byte)
{
    return member->is_running && typing_byte(&member->typing, member->options->input, byte);
}

static bool get_ready(struct member *member, char *note, size_t note_size)
{
    pthread_mutex_lock(&member->sight_lock);
    member->sight = (struct sight){.is_silent = true};
    pthread_mutex_unlock(&member->sight_lock);
    memset(&member->typing.keymap, 0, sizeof(member->typing.keymap));
    member->typing.count = 0;
    if (guest_init(&member->guest, member->options, note, note_size) < 0)
        return false;
    member->guest.run.show = show;
    member->guest.run.turns = &member->many->turns;
    return true;
}

/* It is paused, or not any more: that is no time of its own. */
static void note_pause(struct member *member, bool paused)
{
    uint64_t now = clock_host_ns();

    if (!member->is_running || member->is_paused == paused)
        return;
    member->is_paused = paused;
    if (paused)
        member->paused_since = now;
    else
        member->paused_ns += now - member->paused_since;
}

/* Its monitor may have answered, or somebody be at its socket. */
static void pass_answer(struct member *member)
{
    if (member->options->monitor)
        monitor_socket_update(member->options->monitor, &member->guest);
    note_pause(member, run_control_is_held(&member->guest.control));
    member->many->front->answered(member->many->owner, member);
}

static void set_due(struct member *member, uint64_t due)
{
    member->many->waiting += (size_t)(due != 0) - (size_t)(member->due != 0);
    member->due = due;
}

static int start(struct member *member)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
    int error;

    member->ends = member->restarts = member->is_paused = false;
    member->paused_ns = 0;
    member->starts++;
    member->start = clock_host_ns();
    outbox_close(&member->output, false);
    outbox_close(&member->messages, false);
    if (epoll_ctl(member->many->done_fd, EPOLL_CTL_ADD, member->guest.done_fd, &event) < 0 ||
        epoll_ctl(member->many->answer_fd, EPOLL_CTL_ADD, member->guest.desk.fd, &event) < 0)
        return errno;
    if (member->options->monitor &&
        epoll_ctl(member->many->answer_fd, EPOLL_CTL_ADD,
                  monitor_socket_fd(member->options->monitor), &event) < 0 &&
        errno != EEXIST)
        return errno;
    error = guest_start(&member->guest, print, warn, member);
    if (error)
        return error;
    member->is_running = true;
    member->many->running++;
    member->many->front->changed(member->many->owner, member);
    return 0;
}

void member_pause(struct member *member, bool paused)
{
    if (!member->is_running || member->is_paused == paused)
        return;
    note_pause(member, paused);
    run_control_hold(&member->guest.control, paused);
}

void member_quit(struct member *member)
{
    set_due(member, 0);
    if (!member->is_running)
        return;
    member->ends = true;
    member_pause(member, false);
    inbox_quit(&member->guest.inbox);
    outbox_close(&member->output, true);
    outbox_close(&member->messages, true);
}

static void begin_again(struct member *member)
{
    char note[320];
    int error;

    set_due(member, 0);
    guest_free(&member->guest); /* what was left, to be looked at */
    if (!get_ready(member, note, sizeof(note))) {
        put_message(member, member->guest.error);
    } else {
        error = start(member);
        if (error)
            put_message(member, strerror(error));
    }
    pass_answer(member); /* what was asked of the one that is freed */
}

void member_restart(struct member *member)
{
    if (member->is_running) {
        member->restarts = true;
        member_quit(member);
    } else {
        begin_again(member);
    }
}

static void say(struct member *member, const char *text)
{
    member->many->front->output(member->many->owner, member, (const uint8_t *)text, strlen(text),
                                true);
}

/* What it says of its end, as messages. */
static void conclude(struct member *member)
{
    const struct machine *machine = member->guest.machine;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (machine)
        show(member, machine);
    member->end = machine ? machine->outcome.end : END_NONE;
    snprintf(member->summary, sizeof(member->summary), "%.199s",
             machine ? machine->outcome.text : member->guest.error);
    member->status = to ? guest_conclude(&member->guest, to) : STATUS_USAGE;
    if (to && fclose(to) == 0 && size > 0)
        member->many->front->output(member->many->owner, member, (uint8_t *)text, size, true);
    if (!to)
        say(member, "vmm: out of memory: there is no word of how the guest ended\n");
    if (outbox_has_lost(&member->output) | outbox_has_lost(&member->messages)) {
        say(member, "vmm: out of memory: what the guest printed is not complete\n");
        member->status = STATUS_USAGE;
    }
    free(text);
}

/* ---- all of them ---- */

void many_quit(struct many *many)
{
    if (!many->ends)
        many->end_deadline = clock_host_ns() + QUIT_WAIT_NS;
    many->ends = true;
    for (size_t i = 0; i < many->count; i++)
        member_quit(&many->members[i]);
}

int many_status(const struct many *many)
{
    for (size_t i = 0; i < many->count; i++) {
        if (many->members[i].is_running)
            return STATUS_USAGE; /* it hangs in something */
        if (many->members[i].status)
            return many->members[i].status;
    }
    return 0;
}

/* Passes on what one guest has printed; true if there was something. */
static bool pass_output(struct member *member)
{
    struct many *many = member->many;
    uint8_t bytes[OUTBOX_SIZE];
    size_t count = outbox_take(&member->output, bytes, sizeof(bytes));
    bool any = count > 0;

    if (count > 0)
        many->front->output(many->owner, member, bytes, count, false);
    count = outbox_take(&member->messages, bytes, sizeof(bytes));
    if (count > 0)
        many->front->output(many->owner, member, bytes, count, true);
    return any || count > 0;
}

/* Every guest in turn, beginning at `from`; false if the front has had enough. */
static bool pass_outputs(struct many *many, size_t *from)
{
    for (size_t i = 0; i < many->count; i++) {
        if (!many->front->has_room(many->owner))
            return false;
        pass_output(&many->members[*from]);
        *from = (*from + 1) % many->count;
    }
    return true;
}

/* The guests that have ended. */
static void reap(struct many *many)
{
    struct epoll_event events[16];
    int count = epoll_wait(many->done_fd, events, 16, 0);

    for (int i = 0; i < count; i++) {
        struct member *member = events[i].data.ptr;
        guest_wait(&member->guest);
        epoll_ctl(many->done_fd, EPOLL_CTL_DEL, member->guest.done_fd, NULL);
        member_pause(member, false);
        while (pass_output(member))
            ;
        member->stop = clock_host_ns();
        member->is_running = false;
        many->running--;
        conclude(member);
        many->front->changed(many->owner, member);
        if (member->restarts && !many->ends)
            begin_again(member);
        else if (member->options->restart && !member->ends)
            set_due(member, member->stop + member->options->restart);
    }
}

/* --restart: starts those whose time has come; returns the ms until the next one, or -1. */
static int start_due(struct many *many)
{
    uint64_t now = clock_host_ns(), next = CLOCK_NEVER;

    for (size_t i = 0; i < many->count && many->waiting > 0; i++) {
        struct member *member = &many->members[i];
        if (member->due && member->due <= now)
            begin_again(member);
        else if (member->due && member->due < next)
            next = member->due;
    }
    if (next == CLOCK_NEVER)
        return -1;
    return next - now < DUE_MAX_MS * UINT64_C(1000000) ? (int)((next - now) / 1000000) + 1
                                                       : DUE_MAX_MS;
}

/* What monitors have to say, and who is at their sockets. */
static void pass_answers(struct many *many)
{
    struct epoll_event events[16];
    int ready = epoll_wait(many->answer_fd, events, 16, 0);

    for (int i = 0; i < ready; i++) {
        struct member *member = events[i].data.ptr;
        uint64_t count;
        if (read(member->guest.desk.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
            continue;
        pass_answer(member);
    }
}

static bool has_clients(const struct many *many)
{
    bool any = false;

    for (size_t i = 0; i < many->count && !any; i++)
        any = many->members[i].options->monitor && !many->members[i].guest.desk.monitor.quits &&
              monitor_socket_is_busy(many->members[i].options->monitor);
    return any;
}

static void take_signal(struct many *many)
{
    struct signalfd_siginfo info;

    if (read(many->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGTSTP:
        many->front->terminal(many->owner, false);
        raise(SIGSTOP);
        break;
    case SIGCONT:
    case SIGWINCH:
        many->front->terminal(many->owner, true);
        break;
    default:
        many->signal = (int)info.ssi_signo;
        many_quit(many);
    }
}

static void take_input(struct many *many, bool *is_open)
{
    uint8_t bytes[1024];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    *is_open = count > 0;
    many->front->input(many->owner, bytes, count > 0 ? (size_t)count : 0);
}

/* Offers what waits for the guests; true if something is left, or may be. */
static bool pass_typing(struct many *many, bool flush)
{
    bool waits = false;

    for (size_t i = 0; i < many->count; i++) {
        struct member *member = &many->members[i];
        struct typing *typing = &member->typing;
        enum inbox_ring ring = member->options->input;
        if (!member->is_running || (typing->count == 0 && !typing_holds_escape(typing)))
            continue;
        if (flush && typing_holds_escape(typing))
            typing_flush(typing, ring, &member->guest.inbox);
        else
            typing_post(typing, ring, &member->guest.inbox);
        waits = waits || typing->count > 0 || typing_holds_escape(typing);
    }
    return waits;
}

int many_sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* What there is to do, until all have ended. */
static void attend(struct many *many)
{
    enum { DONE, NEWS, SIGNAL, OUTPUT, INPUT, ANSWER, FDS };
    bool input_open = true, waits = false, has_news = false;
    size_t next = 0;
    uint64_t count;

    for (;;) {
        struct sink *sink = many->front->sink(many->owner);
        int timeout = many_sooner(start_due(many), many->front->update(many->owner));
        if (many->running + many->waiting == 0 &&
            (many->ends || (many->front->leaves(many->owner) && !has_clients(many))))
            return;
        /* With something to write, its room wakes us; what guests print may wait for that, too. */
        struct pollfd fds[FDS] = {
            [DONE] = {.fd = many->done_fd, .events = POLLIN},
            [NEWS] = {.fd = has_news ? -1 : many->news_fd, .events = POLLIN},
            [SIGNAL] = {.fd = many->signal_fd, .events = POLLIN},
            [OUTPUT] = {.fd = sink->fd, .events = sink->used > 0 ? POLLOUT : 0},
            [INPUT] = {.fd = input_open ? STDIN_FILENO : -1, .events = POLLIN},
            [ANSWER] = {.fd = many->answer_fd, .events = POLLIN},
        };
        if (waits)
            timeout = many_sooner(timeout, TYPING_WAIT_MS);
        if (many->ends)
            timeout = many_sooner(timeout, TYPING_WAIT_MS);
        if (has_news && many->front->has_room(many->owner))
            timeout = 0;
        int ready = poll(fds, FDS, timeout);
        if (many->ends && clock_host_ns() > many->end_deadline)
            return;
        if (ready > 0 && fds[SIGNAL].revents)
            take_signal(many);
        if (ready > 0 && fds[INPUT].revents)
            take_input(many, &input_open);
        if (ready > 0 && fds[ANSWER].revents)
            pass_answers(many);
        waits = pass_typing(many, ready == 0);
        if (ready > 0 && fds[NEWS].revents && read(many->news_fd, &count, sizeof(count)) > 0)
            has_news = true;
        if (has_news)
            has_news = !pass_outputs(many, &next);
        if (ready > 0 && fds[DONE].revents)
            reap(many);
        if (ready > 0 && (fds[OUTPUT].revents & (POLLERR | POLLHUP)))
            sink->error = sink->error ? sink->error : EPIPE;
        if (sink->error)
            many_quit(many); /* nobody listens any more */
    }
}

/* ---- from the beginning to the end ---- */

/* Every descriptor that the host allows: a guest takes several. */
static void raise_limits(size_t guests)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        rlim_t wanted = guests * FDS_PER_GUEST + 256;
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool fits_into_host(const struct options *options, size_t count)
{
    uint64_t sum = 0, host = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < count; i++)
        sum += options[i].config.memory_size;
    if (sum <= host)
        return true;
    fprintf(stderr,
            "vmm: the guests' RAM is %llu MiB together, and this machine has %llu MiB: give them "
            "less (--memory %llu would do)\n",
            (unsigned long long)(sum >> 20), (unsigned long long)(host >> 20),
            (unsigned long long)(host >> 20) / count);
    return false;
}

/* Gives a guest a name of its own; false: no memory. */
static bool name_member(struct member *member)
{
    const char *wanted = member->options->name ? member->options->name : member->options->restore;

    member->options->name = member->name = names_take(&member->many->names, wanted);
    return member->name != NULL;
}

int many_init(struct many *many, struct options *options, size_t count)
{
    const char *automatic = NULL; /* the engine that "auto" was the first time */
    char note[320];

    *many = (struct many){.news_fd = -1, .done_fd = -1, .signal_fd = -1, .answer_fd = -1};
    turns_init(&many->turns);
    if (!fits_into_host(options, count))
        return STATUS_USAGE;
#ifdef M_MMAP_THRESHOLD
    /* A guest's large tables are always mapped: so they cost what is touched of them, and go back
     * with the guest. By itself glibc maps less and less the more is freed. */
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
    raise_limits(count);
    many->members = calloc(count, sizeof(*many->members));
    many->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    many->done_fd = epoll_create1(EPOLL_CLOEXEC);
    many->answer_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!many->members || many->news_fd < 0 || many->done_fd < 0 || many->answer_fd < 0) {
        fprintf(stderr, "vmm: can't get %zu guests ready: %s\n", count, strerror(errno));
        return STATUS_USAGE;
    }
    for (; many->count < count; many->count++) {
        struct member *member = &many->members[many->count];
        member->many = many;
        member->options = &options[many->count];
        member->guest.done_fd = -1;
        pthread_mutex_init(&member->sight_lock, NULL);
        outbox_init(&member->output, many->news_fd);
        outbox_init(&member->messages, many->news_fd);
        if (automatic && strcmp(member->options->cpu, "auto") == 0 && !member->options->restore)
            member->options->cpu = automatic;
        if (!name_member(member) || !get_ready(member, note, sizeof(note))) {
            fprintf(stderr, "vmm: %s: %s\n", member->name ? member->name : "", member->guest.error);
            many->count++;
            return STATUS_USAGE;
        }
        if (!automatic && strcmp(member->options->cpu, "auto") == 0)
            automatic = member->guest.engine->name;
        if (note[0])
            fprintf(stderr, "vmm: %s\n", note);
    }
    return 0;
}

int many_run(struct many *many, const struct front *front, void *owner)
{
    many->front = front;
    many->owner = owner;
    many->signal_fd = signals_open(&many->signals);
    if (many->signal_fd < 0)
        return errno;
    for (size_t i = 0; i < many->count; i++) {
        int error = start(&many->members[i]);
        if (error) {
            many_quit(many);
            attend(many);
            return error;
        }
    }
    attend(many);
    return 0;
}

void many_raise(const struct many *many)
{
    signals_raise(&many->signals, many->signal);
}

void many_free(struct many *many)
{
    for (size_t i = 0; i < many->count; i++) {
        struct member *member = &many->members[i];
        if (member->is_running)
            return; /* it hangs in something: the process's end ends it */
    }
    for (size_t i = 0; i < many->count; i++) {
        struct member *member = &many->members[i];
        guest_free(&member->guest);
        outbox_free(&member->output);
        outbox_free(&member->messages);
        pthread_mutex_destroy(&member->sight_lock);
    }
    names_free(&many->names);
    free(many->members);
    turns_free(&many->turns);
    if (many->news_fd >= 0)
        close(many->news_fd);
    if (many->done_fd >= 0)
        close(many->done_fd);
    if (many->signal_fd >= 0)
        close(many->signal_fd);
    if (many->answer_fd >= 0)
        close(many->answer_fd);
    *many = (struct many){.news_fd = -1, .done_fd = -1, .signal_fd = -1, .answer_fd = -1};
}
