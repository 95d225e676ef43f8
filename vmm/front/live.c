/*
 * The live screen: cells of the guest's adapter become cells of the terminal's alternate screen, as
 * often as people can see.
 */
#include "live.h"

#include "console/terminal.h"
#include "os/host_clock.h"
#include "screen/adapter.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_TEXT_NS   UINT64_C(33000000) /* 30 times a second */
#define LOOK_PIXELS_NS UINT64_C(16666667) /* 60 times */

static const char enter[] = "\033[?1049h\033[?7l\033[2J";
static const char leave[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

void live_init(struct live *live, enum display_choice choice)
{
    const char *term = getenv("TERM");

    *live = (struct live){.choice = choice, .held.fd = -1};
    live->is_possible =
        isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
    setlocale(LC_CTYPE, "");
    live->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void live_free(struct live *live)
{
    grid_free(&live->shown);
    grid_free(&live->next);
    vt_free(&live->printed);
    sink_free(&live->held);
    display_free(&live->sight.display);
}

static bool is_wanted(const struct live *live)
{
    switch (live->choice) {
    case DISPLAY_AUTO:
        return live->sight.time && live->sight.is_silent && !adapter_is_blank(&live->sight.display);
    case DISPLAY_SCREEN:
    case DISPLAY_BOTH:
        return live->sight.time != 0;
    case DISPLAY_SERIAL:
    case DISPLAY_NONE:
        break;
    }
    return false;
}

/* Makes grids of the terminal's size; false: no memory, so nothing can be shown. */
static bool take_size(struct live *live)
{
    int rows, columns;

    terminal_size(true, &rows, &columns);
    grid_free(&live->shown);
    grid_free(&live->next);
    vt_free(&live->printed);
    live->is_fresh = true;
    return grid_init(&live->shown, rows, columns) && grid_init(&live->next, rows, columns);
}

static bool show(struct live *live, struct sink *to)
{
    if (live->is_shown && live->shown.cells)
        return true;
    if (!take_size(live)) {
        live->is_possible = false;
        live_hide(live, to);
        return false;
    }
    if (!live->is_shown) {
        sink_end_line(to);
        terminal_on_leave(leave);
    }
    sink_puts(to, enter);
    live->is_shown = true;
    return true;
}

void live_hide(struct live *live, struct sink *to)
{
    if (!live->is_shown)
        return;
    sink_puts(to, leave);
    terminal_on_leave("");
    sink_put(to, live->held.bytes, live->held.used);
    live->held.used = 0;
    live->is_shown = false;
}

void live_refresh(struct live *live)
{
    grid_free(&live->shown);
}

/* What is printed has the rows below the screen, or, where that leaves less than a few, the lower
 * half. */
static int screen_rows(const struct live *live)
{
    int rows = live->sight.display.width ? live->next.rows * 2 / 3 : (int)live->sight.display.rows;

    if (live->choice != DISPLAY_BOTH)
        return live->next.rows;
    return live->next.rows - rows > 4 ? rows : live->next.rows / 2;
}

static void paint_printed(struct live *live, int first)
{
    struct style line = {.bits = STYLE_DIM};
    struct vt *vt = &live->printed;

    for (int column = 0; column < live->next.columns; column++)
        grid_put(&live->next, first, column, 0x2500, line);
    if (!vt->cells && !vt_init(vt, live->next.rows - first - 1, live->next.columns))
        return;
    if (vt->rows != live->next.rows - first - 1)
        return;
    for (int row = 0; row < vt->rows; row++) {
        for (int column = 0; column < vt->columns; column++) {
            struct cell cell = vt->cells[row * vt->columns + column];
            grid_put(&live->next, first + 1 + row, column, cell.code, cell.style);
        }
    }
}

static void paint(struct live *live, struct sink *to)
{
    struct grid shown = live->shown;
    int rows = screen_rows(live);

    grid_clear(&live->next);
    adapter_paint(&live->sight.display, &live->next, (struct area){0, 0, rows, live->next.columns},
                  true);
    if (live->choice == DISPLAY_BOTH && rows + 1 < live->next.rows)
        paint_printed(live, rows);
    grid_render(to, live->is_fresh ? NULL : &live->shown, &live->next, live->utf8);
    live->is_fresh = false;
    live->shown = live->next;
    live->next = shown;
    live->painted = live->sight.time;
}

int live_update(struct live *live, struct member *member, struct sink *to)
{
    uint64_t now = clock_host_ns();
    uint64_t period = live->sight.display.width ? LOOK_PIXELS_NS : LOOK_TEXT_NS;

    if (!live->is_possible || live->choice == DISPLAY_NONE || live->choice == DISPLAY_SERIAL ||
        !member->is_running) {
        live_hide(live, to);
        return -1;
    }
    if (now - live->looked >= period) {
        live->looked = now;
        member_look(member);
    }
    member_sight(member, &live->sight);
    if (!is_wanted(live))
        live_hide(live, to);
    else if (show(live, to) && (live->is_fresh || live->sight.time != live->painted))
        paint(live, to);
    return (int)((live->looked + period - now) / 1000000) + 1;
}

/* Lines end in LF alone; a terminal wants CR, too. */
static void put_printed(struct live *live, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; live->printed.cells && i < count; i++) {
        if (bytes[i] == '\n')
            vt_write(&live->printed, "\r", 1);
        vt_write(&live->printed, (const char *)&bytes[i], 1);
    }
    live->painted = 0;
}

bool live_takes(struct live *live, struct sink *to, const uint8_t *bytes, size_t count,
                bool is_message)
{
    if (!live->is_shown)
        return false;
    if (live->choice == DISPLAY_AUTO && !is_message) {
        live->sight.is_silent = false;
        live_hide(live, to);
        return false;
    }
    if (live->choice == DISPLAY_BOTH)
        put_printed(live, bytes, count);
    sink_put(&live->held, bytes, count);
    return true;
}

void live_toggle(struct live *live, struct sink *to)
{
    live->choice = live->is_shown ? DISPLAY_SERIAL : DISPLAY_SCREEN;
    if (live->choice == DISPLAY_SERIAL)
        live_hide(live, to);
}
