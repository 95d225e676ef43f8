/*
 * A guest's threads and the main one, which shows it: what goes from one to the other; its starts,
 * pauses and ends.
 */
#include "member.h"

#include "gdb_socket.h"
#include "many.h"
#include "os/host_clock.h"
#include "os/image_file.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* ---- on guests' threads ---- */

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    struct member *member = owner;

    if (!outbox_has_room(&member->output, count))
        turn_give(&member->guest.runner.turn);
    outbox_put(&member->output, bytes, count, false);
    if (!member->guest.host.first_output)
        member->guest.host.first_output = clock_host_ns();
}

static void put_message(struct member *member, const char *text)
{
    char line[512];
    int length = snprintf(line, sizeof(line), "vmm: %s\n", text);

    outbox_put(&member->output, (const uint8_t *)line,
               (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1, true);
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
    vga_show(&machine->vga, &sight->display);
    pthread_mutex_unlock(&member->sight_lock);
}

/* ---- on the main thread ---- */

void member_look(struct member *member)
{
    if (member->is_running)
        inbox_look(&member->guest.inbox);
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

void member_sight(struct member *member, struct sight *sight)
{
    note_pause(member, run_control_is_held(&member->guest.control));
    pthread_mutex_lock(&member->sight_lock);
    sight->time = member->sight.time;
    sight->exits = member->sight.exits;
    sight->is_halted = member->sight.is_halted;
    sight->is_silent = member->sight.is_silent;
    display_copy(&sight->display, &member->sight.display);
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

bool member_get_ready(struct member *member, char *note, size_t note_size)
{
    pthread_mutex_lock(&member->sight_lock);
    display_free(&member->sight.display);
    member->sight = (struct sight){.is_silent = true};
    pthread_mutex_unlock(&member->sight_lock);
    typing_init(&member->typing);
    if (guest_init(&member->guest, member->options, note, note_size) < 0)
        return false;
    member->guest.keeps_history = member->keeps_history;
    member->guest.run.show = show;
    if (member->many->is_crowd)
        member->guest.run.turns = &member->many->turns;
    return true;
}

void member_pass_answer(struct member *member)
{
    if (member->options->monitor)
        monitor_socket_update(member->options->monitor, &member->guest.desk);
    many_pass_gdb(member->many);
    note_pause(member, run_control_is_held(&member->guest.control));
    if (member->many->front->answered)
        member->many->front->answered(member->many->owner, member);
}

static void tell_change(struct member *member)
{
    if (member->many->front->changed)
        member->many->front->changed(member->many->owner, member);
}

static int watch(const struct member *member, int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)member};

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 && errno != EEXIST ? errno : 0;
}

/* Has what comes from a guest wake the main thread; returns 0 or an errno. */
static int watch_guest(const struct member *member)
{
    const struct many *many = member->many;
    const struct guest *guest = &member->guest;
    int error = watch(member, many->done_fd, guest->done_fd);

    error = error ? error : watch(member, many->answer_fd, guest->desk.fd);
    error = error ? error : watch(member, many->answer_fd, guest->inbox.room_fd);
    if (!error && member->options->monitor)
        error = watch(member, many->answer_fd, monitor_socket_fd(member->options->monitor));
    return error;
}

static void show_text(struct member *member, const char *text, size_t size, enum shown what)
{
    if (size > 0)
        member->many->front->output(member->many->owner, member, (const uint8_t *)text, size, what);
}

static void say(struct member *member, const char *text)
{
    show_text(member, text, strlen(text), SHOWN_MESSAGE);
}

/* Whether keys such as Ctrl-A C come to the front. */
static bool has_keys(const struct many *many)
{
    return many->front->has_keys && many->front->has_keys(many->owner) && many->input_open;
}

/* How gdb comes to it: the command, and its image, which has symbols where it is an ELF file. */
static void print_gdb(const struct member *member, char *text, size_t size)
{
    const struct gdb_socket *gdb = member->many->gdb;
    const char *image = member->options->config.image.path;
    bool has_symbols = gdb && image && image_file_kind(image) == IMAGE_FILE_ELF;

    snprintf(text, size, "%s%s%s%s", gdb ? " For gdb: " : "", gdb ? gdb_socket_command(gdb) : "",
             has_symbols ? " " : "", has_symbols ? image : "");
}

/* Says that it stands still, and where its monitor is. */
static void say_standing(struct member *member, const char *how, const char *command,
                         const char *does)
{
    const struct monitor_socket *socket = member->options->monitor;
    bool keys = has_keys(member->many);
    char gdb[1000], text[2000];

    print_gdb(member, gdb, sizeof(gdb));
    if (!keys && !socket) {
        snprintf(text, sizeof(text), "vmm: %s: %s.%s\n", member->name, how, gdb);
        say(member, text);
        return;
    }
    snprintf(text, sizeof(text), "vmm: %s: %s. Its monitor: %s%s%s%s. %s%s'%s' there %s%s%s\n",
             member->name, how, keys ? "Ctrl-A C" : "", keys && socket ? ", and " : "",
             socket ? "the socket " : "", socket ? monitor_socket_path(socket) : "",
             keys && member->is_held ? member->many->front->end_keys : "",
             keys && member->is_held ? ", or " : "", command, does, gdb[0] ? "." : "", gdb);
    say(member, text);
}

static void set_due(struct member *member, uint64_t due)
{
    member->many->waiting += (size_t)(due != 0) - (size_t)(member->due != 0);
    member->due = due;
}

int member_start(struct member *member)
{
    int error = watch_guest(member);

    if (error)
        return error;
    member->ends = member->restarts = member->is_paused = member->is_held = false;
    member->paused_ns = 0;
    member->starts++;
    member->start = clock_host_ns();
    outbox_close(&member->output, false);
    if (member->many->input_ended && guest_input_ends(&member->guest))
        inbox_close(&member->guest.inbox);
    error = guest_start(&member->guest, print, warn, member);
    if (error)
        return error;
    member->is_running = true;
    member->many->running++;
    note_pause(member, member->options->paused);
    tell_change(member);
    if (member->options->paused)
        say_standing(member,
                     member->options->restore && member->starts == 1
                         ? "paused where it was saved"
                         : "paused before its first instruction",
                     "continue", "lets it run");
    return 0;
}

void member_pause(struct member *member, bool paused)
{
    if (!member->is_running || run_control_is_held(&member->guest.control) == paused)
        return;
    note_pause(member, paused);
    run_control_hold(&member->guest.control, paused);
}

void member_quit(struct member *member)
{
    set_due(member, 0);
    member->is_held = false;
    if (!member->is_running)
        return;
    member->ends = true;
    member_pause(member, false);
    inbox_quit(&member->guest.inbox);
    outbox_close(&member->output, true);
}

void member_start_again(struct member *member)
{
    char note[320];
    int error;

    set_due(member, 0);
    epoll_ctl(member->many->done_fd, EPOLL_CTL_DEL, member->guest.done_fd, NULL);
    guest_free(&member->guest); /* what was left, to be looked at */
    if (!member_get_ready(member, note, sizeof(note))) {
        put_message(member, member->guest.error);
    } else {
        error = member_start(member);
        if (error)
            put_message(member, strerror(error));
    }
    member_pass_answer(member); /* what was asked of the one that is freed */
}

void member_restart(struct member *member)
{
    if (member->is_running) {
        member->restarts = true;
        member_quit(member);
    } else {
        member_start_again(member);
    }
}

/* What it says of its end. */
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
    if (to && fclose(to) == 0)
        show_text(member, text, size, SHOWN_MESSAGE);
    else
        say(member, "vmm: out of memory: there is no word of how the guest ended\n");
    free(text);
    if (outbox_has_lost(&member->output)) {
        say(member, "vmm: out of memory: what the guest printed is not complete\n");
        member->status = STATUS_USAGE;
    }
    show_text(member, member->guest.report_text, member->guest.report_size, SHOWN_REPORT);
}

bool member_pass_output(struct member *member)
{
    uint8_t bytes[OUTBOX_SIZE];
    bool is_message = false; /* where nothing is taken */
    size_t count = outbox_take(&member->output, bytes, sizeof(bytes), &is_message);

    show_text(member, (const char *)bytes, count, is_message ? SHOWN_MESSAGE : SHOWN_OUTPUT);
    return count > 0;
}

bool member_is_quit(const struct member *member)
{
    return member->end == END_NONE || member->end == END_QUIT ||
           atomic_load(&member->guest.inbox.quit);
}

bool member_is_held(const struct member *member)
{
    return member->is_held && !member->many->ends && !member_is_quit(member) &&
           (member->options->monitor || member->many->gdb || has_keys(member->many));
}

bool member_awaits_opinion(const struct member *member)
{
    return !member->is_running && guest_awaits_opinion(&member->guest);
}

/* Nothing more will be said of its end. */
static void end_report(struct member *member)
{
    epoll_ctl(member->many->done_fd, EPOLL_CTL_DEL, member->guest.done_fd, NULL);
    if (member_is_held(member))
        say_standing(member,
                     member->guest.opinion.machine ? "held, as it died on the software CPU"
                                                   : "held, as it died",
                     "quit", "ends it");
}

static void hear_opinion(struct member *member)
{
    size_t size;
    const char *text = guest_hear_opinion(&member->guest, &size);

    show_text(member, text, size, SHOWN_MESSAGE);
    if (member->guest.opinion.machine)
        snprintf(member->summary, sizeof(member->summary), "second opinion: %.180s",
                 member->guest.opinion.machine->outcome.text);
    end_report(member);
    tell_change(member);
}

void member_end(struct member *member)
{
    struct many *many = member->many;

    if (!member->is_running) {
        hear_opinion(member);
        return;
    }
    guest_wait(&member->guest);
    member_pause(member, false);
    while (member_pass_output(member))
        ;
    member->stop = clock_host_ns();
    member->is_running = false;
    many->running--;
    member->is_held = member->options->hold && !member->ends && guest_is_dead(&member->guest);
    conclude(member);
    tell_change(member);
    if (!member_awaits_opinion(member))
        end_report(member);
    if (member->restarts && !many->ends)
        member_start_again(member);
    else if (member->options->restart && !member->ends && !member_is_held(member))
        set_due(member, member->stop + member->options->restart);
}

void member_init(struct member *member, struct many *many, struct options *options)
{
    member->many = many;
    member->options = options;
    member->guest.done_fd = -1;
    pthread_mutex_init(&member->sight_lock, NULL);
    outbox_init(&member->output, many->news_fd);
}

void member_free(struct member *member)
{
    guest_free(&member->guest);
    outbox_free(&member->output);
    display_free(&member->sight.display);
    pthread_mutex_destroy(&member->sight_lock);
}
