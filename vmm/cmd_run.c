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
#include "disk.h"
#include "input_log.h"
#include "machine.h"
#include "report.h"
#include "snapshot.h"

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

/* Typed ahead of the guest: then a terminal drops keys, anything else is not read for a while. */
#define WAITING_MAX 16384
#define READ_MAX    255 /* bytes at a time, each up to KEYMAP_EVENTS_MAX events */

/* A tty takes this much without blocking once poll says it is writable; a pipe takes PIPE_BUF. */
#define WRITE_MAX 256

/* How long a guest's thread may take to notice that it is to end. */
#define QUIT_WAIT_MS 2000

/* What the guest's real-time clock shows at the start of virtual time: 2000-01-01 00:00:00. */
#define VIRTUAL_EPOCH INT64_C(946684800)

/* Resets before the user is told of them. */
#define REBOOTS_TOLD 3

static const char usage[] =
    "usage: vmm run [OPTION...] IMAGE\n"
    "       vmm run [OPTION...] --restore FILE [IMAGE]\n\n"
    "Runs IMAGE (flat 16-bit, ELF32 or Multiboot; flat 32-bit with --mode pm32) with its serial\n"
    "line on this terminal. Ctrl-A X quits, Ctrl-A H lists the keys.\n\n"
    "  -m, --memory SIZE        guest RAM in MiB, or with a suffix K, M, G (default 64M)\n"
    "      --cpu ENGINE         auto (default), kvm or soft; 'vmm probe' tells what works\n"
    "      --clock real|virtual with --cpu soft: virtual time does not wait for the host's\n"
    "      --mode auto|real|pm32  how a flat image starts (default auto: 16-bit real mode)\n"
    "      --load ADDRESS       where a flat image goes (default 0; pm32: 0x100000)\n"
    "      --append TEXT        the kernel's command line (Multiboot)\n"
    "      --module FILE[=TEXT] a Multiboot module and its command line; may be repeated\n"
    "      --disk FILE[,ro][,modern]  a disk (virtio-blk), up to four; ',,' is a comma\n"
    "      --input serial|keyboard  where typing goes: COM1 (default) or the PS/2 keyboard\n"
    "      --timeout TIME       end the run after TIME (2, 2s, 500ms) with status 124\n"
    "      --report FILE        write how the run went, as JSON ('-': standard output)\n"
    "      --save FILE          keep the machine's state when the run ends by timeout or quit\n"
    "      --restore FILE       go on from such a state\n"
    "      --record FILE        with --cpu soft: write down each input and when it came\n"
    "      --replay FILE        repeat a recorded run\n"
    "      --no-reboot          a reset by the guest ends the run\n"
    "      --strict             warn of each use of an address where nothing is\n"
    "  -h, --help               this text\n\n"
    "Status: the guest's own (odd: a debug exit), 0 power off or halted, 2 usage or image "
    "refused,\n"
    "4 the engine failed, 6 triple fault or unhandled exception, 124 timeout, 130 quit.\n";

struct run {
    struct machine_config config;
    struct image_module modules[MODULES_MAX];
    struct disk disks[MACHINE_DISKS];
    unsigned disk_count;
    const struct engine *engine;
    const char *cpu_name, *report_path, *save_path, *restore_path, *record_path, *replay_path;
    FILE *report, *record;
    struct snapshot *snapshot; /* to begin with */
    struct input_log replay;
    enum inbox_ring input;
    bool no_reboot;
    bool not_saved;

    struct inbox inbox;
    struct report_host host;
    struct machine *machine;    /* the guest thread's until done_fd is readable; NULL: not built */
    char error[320];            /* why it was not */
    int output_error;           /* errno of the guest's output, 0 while it can be written */
    uint8_t last_output;        /* the last byte written */
    int done_fd;                /* eventfd: the guest thread has finished */
    struct inbox_event *script; /* --clock virtual: all input */
    size_t script_count, script_size;
    int quit_fd; /* eventfd: it is to end, even where it waits to write */

    bool has_terminal;
    int signal; /* that ended the run, or 0 */
    struct escape escape;
    struct keymap keymap;
    struct inbox_event waiting[WAITING_MAX + KEYMAP_EVENTS_MAX]; /* typed, not yet posted */
    unsigned waiting_count;
};

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

static bool add_disk(struct run *run, char *text)
{
    struct disk *disk = &run->disks[run->disk_count];
    char error[320];

    if (run->disk_count == MACHINE_DISKS) {
        fprintf(stderr, "vmm: --disk %s: more than %d disks\n", text, MACHINE_DISKS);
        return false;
    }
    if (disk_open(disk, text, error, sizeof(error)) < 0) {
        fprintf(stderr, "vmm: %s\n", error);
        return false;
    }
    run->config.disks[run->disk_count++] = disk;
    return true;
}

enum {
    OPT_CPU = 256,
    OPT_MODE,
    OPT_LOAD,
    OPT_APPEND,
    OPT_MODULE,
    OPT_DISK,
    OPT_INPUT,
    OPT_TIMEOUT,
    OPT_REPORT,
    OPT_NO_REBOOT,
    OPT_STRICT,
    OPT_CLOCK,
    OPT_SAVE,
    OPT_RESTORE,
    OPT_RECORD,
    OPT_REPLAY
};

static const struct option options[] = {
    {"memory", required_argument, NULL, 'm'},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"mode", required_argument, NULL, OPT_MODE},
    {"load", required_argument, NULL, OPT_LOAD},
    {"append", required_argument, NULL, OPT_APPEND},
    {"module", required_argument, NULL, OPT_MODULE},
    {"disk", required_argument, NULL, OPT_DISK},
    {"input", required_argument, NULL, OPT_INPUT},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"report", required_argument, NULL, OPT_REPORT},
    {"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"clock", required_argument, NULL, OPT_CLOCK},
    {"save", required_argument, NULL, OPT_SAVE},
    {"restore", required_argument, NULL, OPT_RESTORE},
    {"record", required_argument, NULL, OPT_RECORD},
    {"replay", required_argument, NULL, OPT_REPLAY},
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
    case OPT_DISK:
        return add_disk(run, optarg);
    case OPT_INPUT:
        choice = parse_choice("--input", optarg, inputs);
        run->input = choice == 1 ? INBOX_KEYBOARD : INBOX_SERIAL;
        return choice >= 0;
    case OPT_TIMEOUT:
        return parse_time(optarg, &run->config.timeout);
    case OPT_REPORT:
        run->report_path = optarg;
        return true;
    case OPT_SAVE:
        run->save_path = optarg;
        return true;
    case OPT_RESTORE:
        run->restore_path = optarg;
        return true;
    case OPT_RECORD:
        run->record_path = optarg;
        return true;
    case OPT_REPLAY:
        run->replay_path = optarg;
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

static void request_quit(struct run *run)
{
    uint64_t one = 1;

    inbox_quit(&run->inbox);
    if (write(run->quit_fd, &one, sizeof(one)) < 0)
        return; /* it was requested before */
}

/* Writes everything, through a full pipe or a terminal somebody made non-blocking; gives up when
 * the run is to end. Returns 0 or an errno. */
static int write_all(const struct run *run, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        enum { OUTPUT, QUIT, FDS };
        struct pollfd fds[FDS] = {
            [OUTPUT] = {.fd = STDOUT_FILENO, .events = POLLOUT},
            [QUIT] = {.fd = run->quit_fd, .events = POLLIN},
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
    struct run *run = owner;

    if (run->output_error)
        return;
    run->output_error = write_all(run, bytes, count);
    run->last_output = bytes[count - 1];
    if (run->output_error)
        request_quit(run); /* nobody listens any more */
    else if (!run->host.first_output)
        run->host.first_output = clock_host_ns();
}

static void warn(void *owner, const char *text)
{
    (void)owner;
    fprintf(stderr, "vmm: %s\n", text);
}

static void record(void *owner, const struct machine_input *input)
{
    struct run *run = owner;

    input_log_put(run->record, input);
}

/* A machine as it comes from its image, or, the first time, from the snapshot. */
static struct machine *make_machine(struct run *run)
{
    struct machine *machine = machine_create(&run->config, run->error, sizeof(run->error));

    if (!machine || !run->snapshot || run->host.reboots > 0)
        return machine;
    if (snapshot_restore(machine, run->snapshot, run->error, sizeof(run->error)) < 0) {
        machine_destroy(machine);
        return NULL;
    }
    machine_set_timeout(machine, run->config.timeout);
    for (machine->replay = run->config.replay; machine->replay != run->config.replay_end &&
                                               machine->replay->time < clock_now(&machine->clock);)
        machine->replay++; /* it came before the snapshot */
    inbox_preload(&run->inbox, run->input, run->script, run->script_count);
    return machine;
}

/* --save: the machine's state, if it can go on. */
static void save(struct run *run, struct machine *machine)
{
    enum machine_end end = machine->outcome.end;
    char error[320] = "";
    struct snapshot *snapshot;

    if (end != END_TIMEOUT && end != END_QUIT) {
        warn(run, "nothing is saved: the guest has ended by itself");
        return;
    }
    snapshot = snapshot_take(machine, error, sizeof(error));
    if (!snapshot || snapshot_write(snapshot, run->save_path, error, sizeof(error)) < 0)
        warn(run, error);
    run->not_saved = error[0] != '\0';
    snapshot_free(snapshot);
}

/* Boots, and boots again after a reset; the time limit is for all of it. */
static void *guest_thread(void *argument)
{
    struct run *run = argument;
    uint64_t one = 1;

    for (;;) {
        uint64_t boot = clock_host_ns(), start;
        struct machine *machine = make_machine(run);
        run->machine = machine;
        start = machine ? clock_now(&machine->clock) : 0;
        if (!machine || machine_run(machine)->end != END_RESET || run->no_reboot ||
            !run->config.image.path)
            break;
        if (run->config.timeout != CLOCK_NEVER) {
            uint64_t used = machine->outcome.guest_ns - start, host = clock_host_ns() - boot;
            if (!run->config.virtual_time && host > used)
                used = host;
            run->config.timeout = run->config.timeout > used ? run->config.timeout - used : 1;
        }
        run->config.replay = machine->replay;
        machine_destroy(machine);
        run->machine = NULL;
        if (++run->host.reboots == REBOOTS_TOLD)
            warn(run, "the guest has reset itself three times (--no-reboot ends the run instead)");
    }
    run->host.end = clock_host_ns();
    if (run->machine && run->save_path)
        save(run, run->machine);
    if (write(run->done_fd, &one, sizeof(one)) < 0)
        abort(); /* can't be: the counter was zero */
    return NULL;
}

/* ---- the user's side ---- */

static void post_waiting(struct run *run)
{
    unsigned posted = 0;

    while (posted < run->waiting_count && inbox_post(&run->inbox, run->input, run->waiting[posted]))
        posted++;
    run->waiting_count -= posted;
    memmove(run->waiting, run->waiting + posted, run->waiting_count * sizeof(run->waiting[0]));
}

/* A byte for the guest, as what its input device takes. */
static void queue_byte(struct run *run, uint8_t byte)
{
    struct inbox_event *to = run->waiting + run->waiting_count;

    if (run->waiting_count >= WAITING_MAX) { /* only a terminal is read when this is full */
        if (write(STDERR_FILENO, "\a", 1) < 0)
            return;
    } else if (run->input == INBOX_SERIAL) {
        *to = (struct inbox_event){.code = byte};
        run->waiting_count++;
    } else {
        run->waiting_count += keymap_type(&run->keymap, byte, to);
    }
}

static void type_byte(struct run *run, uint8_t byte)
{
    enum escape_action action = run->has_terminal ? escape_type(&run->escape, &byte) : ESCAPE_BYTE;

    switch (action) {
    case ESCAPE_NONE:
        return;
    case ESCAPE_QUIT:
        request_quit(run);
        return;
    case ESCAPE_HELP:
        fprintf(stderr, "\n%s", escape_help);
        return;
    case ESCAPE_BYTE:
        queue_byte(run, byte);
    }
}

/* Reads what is typed; false at the end of the input. */
static bool read_input(struct run *run)
{
    uint8_t bytes[READ_MAX];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < count; i++)
        type_byte(run, bytes[i]);
    post_waiting(run);
    return count > 0;
}

/* Room for `count` more events in the script. */
static bool grow_script(struct run *run, size_t count)
{
    struct inbox_event *grown;

    if (run->script_count + count <= run->script_size)
        return true;
    run->script_size = 2 * run->script_size + count + 1024;
    grown = realloc(run->script, run->script_size * sizeof(*grown));
    if (!grown) {
        fprintf(stderr, "vmm: the input is too long to be kept in memory\n");
        return false;
    }
    run->script = grown;
    return true;
}

/* In virtual time the guest can't wait for somebody to type: all input is read before it starts,
 * and each byte comes in when the guest has room. So two runs are the same to the last instruction,
 * the clock that the guest can read included. */
static bool read_script(struct run *run)
{
    struct keymap keymap = {0};
    int c;

    while ((c = getchar()) != EOF) {
        if (!grow_script(run, KEYMAP_EVENTS_MAX))
            return false;
        if (run->input == INBOX_SERIAL)
            run->script[run->script_count++] = (struct inbox_event){.code = (uint16_t)c};
        else
            run->script_count += keymap_type(&keymap, (uint8_t)c, run->script + run->script_count);
    }
    return true;
}

/* --restore: reads the snapshot; what it has of typing goes before what is typed now. */
static bool open_snapshot(struct run *run)
{
    const struct inbox_event *events;
    size_t count;

    if (!run->restore_path)
        return true;
    run->snapshot = snapshot_read(run->restore_path, run->error, sizeof(run->error));
    if (!run->snapshot) {
        fprintf(stderr, "vmm: %s\n", run->error);
        return false;
    }
    run->config.memory_size = snapshot_memory_size(run->snapshot);
    if (strcmp(run->cpu_name, "auto") == 0)
        run->cpu_name = snapshot_engine(run->snapshot);
    events = snapshot_script(run->snapshot, run->input, &count);
    if (!grow_script(run, count))
        return false;
    memcpy(run->script, events, count * sizeof(*events));
    run->script_count = count;
    return true;
}

/* --record and --replay. */
static bool open_logs(struct run *run)
{
    if (run->replay_path) {
        if (input_log_read(&run->replay, run->replay_path, run->error, sizeof(run->error)) < 0) {
            fprintf(stderr, "vmm: %s\n", run->error);
            return false;
        }
        run->config.epoch = run->replay.epoch;
        run->config.replay = run->replay.inputs;
        run->config.replay_end = run->replay.inputs + run->replay.count;
    }
    if (run->record_path) {
        run->record = input_log_create(run->record_path, run->config.epoch);
        if (!run->record) {
            fprintf(stderr, "vmm: can't write the input log %s: %s\n", run->record_path,
                    strerror(errno));
            return false;
        }
        run->config.record = record;
    }
    return true;
}

static bool is_soft(const struct run *run, const char *option)
{
    if (strcmp(run->engine->name, "soft") == 0)
        return true;
    fprintf(stderr, "vmm: %s: only --cpu soft counts its time\n", option);
    return false;
}

static bool open_report(struct run *run)
{
    if (!run->report_path)
        return true;
    run->report = strcmp(run->report_path, "-") == 0 ? stdout : fopen(run->report_path, "we");
    if (!run->report)
        fprintf(stderr, "vmm: can't write the report to %s: %s\n", run->report_path,
                strerror(errno));
    return run->report != NULL;
}

/* Reads what the run is to begin with, and opens what it writes. */
static bool open_files(struct run *run)
{
    if ((run->config.virtual_time && !is_soft(run, "--clock virtual")) ||
        (run->record_path && !is_soft(run, "--record")) ||
        (run->replay_path && !is_soft(run, "--replay")))
        return false;
    if (run->config.virtual_time)
        run->config.epoch = VIRTUAL_EPOCH;
    if (run->config.virtual_time && !run->replay_path && !isatty(STDIN_FILENO) && !read_script(run))
        return false;
    return open_logs(run) && open_report(run);
}

static void take_signal(struct run *run, int signal_fd)
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
        run->has_terminal = terminal_enter();
        break;
    default:
        run->signal = (int)info.ssi_signo;
        request_quit(run);
    }
}

/* Passes on input and signals until the guest is done: true. False if a signal has come and the
 * guest's thread does not end, since it waits for something else (to open a pipe, say). */
static bool attend(struct run *run, int signal_fd)
{
    enum { DONE, SIGNAL, OUTPUT, ROOM, INPUT, FDS };
    bool input_open = true, output_open = true;

    for (;;) {
        bool waits = run->waiting_count > 0;
        bool reads =
            input_open &&
            (run->has_terminal || run->waiting_count + READ_MAX * KEYMAP_EVENTS_MAX <= WAITING_MAX);
        struct pollfd fds[FDS] = {
            [DONE] = {.fd = run->done_fd, .events = POLLIN},
            [SIGNAL] = {.fd = signal_fd, .events = POLLIN},
            [OUTPUT] = {.fd =
                            output_open ? STDOUT_FILENO : -1}, /* tells when its reader has gone */
            [ROOM] = {.fd = waits ? run->inbox.room_fd : -1, .events = POLLIN},
            [INPUT] = {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
        };
        uint64_t count;
        int ready = poll(fds, FDS,
                         run->signal               ? QUIT_WAIT_MS
                         : run->keymap.length == 1 ? LONE_ESCAPE_WAIT_MS
                                                   : -1);

        if (ready == 0 && run->signal)
            return false;
        if (ready == 0) {
            if (run->waiting_count < WAITING_MAX)
                run->waiting_count += keymap_flush(&run->keymap, run->waiting + run->waiting_count);
            post_waiting(run);
        }
        if (ready <= 0)
            continue;
        if (fds[DONE].revents)
            return true;
        if (fds[SIGNAL].revents)
            take_signal(run, signal_fd);
        if (fds[OUTPUT].revents & (POLLERR | POLLHUP)) {
            output_open = false;
            request_quit(run);
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
    const char *name = run->config.image.path ? run->config.image.path : run->restore_path;
    const struct machine_outcome *outcome;

    if (!machine) {
        fprintf(stderr, "vmm: %s\n", run->error);
        return STATUS_USAGE;
    }
    outcome = &machine->outcome;
    if (run->has_terminal && machine->output.total > 0 && run->last_output != '\n')
        fputc('\n', stderr);
    if (run->output_error && run->output_error != EPIPE)
        fprintf(stderr, "vmm: can't write the guest's output: %s\n", strerror(run->output_error));
    if (outcome->text[0])
        fprintf(stderr, "vmm: %s: %s\n", name, outcome->text);
    if (outcome->end == END_SHUTDOWN || outcome->end == END_FAULT || outcome->end == END_CPU_FAILED)
        crash_print(stderr, machine);
    else if (machine->output.total == 0)
        crash_print_screen(stderr, machine); /* all that it has said */
    if (run->save_path && !run->not_saved &&
        (outcome->end == END_TIMEOUT || outcome->end == END_QUIT))
        fprintf(stderr, "vmm: saved; 'vmm run --restore %s' goes on\n", run->save_path);
    if (run->report) {
        int error = report_write(run->report, machine, &run->host);
        if (error < 0)
            fprintf(stderr, "vmm: can't write the report to %s: %s\n", run->report_path,
                    strerror(-error));
    }
    return run->not_saved ? STATUS_USAGE : outcome->status;
}

/* Runs the guest on its thread; returns the status. */
static int run_guest(struct run *run)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t signals;
    int signal_fd, status, error;

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        struct sigaction now;
        /* What our parent ignores (nohup, a script's background jobs) we ignore. */
        if (sigaction(handled[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&signals, handled[i]);
    }
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by the guest's thread */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a disk over the host's limit is an error for the guest */
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    run->done_fd = eventfd(0, EFD_CLOEXEC);
    run->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    error = inbox_init(&run->inbox);
    if (signal_fd < 0 || run->done_fd < 0 || run->quit_fd < 0 || error < 0) {
        fprintf(stderr, "vmm: can't make file descriptors: %s\n", strerror(errno));
        return STATUS_USAGE;
    }
    inbox_preload(&run->inbox, run->input, run->script, run->script_count);
    run->has_terminal = terminal_enter();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, GUEST_STACK);
    error = pthread_create(&thread, &attributes, guest_thread, run);
    if (error) {
        terminal_leave();
        fprintf(stderr, "vmm: can't start a thread: %s\n", strerror(error));
        return STATUS_USAGE;
    }
    if (attend(run, signal_fd)) {
        pthread_join(thread, NULL);
        terminal_leave();
        status = conclude(run);
        if (run->machine)
            machine_destroy(run->machine);
        inbox_free(&run->inbox);
        snapshot_free(run->snapshot);
        input_log_free(&run->replay);
        free(run->script);
        if (run->record)
            fclose(run->record);
    } else {
        terminal_leave();
        status = STATUS_USAGE;
    }
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
        .host = {.start = clock_host_ns()},
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
    if (argc - optind != 1 && !(argc == optind && run.restore_path)) {
        fprintf(stderr, "vmm: %s\nTry 'vmm run --help'.\n",
                argc == optind ? "no image given" : "more than one image given");
        return STATUS_USAGE;
    }
    run.config.image.path = argv[optind]; /* or NULL */
    if (!open_snapshot(&run))
        return STATUS_USAGE;

    run.engine = engine_choose(run.cpu_name, note, sizeof(note));
    if (note[0])
        fprintf(stderr, "vmm: %s\n", note);
    if (!run.engine)
        return STATUS_USAGE;
    run.config.make_cpu = run.engine->create;
    if (!open_files(&run))
        return STATUS_USAGE;
    return run_guest(&run);
}
