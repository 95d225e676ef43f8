/*
 * Cells to escape sequences: those that every terminal of today shares (ECMA-48, xterm's colours).
 */
#include "grid.h"

#include <stdlib.h>
#include <string.h>

static int clamp(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

bool grid_init(struct grid *grid, int rows, int columns)
{
    rows = clamp(rows, 1, GRID_ROWS_MAX);
    columns = clamp(columns, 1, GRID_COLUMNS_MAX);
    *grid = (struct grid){.rows = rows, .columns = columns, .cursor_row = -1};
    grid->cells = calloc((size_t)(rows * columns), sizeof(*grid->cells));
    return grid->cells != NULL;
}

void grid_free(struct grid *grid)
{
    free(grid->cells);
    *grid = (struct grid){0};
}

void grid_clear(struct grid *grid)
{
    memset(grid->cells, 0, (size_t)(grid->rows * grid->columns) * sizeof(*grid->cells));
    grid->cursor_row = -1;
}

void grid_put(struct grid *grid, int row, int column, uint32_t code, struct style style)
{
    if (row >= 0 && row < grid->rows && column >= 0 && column < grid->columns)
        grid->cells[row * grid->columns + column] = (struct cell){code, style};
}

/* The next character of UTF-8 text that is ours. */
static uint32_t next_character(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    unsigned more = at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
    uint32_t code = more ? at[0] & (0x3fu >> more) : at[0];

    for (at++; more > 0 && (*at & 0xc0) == 0x80; more--, at++)
        code = code << 6 | (*at & 0x3f);
    *text = (const char *)at;
    return code;
}

int grid_text(struct grid *grid, int row, int column, int end, const char *text, struct style style)
{
    while (*text && column < end) {
        uint32_t code = next_character(&text);
        grid_put(grid, row, column++, code, style);
    }
    return column;
}

static bool same_style(struct style a, struct style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.bits == b.bits;
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return (a->code ? a->code : ' ') == (b->code ? b->code : ' ') && same_style(a->style, b->style);
}

static void put_colour(struct sink *to, uint32_t colour, unsigned base)
{
    uint32_t value = colour & 0xffffff;

    if (colour >> 24 == 2)
        sink_printf(to, ";%u;2;%u;%u;%u", base + 8, value >> 16, value >> 8 & 0xff, value & 0xff);
    else if (colour && value < 8)
        sink_printf(to, ";%u", base + value);
    else if (colour)
        sink_printf(to, ";%u;5;%u", base + 8, value & 0xff);
}

static void put_style(struct sink *to, struct style style)
{
    static const struct {
        uint32_t bit;
        const char *code;
    } bits[] = {
        {STYLE_BOLD, ";1"}, {STYLE_DIM, ";2"}, {STYLE_UNDERLINE, ";4"}, {STYLE_REVERSE, ";7"}};

    sink_puts(to, "\033[0");
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (style.bits & bits[i].bit)
            sink_puts(to, bits[i].code);
    }
    put_colour(to, style.fg, 30);
    put_colour(to, style.bg, 40);
    sink_puts(to, "m");
}

/* What stands for line drawing where there is nothing but ASCII. */
static uint32_t to_ascii(uint32_t code)
{
    switch (code) {
    case 0x2500:
        return '-';
    case 0x2502:
        return '|';
    case 0x2580: /* of the picture's two halves, the background is left */
        return ' ';
    default:
        return '?';
    }
}

static void put_character(struct sink *to, uint32_t code, bool utf8)
{
    char bytes[4];
    size_t count = 0;

    if (code == 0)
        code = ' ';
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000))
        code = '?';
    else if (code >= 0x80 && !utf8)
        code = to_ascii(code);
    if (code < 0x80) {
        bytes[count++] = (char)code;
    } else if (code < 0x800) {
        bytes[count++] = (char)(0xc0 | code >> 6);
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        bytes[count++] = (char)(0xe0 | code >> 12);
        bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[count++] = (char)(0xf0 | code >> 18);
        bytes[count++] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    }
    sink_put(to, bytes, count);
}

/* Where the terminal's cursor is, and in what style it writes. */
struct pen {
    struct sink *to;
    bool utf8;
    int row, column; /* row -1: unknown */
    struct style style;
    bool has_style;
};

static void write_cell(struct pen *pen, const struct grid *grid, int row, int column)
{
    const struct cell *cell = &grid->cells[row * grid->columns + column];

    if (row != pen->row || column != pen->column)
        sink_printf(pen->to, "\033[%d;%dH", row + 1, column + 1);
    if (!pen->has_style || !same_style(pen->style, cell->style)) {
        put_style(pen->to, cell->style);
        pen->style = cell->style;
        pen->has_style = true;
    }
    put_character(pen->to, cell->code, pen->utf8);
    /* Terminals differ on how wide a character is, and on what comes after the last column. */
    bool is_sure = cell->code < 0x7f || (cell->code >= 0x2500 && cell->code <= 0x2588);
    pen->row = is_sure && column + 1 < grid->columns ? row : -1;
    pen->column = column + 1;
}

/* Whether the terminal has to be sent the cell. */
static bool has_changed(const struct grid *shown, const struct grid *next, int row, int column)
{
    static const struct cell blank;
    int at = row * next->columns + column;
    const struct cell *cell = &next->cells[at];

    if (cell->code == CELL_TAIL)
        return false; /* it comes with the one before */
    if (!same_cell(cell, shown ? &shown->cells[at] : &blank))
        return true;
    return column + 1 < next->columns && cell[1].code == CELL_TAIL &&
           (!shown || shown->cells[at + 1].code != CELL_TAIL);
}

/* Cells between two changed ones that are sent, too, as that is shorter than a jump. */
#define GAP_MAX 6

void grid_render(struct sink *to, const struct grid *shown, const struct grid *next, bool utf8)
{
    struct pen pen = {.to = to, .utf8 = utf8, .row = -1};
    size_t before = to->used, nothing;

    sink_puts(to, "\033[?25l");
    if (!shown)
        sink_puts(to, "\033[0m\033[2J");
    nothing = to->used;
    for (int row = 0; row < next->rows; row++) {
        for (int column = 0; column < next->columns; column++) {
            if (!has_changed(shown, next, row, column))
                continue;
            while (pen.row == row && pen.column < column && column - pen.column <= GAP_MAX)
                write_cell(&pen, next, row, pen.column);
            write_cell(&pen, next, row, column);
        }
    }
    if (shown && to->used == nothing && shown->cursor_row == next->cursor_row &&
        shown->cursor_column == next->cursor_column) {
        to->used = before;
        return;
    }
    if (next->cursor_row >= 0)
        sink_printf(to, "\033[%d;%dH\033[?25h", next->cursor_row + 1, next->cursor_column + 1);
}
