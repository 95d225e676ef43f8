/*
 * The split screen: panes in a table, a line at the bottom, and the keys after Ctrl-A.
 */
#include "screen.h"

#include "cast.h"
#include "console/terminal.h"
#include "front/prompt.h"
#include "host/status.h"
#include "keys.h"
#include "os/host_clock.h"
#include "pane.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_NS     UINT64_C(16000000)
#define FRAME_OUTPUT 65536 /* bytes from guests that are taken between two frames */
#define NOTICE_NS    UINT64_C(4000000000)

static const char enter_terminal[] = "\033[?1049h\033[?7l\033[2J";
static const char leave_terminal[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

/* A guest's monitor, once it was asked for; its terminal is shown instead of the guest's. */
struct talk {
    struct prompt prompt;
    struct pane pane;
    bool is_shown;
};

struct screen {
    struct many *many;
    struct pane *panes;  /* by member */
    struct talk **talks; /* by member */
    struct grid shown, next;
    bool is_fresh; /* the terminal has nothing of ours yet */
    bool has_terminal, utf8, exits, has_input;
    struct sink report; /* for standard output, when the screen has gone */
    struct cast cast;
    struct keys keys;
    size_t focus, first, on_page; /* those on the page: from `first` on */
    struct area areas[LAYOUT_MAX];
    bool zoomed, helps;
    char notice[160];
    uint64_t notice_end;
    bool is_dirty;
    uint64_t frame; /* host ns of the last one */
    size_t taken;   /* bytes from guests since then */
};

/* The terminal that is shown of a guest: its own, or its monitor's. */
static struct pane *shown_pane(const struct screen *screen, size_t index)
{
    struct talk *talk = screen->talks[index];

    return talk && talk->is_shown ? &talk->pane : &screen->panes[index];
}

/* ---- size and place ---- */

/* Lays out the page that has the focus. */
static void lay_out(struct screen *screen)
{
    struct area whole = {0, 0, screen->next.rows, screen->next.columns};
    size_t fit;

    if (whole.rows > 2)
        whole.rows--; /* the line at the bottom */
    fit = screen->zoomed ? 1 : layout_capacity(whole.rows, whole.columns);
    screen->first = screen->focus / fit * fit;
    screen->on_page = screen->many->count - screen->first;
    if (screen->on_page > fit)
        screen->on_page = fit;
    layout_tile(whole, screen->on_page, screen->areas);
    for (size_t i = 0; i < screen->many->count; i++) {
        bool is_on_page = i >= screen->first && i < screen->first + screen->on_page;
        if (!is_on_page)
            pane_hide(&screen->panes[i]);
        if (!is_on_page && screen->talks[i])
            pane_hide(&screen->talks[i]->pane);
    }
    screen->is_dirty = true;
}

/* Takes the terminal's size; false: no memory. */
static bool take_size(struct screen *screen)
{
    int rows, columns;

    terminal_size(screen->has_terminal, &rows, &columns);
    grid_free(&screen->shown);
    grid_free(&screen->next);
    screen->is_fresh = true;
    if (!grid_init(&screen->shown, rows, columns) || !grid_init(&screen->next, rows, columns))
        return false;
    lay_out(screen);
    return true;
}

/* ---- painting ---- */

#define GREEN  COLOUR_INDEX(2)
#define YELLOW COLOUR_INDEX(3)
#define RED    COLOUR_INDEX(1)
#define CYAN   COLOUR_INDEX(6)

/* What a guest is doing, or how it has ended. */
static const char *state_of(const struct pane *pane, char *to, size_t size, uint32_t *colour)
{
    const struct member *member = pane->member;

    *colour = member->status ? RED : CYAN;
    if (member->is_running) {
        *colour = member->is_paused ? YELLOW : GREEN;
        return member->restarts        ? "restarting"
               : member->ends          ? "ending"
               : member->is_paused     ? "paused"
               : pane->sight.is_halted ? "halted"
                                       : "running";
    }
    if (member_is_held(member))
        return "held";
    switch (member->end) {
    case END_SHUTDOWN:
    case END_FAULT:
        return "crashed";
    case END_NONE:
    case END_CPU_FAILED:
    case END_DIVERGED:
        return "failed";
    case END_TIMEOUT:
        return "timed out";
    case END_QUIT:
        return "ended by you";
    default:
        snprintf(to, size, "exited %d", member->status);
        return to;
    }
}

static void short_number(char *to, size_t size, double value)
{
    const char *unit = value >= 1e6 ? "M" : value >= 1e3 ? "k" : "";
    double shown = value >= 1e6 ? value / 1e6 : value >= 1e3 ? value / 1e3 : value;

    snprintf(to, size, "%.*f%s exits/s", *unit && shown < 10 ? 1 : 0, shown, unit);
}

/* The line above a pane: its guest, and what can be said of it in the room there is. */
static void paint_title(const struct screen *screen, const struct pane *pane, struct area area,
                        size_t index, bool has_focus)
{
    struct grid *grid = (struct grid *)&screen->next;
    struct style line = {.bits = has_focus ? STYLE_BOLD : STYLE_DIM}, name = line, state = {0};
    unsigned seconds = (unsigned)(member_uptime(pane->member) / NS_PER_SECOND);
    const struct pane *shown = shown_pane(screen, index);
    char parts[6][64], number[16];
    const char *text[7];
    int end = area.column + area.columns, at = area.column;
    unsigned count = 0;

    for (int column = area.column; column < end; column++)
        grid_put(grid, area.row, column, 0x2500, line);
    if (has_focus)
        name.bits |= STYLE_REVERSE;
    snprintf(number, sizeof(number), "%zu ", index + 1);
    at = grid_text(grid, area.row, at, end, " ", name);
    at = grid_text(grid, area.row, at, end, number, name);
    at = grid_text(grid, area.row, at, end, pane->member->name, name);
    at = grid_text(grid, area.row, at, end, " ", name);
    text[count++] = state_of(pane, parts[0], sizeof(parts[0]), &state.fg);
    if (shown->is_monitor)
        text[count++] = "monitor";
    if (shown->scroll > 0) {
        snprintf(parts[1], sizeof(parts[1]), "%d lines up", shown->scroll);
        text[count++] = parts[1];
    }
    if (pane->member->options->restart) {
        snprintf(parts[5], sizeof(parts[5]), "run %u", pane->member->starts);
        text[count++] = parts[5];
    }
    snprintf(parts[2], sizeof(parts[2]), "%u:%02u", seconds / 60, seconds % 60);
    text[count++] = parts[2];
    if (pane->member->is_running) {
        short_number(parts[3], sizeof(parts[3]), pane->rate);
        text[count++] = parts[3];
        text[count++] = pane->member->guest.engine->name;
    }
    for (unsigned i = 0; i < count; i++) {
        if (at + (int)strlen(text[i]) + 3 > end)
            break;
        at = grid_text(grid, area.row, at + 1, end, " ", line);
        at = grid_text(grid, area.row, at, end, text[i], i == 0 ? state : line);
        at = grid_text(grid, area.row, at, end, " ", line);
    }
}

static void paint_panes(struct screen *screen)
{
    struct grid *grid = &screen->next;

    for (size_t i = 0; i < screen->on_page; i++) {
        size_t index = screen->first + i;
        bool has_focus = index == screen->focus;
        struct area area = screen->areas[i], inside = area;
        if (area.rows < 1 || area.columns < 1)
            continue;
        if (area.rows > 1) {
            paint_title(screen, &screen->panes[index], area, index, has_focus);
            inside.row++;
            inside.rows--;
        }
        if (area.column + area.columns < grid->columns && area.columns > 1) {
            inside.columns--;
            for (int row = inside.row; row < inside.row + inside.rows; row++)
                grid_put(grid, row, inside.column + inside.columns, 0x2502,
                         (struct style){.bits = STYLE_DIM});
        }
        pane_paint(shown_pane(screen, index), grid, inside, has_focus);
    }
}

/* The line at the bottom: what matters most now, and where we are. */
static void paint_bottom(struct screen *screen, uint64_t now)
{
    static const struct style style = {.bits = STYLE_REVERSE};
    const struct member *focus = &screen->many->members[screen->focus];
    struct grid *grid = &screen->next;
    size_t fit = screen->zoomed ? 1 : layout_capacity(grid->rows - 1, grid->columns);
    char left[400], right[80];
    int row = grid->rows - 1, at;

    if (grid->rows <= 2)
        return;
    if (now < screen->notice_end)
        snprintf(left, sizeof(left), " %s", screen->notice);
    else if (screen->keys.asking && screen->keys.number == 0)
        snprintf(left, sizeof(left), " number of the guest, Enter: ");
    else if (screen->keys.asking)
        snprintf(left, sizeof(left), " number of the guest, Enter: %u", screen->keys.number);
    else if (screen->keys.scrolling)
        snprintf(left, sizeof(left), " scrolling: arrows, PgUp, PgDn, Home, End; Q goes back");
    else if (member_is_held(focus))
        snprintf(left, sizeof(left), " %s is held: Ctrl-A C asks its monitor, Ctrl-A K ends it: %s",
                 focus->name, focus->summary);
    else if (screen->many->running + screen->many->waiting == 0)
        snprintf(left, sizeof(left), " all guests have ended; Ctrl-A X leaves");
    else if (!focus->is_running && focus->summary[0])
        snprintf(left, sizeof(left), " %s: %s", focus->name, focus->summary);
    else
        snprintf(left, sizeof(left), " Ctrl-A H: help");
    snprintf(right, sizeof(right), "%zu of %zu running ", screen->many->running,
             screen->many->count);
    if (fit < screen->many->count)
        snprintf(right, sizeof(right), "%s %zu/%zu  %zu of %zu running ",
                 screen->zoomed ? "guest" : "page", screen->focus / fit + 1,
                 (screen->many->count + fit - 1) / fit, screen->many->running, screen->many->count);
    for (int column = 0; column < grid->columns; column++)
        grid_put(grid, row, column, ' ', style);
    at = grid_text(grid, row, 0, grid->columns, left, style);
    if (at + (int)strlen(right) + 2 <= grid->columns)
        grid_text(grid, row, grid->columns - (int)strlen(right), grid->columns, right, style);
}

static void paint_help(struct grid *grid)
{
    static const struct style style = {.bits = STYLE_REVERSE};
    int rows = 0, columns = 0, row0, column0;

    for (; keys_help[rows]; rows++) {
        int length = (int)strlen(keys_help[rows]);
        columns = length > columns ? length : columns;
    }
    row0 = grid->rows > rows + 2 ? (grid->rows - rows - 2) / 2 : 0;
    column0 = grid->columns > columns + 4 ? (grid->columns - columns - 4) / 2 : 0;
    for (int row = 0; row < rows + 2; row++) {
        for (int column = 0; column < columns + 4; column++)
            grid_put(grid, row0 + row, column0 + column, ' ', style);
        if (row >= 1 && row <= rows)
            grid_text(grid, row0 + row, column0 + 2, grid->columns, keys_help[row - 1], style);
    }
    grid->cursor_row = -1;
}

static void draw(struct screen *screen, uint64_t now)
{
    size_t before = screen->many->out.used;
    struct grid was;

    grid_clear(&screen->next);
    paint_panes(screen);
    paint_bottom(screen, now);
    if (screen->helps)
        paint_help(&screen->next);
    grid_render(&screen->many->out, screen->is_fresh ? NULL : &screen->shown, &screen->next,
                screen->utf8);
    cast_output(&screen->cast, screen->many->out.bytes + before, screen->many->out.used - before);
    if (!screen->has_terminal)
        screen->many->out.used = 0;
    was = screen->shown;
    screen->shown = screen->next;
    screen->next = was;
    screen->is_fresh = screen->is_dirty = false;
    screen->frame = now;
    screen->taken = 0;
}

/* ---- keys ---- */

__attribute__((format(printf, 2, 3))) static void notice(struct screen *screen, const char *format,
                                                         ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(screen->notice, sizeof(screen->notice), format, arguments);
    va_end(arguments);
    screen->notice_end = clock_host_ns() + NOTICE_NS;
}

static void stop_scrolling(struct screen *screen)
{
    screen->keys.scrolling = false;
    shown_pane(screen, screen->focus)->scroll = 0;
}

static void focus_on(struct screen *screen, size_t index)
{
    if (index >= screen->many->count)
        return;
    stop_scrolling(screen);
    screen->focus = index;
    lay_out(screen);
}

static size_t neighbour(const struct screen *screen, int down, int right)
{
    struct area from = screen->areas[screen->focus - screen->first];
    /* A cell over the edge, or where the other side is. */
    int row = down > 0 ? from.row + from.rows : down < 0 ? from.row - 1 : from.row;
    int column = right > 0 ? from.column + from.columns : right < 0 ? from.column - 1 : from.column;

    for (size_t i = 0; i < screen->on_page; i++) {
        struct area to = screen->areas[i];
        if (row >= to.row && row < to.row + to.rows && column >= to.column &&
            column < to.column + to.columns)
            return screen->first + i;
    }
    /* Over the edge of the page is another page, if there is one. */
    if (down + right > 0)
        return screen->first + screen->on_page;
    return screen->first > 0 ? screen->first - 1 : SIZE_MAX;
}

/* While scrolling; false: the key means something else. */
static bool scroll_by(struct screen *screen, enum key key)
{
    struct pane *pane = shown_pane(screen, screen->focus);
    int page = pane->terminal.rows > 2 ? pane->terminal.rows - 1 : 1;

    switch (key) {
    case KEY_UP:
    case KEY_KILL: /* K is up, as in a pager */
        pane_scroll(pane, 1);
        return true;
    case KEY_DOWN:
        pane_scroll(pane, -1);
        return true;
    case KEY_PAGE_UP:
        pane_scroll(pane, page);
        return true;
    case KEY_PAGE_DOWN:
        pane_scroll(pane, -page);
        return true;
    case KEY_HOME:
        pane_scroll(pane, PANE_LINES);
        return true;
    case KEY_END:
        pane_scroll(pane, -PANE_LINES);
        return true;
    case KEY_LEAVE:
        stop_scrolling(screen);
        return true;
    default:
        return false;
    }
}

/* ---- monitors ---- */

static void show_answer(void *owner, const char *bytes, size_t count)
{
    pane_output(owner, (const uint8_t *)bytes, count, false);
}

/* Shows the monitor of the guest that has the focus, or that guest again. */
static void toggle_monitor(struct screen *screen)
{
    static const char greeting[] = "'help' lists the commands; Ctrl-A C goes back to the guest\n";
    struct talk *talk = screen->talks[screen->focus];
    struct member *member = &screen->many->members[screen->focus];

    stop_scrolling(screen);
    if (!talk) {
        talk = screen->talks[screen->focus] = calloc(1, sizeof(*talk));
        if (!talk) {
            notice(screen, "no memory for a monitor");
            return;
        }
        pane_init(&talk->pane, member);
        talk->pane.is_monitor = true;
        prompt_init(&talk->prompt, &member->guest, show_answer, &talk->pane);
        show_answer(&talk->pane, greeting, sizeof(greeting) - 1);
        prompt_show(&talk->prompt, true);
    }
    talk->is_shown = !talk->is_shown;
    if (talk->is_shown)
        pane_hide(&screen->panes[screen->focus]);
    else
        pane_hide(&talk->pane);
}

static void ask_why(struct screen *screen)
{
    if (!screen->talks[screen->focus] || !screen->talks[screen->focus]->is_shown)
        toggle_monitor(screen);
    if (screen->talks[screen->focus]) {
        show_answer(&screen->talks[screen->focus]->pane, "\n", 1);
        prompt_ask(&screen->talks[screen->focus]->prompt, "why");
    }
}

static void free_talks(struct screen *screen)
{
    for (size_t i = 0; screen->talks && i < screen->many->count; i++) {
        if (!screen->talks[i])
            continue;
        pane_free(&screen->talks[i]->pane);
        prompt_free(&screen->talks[i]->prompt);
        free(screen->talks[i]);
    }
    free(screen->talks);
}

/* ---- keys, again ---- */

static void do_key(struct screen *screen, enum key key)
{
    struct pane *pane = &screen->panes[screen->focus];
    struct member *member = pane->member;
    size_t count = screen->many->count;

    if (key == KEY_NONE || (screen->keys.scrolling && scroll_by(screen, key)))
        return;
    switch (key) {
    case KEY_LEFT:
    case KEY_RIGHT:
    case KEY_UP:
    case KEY_DOWN:
        focus_on(screen, neighbour(screen, (key == KEY_DOWN) - (key == KEY_UP),
                                   (key == KEY_RIGHT) - (key == KEY_LEFT)));
        break;
    case KEY_NEXT:
        focus_on(screen, (screen->focus + 1) % count);
        break;
    case KEY_PREVIOUS:
        focus_on(screen, (screen->focus + count - 1) % count);
        break;
    case KEY_PAGE_DOWN:
        focus_on(screen, screen->first + screen->on_page);
        break;
    case KEY_NUMBER:
        if (screen->keys.number < 1 || screen->keys.number > count)
            notice(screen, "there is no guest %u", screen->keys.number);
        else
            focus_on(screen, screen->keys.number - 1);
        break;
    case KEY_ZOOM:
        screen->zoomed = !screen->zoomed;
        lay_out(screen);
        break;
    case KEY_SCROLL:
    case KEY_PAGE_UP:
        screen->keys.scrolling = true;
        pane = shown_pane(screen, screen->focus);
        pane_scroll(pane, key == KEY_PAGE_UP ? pane->terminal.rows - 1 : 0);
        break;
    case KEY_PAUSE:
        member_pause(member, !run_control_is_held(&member->guest.control));
        break;
    case KEY_RESTART:
        member_restart(member);
        break;
    case KEY_KILL:
        member_quit(member);
        break;
    case KEY_VIEW:
        pane->view = pane_shows_vga(pane) ? PANE_SERIAL : PANE_VGA;
        notice(screen, "%s: %s", member->name,
               pane->view == PANE_VGA ? "its VGA screen" : "its serial line");
        break;
    case KEY_WHY:
        ask_why(screen);
        break;
    case KEY_MONITOR:
        toggle_monitor(screen);
        break;
    case KEY_HELP:
        screen->helps = true;
        break;
    case KEY_QUIT:
        many_quit(screen->many);
        break;
    default:
        break;
    }
}

static void input(void *front, const uint8_t *bytes, size_t count)
{
    struct screen *screen = front;

    screen->has_input = screen->has_input && count > 0;
    for (size_t i = 0; i < count; i++) {
        struct member *member = &screen->many->members[screen->focus];
        struct talk *talk = screen->talks[screen->focus];
        uint8_t byte = bytes[i];
        enum key key = keys_type(&screen->keys, &byte);
        if (screen->helps && key != KEY_NONE) { /* any key takes the help away */
            screen->helps = false;
            if (key != KEY_QUIT)
                continue;
        }
        if (key != KEY_BYTE) {
            do_key(screen, key);
        } else if (talk && talk->is_shown) {
            if (!prompt_type(&talk->prompt, byte))
                toggle_monitor(screen);
        } else if (!member->is_running) {
            notice(screen, "%s has ended; Ctrl-A R starts it again", member->name);
        } else if (!member_type(member, byte)) {
            notice(screen, "%s does not take what is typed", member->name);
        }
    }
    screen->is_dirty = true;
}

/* ---- the front ---- */

static void output(void *front, struct member *member, const uint8_t *bytes, size_t count,
                   enum shown what)
{
    struct screen *screen = front;

    if (what == SHOWN_REPORT) {
        sink_put(&screen->report, bytes, count);
        return;
    }
    pane_output(&screen->panes[member - screen->many->members], bytes, count,
                what == SHOWN_MESSAGE);
    screen->taken += count;
    screen->is_dirty = true;
}

static bool has_room(void *front)
{
    return ((struct screen *)front)->taken < FRAME_OUTPUT;
}

static void changed(void *front, struct member *member)
{
    struct screen *screen = front;
    struct pane *pane = &screen->panes[member - screen->many->members];

    if (member->is_running && !member->options->restart)
        pane_clear(pane);
    screen->is_dirty = true;
}

static void answered(void *front, struct member *member)
{
    struct screen *screen = front;
    struct talk *talk = screen->talks[member - screen->many->members];

    if (talk && !prompt_update(&talk->prompt) && talk->is_shown)
        talk->is_shown = false;
    screen->is_dirty = true;
}

static void terminal(void *front, bool is_ours)
{
    struct screen *screen = front;

    if (!screen->has_terminal)
        return;
    if (!is_ours) {
        terminal_leave();
        return;
    }
    terminal_enter();
    sink_puts(&screen->many->out, enter_terminal);
    if (!take_size(screen))
        many_quit(screen->many);
    cast_resize(&screen->cast, screen->next.rows, screen->next.columns);
}

static int milliseconds(uint64_t ns)
{
    return (int)(ns / 1000000) + 1;
}

static int update(void *front)
{
    struct screen *screen = front;
    uint64_t now = clock_host_ns();
    bool is_written = !screen->has_terminal || sink_write(&screen->many->out);
    int wait = -1;

    for (size_t i = 0; i < screen->on_page; i++) {
        struct pane *pane = &screen->panes[screen->first + i];
        uint64_t seen = pane->sight.time;
        wait = many_sooner(wait, pane_look(pane, now));
        screen->is_dirty = screen->is_dirty || pane->sight.time != seen;
    }
    if (screen->notice_end && now >= screen->notice_end) {
        screen->notice_end = 0;
        screen->is_dirty = true;
    }
    if (!is_written)
        return wait;
    if (screen->is_dirty && now - screen->frame >= FRAME_NS) {
        draw(screen, now);
        if (screen->has_terminal)
            sink_write(&screen->many->out);
    } else if (screen->is_dirty) {
        wait = many_sooner(wait, milliseconds(screen->frame + FRAME_NS - now));
    }
    if (now < screen->notice_end)
        wait = many_sooner(wait, milliseconds(screen->notice_end - now));
    return wait;
}

/* In a pipe, too: a recording is made with them. */
static bool has_keys(void *front)
{
    (void)front;
    return true;
}

static bool leaves(void *front)
{
    struct screen *screen = front;

    return !screen->is_dirty && (screen->exits || !screen->has_terminal || !screen->has_input);
}

bool screen_is_possible(void)
{
    const char *term = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* What is left on the user's own screen: a line for each guest. */
static void sum_up(const struct screen *screen)
{
    for (size_t i = 0; i < screen->many->count; i++) {
        const struct pane *pane = &screen->panes[i];
        char state[64];
        uint32_t colour;
        fprintf(stderr, "%s: %s after %.1f s%s%s\n", pane->member->name,
                state_of(pane, state, sizeof(state), &colour),
                (double)member_uptime(pane->member) / 1e9, pane->member->summary[0] ? ": " : "",
                pane->member->summary);
    }
}

/* Once the screen is gone; false, with a message. */
static bool write_report(const struct sink *report)
{
    if (report->used > 0)
        fwrite(report->bytes, 1, report->used, stdout);
    if (!report->error && fflush(stdout) == 0)
        return true;
    fprintf(stderr, "vmm: can't write the report to -: %s\n",
            strerror(report->error ? report->error : errno));
    return false;
}

static const struct front front = {
    .end_keys = "Ctrl-A K",
    .output = output,
    .has_room = has_room,
    .input = input,
    .changed = changed,
    .answered = answered,
    .terminal = terminal,
    .update = update,
    .has_keys = has_keys,
    .leaves = leaves,
};

/* Everything but the guests; false, with a message. */
static bool prepare(struct screen *screen, const char *cast)
{
    int error;

    setlocale(LC_CTYPE, "");
    screen->utf8 = !screen->has_terminal || strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen->panes = calloc(screen->many->count, sizeof(*screen->panes));
    screen->talks = calloc(screen->many->count, sizeof(struct talk *));
    for (size_t i = 0; screen->panes && i < screen->many->count; i++)
        pane_init(&screen->panes[i], &screen->many->members[i]);
    if (!screen->panes || !screen->talks || !take_size(screen)) {
        fprintf(stderr, "vmm: no memory for the screen\n");
        return false;
    }
    error = cast ? cast_open(&screen->cast, cast, screen->next.rows, screen->next.columns) : 0;
    if (error)
        fprintf(stderr, "vmm: can't write the recording %s: %s\n", cast, strerror(error));
    return error == 0;
}

int screen_run(struct many *many, const char *cast, bool exits)
{
    struct screen screen = {.many = many, .exits = exits, .has_input = true, .is_fresh = true};
    int status = STATUS_USAGE, error;

    screen.has_terminal = screen_is_possible();
    if (!screen.has_terminal)
        many->out.fd = -1;
    if (!prepare(&screen, cast))
        goto out;
    if (screen.has_terminal) {
        terminal_on_leave(leave_terminal);
        terminal_enter();
        sink_puts(&many->out, enter_terminal);
    }
    error = many_run(many, &front, &screen);
    terminal_leave();
    if (error)
        fprintf(stderr, "vmm: can't start the guests: %s\n", strerror(error));
    if (!many->out.error && screen.has_terminal)
        sum_up(&screen);
    status = error ? STATUS_USAGE : many_status(many);
    if (many->out.error == ENOMEM) { /* else nobody is at the terminal any more */
        fprintf(stderr, "vmm: no memory for the screen\n");
        status = STATUS_USAGE;
    }
    if (!write_report(&screen.report))
        status = STATUS_USAGE;
    error = cast_close(&screen.cast);
    if (error) {
        fprintf(stderr, "vmm: can't write the recording %s: %s\n", cast, strerror(error));
        status = STATUS_USAGE;
    }
out:
    for (size_t i = 0; screen.panes && i < many->count; i++)
        pane_free(&screen.panes[i]);
    free(screen.panes);
    free_talks(&screen);
    grid_free(&screen.shown);
    grid_free(&screen.next);
    sink_free(&screen.report);
    return status;
}
