/*
 * One guest: its bytes pass through as they are, both ways; Ctrl-A and a letter are ours where
 * standard input is a terminal.
 */
#include "solo.h"

#include "console/escape.h"
#include "console/terminal.h"
#include "host/status.h"
#include "live.h"
#include "prompt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct solo {
    struct many *many;
    struct member *member;
    bool has_terminal;
    bool talks;         /* what is typed goes to the monitor */
    struct sink *words; /* where that answers */
    struct prompt prompt;
    struct escape escape;
    struct live live;
};

static void output(void *front, struct member *member, const uint8_t *bytes, size_t count,
                   enum shown what)
{
    struct solo *solo = front;
    struct many *many = solo->many;
    bool is_message = what == SHOWN_MESSAGE;

    if (!member->is_running)
        live_hide(&solo->live, &many->out);
    /* What goes elsewhere is not in the screen's way. */
    if ((!is_message || many->err == &many->out) &&
        live_takes(&solo->live, &many->out, bytes, count, is_message))
        return;
    if (what == SHOWN_MESSAGE)
        sink_end_line(many->err);
    sink_put(what == SHOWN_MESSAGE ? many->err : &many->out, bytes, count);
}

/* ---- the monitor ---- */

static void show_answer(void *owner, const char *bytes, size_t count)
{
    sink_put(((struct solo *)owner)->words, bytes, count);
}

/* What is typed goes to the monitor, or back to the guest. */
static void talk(struct solo *solo, bool talks)
{
    solo->talks = talks;
    live_hide(&solo->live, &solo->many->out);
    if (talks)
        sink_puts(solo->words, "\n'help' lists the monitor's commands; Ctrl-A C goes back\n");
    prompt_show(&solo->prompt, talks);
    if (!talks)
        sink_puts(solo->words, "\n");
}

static void answered(void *front, struct member *member)
{
    struct solo *solo = front;

    (void)member;
    if (!prompt_update(&solo->prompt) && solo->talks)
        talk(solo, false);
}

/* The guest has ended. Who is at its monitor then may look at what is left of it. */
static void changed(void *front, struct member *member)
{
    struct solo *solo = front;

    if (solo->talks && !member->is_running && !member_is_quit(member) && !member_is_held(member))
        sink_printf(solo->words, "\nthe guest has ended (%s%s%s); quit, or Ctrl-A C, leaves\n",
                    machine_end_name(member->end), member->summary[0] ? ": " : "", member->summary);
}

static bool leaves(void *front)
{
    const struct solo *solo = front;

    return !solo->talks || member_is_quit(solo->member);
}

/* ---- what is typed ---- */

static void type_byte(struct solo *solo, uint8_t byte)
{
    switch (solo->has_terminal ? escape_type(&solo->escape, &byte) : ESCAPE_BYTE) {
    case ESCAPE_NONE:
        break;
    case ESCAPE_QUIT:
        many_quit(solo->many);
        break;
    case ESCAPE_VIEW:
        live_toggle(&solo->live, &solo->many->out);
        break;
    case ESCAPE_HELP:
        live_hide(&solo->live, &solo->many->out);
        sink_printf(solo->words, "\n%s", escape_help);
        break;
    case ESCAPE_MONITOR:
        talk(solo, !solo->talks);
        break;
    case ESCAPE_WHY:
        live_hide(&solo->live, &solo->many->out);
        sink_puts(solo->words, "\n");
        prompt_ask(&solo->prompt, "why");
        break;
    case ESCAPE_BYTE:
        /* Who looks at the screen types at the keyboard. */
        if (!solo->member->options->has_input && solo->live.is_shown)
            solo->member->options->input = INBOX_KEYBOARD;
        if (solo->talks && !prompt_type(&solo->prompt, byte))
            talk(solo, false);
        else if (!solo->talks && !member_type(solo->member, byte) && solo->has_terminal)
            sink_puts(solo->words, "\a");
    }
}

static void input(void *front, const uint8_t *bytes, size_t count)
{
    struct solo *solo = front;

    for (size_t i = 0; i < count; i++)
        type_byte(solo, bytes[i]);
    if (count > 0)
        return;
    many_end_input(solo->many);
    if (solo->talks)
        talk(solo, false); /* nobody is there any more */
}

/* Ctrl-A X must work on a terminal, whether the guest reads or not. */
static bool has_keys(void *front)
{
    return ((struct solo *)front)->has_terminal;
}

static void terminal(void *front, bool is_ours)
{
    struct solo *solo = front;

    if (is_ours)
        solo->has_terminal = terminal_enter();
    else
        terminal_leave();
    live_refresh(&solo->live);
}

static int update(void *front)
{
    struct solo *solo = front;

    return solo->talks ? -1 : live_update(&solo->live, solo->member, &solo->many->out);
}

/* In virtual time the guest can't wait for somebody to type: all input is read before it starts,
 * and each byte comes in when the guest has room. So two runs are the same to the last instruction,
 * the clock that the guest can read included. */
static bool read_script(struct guest *guest)
{
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
    return true;
}

/* ---- from the beginning to the end ---- */

int solo_run(struct many *many)
{
    static const struct front front = {
        .end_keys = "Ctrl-A X",
        .output = output,
        .input = input,
        .has_keys = has_keys,
        .changed = changed,
        .terminal = terminal,
        .answered = answered,
        .update = update,
        .leaves = leaves,
    };
    static struct solo solo; /* too large for a stack */
    struct guest *guest = &many->members[0].guest;
    int error;

    solo = (struct solo){.many = many, .member = &many->members[0]};
    solo.words = isatty(STDOUT_FILENO) ? &many->out : many->err;
    if (guest->config.virtual_time && !guest->config.replay && !isatty(STDIN_FILENO)) {
        if (!read_script(guest))
            return STATUS_USAGE;
        many->input_ended = true;
    }
    live_init(&solo.live, guest->options->display);
    prompt_init(&solo.prompt, guest, show_answer, &solo);
    prompt_show(&solo.prompt, false);
    solo.has_terminal = terminal_enter();
    error = many_run(many, &front, &solo);
    live_hide(&solo.live, &many->out);
    if (isatty(STDOUT_FILENO)) { /* the shell's prompt begins a line */
        sink_end_line(&many->out);
        sink_write(&many->out);
    }
    terminal_leave();
    if (error)
        fprintf(stderr, "vmm: can't start the guest: %s\n", strerror(error));
    if (many->out.error && many->out.error != EPIPE)
        fprintf(stderr, "vmm: can't write the guest's output: %s\n", strerror(many->out.error));
    prompt_free(&solo.prompt);
    live_free(&solo.live);
    return error ? STATUS_USAGE : many_status(many);
}
