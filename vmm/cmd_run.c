/*
 * vmm run: one guest on the user's terminal. The guest has a thread of its own; this one passes on
 * what is typed, and signals, until the guest is done.
 */
#include "cmd.h"
#include "console/escape.h"
#include "console/keymap.h"
#include "console/terminal.h"
#include "cpu/engine.h"
#include "debug/crash.h"
#include "machine.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define MODULES_MAX         16
#define DEFAULT_MEMORY      (UINT64_C(64) << 20)
#define LONE_ESCAPE_WAIT_MS 50
#define GUEST_STACK         (256 * 1024)

static const char usage[] =
    "usage: vmm run [OPTION...] IMAGE\n\n"
    "Runs IMAGE (flat 16-bit, ELF32 or Multiboot; flat 32-bit with --mode pm32) with its serial\n"
    "line on this terminal. Ctrl-A X quits, Ctrl-A H lists the keys.\n\n"
    "  -m, --memory SIZE        guest RAM in MiB, or with a suffix K, M, G (default 64M)\n"
    "      --cpu ENGINE         auto (default), kvm or soft; 'vmm probe' tells what works\n"
    "      --clock real|virtual with --cpu soft: virtual time does not wait for the host's\n"
    "      --mode auto|real|pm32  how a flat image starts (default auto: 16-bit real mode)\n"
    "      --load ADDRESS       where a flat image goes (default 0; pm32: 0x100000)\n"
    "      --append TEXT        the kernel's command line (Multiboot)\n"
    "      --module FILE[=TEXT] a Multiboot module and its command line; may be repeated\n"
    "      --input serial|keyboard  where typing goes: COM1 (default) or the PS/2 keyboard\n"
    "      --timeout TIME       end the run after TIME (2, 2s, 500ms) with status 124\n"
    "      --report FILE        write how the run went, as JSON ('-': standard output)\n"
    "      --no-reboot          a reset by the guest ends the run\n"
    "      --strict             warn of each use of an address where nothing is\n"
    "  -h, --help               this text\n\n"
    "Status: the guest's own (odd: a debug exit), 0 power off or halted, 2 usage or image "
    "refused,\n"
    "4 the engine failed, 6 triple fault or unhandled exception, 124 timeout, 130 quit.\n";

struct run {
    struct machine_config config;
    struct image_module modules[MODULES_MAX];
    const struct engine *engine;
    const char *cpu_name, *report_path;
    enum inbox_ring input;
    bool no_reboot;

    struct inbox inbox;
    struct report_host host;
    struct machine *machine; /* the guest thread's until done_fd is readable; NULL: not built */
    char error[320];         /* why it was not */
    int output_error;        /* errno of the guest's output, 0 while it can be written */
    int done_fd;             /* eventfd: the guest thread has finished */

    bool has_terminal;
    int signal; /* that ended the run, or 0 */
    struct escape escape;
    struct keymap keymap;
    struct inbox_event waiting[256 * KEYMAP_EVENTS_MAX]; /* typed, not yet posted */
    unsigned waiting_first, waiting_count;
};

static uint64_t host_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- options ---- */

/* A number and one of the suffixes; `units` pairs them. False if it is anything else. */
struct unit {
    const char *suffix;
    double factor;
};

static bool parse_quantity(const char *text, const struct unit *units, double *value)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || !(*value >= 0))
        return false;
    for (; units->suffix; units++) {
        if (strcmp(end, units->suffix) == 0) {
            *value *= units->factor;
            return true;
        }
    }
    return false;
}

static bool parse_memory(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"", 1048576},     {"K", 1024},    {"k", 1024},
                                        {"M", 1048576},    {"m", 1048576}, {"G", 1073741824},
                                        {"g", 1073741824}, {NULL, 0}};
    double value;

    if (!parse_quantity(text, units, &value) || value < (double)MEMORY_MIN ||
        value > (double)MEMORY_MAX) {
        fprintf(stderr, "vmm: -m %s: not a size from 1M to 3584M\n", text);
        return false;
    }
    *bytes = (uint64_t)value;
    return true;
}

static bool parse_time(const char *text, uint64_t *ns)
{
    static const struct unit units[] = {{"", 1e9},   {"s", 1e9},  {"ms", 1e6},
                                        {"us", 1e3}, {"m", 60e9}, {NULL, 0}};
    double value;

    if (!parse_quantity(text, units, &value) || value <= 0 || value > 1e18) {
        fprintf(stderr, "vmm: --timeout %s: not a time such as 2, 2s or 500ms\n", text);
        return false;
    }
    *ns = (uint64_t)value;
    return true;
}

static bool parse_address(const char *text, uint32_t *address)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 0);

    if (end == text || *end || *text == '-' || value > UINT32_MAX) {
        fprintf(stderr, "vmm: --load %s: not an address such as 0x7c00\n", text);
        return false;
    }
    *address = (uint32_t)value;
    return true;
}

/* The index of `text` in a list that ends with NULL, or -1 with a message. */
static int parse_choice(const char *option, const char *text, const char *const *choices)
{
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0)
            return i;
    }
    fprintf(stderr, "vmm: %s %s: not one of", option, text);
    for (int i = 0; choices[i]; i++)
        fprintf(stderr, " %s", choices[i]);
    fputc('\n', stderr);
    return -1;
}

static bool add_module(struct run *run, char *text)
{
    struct image_request *image = &run->config.image;
    char *separator = strchr(text, '=');

    if (image->module_count == MODULES_MAX) {
        fprintf(stderr, "vmm: --module %s: more than %d modules\n", text, MODULES_MAX);
        return false;
    }
    if (separator)
        *separator = '\0';
    run->modules[image->module_count++] =
        (struct image_module){.path = text, .command_line = separator ? separator + 1 : NULL};
    return true;
}

enum {
    OPT_CPU = 256,
    OPT_MODE,
    OPT_LOAD,
    OPT_APPEND,
    OPT_MODULE,
    OPT_INPUT,
    OPT_TIMEOUT,
    OPT_REPORT,
    OPT_NO_REBOOT,
    OPT_STRICT,
    OPT_CLOCK
};

static const struct option options[] = {
    {"memory", required_argument, NULL, 'm'},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"mode", required_argument, NULL, OPT_MODE},
    {"load", required_argument, NULL, OPT_LOAD},
    {"append", required_argument, NULL, OPT_APPEND},
    {"module", required_argument, NULL, OPT_MODULE},
    {"input", required_argument, NULL, OPT_INPUT},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"report", required_argument, NULL, OPT_REPORT},
    {"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"clock", required_argument, NULL, OPT_CLOCK},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* One option; false, with a message, if its argument is wrong. */
static bool take_option(struct run *run, int option)
{
    static const char *const modes[] = {"auto", "real", "pm32", NULL};
    static const char *const clocks[] = {"real", "virtual", NULL};
    static const char *const inputs[] = {"serial", "keyboard", NULL};
    struct image_request *image = &run->config.image;
    int choice;

    switch (option) {
    case 'm':
        return parse_memory(optarg, &run->config.memory_size);
    case OPT_CPU:
        run->cpu_name = optarg;
        return true;
    case OPT_MODE:
        choice = parse_choice("--mode", optarg, modes);
        image->mode = choice == 1 ? IMAGE_REAL16 : choice == 2 ? IMAGE_PM32 : IMAGE_AUTO;
        return choice >= 0;
    case OPT_LOAD:
        image->has_load_address = true;
        return parse_address(optarg, &image->load_address);
    case OPT_APPEND:
        image->command_line = optarg;
        return true;
    case OPT_MODULE:
        return add_module(run, optarg);
    case OPT_INPUT:
        choice = parse_choice("--input", optarg, inputs);
        run->input = choice == 1 ? INBOX_KEYBOARD : INBOX_SERIAL;
        return choice >= 0;
    case OPT_TIMEOUT:
        return parse_time(optarg, &run->config.timeout);
    case OPT_REPORT:
        run->report_path = optarg;
        return true;
    case OPT_NO_REBOOT:
        run->no_reboot = true;
        return true;
    case OPT_CLOCK:
        choice = parse_choice("--clock", optarg, clocks);
        run->config.virtual_time = choice == 1;
        return choice >= 0;
    case OPT_STRICT:
        run->config.strict = true;
        return true;
    default: /* getopt_long has said what is wrong */
        fprintf(stderr, "Try 'vmm run --help'.\n");
        return false;
    }
}

/* ---- the guest's thread ---- */

/* Writes everything, through a full pipe or a terminal somebody made non-blocking. */
static int write_all(int fd, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(fd, bytes, count);
        if (done < 0) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            if (errno == EAGAIN && poll(&writable, 1, -1) >= 0)
                continue;
            if (errno == EINTR)
                continue;
            return errno;
        }
        bytes += done;
        count -= (size_t)done;
    }
    return 0;
}

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    struct run *run = owner;

    if (run->output_error)
        return;
    run->output_error = write_all(STDOUT_FILENO, bytes, count);
    if (run->output_error)
        inbox_quit(&run->inbox); /* nobody listens any more */
    else if (!run->host.first_output)
        run->host.first_output = host_ns();
}

static void warn(void *owner, const char *text)
{
    (void)owner;
    fprintf(stderr, "vmm: %s\n", text);
}

static void *guest_thread(void *argument)
{
    struct run *run = argument;
    uint64_t one = 1;

    for (;;) {
        struct machine *machine = machine_create(&run->config, run->error, sizeof(run->error));
        run->machine = machine;
        if (!machine || machine_run(machine)->end != END_RESET || run->no_reboot)
            break;
        machine_destroy(machine);
        run->machine = NULL;
        run->host.reboots++;
    }
    run->host.end = host_ns();
    if (write(run->done_fd, &one, sizeof(one)) < 0)
        abort(); /* can't be: the counter was zero */
    return NULL;
}

/* ---- the user's side ---- */

static void queue_event(struct run *run, struct inbox_event event)
{
    run->waiting[run->waiting_count++] = event;
}

static void post_waiting(struct run *run)
{
    while (run->waiting_first < run->waiting_count &&
           inbox_post(&run->inbox, run->input, run->waiting[run->waiting_first]))
        run->waiting_first++;
    if (run->waiting_first == run->waiting_count)
        run->waiting_first = run->waiting_count = 0;
}

static void type_byte(struct run *run, uint8_t byte)
{
    enum escape_action action = run->has_terminal ? escape_type(&run->escape, &byte) : ESCAPE_BYTE;

    switch (action) {
    case ESCAPE_NONE:
        return;
    case ESCAPE_QUIT:
        inbox_quit(&run->inbox);
        return;
    case ESCAPE_HELP:
        fprintf(stderr, "\n%s", escape_help);
        return;
    case ESCAPE_BYTE:
        if (run->input == INBOX_SERIAL)
            queue_event(run, (struct inbox_event){.code = byte});
        else
            run->waiting_count +=
                keymap_type(&run->keymap, byte, run->waiting + run->waiting_count);
    }
}

/* Reads what is typed; false at the end of the input. */
static bool read_input(struct run *run)
{
    uint8_t bytes[255];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < count; i++)
        type_byte(run, bytes[i]);
    post_waiting(run);
    return count > 0;
}

static void take_signal(struct run *run, int signal_fd)
{
    struct signalfd_siginfo info;

    if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGTSTP) { /* sent by hand: Ctrl-Z is the guest's */
        terminal_leave();
        raise(SIGSTOP);
        run->has_terminal = terminal_enter();
        return;
    }
    run->signal = (int)info.ssi_signo;
    inbox_quit(&run->inbox);
}

/* Passes on input and signals until the guest is done. */
static void attend(struct run *run, int signal_fd)
{
    enum { DONE, SIGNAL, OUTPUT, ROOM, INPUT, FDS };
    bool input_open = true, output_open = true;

    for (;;) {
        bool is_full = run->waiting_count > 0;
        struct pollfd fds[FDS] = {
            [DONE] = {.fd = run->done_fd, .events = POLLIN},
            [SIGNAL] = {.fd = signal_fd, .events = POLLIN},
            [OUTPUT] = {.fd =
                            output_open ? STDOUT_FILENO : -1}, /* tells when its reader has gone */
            [ROOM] = {.fd = is_full ? run->inbox.room_fd : -1, .events = POLLIN},
            [INPUT] = {.fd = input_open && !is_full ? STDIN_FILENO : -1, .events = POLLIN},
        };
        uint64_t count;
        int ready = poll(fds, FDS, run->keymap.length == 1 ? LONE_ESCAPE_WAIT_MS : -1);

        if (ready == 0) {
            run->waiting_count += keymap_flush(&run->keymap, run->waiting + run->waiting_count);
            post_waiting(run);
        }
        if (ready <= 0)
            continue;
        if (fds[DONE].revents)
            return;
        if (fds[SIGNAL].revents)
            take_signal(run, signal_fd);
        if (fds[OUTPUT].revents & (POLLERR | POLLHUP)) {
            output_open = false;
            inbox_quit(&run->inbox);
        }
        if (fds[ROOM].revents && read(run->inbox.room_fd, &count, sizeof(count)) > 0)
            post_waiting(run);
        if (fds[INPUT].revents)
            input_open = read_input(run);
    }
}

/* Says how it ended and returns the status. */
static int conclude(struct run *run)
{
    const struct machine *machine = run->machine;
    const char *name = run->config.image.path;
    const struct machine_outcome *outcome;

    if (!machine) {
        fprintf(stderr, "vmm: %s\n", run->error);
        return STATUS_USAGE;
    }
    outcome = &machine->outcome;
    if (run->output_error && run->output_error != EPIPE)
        fprintf(stderr, "vmm: can't write the guest's output: %s\n", strerror(run->output_error));
    if (outcome->text[0])
        fprintf(stderr, "vmm: %s: %s\n", name, outcome->text);
    if (outcome->end == END_SHUTDOWN || outcome->end == END_FAULT || outcome->end == END_CPU_FAILED)
        crash_print(stderr, machine);
    if (run->report_path) {
        int error = report_write(run->report_path, machine, &run->host);
        if (error < 0)
            fprintf(stderr, "vmm: can't write the report to %s: %s\n", run->report_path,
                    strerror(-error));
    }
    return outcome->status;
}

/* Runs the guest on its thread; returns the status. */
static int run_guest(struct run *run)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t signals;
    int signal_fd, status, error;

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        sigaddset(&signals, handled[i]);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by the guest's thread */
    signal(SIGPIPE, SIG_IGN);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    run->done_fd = eventfd(0, EFD_CLOEXEC);
    error = inbox_init(&run->inbox);
    if (signal_fd < 0 || run->done_fd < 0 || error < 0) {
        fprintf(stderr, "vmm: can't make file descriptors: %s\n", strerror(errno));
        return STATUS_USAGE;
    }
    run->has_terminal = terminal_enter();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, GUEST_STACK);
    error = pthread_create(&thread, &attributes, guest_thread, run);
    if (error) {
        terminal_leave();
        fprintf(stderr, "vmm: can't start a thread: %s\n", strerror(error));
        return STATUS_USAGE;
    }
    attend(run, signal_fd);
    pthread_join(thread, NULL);
    terminal_leave();
    status = conclude(run);
    if (run->machine)
        machine_destroy(run->machine);
    inbox_free(&run->inbox);
    close(run->done_fd);
    close(signal_fd);
    if (run->signal) { /* let the parent see what ended us */
        signal(run->signal, SIG_DFL);
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
        raise(run->signal);
    }
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct run run = {
        .config = {.memory_size = DEFAULT_MEMORY,
                   .timeout = CLOCK_NEVER,
                   .epoch = (int64_t)time(NULL),
                   .print = print,
                   .warn = warn},
        .cpu_name = "auto",
        .host = {.start = host_ns()},
    };
    char note[320];
    int option;

    run.config.image.modules = run.modules;
    run.config.inbox = &run.inbox;
    run.config.owner = &run;
    while ((option = getopt_long(argc, argv, "m:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (!take_option(&run, option))
            return STATUS_USAGE;
    }
    if (argc - optind != 1) {
        fprintf(stderr, "vmm: %s\nTry 'vmm run --help'.\n",
                argc == optind ? "no image given" : "more than one image given");
        return STATUS_USAGE;
    }
    run.config.image.path = argv[optind];

    run.engine = engine_choose(run.cpu_name, note, sizeof(note));
    if (note[0])
        fprintf(stderr, "vmm: %s\n", note);
    if (!run.engine)
        return STATUS_USAGE;
    if (run.config.virtual_time && strcmp(run.engine->name, "soft") != 0) {
        fprintf(stderr, "vmm: --clock virtual: only --cpu soft counts its time\n");
        return STATUS_USAGE;
    }
    run.config.make_cpu = run.engine->create;
    return run_guest(&run);
}
