/*
 * Fuzz target for the terminal of a pane: whatever a guest prints, all that comes of it is cells,
 * of characters that do nothing to the user's terminal; and it is the same if it comes in pieces.
 * The first two bytes are the size, the third how large a piece is.
 */
#include "front/screen/vt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_cells(const struct cell *cells, int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t code = cells[i].code;
        require(code == 0 || code == CELL_TAIL ||
                (code >= 0x20 && code <= 0x10ffff && (code < 0x7f || code >= 0xa0)));
        require(code != CELL_TAIL || (i > 0 && cells[i - 1].code != CELL_TAIL));
    }
}

static void count_lines(void *owner, const struct cell *cells, int count)
{
    check_cells(cells, count);
    ++*(unsigned *)owner;
}

static void check_answer(void *owner, const char *bytes, size_t count)
{
    (void)owner;
    require(count > 1 && bytes[0] == '\033');
}

static void check_place(const struct vt *vt, const struct vt_cursor *cursor)
{
    require(cursor->row >= 0 && cursor->row < vt->rows);
    require(cursor->column >= 0 && cursor->column < vt->columns);
}

static void check(const struct vt *vt)
{
    require(vt->cells == vt->screens[0] || vt->cells == vt->screens[1]);
    require(vt->top >= 0 && vt->top < vt->bottom && vt->bottom <= vt->rows);
    check_place(vt, &vt->cursor);
    check_place(vt, &vt->saved);
    for (int screen = 0; screen < 2; screen++) {
        for (int row = 0; row < vt->rows; row++)
            check_cells(vt->screens[screen] + row * vt->columns, vt->columns);
    }
}

static void begin(struct vt *vt, int rows, int columns, unsigned *lines)
{
    require(vt_init(vt, rows, columns));
    vt->scrolled = count_lines;
    vt->answer = check_answer;
    vt->owner = lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 3;
    unsigned lines[2] = {0};
    struct vt whole, pieces;
    size_t cells, piece;

    if (size < 3)
        return -1;
    size -= 3;
    begin(&whole, data[0] % 64 + 1, data[1] % 200 + 1, &lines[0]);
    begin(&pieces, whole.rows, whole.columns, &lines[1]);
    vt_write(&whole, bytes, size);
    check(&whole);
    piece = data[2] % 16 + 1;
    for (size_t at = 0; at < size; at += piece)
        vt_write(&pieces, bytes + at, size - at < piece ? size - at : piece);
    check(&pieces);
    cells = (size_t)whole.rows * (size_t)whole.columns * sizeof(struct cell);
    require(lines[0] == lines[1]);
    for (int screen = 0; screen < 2; screen++)
        require(memcmp(whole.screens[screen], pieces.screens[screen], cells) == 0);
    require(whole.cursor.row == pieces.cursor.row && whole.cursor.column == pieces.cursor.column);
    vt_free(&whole);
    vt_free(&pieces);
    return 0;
}
