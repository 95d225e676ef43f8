/*
 * The parser after the VT500's states (vt100.net/emu/dec_ansi_parser), and what the sequences do
 * (ECMA-48; XTerm Control Sequences). Every position is clamped where it is set.
 */
#include "vt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUND, ESCAPE, ESCAPE_INTERMEDIATE, CSI, CSI_IGNORE, STRING, STRING_ESCAPE };

static int clamp(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

/* ---- cells ---- */

static struct cell *row_at(const struct vt *vt, int row)
{
    return vt->cells + row * vt->columns;
}

/* What is erased takes the present background. */
static void erase(struct vt *vt, int row, int from, int to)
{
    for (int column = from; column < to; column++)
        row_at(vt, row)[column] = (struct cell){.style.bg = vt->cursor.style.bg};
}

static bool is_wide(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
        {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };

    for (size_t i = 0; code >= 0x1100 && i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    }
    return false;
}

/* Those that are drawn over the one before; here they are left out. */
static bool is_combining(uint32_t code)
{
    return (code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x20d0 && code <= 0x20ff) || (code >= 0xfe00 && code <= 0xfe0f) ||
           (code >= 0xfe20 && code <= 0xfe2f) || code == 0xfeff;
}

/* After cells of a row have moved: halves of wide characters become blanks. */
static void mend(struct vt *vt, int row)
{
    struct cell *cells = row_at(vt, row);

    for (int column = 0; column < vt->columns; column++) {
        bool has_tail = column + 1 < vt->columns && cells[column + 1].code == CELL_TAIL;
        if (cells[column].code == CELL_TAIL)
            cells[column].code = 0;
        else if (is_wide(cells[column].code) && has_tail)
            column++;
        else if (is_wide(cells[column].code))
            cells[column].code = 0;
    }
}

/* Moves the rows from `top` to before `bottom` by `count`, up if more than 0. */
static void scroll(struct vt *vt, int top, int bottom, int count)
{
    int height = bottom - top, rows = clamp(abs(count), 0, height), kept = height - rows;
    size_t size = (size_t)(kept * vt->columns) * sizeof(struct cell);

    if (count > 0) {
        for (int row = 0; row < rows && top == 0 && vt->cells == vt->screens[0]; row++) {
            if (vt->scrolled)
                vt->scrolled(vt->owner, row_at(vt, row), vt->columns);
        }
        memmove(row_at(vt, top), row_at(vt, top + rows), size);
        for (int row = bottom - rows; row < bottom; row++)
            erase(vt, row, 0, vt->columns);
    } else {
        memmove(row_at(vt, top + rows), row_at(vt, top), size);
        for (int row = top; row < top + rows; row++)
            erase(vt, row, 0, vt->columns);
    }
}

/* Moves the cells of the cursor's row from it on, to the right if more than 0. */
static void shift(struct vt *vt, int count)
{
    struct cell *at = row_at(vt, vt->cursor.row) + vt->cursor.column;
    int width = vt->columns - vt->cursor.column, cells = clamp(abs(count), 0, width);
    size_t size = (size_t)(width - cells) * sizeof(struct cell);
    int from = vt->cursor.column;

    if (count > 0)
        memmove(at + cells, at, size);
    else
        memmove(at, at + cells, size);
    if (count > 0)
        erase(vt, vt->cursor.row, from, from + cells);
    else
        erase(vt, vt->cursor.row, vt->columns - cells, vt->columns);
    mend(vt, vt->cursor.row);
}

/* ---- the cursor ---- */

static void move_to(struct vt *vt, int row, int column)
{
    vt->cursor.row = clamp(row, 0, vt->rows - 1);
    vt->cursor.column = clamp(column, 0, vt->columns - 1);
    vt->cursor.wraps = false;
}

/* To a position that a program gave. */
static void address(struct vt *vt, int row, int column)
{
    if (vt->cursor.has_origin)
        move_to(vt, clamp(vt->top + row, vt->top, vt->bottom - 1), column);
    else
        move_to(vt, row, column);
}

/* Up or down, not out of the scrolling region if it is in there. */
static void move_by(struct vt *vt, int rows)
{
    int row = vt->cursor.row;
    int least = row >= vt->top ? vt->top : 0,
        most = row < vt->bottom ? vt->bottom - 1 : vt->rows - 1;

    move_to(vt, clamp(row + rows, least, most), vt->cursor.column);
}

static void line_feed(struct vt *vt)
{
    if (vt->cursor.row == vt->bottom - 1)
        scroll(vt, vt->top, vt->bottom, 1);
    else if (vt->cursor.row < vt->rows - 1)
        vt->cursor.row++;
    vt->cursor.wraps = false;
}

static void reverse_line_feed(struct vt *vt)
{
    if (vt->cursor.row == vt->top)
        scroll(vt, vt->top, vt->bottom, -1);
    else if (vt->cursor.row > 0)
        vt->cursor.row--;
    vt->cursor.wraps = false;
}

static void restore_cursor(struct vt *vt)
{
    vt->cursor = vt->saved;
    move_to(vt, vt->cursor.row, vt->cursor.column);
}

static void reset(struct vt *vt)
{
    vt->cursor = vt->saved = (struct vt_cursor){0};
    vt->top = 0;
    vt->bottom = vt->rows;
    vt->is_visible = vt->autowraps = true;
    vt->inserts = false;
    vt->state = GROUND;
    vt->partial_left = 0;
    vt->cells = vt->screens[0];
    for (int row = 0; row < vt->rows; row++)
        erase(vt, row, 0, vt->columns);
}

/* ---- characters ---- */

/* The VT100's line drawing, from '`' to '~'. */
static const uint16_t line_drawing[] = {
    0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b, 0x2518,
    0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524,
    0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

static void put_character(struct vt *vt, uint32_t code)
{
    struct vt_cursor *cursor = &vt->cursor;
    struct cell *cells;
    int width;

    if (is_combining(code))
        return;
    if (cursor->draws_lines && code >= '`' && code <= '~')
        code = line_drawing[code - '`'];
    width = is_wide(code) ? 2 : 1;
    if (width > vt->columns) {
        code = '?';
        width = 1;
    }
    if (cursor->wraps || (cursor->column + width > vt->columns && vt->autowraps)) {
        cursor->column = 0;
        line_feed(vt);
    }
    if (cursor->column + width > vt->columns)
        cursor->column = vt->columns - width;
    if (vt->inserts)
        shift(vt, width);
    cells = row_at(vt, cursor->row);
    if (cursor->column > 0 && cells[cursor->column].code == CELL_TAIL)
        cells[cursor->column - 1].code = 0;
    if (cursor->column + width < vt->columns && cells[cursor->column + width].code == CELL_TAIL)
        cells[cursor->column + width].code = 0;
    cells[cursor->column] = (struct cell){code, cursor->style};
    if (width == 2)
        cells[cursor->column + 1] = (struct cell){CELL_TAIL, cursor->style};
    vt->last = code;
    cursor->column += width;
    if (cursor->column >= vt->columns) {
        cursor->column = vt->columns - 1;
        cursor->wraps = vt->autowraps;
    }
}

static void control(struct vt *vt, unsigned char c)
{
    switch (c) {
    case '\b':
        move_to(vt, vt->cursor.row, vt->cursor.column - 1);
        break;
    case '\t':
        move_to(vt, vt->cursor.row, (vt->cursor.column / 8 + 1) * 8);
        break;
    case '\n':
    case '\v':
    case '\f':
        line_feed(vt);
        break;
    case '\r':
        move_to(vt, vt->cursor.row, 0);
        break;
    default:
        break;
    }
}

/* ---- sequences ---- */

/* An argument, or `otherwise` where it is left out or 0. */
static int argument(const struct vt *vt, unsigned index, int otherwise)
{
    unsigned value = index < vt->argument_count ? vt->arguments[index] : 0;

    return value ? (int)value : otherwise;
}

static void answer(struct vt *vt, const char *text)
{
    if (vt->answer)
        vt->answer(vt->owner, text, strlen(text));
}

/* The colour behind 38 or 48; *at moves over it. */
static uint32_t extended_colour(const struct vt *vt, unsigned *at)
{
    const unsigned *value = &vt->arguments[*at + 1];
    unsigned left = vt->argument_count - *at - 1;

    if (left >= 2 && value[0] == 5) {
        *at += 2;
        return COLOUR_INDEX(value[1] & 0xff);
    }
    if (left >= 4 && value[0] == 2) {
        *at += 4;
        return COLOUR_RGB(value[1] & 0xff, value[2] & 0xff, value[3] & 0xff);
    }
    *at = vt->argument_count;
    return 0;
}

static void select_style(struct vt *vt)
{
    static const struct {
        unsigned code;
        uint32_t set, clear;
    } bits[] = {
        {1, STYLE_BOLD, 0},
        {2, STYLE_DIM, 0},
        {4, STYLE_UNDERLINE, 0},
        {7, STYLE_REVERSE, 0},
        {22, 0, STYLE_BOLD | STYLE_DIM},
        {24, 0, STYLE_UNDERLINE},
        {27, 0, STYLE_REVERSE},
    };
    struct style *style = &vt->cursor.style;

    if (vt->argument_count == 0)
        *style = (struct style){0};
    for (unsigned i = 0; i < vt->argument_count; i++) {
        unsigned code = vt->arguments[i];
        if (code == 0)
            *style = (struct style){0};
        for (size_t j = 0; j < sizeof(bits) / sizeof(bits[0]); j++) {
            if (bits[j].code == code)
                style->bits = (style->bits | bits[j].set) & ~bits[j].clear;
        }
        if (code >= 30 && code <= 37)
            style->fg = COLOUR_INDEX(code - 30);
        else if (code == 38)
            style->fg = extended_colour(vt, &i);
        else if (code == 39)
            style->fg = 0;
        else if (code >= 40 && code <= 47)
            style->bg = COLOUR_INDEX(code - 40);
        else if (code == 48)
            style->bg = extended_colour(vt, &i);
        else if (code == 49)
            style->bg = 0;
        else if (code >= 90 && code <= 97)
            style->fg = COLOUR_INDEX(code - 90 + 8);
        else if (code >= 100 && code <= 107)
            style->bg = COLOUR_INDEX(code - 100 + 8);
    }
}

/* Full-screen programs have a screen of their own; it is blank when they come. */
static void select_screen(struct vt *vt, bool other, bool keeps_cursor)
{
    if (other == (vt->cells == vt->screens[1]))
        return;
    if (other && keeps_cursor)
        vt->saved = vt->cursor;
    vt->cells = vt->screens[other];
    for (int row = 0; row < vt->rows && other; row++)
        erase(vt, row, 0, vt->columns);
    if (!other && keeps_cursor)
        restore_cursor(vt);
}

static void set_modes(struct vt *vt, bool on)
{
    for (unsigned i = 0; i < vt->argument_count; i++) {
        switch (vt->prefix == '?' ? (int)vt->arguments[i] : -(int)vt->arguments[i]) {
        case -4:
            vt->inserts = on;
            break;
        case 6:
            vt->cursor.has_origin = on;
            address(vt, 0, 0);
            break;
        case 7:
            vt->autowraps = on;
            break;
        case 25:
            vt->is_visible = on;
            break;
        case 47:
        case 1047:
            select_screen(vt, on, false);
            break;
        case 1049:
            select_screen(vt, on, true);
            break;
        default:
            break;
        }
    }
}

static void erase_display(struct vt *vt, int how)
{
    int row = vt->cursor.row;

    for (int i = 0; i < vt->rows; i++) {
        if (how >= 2 || (how == 0 && i > row) || (how == 1 && i < row))
            erase(vt, i, 0, vt->columns);
    }
    if (how == 0)
        erase(vt, row, vt->cursor.column, vt->columns);
    else if (how == 1)
        erase(vt, row, 0, vt->cursor.column + 1);
    mend(vt, row);
}

static void erase_line(struct vt *vt, int how)
{
    erase(vt, vt->cursor.row, how == 0 ? vt->cursor.column : 0,
          how == 1 ? vt->cursor.column + 1 : vt->columns);
    mend(vt, vt->cursor.row);
}

static void report_status(struct vt *vt, int what)
{
    char text[48];

    if (what == 5)
        answer(vt, "\033[0n");
    if (what == 6) {
        snprintf(text, sizeof(text), "\033[%d;%dR",
                 vt->cursor.row + 1 - (vt->cursor.has_origin ? vt->top : 0), vt->cursor.column + 1);
        answer(vt, text);
    }
}

static void set_region(struct vt *vt)
{
    int top = argument(vt, 0, 1) - 1, bottom = clamp(argument(vt, 1, vt->rows), 1, vt->rows);

    if (top < bottom - 1) {
        vt->top = top;
        vt->bottom = bottom;
        address(vt, 0, 0);
    }
}

static void do_csi(struct vt *vt, char final)
{
    int count = argument(vt, 0, 1), row = vt->cursor.row, column = vt->cursor.column;
    bool in_region = row >= vt->top && row < vt->bottom;

    if (vt->prefix && (vt->prefix != '?' || !strchr("hlJK", final)))
        return;
    switch (final) {
    case '@':
        shift(vt, count);
        break;
    case 'A':
        move_by(vt, -count);
        break;
    case 'B':
    case 'e':
        move_by(vt, count);
        break;
    case 'C':
    case 'a':
        move_to(vt, row, column + count);
        break;
    case 'D':
        move_to(vt, row, column - count);
        break;
    case 'E':
        move_by(vt, count);
        move_to(vt, vt->cursor.row, 0);
        break;
    case 'F':
        move_by(vt, -count);
        move_to(vt, vt->cursor.row, 0);
        break;
    case 'G':
    case '`':
        move_to(vt, row, count - 1);
        break;
    case 'H':
    case 'f':
        address(vt, count - 1, argument(vt, 1, 1) - 1);
        break;
    case 'I':
        move_to(vt, row, (column / 8 + count) * 8);
        break;
    case 'J':
        erase_display(vt, argument(vt, 0, 0));
        break;
    case 'K':
        erase_line(vt, argument(vt, 0, 0));
        break;
    case 'L':
    case 'M':
        if (in_region)
            scroll(vt, row, vt->bottom, final == 'M' ? count : -count);
        break;
    case 'P':
        shift(vt, -count);
        break;
    case 'S':
        scroll(vt, vt->top, vt->bottom, count);
        break;
    case 'T':
        scroll(vt, vt->top, vt->bottom, -count);
        break;
    case 'X':
        erase(vt, row, column, clamp(column + count, column, vt->columns));
        mend(vt, row);
        break;
    case 'Z':
        move_to(vt, row, ((column + 7) / 8 - count) * 8);
        break;
    case 'b':
        for (count = clamp(count, 0, vt->columns); count > 0 && vt->last; count--)
            put_character(vt, vt->last);
        break;
    case 'c':
        answer(vt, "\033[?6c"); /* a VT102 */
        break;
    case 'd':
        address(vt, count - 1, column);
        break;
    case 'h':
    case 'l':
        set_modes(vt, final == 'h');
        break;
    case 'm':
        select_style(vt);
        break;
    case 'n':
        report_status(vt, argument(vt, 0, 0));
        break;
    case 'r':
        set_region(vt);
        break;
    case 's':
        vt->saved = vt->cursor;
        break;
    case 'u':
        restore_cursor(vt);
        break;
    default:
        break;
    }
}

static void do_escape(struct vt *vt, char final)
{
    switch (final) {
    case '7':
        vt->saved = vt->cursor;
        break;
    case '8':
        restore_cursor(vt);
        break;
    case 'D':
        line_feed(vt);
        break;
    case 'E':
        move_to(vt, vt->cursor.row, 0);
        line_feed(vt);
        break;
    case 'M':
        reverse_line_feed(vt);
        break;
    case 'c':
        reset(vt);
        break;
    default:
        break;
    }
}

/* ---- bytes ---- */

static void begin_sequence(struct vt *vt, int state)
{
    vt->state = state;
    vt->argument_count = 0;
    vt->prefix = 0;
    memset(vt->arguments, 0, sizeof(vt->arguments));
}

/* A byte of UTF-8; what is none shows as the replacement character. */
static void take_utf8(struct vt *vt, unsigned char c)
{
    if (vt->partial_left > 0 && (c & 0xc0) == 0x80) {
        vt->partial = vt->partial << 6 | (c & 0x3f);
        if (--vt->partial_left == 0) {
            bool is_character = vt->partial >= vt->least && vt->partial <= 0x10ffff &&
                                vt->partial >> 11 != 0x1b && vt->partial >= 0xa0;
            put_character(vt, is_character ? vt->partial : 0xfffd);
        }
        return;
    }
    if (vt->partial_left > 0)
        put_character(vt, 0xfffd);
    vt->partial_left = c >= 0xf0 && c < 0xf8   ? 3
                       : c >= 0xe0 && c < 0xf0 ? 2
                                               : c >= 0xc0 && c < 0xe0;
    vt->partial = c & (0x3fu >> vt->partial_left);
    vt->least = vt->partial_left == 3 ? 0x10000 : vt->partial_left == 2 ? 0x800 : 0x80;
    if (vt->partial_left == 0)
        put_character(vt, c < 0x80 ? c : 0xfffd);
}

static void take_ground(struct vt *vt, unsigned char c)
{
    if (c >= 0x20 && c != 0x7f) {
        take_utf8(vt, c);
        return;
    }
    vt->partial_left = 0;
    control(vt, c);
}

static void take_escape(struct vt *vt, unsigned char c)
{
    if (c == '[') {
        begin_sequence(vt, CSI);
    } else if (strchr("]PX^_", c)) {
        vt->state = STRING;
    } else if (c >= 0x20 && c < 0x30) {
        vt->prefix = (char)c;
        vt->state = ESCAPE_INTERMEDIATE;
    } else {
        vt->state = GROUND;
        do_escape(vt, (char)c);
    }
}

static void take_csi(struct vt *vt, unsigned char c)
{
    if (c >= '0' && c <= '9') {
        unsigned *value;
        if (vt->argument_count == 0)
            vt->argument_count = 1;
        value = &vt->arguments[vt->argument_count - 1];
        *value = *value < 10000 ? *value * 10 + (c - '0') : *value;
    } else if (c == ';' || c == ':') {
        vt->argument_count += vt->argument_count == 0 ? 2 : 1;
        if (vt->argument_count > VT_ARGUMENTS)
            vt->state = CSI_IGNORE;
    } else if (c >= '<' && c <= '?') {
        vt->prefix = (char)c;
    } else if (c >= 0x20 && c < 0x30) {
        vt->state = CSI_IGNORE; /* none of these is ours */
    } else {
        vt->state = GROUND;
        if (c >= 0x40 && c < 0x7f)
            do_csi(vt, (char)c);
    }
}

static void take(struct vt *vt, unsigned char c)
{
    if (vt->state == STRING || vt->state == STRING_ESCAPE) { /* titles and the like */
        bool ends = c == 0x07 || c == 0x18 || c == 0x1a || vt->state == STRING_ESCAPE;
        vt->state = ends ? GROUND : c == 0x1b ? STRING_ESCAPE : STRING;
        return;
    }
    if (c == 0x1b) {
        begin_sequence(vt, ESCAPE);
        vt->partial_left = 0;
        return;
    }
    if (vt->state != GROUND && c < 0x20) { /* within a sequence they count as before it */
        if (c == 0x18 || c == 0x1a)
            vt->state = GROUND;
        control(vt, c);
        return;
    }
    switch (vt->state) {
    case GROUND:
        take_ground(vt, c);
        break;
    case ESCAPE:
        take_escape(vt, c);
        break;
    case ESCAPE_INTERMEDIATE:
        if (vt->prefix == '(')
            vt->cursor.draws_lines = c == '0';
        vt->state = c < 0x30 ? ESCAPE_INTERMEDIATE : GROUND;
        break;
    case CSI:
        take_csi(vt, c);
        break;
    default: /* CSI_IGNORE */
        if (c >= 0x40)
            vt->state = GROUND;
        break;
    }
}

void vt_write(struct vt *vt, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take(vt, (unsigned char)bytes[i]);
}

bool vt_init(struct vt *vt, int rows, int columns)
{
    *vt = (struct vt){.rows = clamp(rows, 1, GRID_ROWS_MAX),
                      .columns = clamp(columns, 1, GRID_COLUMNS_MAX)};
    for (int i = 0; i < 2; i++) {
        vt->screens[i] = calloc((size_t)(vt->rows * vt->columns), sizeof(struct cell));
        if (!vt->screens[i]) {
            vt_free(vt);
            return false;
        }
    }
    reset(vt);
    return true;
}

void vt_free(struct vt *vt)
{
    free(vt->screens[0]);
    free(vt->screens[1]);
    *vt = (struct vt){0};
}
