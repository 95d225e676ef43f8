/*
 * The main thread of a process with guests.
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
#include <sys/stat.h>
#include <unistd.h>

/* How long guests' threads may take to notice that they are to end. */
#define QUIT_WAIT_NS UINT64_C(2000000000)

/* How long, when all is to end, what they have printed waits for who reads it. */
#define QUIT_WRITE_NS UINT64_C(200000000)
#define QUIT_LOOK_MS  20

/* Output that nobody takes; then the guests wait. */
#define WAITING_MAX 65536

#define READ_MAX 1024

/* What is due later than this is looked at again. */
#define DUE_MAX_MS 60000

#define FDS_PER_GUEST 16 /* with room to spare: KVM's, disks, ... */

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
    return many->out.error ? STATUS_LOST : 0;
}

/* Whether what guests print can be taken. */
static bool has_room(const struct many *many)
{
    const struct front *front = many->front;

    return many->out.used < WAITING_MAX && many->err->used < WAITING_MAX &&
           (!front->has_room || front->has_room(many->owner));
}

/* Every guest in turn, beginning at `from`; false if the front has had enough. */
static bool pass_outputs(struct many *many, size_t *from)
{
    for (size_t i = 0; i < many->count; i++) {
        struct member *member = &many->members[*from];
        while (has_room(many) && member_pass_output(member))
            ;
        if (!has_room(many))
            return false;
        *from = (*from + 1) % many->count;
    }
    return true;
}

/* The guests that have ended. */
static void reap(struct many *many)
{
    struct epoll_event events[16];
    int count = epoll_wait(many->done_fd, events, 16, 0);

    for (int i = 0; i < count; i++)
        member_end(events[i].data.ptr);
}

/* --restart: starts those whose time has come; returns the ms until the next one, or -1. */
static int start_due(struct many *many)
{
    uint64_t now = clock_host_ns(), next = CLOCK_NEVER;

    for (size_t i = 0; i < many->count && many->waiting > 0; i++) {
        struct member *member = &many->members[i];
        if (member->due && member_awaits_opinion(member))
            continue; /* it comes first, and wakes us */
        if (member->due && member->due <= now)
            member_start_again(member);
        else if (member->due && member->due < next)
            next = member->due;
    }
    if (next == CLOCK_NEVER)
        return -1;
    return next - now < DUE_MAX_MS * UINT64_C(1000000) ? (int)((next - now) / 1000000) + 1
                                                       : DUE_MAX_MS;
}

/* The guests that a debugger may look at; those that are not there have no desk. */
static size_t list_guests(void *owner, struct gdb_guest *guests, size_t most)
{
    struct many *many = owner;
    size_t count = many->count < most ? many->count : most;

    for (size_t i = 0; i < count; i++)
        guests[i] = (struct gdb_guest){many->members[i].name, &many->members[i].guest.desk};
    return count;
}

void many_pass_gdb(struct many *many)
{
    if (many->gdb)
        gdb_socket_update(many->gdb, list_guests, many);
}

void many_set_gdb(struct many *many, struct gdb_socket *gdb)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    many->gdb = gdb;
    for (size_t i = 0; gdb && i < many->count; i++)
        many->members[i].keeps_history = many->members[i].guest.keeps_history = true;
    if (gdb)
        epoll_ctl(many->answer_fd, EPOLL_CTL_ADD, gdb_socket_fd(gdb), &event);
}

/* What monitors have to say, and who is at their sockets. */
static void pass_answers(struct many *many)
{
    struct epoll_event events[16];
    int ready = epoll_wait(many->answer_fd, events, 16, 0);

    for (int i = 0; i < ready; i++) {
        struct member *member = events[i].data.ptr;
        uint64_t count;
        if (!member) {
            many_pass_gdb(many);
            continue;
        }
        if (read(member->guest.desk.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
            continue;
        if (read(member->guest.inbox.room_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
            continue; /* pass_typing is next */
        member_pass_answer(member);
    }
}

/* Somebody looks at what is left of a guest, or it is held for that, or more is to be said of it.
 */
static bool has_visitors(const struct many *many)
{
    bool any = false;

    for (size_t i = 0; i < many->count && !any; i++) {
        const struct member *member = &many->members[i];
        any = member_is_held(member) || member_awaits_opinion(member) ||
              (member->options->monitor && monitor_socket_is_busy(member->options->monitor) &&
               !member_is_quit(member));
    }
    return any;
}

static void take_signal(struct many *many)
{
    struct signalfd_siginfo info;

    if (read(many->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGTSTP: /* sent by hand: Ctrl-Z is the guests' */
        if (many->front->terminal)
            many->front->terminal(many->owner, false);
        raise(SIGSTOP);
        break;
    case SIGCONT: /* whoever stopped us may have changed the terminal */
    case SIGWINCH:
        if (many->front->terminal)
            many->front->terminal(many->owner, true);
        break;
    default:
        many->signal = (int)info.ssi_signo;
        many_quit(many);
    }
}

static void take_input(struct many *many)
{
    uint8_t bytes[READ_MAX];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    many->input_open = count > 0;
    many->front->input(many->owner, bytes, count > 0 ? (size_t)count : 0);
}

/* Offers what was typed to the guests; true if a lone Escape waits for what may follow. */
static bool pass_typing(struct many *many, bool flush)
{
    bool waits = false;

    for (size_t i = 0; i < many->count; i++) {
        struct member *member = &many->members[i];
        struct typing *typing = &member->typing;
        bool holds = typing_holds_escape(typing);
        if (!member->is_running || (typing->count == 0 && !holds))
            continue;
        if (flush && holds)
            typing_flush(typing, member->options->input, &member->guest.inbox);
        else
            typing_post(typing, member->options->input, &member->guest.inbox);
        waits = waits || typing_holds_escape(typing);
    }
    return waits;
}

/* Whether all guests have room for as much as is read at once. */
static bool takes_input(const struct many *many)
{
    if (many->front->has_keys && many->front->has_keys(many->owner))
        return true;
    for (size_t i = 0; i < many->count; i++) {
        if (many->members[i].is_running && !typing_has_room(&many->members[i].typing, READ_MAX))
            return false;
    }
    return true;
}

void many_end_input(struct many *many)
{
    many->input_ended = true;
    for (size_t i = 0; i < many->count; i++) {
        struct member *member = &many->members[i];
        if (member->is_running && guest_input_ends(&member->guest))
            typing_close(&member->typing, member->options->input, &member->guest.inbox);
    }
}

int many_sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* All guests have ended, and what they printed is written, or waits for nobody who reads it. */
static bool is_over(struct many *many)
{
    bool is_written = many->out.used == 0 && many->err->used == 0;

    if (many->running + many->waiting > 0)
        return many->ends && clock_host_ns() > many->end_deadline;
    if (!many->ends)
        return is_written && (!many->front->leaves || many->front->leaves(many->owner)) &&
               !has_visitors(many);
    if (!many->write_deadline)
        many->write_deadline = clock_host_ns() + QUIT_WRITE_NS;
    return is_written || clock_host_ns() > many->write_deadline;
}

/* What is to be written goes out as far as there is room. */
static void write_sinks(struct many *many)
{
    sink_write(&many->out);
    if (many->err != &many->out)
        sink_write(many->err);
    if (many->out.error)
        many_quit(many); /* nobody listens any more */
}

static void set_poll(struct pollfd *poll_fd, bool is_wanted, int fd, bool writes)
{
    *poll_fd = (struct pollfd){.fd = is_wanted ? fd : -1, .events = writes ? POLLOUT : POLLIN};
}

/* What there is to do, until all have ended. */
static void attend(struct many *many)
{
    enum { DONE, NEWS, SIGNAL, OUTPUT, ERRORS, INPUT, ANSWER, FDS };
    bool waits = false, has_news = false;
    struct sink *out = &many->out, *err = many->err;
    struct pollfd fds[FDS];
    size_t next = 0;
    uint64_t count;

    for (;;) {
        int timeout = start_due(many), ready;
        if (many->front->update)
            timeout = many_sooner(timeout, many->front->update(many->owner));
        write_sinks(many);
        if (is_over(many))
            return;
        /* With something to write, its room wakes us; what guests print may wait for that, too. */
        set_poll(&fds[DONE], true, many->done_fd, false);
        set_poll(&fds[NEWS], !has_news, many->news_fd, false);
        set_poll(&fds[SIGNAL], true, many->signal_fd, false);
        set_poll(&fds[OUTPUT], !out->error, out->fd, true);
        set_poll(&fds[ERRORS], err != out && err->used > 0, err->fd, true);
        set_poll(&fds[INPUT], many->input_open && takes_input(many), STDIN_FILENO, false);
        set_poll(&fds[ANSWER], true, many->answer_fd, false);
        if (out->used == 0)
            fds[OUTPUT].events = 0; /* tells when its reader has gone */
        if (waits)
            timeout = many_sooner(timeout, LONE_ESCAPE_WAIT_MS);
        if (many->ends)
            timeout = many_sooner(timeout, QUIT_LOOK_MS);
        if (has_news && has_room(many))
            timeout = 0;
        ready = poll(fds, FDS, timeout);
        if (ready < 0)
            continue;
        if (fds[SIGNAL].revents)
            take_signal(many);
        if (fds[INPUT].revents)
            take_input(many);
        if (fds[ANSWER].revents)
            pass_answers(many);
        waits = pass_typing(many, ready == 0);
        if (fds[NEWS].revents && read(many->news_fd, &count, sizeof(count)) > 0)
            has_news = true;
        if (has_news)
            has_news = !pass_outputs(many, &next);
        if (fds[DONE].revents)
            reap(many);
        if (fds[OUTPUT].revents & (POLLERR | POLLHUP))
            out->error = out->error ? out->error : EPIPE;
    }
}

/* ---- from the beginning to the end ---- */

/* Every descriptor that the host allows: a guest takes several. */
static void raise_limits(size_t guests)
{
    struct rlimit limit;

    rlim_t wanted = guests * FDS_PER_GUEST + 256;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool fits_into_host(const struct options *options, size_t count)
{
    uint64_t sum = 0, host = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < count; i++)
        sum += options[i].config.memory_size;
    if (sum <= host || count == 1) /* it may never touch all of it */
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

/* What is written to one file is written in order, so that a message begins a line of its own. */
static void open_sinks(struct many *many)
{
    struct stat out, err;

    many->out.fd = STDOUT_FILENO;
    many->other.fd = STDERR_FILENO;
    many->err = &many->other;
    if (fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
        out.st_dev == err.st_dev && out.st_ino == err.st_ino)
        many->err = &many->out;
}

int many_init(struct many *many, struct options *options, size_t count)
{
    const char *automatic = NULL; /* the engine that "auto" was the first time */
    char note[320];

    *many = (struct many){.news_fd = -1, .done_fd = -1, .signal_fd = -1, .answer_fd = -1};
    many->is_crowd = count > 1;
    many->input_open = true;
    open_sinks(many);
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
        member_init(member, many, &options[many->count]);
        if (automatic && strcmp(member->options->cpu, "auto") == 0 && !member->options->restore)
            member->options->cpu = automatic;
        if (!name_member(member) || !member_get_ready(member, note, sizeof(note))) {
            if (many->is_crowd && member->name)
                fprintf(stderr, "vmm: %s: %s\n", member->name, member->guest.error);
            else
                fprintf(stderr, "vmm: %s\n", member->guest.error);
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
        int error = member_start(&many->members[i]);
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
    if (many->gdb)
        gdb_socket_drop(many->gdb);
    for (size_t i = 0; i < many->count; i++)
        member_free(&many->members[i]);
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
    sink_free(&many->out);
    sink_free(&many->other);
    many->count = 0;
}
