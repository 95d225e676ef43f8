/*
 * vmm run with one guest: this thread passes on what is typed, and signals, until the guest is
 * done.
 */
#include "solo.h"

#include "console/escape.h"
#include "console/signals.h"
#include "console/sink.h"
#include "console/terminal.h"
#include "console/typing.h"
#include "host/status.h"
#include "os/host_clock.h"
#include "prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define READ_MAX 255 /* bytes at a time, each up to KEYMAP_EVENTS_MAX events */

/* A tty takes this much without blocking once poll says it is writable; a pipe takes PIPE_BUF. */
#define WRITE_MAX 256

/* How long a guest's thread may take to notice that it is to end. */
#define QUIT_WAIT_MS 2000

struct solo {
    struct guest *guest;
    int output_error;    /* errno of the guest's output, 0 while it can be written */
    uint8_t last_output; /* the last byte written; '\n' before there is one */
    int quit_fd;         /* eventfd: it is to end, even where it waits to write */
    bool has_terminal;
    bool is_over;     /* the guest has ended */
    bool leaves;      /* nothing is left of it to be looked at */
    char *conclusion; /* what it says of its end; NULL: no memory */
    int status;
    bool talks;           /* what is typed goes to the monitor */
    struct sink terminal; /* where that answers */
    struct prompt prompt;
    int signal; /* that ended the run, or 0 */
    struct escape escape;
    struct typing typing;
};

/* ---- the guest's thread ---- */

static void request_quit(struct solo *solo)
{
    uint64_t one = 1;

    inbox_quit(&solo->guest->inbox);
    if (write(solo->quit_fd, &one, sizeof(one)) < 0)
        return; /* it was requested before */
}

/* Writes everything, through a full pipe or a terminal somebody made non-blocking; gives up when
 * the run is to end. Returns 0 or an errno. */
static int write_all(const struct solo *solo, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        enum { OUTPUT, QUIT, FDS };
        struct pollfd fds[FDS] = {
            [OUTPUT] = {.fd = STDOUT_FILENO, .events = POLLOUT},
            [QUIT] = {.fd = solo->quit_fd, .events = POLLIN},
        };
        ssize_t done;

        if (poll(fds, FDS, -1) < 0 && errno != EINTR)
            return errno;
        if (!fds[OUTPUT].revents) {
            if (fds[QUIT].revents)
                return EPIPE;
            continue;
        }
        done = write(STDOUT_FILENO, bytes, count < WRITE_MAX ? count : WRITE_MAX);
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return errno;
        if (done > 0) {
            bytes += done;
            count -= (size_t)done;
        }
    }
    return 0;
}

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    struct solo *solo = owner;

    if (solo->output_error)
        return;
    solo->output_error = write_all(solo, bytes, count);
    solo->last_output = bytes[count - 1];
    if (solo->output_error)
        request_quit(solo); /* nobody listens any more */
    else if (!solo->guest->host.first_output)
        solo->guest->host.first_output = clock_host_ns();
}

/* Before a word of ours: on a terminal, a line that the guest has begun is ended. */
static void end_line(struct solo *solo)
{
    if (!solo->has_terminal || solo->last_output == '\n')
        return;
    fputc('\n', stderr);
    solo->last_output = '\n';
}

static void warn(void *owner, const char *text)
{
    end_line(owner);
    fprintf(stderr, "vmm: %s\n", text);
}

/* ---- the user's side ---- */

static void show_answer(void *owner, const char *bytes, size_t count)
{
    sink_put(&((struct solo *)owner)->terminal, bytes, count);
}

/* Goes to the monitor, or back to the guest. */
static void talk(struct solo *solo, bool talks)
{
    solo->talks = talks;
    if (talks) {
        sink_puts(&solo->terminal, "\n'help' lists the monitor's commands; Ctrl-A C goes back\n");
        prompt_show(&solo->prompt, true);
    } else {
        prompt_show(&solo->prompt, false);
        sink_puts(&solo->terminal, "\n");
    }
}

static void type_byte(struct solo *solo, uint8_t byte)
{
    enum escape_action action =
        solo->has_terminal ? escape_type(&solo->escape, &byte) : ESCAPE_BYTE;

    switch (action) {
    case ESCAPE_NONE:
        return;
    case ESCAPE_QUIT:
        request_quit(solo);
        return;
    case ESCAPE_HELP:
        fprintf(stderr, "\n%s", escape_help);
        return;
    case ESCAPE_MONITOR:
        talk(solo, !solo->talks);
        return;
    case ESCAPE_BYTE:
        if (solo->talks) {
            if (!prompt_type(&solo->prompt, byte))
                talk(solo, false);
            return;
        }
        if (!typing_byte(&solo->typing, solo->guest->options->input, byte) &&
            write(STDERR_FILENO, "\a", 1) < 0)
            return;
    }
}

/* Reads what is typed; false at the end of the input. */
static bool read_input(struct solo *solo)
{
    uint8_t bytes[READ_MAX];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < count; i++)
        type_byte(solo, bytes[i]);
    typing_post(&solo->typing, solo->guest->options->input, &solo->guest->inbox);
    if (count == 0 && guest_input_ends(solo->guest))
        typing_close(&solo->typing, solo->guest->options->input, &solo->guest->inbox);
    return count > 0;
}

/* In virtual time the guest can't wait for somebody to type: all input is read before it starts,
 * and each byte comes in when the guest has room. So two runs are the same to the last instruction,
 * the clock that the guest can read included. */
static bool read_script(struct solo *solo)
{
    struct guest *guest = solo->guest;
    struct keymap keymap = {0};
    int c;

    while ((c = getchar()) != EOF) {
        struct inbox_event *to = guest_script(guest, KEYMAP_EVENTS_MAX);
        if (!to) {
            fprintf(stderr, "vmm: the input is too long to be kept in memory\n");
            return false;
        }
        if (guest->options->input == INBOX_SERIAL) {
            *to = (struct inbox_event){.code = (uint16_t)c};
            guest->script_count++;
        } else {
            guest->script_count += keymap_type(&keymap, (uint8_t)c, to);
        }
    }
    if (guest_input_ends(guest))
        inbox_close(&guest->inbox);
    return true;
}

static void take_signal(struct solo *solo, int signal_fd)
{
    struct signalfd_siginfo info;

    if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGTSTP: /* sent by hand: Ctrl-Z is the guest's */
        terminal_leave();
        raise(SIGSTOP);
        break;
    case SIGCONT: /* whoever stopped us may have changed the terminal */
        solo->has_terminal = terminal_enter();
        break;
    case SIGWINCH: /* the guest can't see how large the terminal is */
        break;
    default:
        solo->signal = (int)info.ssi_signo;
        request_quit(solo);
    }
}

/* The guest has ended. Who is at its monitor then may look at what is left of it. */
static void end(struct solo *solo)
{
    const struct machine *machine;
    size_t size;
    FILE *to = open_memstream(&solo->conclusion, &size);

    guest_wait(solo->guest);
    solo->is_over = true;
    machine = solo->guest->machine;
    solo->leaves = !machine || machine->outcome.end == END_QUIT;
    solo->status = to ? guest_conclude(solo->guest, to) : STATUS_USAGE;
    if (to)
        fclose(to);
    if (!solo->leaves && solo->talks)
        sink_printf(&solo->terminal, "\nthe guest has ended (%s%s%s); quit, or Ctrl-A C, leaves\n",
                    machine_end_name(machine->outcome.end), machine->outcome.text[0] ? ": " : "",
                    machine->outcome.text);
}

/* Answers of the monitor, on the terminal and at the socket. */
static void pass_answers(struct solo *solo)
{
    struct monitor_socket *socket = solo->guest->options->monitor;
    uint64_t count;

    if (read(solo->guest->desk.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return;
    if (!prompt_update(&solo->prompt))
        talk(solo, false);
    if (socket)
        monitor_socket_update(socket, solo->guest);
}

/* Whether there is nothing left to do. */
static bool is_done(const struct solo *solo)
{
    const struct monitor_socket *socket = solo->guest->options->monitor;

    return solo->is_over && (solo->signal || solo->output_error || solo->leaves ||
                             atomic_load(&solo->guest->inbox.quit) ||
                             (!solo->talks && !(socket && monitor_socket_is_busy(socket))));
}

/* Passes on input and signals until the guest is done: true. False if a signal has come and the
 * guest's thread does not end, since it waits for something else (to open a pipe, say). */
static bool attend(struct solo *solo, int signal_fd)
{
    enum { DONE, SIGNAL, OUTPUT, ROOM, INPUT, ANSWER, SOCKET, TERMINAL, FDS };
    const struct monitor_socket *socket = solo->guest->options->monitor;
    bool input_open = true, output_open = true;

    while (!is_done(solo)) {
        bool waits = solo->typing.count > 0;
        /* A terminal is always read: Ctrl-A X must work. */
        bool reads = input_open && (solo->has_terminal || typing_has_room(&solo->typing, READ_MAX));
        struct pollfd fds[FDS] = {
            [DONE] = {.fd = solo->is_over ? -1 : solo->guest->done_fd, .events = POLLIN},
            [SIGNAL] = {.fd = signal_fd, .events = POLLIN},
            [OUTPUT] = {.fd =
                            output_open ? STDOUT_FILENO : -1}, /* tells when its reader has gone */
            [ROOM] = {.fd = waits ? solo->guest->inbox.room_fd : -1, .events = POLLIN},
            [INPUT] = {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
            [ANSWER] = {.fd = solo->guest->desk.fd, .events = POLLIN},
            [SOCKET] = {.fd = socket ? monitor_socket_fd(socket) : -1, .events = POLLIN},
            [TERMINAL] = {.fd = solo->terminal.used > 0 ? solo->terminal.fd : -1,
                          .events = POLLOUT},
        };
        uint64_t count;
        int ready = poll(fds, FDS,
                         solo->signal                         ? QUIT_WAIT_MS
                         : typing_holds_escape(&solo->typing) ? LONE_ESCAPE_WAIT_MS
                                                              : -1);

        if (ready == 0 && solo->signal)
            return false;
        if (ready == 0)
            typing_flush(&solo->typing, solo->guest->options->input, &solo->guest->inbox);
        if (ready <= 0)
            continue;
        if (fds[DONE].revents)
            end(solo);
        if (fds[SIGNAL].revents)
            take_signal(solo, signal_fd);
        if (fds[OUTPUT].revents & (POLLERR | POLLHUP)) {
            output_open = false;
            request_quit(solo);
        }
        if (fds[ROOM].revents && read(solo->guest->inbox.room_fd, &count, sizeof(count)) > 0)
            typing_post(&solo->typing, solo->guest->options->input, &solo->guest->inbox);
        if (fds[INPUT].revents)
            input_open = read_input(solo);
        if (!input_open && solo->talks)
            talk(solo, false); /* nobody is there any more */
        pass_answers(solo);
        sink_write(&solo->terminal);
    }
    return true;
}

/* Says how it ended. */
static void conclude(struct solo *solo)
{
    end_line(solo);
    if (solo->output_error && solo->output_error != EPIPE)
        fprintf(stderr, "vmm: can't write the guest's output: %s\n", strerror(solo->output_error));
    fputs(solo->conclusion ? solo->conclusion : "vmm: out of memory\n", stderr);
}

int solo_run(struct guest *guest)
{
    static struct solo solo; /* too large for a stack */
    sigset_t signals;
    int signal_fd, status = STATUS_USAGE, error;

    memset(&solo, 0, sizeof(solo));
    solo.guest = guest;
    solo.last_output = '\n';
    prompt_init(&solo.prompt, guest, show_answer, &solo);
    solo.terminal.fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO;
    if (guest->config.virtual_time && !guest->config.replay && !isatty(STDIN_FILENO) &&
        !read_script(&solo))
        return STATUS_USAGE;
    signal_fd = signals_open(&signals);
    solo.quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0 || solo.quit_fd < 0) {
        fprintf(stderr, "vmm: can't make file descriptors: %s\n", strerror(errno));
        return STATUS_USAGE;
    }
    solo.has_terminal = terminal_enter();
    error = guest_start(guest, print, warn, &solo);
    if (error) {
        terminal_leave();
        fprintf(stderr, "vmm: can't start a thread: %s\n", strerror(error));
        return STATUS_USAGE;
    }
    if (attend(&solo, signal_fd)) {
        terminal_leave();
        conclude(&solo);
        status = solo.status;
    } else {
        terminal_leave();
    }
    free(solo.conclusion);
    prompt_free(&solo.prompt);
    sink_free(&solo.terminal);
    options_close_monitor(guest->options);
    signals_raise(&signals, solo.signal);
    return status;
}
