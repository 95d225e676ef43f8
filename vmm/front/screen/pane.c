/*
 * When a pane's size changes, its terminal is built again from the guest's output. So lines wrap at
 * the new width, and nothing is lost when the pane shrinks.
 */
#include "pane.h"

#include "adapter.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX 65536 /* kept, at least, of what was printed; the buffer is twice that */

#define LOOK_NS     UINT64_C(500000000)
#define LOOK_VGA_NS UINT64_C(100000000)
#define RATE_NS     UINT64_C(1000000000)

/* ---- the terminal ---- */

/* A line leaves the screen at the top. */
static void on_line(void *owner, const struct cell *cells, int length)
{
    struct pane *pane = owner;
    struct pane_line *line;
    int at = (pane->first_line + pane->line_count) % PANE_LINES;

    while (length > 0 && cells[length - 1].code == 0 && cells[length - 1].style.bg == 0)
        length--;
    line = malloc(sizeof(*line) + (size_t)length * sizeof(line->cells[0]));
    if (!line)
        return;
    line->length = length;
    memcpy(line->cells, cells, (size_t)length * sizeof(line->cells[0]));
    if (pane->line_count == PANE_LINES) {
        free(pane->lines[at]);
        pane->first_line = (pane->first_line + 1) % PANE_LINES;
    } else {
        pane->line_count++;
    }
    pane->lines[at] = line;
    if (pane->scroll > 0 && pane->scroll < pane->line_count)
        pane->scroll++; /* what is read stays in place */
}

/* The terminal answers a question of the guest's. */
static void on_answer(void *owner, const char *bytes, size_t count)
{
    struct pane *pane = owner;

    for (size_t i = 0; i < count && !pane->is_replay && !pane->is_monitor; i++)
        member_type(pane->member, (uint8_t)bytes[i]);
}

void pane_init(struct pane *pane, struct member *member)
{
    *pane = (struct pane){.member = member, .at_line_start = true};
}

void pane_hide(struct pane *pane)
{
    vt_free(&pane->terminal);
    for (int i = 0; i < pane->line_count; i++)
        free(pane->lines[(pane->first_line + i) % PANE_LINES]);
    free(pane->lines);
    pane->lines = NULL;
    pane->first_line = pane->line_count = pane->scroll = 0;
}

void pane_free(struct pane *pane)
{
    pane_hide(pane);
    free(pane->history);
    display_free(&pane->sight.display);
    pane->history = NULL;
    pane->used = 0;
}

bool pane_show(struct pane *pane, int rows, int columns)
{
    struct vt *terminal = &pane->terminal;

    if (terminal->cells && terminal->rows == rows && terminal->columns == columns)
        return true;
    pane_hide(pane);
    pane->lines = calloc(PANE_LINES, sizeof(struct pane_line *));
    if (!pane->lines || !vt_init(terminal, rows, columns))
        return false;
    terminal->scrolled = on_line;
    terminal->answer = on_answer;
    terminal->owner = pane;
    pane->is_replay = true;
    vt_write(terminal, pane->history, pane->used);
    pane->is_replay = false;
    return true;
}

/* Forgets the oldest of the history, whole lines where there are some. */
static void shorten(struct pane *pane)
{
    size_t gone = pane->used - HISTORY_MAX;
    const char *line = memchr(pane->history + gone, '\n', HISTORY_MAX);

    if (line)
        gone = (size_t)(line + 1 - pane->history);
    pane->used -= gone;
    memmove(pane->history, pane->history + gone, pane->used);
}

static void put(struct pane *pane, const char *bytes, size_t count)
{
    if (count > HISTORY_MAX) {
        bytes += count - HISTORY_MAX;
        count = HISTORY_MAX;
    }
    if (count == 0)
        return;
    if (pane->terminal.cells)
        vt_write(&pane->terminal, bytes, count);
    if (!pane->history)
        pane->history = malloc(2 * HISTORY_MAX);
    if (!pane->history)
        return;
    if (pane->used + count > 2 * HISTORY_MAX)
        shorten(pane);
    memcpy(pane->history + pane->used, bytes, count);
    pane->used += count;
    pane->at_line_start = bytes[count - 1] == '\n';
}

/* A guest's LF starts a new line, as on a terminal with its output processed. */
static void put_lines(struct pane *pane, const char *bytes, size_t count)
{
    while (count > 0) {
        const char *end = memchr(bytes, '\n', count);
        size_t length = end ? (size_t)(end - bytes) : count;
        put(pane, bytes, length);
        if (end)
            put(pane, "\r\n", 2);
        length += end ? 1 : 0;
        bytes += length;
        count -= length;
    }
}

void pane_output(struct pane *pane, const uint8_t *bytes, size_t count, bool is_message)
{
    static const char begin[] = "\033[0;33m", end[] = "\033[0m";

    if (is_message) {
        if (!pane->at_line_start)
            put(pane, "\r\n", 2);
        put(pane, begin, sizeof(begin) - 1);
    }
    put_lines(pane, (const char *)bytes, count);
    if (is_message) {
        put(pane, end, sizeof(end) - 1);
        pane->at_line_start = true;
    }
}

void pane_clear(struct pane *pane)
{
    int rows = pane->terminal.rows, columns = pane->terminal.columns;

    pane->used = 0;
    pane->at_line_start = true;
    pane_hide(pane);
    if (rows > 0)
        pane_show(pane, rows, columns);
}

void pane_scroll(struct pane *pane, int lines)
{
    int scroll = pane->scroll + lines;

    pane->scroll = scroll < 0 ? 0 : scroll > pane->line_count ? pane->line_count : scroll;
}

int pane_look(struct pane *pane, uint64_t now)
{
    uint64_t period = pane_shows_vga(pane) || pane->sight.is_silent ? LOOK_VGA_NS : LOOK_NS;
    uint64_t passed;

    if (now - pane->looked >= period) {
        pane->looked = now;
        member_look(pane->member);
    }
    member_sight(pane->member, &pane->sight);
    passed = pane->sight.time - pane->rate_time;
    if (pane->sight.time < pane->rate_time || pane->sight.exits < pane->rate_exits ||
        pane->sight.time == 0) {
        pane->rate = 0; /* it was started again */
        pane->rate_time = pane->sight.time;
        pane->rate_exits = pane->sight.exits;
    } else if (passed >= RATE_NS) {
        pane->rate = (double)(pane->sight.exits - pane->rate_exits) * 1e9 / (double)passed;
        pane->rate_time = pane->sight.time;
        pane->rate_exits = pane->sight.exits;
    }
    return pane->member->is_running ? (int)((pane->looked + period - now) / 1000000) + 1 : -1;
}

bool pane_shows_vga(const struct pane *pane)
{
    return pane->view == PANE_VGA ||
           (pane->view == PANE_AUTO && pane->sight.time && pane->sight.is_silent &&
            !adapter_is_blank(&pane->sight.display));
}

/* ---- painting ---- */

/* A cell of the screen, or of the lines above it. */
static struct cell cell_at(const struct pane *pane, int row, int column)
{
    const struct vt *terminal = &pane->terminal;
    int line = pane->line_count - pane->scroll + row;

    if (line < pane->line_count) {
        const struct pane_line *above = pane->lines[(pane->first_line + line) % PANE_LINES];
        return column < above->length ? above->cells[column] : (struct cell){0};
    }
    return terminal->cells[(line - pane->line_count) * terminal->columns + column];
}

void pane_paint(struct pane *pane, struct grid *grid, struct area area, bool has_focus)
{
    if (area.rows < 1 || area.columns < 1)
        return;
    if (pane_shows_vga(pane)) {
        adapter_paint(&pane->sight.display, grid, area, has_focus);
        return;
    }
    if (!pane_show(pane, area.rows, area.columns))
        return;
    for (int row = 0; row < area.rows; row++) {
        for (int column = 0; column < area.columns; column++) {
            struct cell cell = cell_at(pane, row, column);
            grid_put(grid, area.row + row, area.column + column, cell.code, cell.style);
        }
    }
    if (has_focus && pane->terminal.is_visible && pane->scroll == 0 &&
        (pane->member->is_running || pane->is_monitor)) {
        grid->cursor_row = area.row + pane->terminal.cursor.row;
        grid->cursor_column = area.column + pane->terminal.cursor.column;
    }
}
