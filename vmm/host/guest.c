/*
 * The life of a guest: files opened, machine built, run, built again after a reset, state saved.
 */
#include "guest.h"

#include "explain/crash.h"
#include "explain/why.h"
#include "inspect/symbols.h"
#include "os/file.h"
#include "os/host_clock.h"
#include "os/image_file.h"
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Of snapshots on a guest's way, for going back in time. */
#define HISTORY_BUDGET (UINT64_C(256) << 20)
#define HISTORY_INTERVAL                                                    \
    UINT64_C(10000000) /* instructions between them: some 20 ms of the host \
                        */

#define GUEST_STACK (1024 * 1024) /* the monitor needs most of it */

/* What the guest's real-time clock shows at the start of virtual time: 2000-01-01 00:00:00. */
#define VIRTUAL_EPOCH INT64_C(946684800)

/* Resets before the user is told of them. */
#define REBOOTS_TOLD 3

/* ---- before it runs ---- */

__attribute__((format(printf, 2, 3))) static int fail(struct guest *guest, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(guest->error, sizeof(guest->error), format, arguments);
    va_end(arguments);
    return -1;
}

const char *guest_path(const struct guest *guest)
{
    if (guest->config.image.path)
        return guest->config.image.path;
    return guest->config.image.from_drives ? guest->options->name : guest->options->restore;
}

struct inbox_event *guest_script(struct guest *guest, size_t count)
{
    if (!guest->script || guest->script_count + count > guest->script_size) {
        size_t size = 2 * guest->script_size + count + 1024;
        struct inbox_event *grown = realloc(guest->script, size * sizeof(*grown));
        if (!grown)
            return NULL;
        guest->script = grown;
        guest->script_size = size;
    }
    return guest->script + guest->script_count;
}

/* --restore: what the snapshot has of typing goes before what is typed now. */
static int read_snapshot(struct guest *guest)
{
    const struct inbox_event *events;
    struct inbox_event *to;
    size_t count;

    guest->snapshot = snapshot_read(guest->options->restore, guest->error, sizeof(guest->error));
    if (!guest->snapshot)
        return -1;
    if (!guest->options->has_memory) /* else it is compared */
        guest->config.memory_size = snapshot_memory_size(guest->snapshot);
    events = snapshot_script(guest->snapshot, guest->options->input, &count);
    to = guest_script(guest, count);
    if (!to)
        return fail(guest, "no memory for the input in %s", guest->options->restore);
    memcpy(to, events, count * sizeof(*events));
    guest->script_count += count;
    return 0;
}

static int choose_engine(struct guest *guest, char *note, size_t note_size)
{
    const struct options *options = guest->options;
    const char *name = options->cpu;
    const char *counts[] = {guest->config.virtual_time ? "--clock virtual" : NULL,
                            options->record ? "--record" : NULL,
                            options->replay ? "--replay" : NULL};

    if (guest->snapshot && strcmp(name, "auto") == 0)
        name = snapshot_engine(guest->snapshot);
    guest->engine = engine_choose(name, note, note_size);
    if (!guest->engine) {
        fail(guest, "%s", note);
        note[0] = '\0';
        return -1;
    }
    guest->config.make_cpu = guest->engine->create;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i] && !engine_counts_time(guest->engine))
            return fail(guest, "%s: only --cpu soft counts its time", counts[i]);
    }
    return 0;
}

static bool describe(void *owner, uint32_t address, char *to, size_t size);

/* --trace. */
static int open_trace(struct guest *guest)
{
    struct options *options = guest->options;
    const char *name = options->name ? options->name : guest_path(guest);

    if (!options_begin_trace(options, name, guest->error, sizeof(guest->error)))
        return -1;
    guest->trace = options->watch.trace;
    guest->config.describe = describe;
    guest->config.symbols = guest;
    return 0;
}

/* Gives the next boot the recorded input up to where the guest reset itself. */
static void replay_from(struct guest *guest, const struct machine_input *input)
{
    const struct machine_input *end = guest->replay.inputs + guest->replay.count;

    guest->config.replay = input;
    while (input != end && input->kind != INPUT_RESET)
        input++;
    guest->config.replay_end = input;
}

static void put_com2(void *owner, uint8_t byte)
{
    fputc(byte, owner); /* errors are asked for at the end */
}

/* --replay: the machine begins as it did when the run was recorded. */
static int take_start(struct guest *guest)
{
    const struct boot_start was = guest->replay.start, is = guest->config.start;

    if ((is.is_real && !was.is_real) || (guest->options->has_seed && was.seed != is.seed))
        return fail(
            guest,
            "%s was recorded with another --start or --seed: leave them out, the log has them",
            guest->options->replay);
    guest->config.start = was;
    return 0;
}

static int open_files(struct guest *guest)
{
    const struct options *options = guest->options;

    if (options->save && snapshot_can_write(options->save, guest->error, sizeof(guest->error)) < 0)
        return -1;
    for (unsigned i = 0; i < options->snapshot_count; i++) {
        if (snapshot_can_write(options->snapshots[i], guest->error, sizeof(guest->error)) < 0)
            return -1;
    }
    if (options->replay) {
        if (input_log_read(&guest->replay, options->replay, guest->error, sizeof(guest->error)) < 0)
            return -1;
        if (take_start(guest) < 0)
            return -1;
        guest->config.epoch = guest->replay.epoch;
        replay_from(guest, guest->replay.inputs);
    }
    if (options->record) {
        guest->record = input_log_create(options->record, &guest->config);
        if (!guest->record)
            return fail(guest, "can't write the input log %s: %s", options->record,
                        strerror(errno));
    }
    if (options->report) {
        guest->report = strcmp(options->report, "-") == 0
                            ? open_memstream(&guest->report_text, &guest->report_size)
                            : file_stream(options->report, FILE_WRITE);
        if (!guest->report)
            return fail(guest, "can't write the report to %s: %s", options->report,
                        strerror(errno));
    }
    if (options->com2) {
        guest->com2 = file_stream(options->com2, FILE_WRITE);
        if (!guest->com2)
            return fail(guest, "can't write what comes over COM2 to %s: %s", options->com2,
                        strerror(errno));
        setvbuf(guest->com2, NULL, _IOLBF, BUFSIZ); /* somebody may be reading it */
        guest->config.com2 = put_com2;
        guest->config.com2_owner = guest->com2;
    }
    return open_trace(guest);
}

/* Then what is typed goes to its keyboard: INT 16h reads no serial line. */
static bool starts_by_bios(const struct options *options)
{
    const struct image_request *image = &options->config.image;

    if (image->from_drives)
        return true;
    return image->path && image->mode == IMAGE_AUTO && !image->has_load_address &&
           image_file_kind(image->path) > IMAGE_FILE_ELF;
}

int guest_init(struct guest *guest, struct options *options, char *note, size_t note_size)
{
    int error;

    *guest = (struct guest){.options = options,
                            .config = options->config,
                            .run = options->run,
                            .done_fd = -1,
                            .desk.fd = -1};
    note[0] = '\0';
    if (!options->has_input && starts_by_bios(options))
        options->input = INBOX_KEYBOARD;
    guest->host.start = clock_host_ns();
    guest->config.inbox = &guest->inbox;
    guest->config.take = inbox_take;
    guest->config.epoch = guest->config.virtual_time ? VIRTUAL_EPOCH : (int64_t)time(NULL);
    error = inbox_init(&guest->inbox);
    if (error < 0)
        return fail(guest, "can't make file descriptors: %s", strerror(-error));
    run_control_init(&guest->control, &guest->inbox);
    run_control_hold(&guest->control, options->paused);
    guest->has_inbox = true;
    if (options_conflict(options))
        return fail(guest, "%s", options_conflict(options));
    guest->has_desk = true;
    error = desk_init(&guest->desk, &guest->control, guest->config.image.path);
    if (error < 0)
        return fail(guest, "can't make file descriptors: %s", strerror(-error));
    guest->desk.monitor.is_recorded = options->record;
    guest->desk.monitor.is_replay = options->replay;
    guest->done_fd = eventfd(0, EFD_CLOEXEC);
    if (guest->done_fd < 0)
        return fail(guest, "can't make file descriptors: %s", strerror(errno));
    if ((options->restore && read_snapshot(guest) < 0) || choose_engine(guest, note, note_size) < 0)
        return -1;
    return open_files(guest);
}

/* ---- on its thread ---- */

static void warn(const struct guest *guest, const char *text)
{
    if (guest->config.warn)
        guest->config.warn(guest->config.owner, text);
}

/* Whether a death on this engine may be one that another has to explain. */
static bool wants_opinion(const struct guest *guest)
{
    return !engine_counts_time(guest->engine) && !guest->options->no_second_opinion;
}

static void record(void *owner, const struct machine_input *input)
{
    struct guest *guest = owner;

    if (guest->record)
        input_log_put(guest->record, input);
    if (wants_opinion(guest))
        second_opinion_hear(&guest->opinion, input);
}

/* The symbols are read when the first of them is asked for; an image without any has addresses. */
static bool describe(void *owner, uint32_t address, char *to, size_t size)
{
    struct guest *guest = owner;
    char why[320];

    if (!guest->has_symbols && guest->config.image.path)
        guest->symbols = symbols_open(guest->config.image.path, why, sizeof(why));
    guest->has_symbols = true;
    return guest->symbols && symbols_describe(guest->symbols, address, to, size);
}

/* --start real: the seed is told first and last, since it is what repeats the run. */
static bool describe_start(const struct guest *guest, char *to, size_t size)
{
    const struct boot_start *start = &guest->config.start;

    if (!start->is_real || !image_is_asked(&guest->config.image) || guest->snapshot)
        return false;
    snprintf(to, size, "started as on real hardware: --start real --seed %" PRIu64, start->seed);
    return true;
}

/* A machine as it comes from its image, or, the first time, from the snapshot. */
static struct machine *make_machine(struct guest *guest)
{
    struct machine *machine = machine_create(&guest->config, guest->error, sizeof(guest->error));
    struct watch_config watch = guest->options->watch;

    watch.remembers = true;
    if (machine && !watch_attach(machine, &watch)) {
        snprintf(guest->error, sizeof(guest->error), "out of memory");
        machine_destroy(machine);
        return NULL;
    }
    if (!machine || !guest->snapshot || guest->host.reboots > 0)
        return machine;
    if (snapshot_restore(machine, guest->snapshot, guest->error, sizeof(guest->error)) < 0) {
        machine_destroy(machine);
        return NULL;
    }
    machine_set_timeout(machine, guest->config.timeout);
    for (machine->replay = guest->config.replay;
         machine->replay != guest->config.replay_end &&
         machine->replay->time < clock_now(&machine->clock);)
        machine->replay++; /* it came before the snapshot */
    machine->script[guest->options->input] = guest->config.script[guest->options->input];
    return machine;
}

/* --save: the machine's state, if it can go on. */
static void save(struct guest *guest)
{
    enum machine_end end = guest->machine->outcome.end;
    struct snapshot *snapshot;

    if (end != END_TIMEOUT && end != END_QUIT) {
        warn(guest, "nothing is saved: the guest has ended by itself");
        return;
    }
    snapshot = snapshot_take(guest->machine, guest->error, sizeof(guest->error));
    if (!snapshot ||
        snapshot_write(snapshot, guest->options->save, guest->error, sizeof(guest->error)) < 0) {
        warn(guest, guest->error);
        guest->not_saved = true;
    }
    snapshot_free(snapshot);
}

/* Takes what a boot has used off the time that is left: of the guest's, or, unless its time is
 * virtual, of the host's if that is more; not while the guest was paused. */
static void charge(struct guest *guest, uint64_t guest_ns, uint64_t host_ns)
{
    uint64_t used = !guest->config.virtual_time && host_ns > guest_ns ? host_ns : guest_ns;

    if (guest->config.timeout != CLOCK_NEVER)
        guest->config.timeout = guest->config.timeout > used ? guest->config.timeout - used : 1;
}

static void stand_still(struct guest *guest, struct machine *machine, uint64_t *since)
{
    uint64_t now = clock_host_ns();

    machine_stood_still(machine, now - *since);
    guest->stood_still += now - *since;
    *since = now;
}

/* It stands at a breakpoint, and nobody waits for that. */
static void tell_stop(struct guest *guest, struct machine *machine)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to;

    if (guest->control.was_told)
        return;
    guest->control.was_told = true;
    to = open_memstream(&text, &size);
    if (!to)
        return;
    monitor_tell_stop(&guest->desk.monitor, machine, to);
    if (fclose(to) == 0 && size > 0) {
        text[size - 1] = '\0'; /* the end of its last line */
        warn(guest, text);
    }
    free(text);
}

/* Between two instructions: answers what was asked, and stays while the guest is paused; that time
 * is none of its own. */
static void hold(struct guest *guest, struct machine *machine)
{
    struct inbox *inbox = &guest->inbox;
    uint64_t since = clock_host_ns();

    for (;;) {
        desk_serve(&guest->desk, machine);
        tell_stop(guest, machine);
        stand_still(guest, machine, &since);
        if (!run_control_is_held(&guest->control) || atomic_load(&inbox->quit) ||
            machine->outcome.end != END_NONE)
            break;
        inbox_wait(inbox, CLOCK_NEVER);
        runner_show(&guest->runner);
        stand_still(guest, machine, &since);
    }
}

/* Runs it to where it is to stop, or where its history is to be looked after. */
static bool run_on(struct guest *guest, struct machine *machine)
{
    struct run_control *control = &guest->control;
    const struct machine_pause *wanted = run_control_pause(control);
    struct machine_pause pause = wanted ? *wanted : run_control_never;
    bool goes_on;

    (void)machine;
    if (!control->history)
        return runner_run_until(&guest->runner, wanted);
    if (history_deadline(control->history) < pause.time)
        pause.time = history_deadline(control->history);
    goes_on = runner_run_until(&guest->runner, &pause);
    history_look(control->history);
    return goes_on;
}

static bool boots_again(const struct guest *guest, const struct machine *machine)
{
    return machine->outcome.end == END_RESET && !guest->options->no_reboot &&
           image_is_asked(&guest->config.image);
}

/* A debugger looks at a guest that has died, or reset itself, as long as it wants to. Whether the
 * guest goes on after that: it was taken back in time. */
static bool revives(struct guest *guest, struct machine *machine)
{
    struct run_control *control = &guest->control;

    if (!control->is_debugged || machine->outcome.end == END_QUIT)
        return false;
    if (machine->outcome.end != END_EXIT && machine->outcome.end != END_POWER_OFF &&
        machine->outcome.end != END_INPUT)
        run_control_hold(control, true);
    do {
        desk_serve(&guest->desk, machine);
        if (!control->is_debugged || !run_control_is_held(control) ||
            atomic_load(&guest->inbox.quit))
            break;
        inbox_wait(&guest->inbox, CLOCK_NEVER);
        runner_show(&guest->runner);
    } while (machine->outcome.end != END_NONE);
    return machine->outcome.end == END_NONE;
}

static const struct machine_outcome *run(struct guest *guest, struct machine *machine)
{
    do {
        do
            hold(guest, machine);
        while (run_on(guest, machine));
        guest->control.boots_again = boots_again(guest, machine);
        desk_end(&guest->desk, machine);
    } while (revives(guest, machine));
    return &machine->outcome;
}

static void free_machine(struct guest *guest)
{
    runner_free(&guest->runner);
    history_free(guest->control.history);
    guest->control.history = NULL;
    machine_destroy(guest->machine);
    guest->machine = NULL;
}

/* Makes a machine and runs it to its end; true if that was a reset after which it boots again. */
static bool boot(struct guest *guest)
{
    uint64_t host = clock_host_ns(), start;
    struct machine *machine = make_machine(guest);
    char text[100];

    guest->machine = machine;
    guest->stood_still = 0;
    second_opinion_begin(&guest->opinion);
    if (!machine)
        return false;
    if (guest->host.reboots == 0 && describe_start(guest, text, sizeof(text)))
        warn(guest, text);
    runner_init(&guest->runner, machine, &guest->inbox, &guest->run);
    if (guest->keeps_history || guest->options->history)
        guest->control.history = history_begin(
            machine, guest->options->history ? guest->options->history : HISTORY_BUDGET,
            HISTORY_INTERVAL, guest->control.no_history, sizeof(guest->control.no_history));
    start = clock_now(&machine->clock);
    run(guest, machine);
    if (!boots_again(guest, machine))
        return false;
    charge(guest, machine->outcome.guest_ns - start, clock_host_ns() - host - guest->stood_still);
    if (guest->trace)
        trace_reset(guest->trace, machine->outcome.guest_ns);
    if (guest->record) {
        struct machine_input reset = {.time = machine->outcome.guest_ns, .kind = INPUT_RESET};
        input_log_put(guest->record, &reset);
    }
    if (guest->config.replay) {
        const struct machine_input *end = guest->config.replay_end;
        replay_from(guest, end == guest->replay.inputs + guest->replay.count ? end : end + 1);
    }
    free_machine(guest);
    return true;
}

/* What is left of the guest to be asked about: where its own engine does not know how it died, that
 * of the second opinion. */
static struct machine *remains(const struct guest *guest)
{
    return guest->opinion.machine ? guest->opinion.machine : guest->machine;
}

/* Meanwhile the monitor answers. */
static bool opinion_goes_on(void *owner)
{
    struct guest *guest = owner;

    desk_serve(&guest->desk, guest->machine);
    return !atomic_load(&guest->leaves) && !atomic_load(&guest->inbox.quit);
}

static void give_opinion(struct guest *guest)
{
    uint64_t one = 1;
    FILE *to = open_memstream(&guest->opinion_text, &guest->opinion_size);

    if (to) {
        second_opinion_give(&guest->opinion, guest->machine, guest_path(guest), opinion_goes_on,
                            guest, to);
        fclose(to);
    }
    if (write(guest->done_fd, &one, sizeof(one)) < 0)
        abort(); /* can't be: the counter was zero */
}

/* The guest has ended: answers what is asked about what is left of it, until that is freed. */
static void stay(struct guest *guest)
{
    while (!atomic_load(&guest->leaves)) {
        if (!atomic_load(&guest->is_lent)) {
            if (atomic_exchange(&guest->opinion_asked, false))
                give_opinion(guest);
            desk_serve(&guest->desk, remains(guest));
        }
        inbox_wait(&guest->inbox, CLOCK_NEVER);
    }
    desk_serve(&guest->desk, remains(guest));
}

/* Boots, and boots again after a reset; the time limit is for all of it. A machine is made, run,
 * looked at and freed on this thread: a CPU can be kicked as long as there is one. */
static void *guest_thread(void *argument)
{
    struct guest *guest = argument;
    uint64_t one = 1;

    guest->control.is_over = false;
    while (boot(guest)) {
        if (++guest->host.reboots == REBOOTS_TOLD)
            warn(guest,
                 "the guest has reset itself three times (--no-reboot ends the run instead)");
    }
    guest->host.end = clock_host_ns();
    if (guest->machine && guest->options->save)
        save(guest);
    guest->control.is_over = true;
    atomic_store(&guest->is_lent, true);
    if (write(guest->done_fd, &one, sizeof(one)) < 0)
        abort(); /* can't be: the counter was zero */
    stay(guest);
    second_opinion_free(&guest->opinion);
    if (guest->machine)
        free_machine(guest);
    return NULL;
}

int guest_start(struct guest *guest, void (*print)(void *owner, const uint8_t *bytes, size_t count),
                void (*warning)(void *owner, const char *text), void *owner)
{
    pthread_attr_t attributes;
    int error;

    guest->config.print = print;
    guest->config.warn = warning;
    guest->config.owner = owner;
    guest->config.record = guest->record || wants_opinion(guest) ? record : NULL;
    guest->config.log = guest;
    guest->config.script[guest->options->input] =
        (struct input_script){guest->script, guest->script_count};
    guest->run.owner = owner;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, GUEST_STACK);
    error = pthread_create(&guest->thread, &attributes, guest_thread, guest);
    pthread_attr_destroy(&attributes);
    guest->has_thread = guest->is_running = guest->desk.is_served = error == 0;
    return error;
}

bool guest_input_ends(const struct guest *guest)
{
    return !guest->options->keep_open && !guest->options->monitor;
}

void guest_wait(struct guest *guest)
{
    uint64_t count;

    while (guest->is_running)
        guest->is_running = read(guest->done_fd, &count, sizeof(count)) < 0;
}

/* ---- after it ---- */

/* A reset that ended it was one that nothing could be booted after, or was to be. */
bool guest_is_dead(const struct guest *guest)
{
    return guest->machine && (machine_end_is_death(guest->machine->outcome.end) ||
                              guest->machine->outcome.end == END_RESET);
}

/* The errno of a write that failed, now or earlier, whose reason is not known any more; 0: none
 * did. NULL is no file. */
static int write_error(FILE *file)
{
    if (!file)
        return 0;
    if (ferror(file))
        return EIO;
    return fflush(file) != 0 ? errno : 0;
}

static int conclude(struct guest *guest, FILE *to)
{
    const struct machine *machine = guest->machine;
    const struct machine_outcome *outcome;
    bool is_complete = !guest->not_saved, is_crash;
    char text[100];
    int error;

    if (!machine) {
        fprintf(to, "vmm: %s\n", guest->error);
        return STATUS_USAGE;
    }
    outcome = &machine->outcome;
    if (outcome->text[0])
        fprintf(to, "vmm: %s: %s\n", guest_path(guest), outcome->text);
    why_conclude(to, guest->machine);
    is_crash =
        outcome->end == END_SHUTDOWN || outcome->end == END_FAULT || outcome->end == END_CPU_FAILED;
    if (is_crash)
        crash_print(to, machine);
    else if (outcome->end == END_TIMEOUT || outcome->end == END_QUIT || outcome->end == END_HALTED)
        crash_print_brief(to, machine);
    if (!is_crash && (machine->output.total == 0 || machine_end_is_death(outcome->end)) &&
        guest->options->display != DISPLAY_NONE)
        crash_print_screen(to, machine); /* all that it has said; or what it says of its death */
    if (describe_start(guest, text, sizeof(text)))
        fprintf(to, "vmm: %s: %s\n", guest_path(guest), text);
    if (guest->options->save && !guest->not_saved &&
        (outcome->end == END_TIMEOUT || outcome->end == END_QUIT))
        fprintf(to, "vmm: saved; 'vmm run --restore %s' goes on\n", guest->options->save);
    if (guest->report) {
        error = report_write(guest->report, &guest->runner, &guest->host);
        if (error < 0) {
            fprintf(to, "vmm: can't write the report to %s: %s\n", guest->options->report,
                    strerror(-error));
            is_complete = false;
        }
    }
    error = write_error(guest->record);
    if (error) {
        fprintf(to, "vmm: the input log %s is not complete: %s\n", guest->options->record,
                strerror(error));
        is_complete = false;
    }
    error = write_error(guest->com2);
    if (error) {
        fprintf(to, "vmm: what came over COM2 is not all in %s: %s\n", guest->options->com2,
                strerror(error));
        is_complete = false;
    }
    error = trace_close(guest->trace);
    guest->trace = NULL;
    if (error) {
        fprintf(to, "vmm: the trace in %s is not complete: %s\n",
                trace_file_path(guest->options->trace_file), strerror(error));
        is_complete = false;
    }
    return is_complete ? outcome->status : STATUS_USAGE;
}

/* One that began from a snapshot can't be repeated: no other engine takes that. */
static bool needs_opinion(const struct guest *guest)
{
    return guest->machine && wants_opinion(guest) && image_is_asked(&guest->config.image) &&
           (!guest->snapshot || guest->host.reboots > 0) && !atomic_load(&guest->inbox.quit) &&
           second_opinion_is_needed(guest->machine);
}

int guest_conclude(struct guest *guest, FILE *to)
{
    int status = conclude(guest, to);

    guest->awaits_opinion = needs_opinion(guest);
    if (guest->awaits_opinion)
        fprintf(to, "  a second opinion from the software CPU follows, within %u s\n",
                (unsigned)(SECOND_OPINION_NS / NS_PER_SECOND));
    atomic_store(&guest->opinion_asked, guest->awaits_opinion);

    atomic_store(&guest->is_lent, false);
    inbox_ask(&guest->inbox);
    return status;
}

bool guest_awaits_opinion(const struct guest *guest)
{
    return guest->awaits_opinion;
}

const char *guest_hear_opinion(struct guest *guest, size_t *size)
{
    uint64_t count;

    while (read(guest->done_fd, &count, sizeof(count)) < 0)
        ;
    guest->awaits_opinion = false;
    *size = guest->opinion_text ? guest->opinion_size : 0;
    return guest->opinion_text ? guest->opinion_text : "";
}

void guest_free(struct guest *guest)
{
    if (guest->has_thread) {
        atomic_store(&guest->leaves, true);
        inbox_ask(&guest->inbox);
        pthread_join(guest->thread, NULL);
    }
    if (guest->has_desk)
        desk_free(&guest->desk);
    run_control_free(&guest->control);
    if (guest->has_inbox)
        inbox_free(&guest->inbox);
    if (guest->done_fd >= 0)
        close(guest->done_fd);
    snapshot_free(guest->snapshot);
    input_log_free(&guest->replay);
    free(guest->script);
    trace_close(guest->trace);
    symbols_free(guest->symbols);
    if (guest->record)
        fclose(guest->record);
    if (guest->com2)
        fclose(guest->com2);
    if (guest->report)
        fclose(guest->report);
    free(guest->report_text);
    free(guest->opinion_text);
    *guest = (struct guest){.done_fd = -1, .desk.fd = -1};
}
