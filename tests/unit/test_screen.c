/*
 * The split screen without guests: tiling, keys, what is sent to a terminal, and panes of every
 * size under any output.
 */
#include "console/outbox.h"
#include "front/screen/grid.h"
#include "front/screen/keys.h"
#include "front/screen/layout.h"
#include "front/screen/pane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- tiling ---- */

static void areas_cover_the_screen_once(void **state)
{
    (void)state;
    for (size_t count = 1; count <= LAYOUT_MAX; count++) {
        struct area areas[LAYOUT_MAX];
        int covered[24][80] = {0};
        layout_tile((struct area){0, 0, 24, 80}, count, areas);
        for (size_t i = 0; i < count; i++) {
            for (int row = areas[i].row; row < areas[i].row + areas[i].rows; row++) {
                for (int column = areas[i].column; column < areas[i].column + areas[i].columns;
                     column++)
                    covered[row][column]++;
            }
        }
        for (int i = 0; i < 24 * 80; i++)
            assert_int_equal(covered[i / 80][i % 80], 1);
    }
}

static void two_panes_are_side_by_side_and_four_are_a_square(void **state)
{
    struct area areas[4];

    (void)state;
    layout_tile((struct area){0, 0, 24, 80}, 2, areas);
    assert_int_equal(areas[1].column, 40);
    layout_tile((struct area){0, 0, 24, 80}, 4, areas);
    assert_int_equal(areas[3].column, 40);
    assert_int_equal(areas[3].row, 12);
}

static void a_tiny_screen_holds_one_pane(void **state)
{
    (void)state;
    assert_int_equal(layout_capacity(1, 1), 1);
    assert_int_equal(layout_capacity(23, 80), 16);
}

/* ---- keys ---- */

static uint8_t typed; /* the byte of the last KEY_BYTE, or what was typed */

static enum key type(struct keys *keys, const char *text)
{
    enum key key = KEY_NONE;

    for (; *text; text++) {
        typed = (uint8_t)*text;
        key = keys_type(keys, &typed);
    }
    return key;
}

static void keys_are_the_guests_but_behind_ctrl_a(void **state)
{
    struct keys keys = {0};

    (void)state;
    assert_int_equal(type(&keys, "z"), KEY_BYTE);
    assert_int_equal(type(&keys, "\033[A"), KEY_BYTE);
    assert_int_equal(type(&keys, "\001z"), KEY_ZOOM);
    assert_int_equal(type(&keys, "\001Z"), KEY_ZOOM);
    assert_int_equal(type(&keys, "z"), KEY_BYTE);
    assert_int_equal(type(&keys, "\001\033[C"), KEY_RIGHT);
    assert_int_equal(type(&keys, "\001\033OD"), KEY_LEFT);
    assert_int_equal(type(&keys, "\001\033[5~"), KEY_PAGE_UP);
    assert_int_equal(type(&keys, "z"), KEY_BYTE);
    assert_int_equal(type(&keys, "\0013"), KEY_NUMBER);
    assert_int_equal(keys.number, 3);
    assert_int_equal(type(&keys, "\0010"), KEY_NUMBER);
    assert_int_equal(keys.number, 10);
    assert_int_equal(type(&keys, "\001'12\b3\r"), KEY_NUMBER);
    assert_int_equal(keys.number, 13);
    assert_int_equal(type(&keys, "\001'12\033"), KEY_NONE);
    assert_int_equal(type(&keys, "x"), KEY_BYTE);
    assert_int_equal(typed, 'x');
    assert_int_equal(type(&keys, "\001a"), KEY_BYTE);
    assert_int_equal(typed, '\001');
    assert_int_equal(type(&keys, "\001\001"), KEY_BYTE);
    assert_int_equal(typed, '\001');
}

static void unknown_keys_behind_ctrl_a_do_nothing(void **state)
{
    struct keys keys = {0};

    (void)state;
    assert_int_equal(type(&keys, "\001\033[99~"), KEY_BYTE); /* the rest is the guest's again */
    assert_int_equal(type(&keys, "\001%"), KEY_NONE);
    assert_int_equal(type(&keys, "z"), KEY_BYTE);
}

static void all_keys_are_the_screens_while_it_scrolls(void **state)
{
    struct keys keys = {.scrolling = true};

    (void)state;
    assert_int_equal(type(&keys, "\033[A"), KEY_UP);
    assert_int_equal(type(&keys, "\033[6~"), KEY_PAGE_DOWN);
    assert_int_equal(type(&keys, "q"), KEY_LEAVE);
    assert_int_equal(type(&keys, "a"), KEY_NONE);
}

/* ---- what the terminal is sent ---- */

static void only_what_has_changed_is_sent(void **state)
{
    struct sink sink = {.fd = -1};
    struct grid shown, next;

    (void)state;
    assert_true(grid_init(&shown, 4, 10) && grid_init(&next, 4, 10));
    grid_render(&sink, &shown, &next, true);
    assert_int_equal(sink.used, 0);
    grid_text(&next, 2, 3, 10, "hi", (struct style){.fg = COLOUR_INDEX(1)});
    grid_render(&sink, &shown, &next, true);
    sink_put(&sink, "", 1);
    assert_string_equal(sink.bytes, "\033[?25l\033[3;4H\033[0;31mhi");
    sink.used = 0;
    grid_text(&next, 3, 0, 10, "\xe2\x94\x80", (struct style){0});
    grid_render(&sink, &next, &next, false);
    assert_int_equal(sink.used, 0);
    grid_render(&sink, &shown, &next, false);
    sink_put(&sink, "", 1);
    assert_non_null(strstr(sink.bytes, "\033[4;1H\033[0m-"));
    sink_free(&sink);
    grid_free(&shown);
    grid_free(&next);
}

/* ---- the terminal ---- */

/* A sequence, and what is then on a screen of 4 x 8: rows with '/' between, blanks as '.'. */
static const struct {
    const char *what, *written, *seen;
} sequences[] = {
    {"text wraps behind the last column", "abcdefghi", "abcdefgh/i......./......../........"},
    {"but not before the next character", "abcdefgh\r\nx", "abcdefgh/x......./......../........"},
    {"a wide character is not cut", "abcdefg\xe4\xb8\xad", "abcdefg./W~....../......../........"},
    {"half of one becomes a blank", "\xe4\xb8\xad\bx", ".x....../......../......../........"},
    {"bytes that are no UTF-8", "a\xff\xc3z", "a??z..../......../......../........"},
    {"absolute positions", "\033[2;3Hx\033[dy\033[8Gz", "...y...z/..x...../......../........"},
    {"positions are clamped", "\033[99;99Hx\033[Hy\033[99Cz",
     "y......z/......../......../.......x"},
    {"relative positions", "\033[2Bx\033[A\033[2Dy\033[Cz", "......../y.z...../x......./........"},
    {"erasing in a line", "abcdefgh\033[4G\033[1Kx\033[K", "...x..../......../......../........"},
    {"erasing in the screen", "a\r\nbcd\r\ne\033[2;2H\033[J",
     "a......./b......./......../........"},
    {"erasing before the cursor", "a\r\nbcd\r\ne\033[2;2H\033[1J",
     "......../..d...../e......./........"},
    {"inserting and deleting characters", "abcdef\033[2G\033[2P\033[@x",
     "axdef.../......../......../........"},
    {"erasing characters", "abcdef\033[2G\033[3X", "a...ef../......../......../........"},
    {"inserting and deleting lines", "a\r\nb\r\nc\033[2;1H\033[L\033[Hx\033[M",
     "......../b......./c......./........"},
    {"the insert mode", "bc\r\033[4ha\033[4lx", "axc...../......../......../........"},
    {"scrolling", "a\r\nb\r\nc\r\nd\r\ne", "b......./c......./d......./e......."},
    {"a scrolling region", "a\r\nb\r\nc\r\nd\033[2;3r\033[3;1H\nx",
     "a......./c......./x......./d......."},
    {"scrolling back", "a\r\nb\r\n\033[H\033Mx", "x......./a......./b......./........"},
    {"a saved cursor", "ab\0337\r\ncd\0338x", "abx...../cd....../......../........"},
    {"the other screen", "a\033[?1049hb\033[?1049lc", "ac....../......../......../........"},
    {"a repeated character", "x\033[3by", "xxxxy.../......../......../........"},
    {"line drawing", "\033(0q\033(Bq", "\x2dq....../......../......../........"},
    {"titles are not seen", "a\033]0;title\007b\033]2;x\033\\c",
     "abc...../......../......../........"},
    {"unknown sequences are not seen", "a\033[>4;2m\033[!p\033[5 qb",
     "ab....../......../......../........"},
    {"no line wraps when that is off", "\033[?7labcdefghij", "abcdefgj/......../......../........"},
    {"tabs", "a\tb", "a......b/......../......../........"},
};

static void sequences_do_what_terminals_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        char seen[4 * 9 + 1];
        struct vt vt;
        assert_true(vt_init(&vt, 4, 8));
        vt_write(&vt, sequences[i].written, strlen(sequences[i].written));
        for (int at = 0; at < 4 * 9; at++) {
            uint32_t code = at % 9 < 8 ? vt.cells[at / 9 * 8 + at % 9].code : '/';
            seen[at] = code == 0           ? '.'
                       : code == CELL_TAIL ? '~'
                       : code == 0xfffd    ? '?'
                       : code == 0x4e2d    ? 'W'
                       : code == 0x2500    ? '-'
                                           : (char)code;
        }
        seen[4 * 9 - 1] = '\0';
        if (strcmp(seen, sequences[i].seen) != 0)
            print_error("%s: %s, not %s\n", sequences[i].what, seen, sequences[i].seen);
        assert_string_equal(seen, sequences[i].seen);
        vt_free(&vt);
    }
}

static void styles_are_kept_with_the_cells(void **state)
{
    static const char text[] =
        "\033[1;31ma\033[38;5;200mb\033[48;2;1;2;3mc\033[0;7md\033[97;22me\033[mf";
    struct vt vt;

    (void)state;
    assert_true(vt_init(&vt, 2, 8));
    vt_write(&vt, text, sizeof(text) - 1);
    assert_int_equal(vt.cells[0].style.fg, COLOUR_INDEX(1));
    assert_int_equal(vt.cells[0].style.bits, STYLE_BOLD);
    assert_int_equal(vt.cells[1].style.fg, COLOUR_INDEX(200));
    assert_int_equal(vt.cells[2].style.bg, COLOUR_RGB(1, 2, 3));
    assert_int_equal(vt.cells[3].style.bits, STYLE_REVERSE);
    assert_int_equal(vt.cells[3].style.fg, 0);
    assert_int_equal(vt.cells[4].style.fg, COLOUR_INDEX(15));
    assert_int_equal(vt.cells[5].style.bits, 0);
    vt_free(&vt);
}

static void note_answer(void *owner, const char *bytes, size_t count)
{
    snprintf(owner, 32, "%.*s", (int)count, bytes);
}

static void it_tells_where_the_cursor_is(void **state)
{
    char text[32] = "";
    struct vt vt;

    (void)state;
    assert_true(vt_init(&vt, 4, 8));
    vt.answer = note_answer;
    vt.owner = text;
    vt_write(&vt, "\033[3;5H\033[6n", 10);
    assert_string_equal(text, "\033[3;5R");
    vt_free(&vt);
}

/* ---- panes ---- */

/* A pane, its guest, and what is seen of it. */
struct fixture {
    struct many many;
    struct member member;
    struct pane pane;
    struct grid grid;
};

static void setup(struct fixture *f, int rows, int columns)
{
    memset(f, 0, sizeof(*f));
    pthread_mutex_init(&f->member.sight_lock, NULL);
    f->member.name = "guest";
    pane_init(&f->pane, &f->member);
    assert_true(grid_init(&f->grid, rows, columns));
}

static void teardown(struct fixture *f)
{
    pane_free(&f->pane);
    grid_free(&f->grid);
    pthread_mutex_destroy(&f->member.sight_lock);
}

static void print(struct fixture *f, const char *text)
{
    pane_output(&f->pane, (const uint8_t *)text, strlen(text), false);
}

/* Paints it at a size, and returns a row as ASCII, blanks at its end dropped. */
static const char *row_of(struct fixture *f, int rows, int columns, int row)
{
    static char text[200];
    int length = columns;

    grid_clear(&f->grid);
    pane_paint(&f->pane, &f->grid, (struct area){0, 0, rows, columns}, true);
    for (int i = 0; i < columns; i++) {
        uint32_t code = f->grid.cells[row * f->grid.columns + i].code;
        text[i] = code ? (char)code : ' ';
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    text[length] = '\0';
    return text;
}

static void a_line_feed_starts_a_line(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, 10, 40);
    print(&f, "one\ntwo");
    assert_string_equal(row_of(&f, 10, 40, 0), "one");
    assert_string_equal(row_of(&f, 10, 40, 1), "two");
    pane_output(&f.pane, (const uint8_t *)"vmm: said\n", 10, true);
    assert_string_equal(row_of(&f, 10, 40, 2), "vmm: said");
    teardown(&f);
}

static void another_size_breaks_lines_anew(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, 10, 40);
    print(&f, "0123456789\n");
    assert_string_equal(row_of(&f, 10, 4, 2), "89");
    assert_string_equal(row_of(&f, 10, 40, 0), "0123456789");
    teardown(&f);
}

static void what_scrolls_away_can_be_had_back(void **state)
{
    struct fixture f;
    char line[16];

    (void)state;
    setup(&f, 5, 20);
    row_of(&f, 5, 20, 0);
    for (int i = 0; i < 1500; i++) {
        snprintf(line, sizeof(line), "%d\n", i);
        print(&f, line);
    }
    assert_string_equal(row_of(&f, 5, 20, 0), "1496");
    pane_scroll(&f.pane, 2);
    assert_string_equal(row_of(&f, 5, 20, 0), "1494");
    print(&f, "more\n"); /* what is read stays */
    assert_string_equal(row_of(&f, 5, 20, 0), "1494");
    pane_scroll(&f.pane, 100000);
    assert_string_equal(row_of(&f, 5, 20, 0), "497");
    pane_scroll(&f.pane, -100000);
    assert_string_equal(row_of(&f, 5, 20, 3), "more");
    teardown(&f);
}

static uint32_t random_state = 1;
static uint32_t random_number(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

/* Escape sequences, wide characters, broken UTF-8, and bytes. */
static void print_anything(struct fixture *f)
{
    static const char *const pieces[] = {
        "\033[",
        "\033]0;title\007",
        "\033[?1049h",
        "\033[?1049l",
        "\033#6",
        "\033#3",
        "\033c",
        "\xe4\xb8\xad",
        "\xf0\x9f\x98\x80",
        "e\xcc\x81",
        "\xff",
        "\n",
        "\r",
        "\t",
        "\b",
        "abc",
        "\033[5;1r",
        "\033[r",
        "\033[2J",
        "\033[999;999H",
        "\033[6n",
        "\033M",
        "\033[3L",
        "\033[3M",
        "\033[38;5;200m",
        "\033[48;2;1;2;3m",
        "\033[7m",
        "\033[?69h",
        "\033[2;3s",
        "\033[4h",
        "\033(0",
    };
    char text[64];
    size_t used = 0;

    for (unsigned i = random_number(6) + 1; i > 0; i--) {
        if (random_number(3) == 0) {
            text[used++] = (char)random_number(256);
        } else {
            const char *piece = pieces[random_number(sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(text + used, piece, strlen(piece));
            used += strlen(piece);
        }
    }
    pane_output(&f->pane, (const uint8_t *)text, used, random_number(20) == 0);
}

static void any_output_at_any_size_does_no_harm(void **state)
{
    struct sink sink = {.fd = -1};
    struct fixture f;
    struct grid blank;
    unsigned raw = 0;

    (void)state;
    setup(&f, 30, 100);
    assert_true(grid_init(&blank, 30, 100));
    for (int i = 0; i < 8000; i++) {
        print_anything(&f);
        if (random_number(10) == 0) {
            int rows = 1 + (int)random_number(random_number(2) ? 4 : 30);
            int columns = 1 + (int)random_number(random_number(2) ? 4 : 100);
            pane_scroll(&f.pane, (int)random_number(50) - 25);
            grid_clear(&f.grid);
            pane_paint(&f.pane, &f.grid, (struct area){0, 0, rows, columns}, true);
            sink.used = 0;
            grid_render(&sink, &blank, &f.grid, true);
            for (size_t at = 0; at < sink.used; at++)
                raw += (uint8_t)sink.bytes[at] < 0x20 && sink.bytes[at] != '\033';
        }
    }
    assert_int_equal(raw, 0); /* nothing of the guest's reaches the terminal as it is */
    sink_free(&sink);
    grid_free(&blank);
    teardown(&f);
}

/* ---- on the way there ---- */

static void *put_a_million(void *argument)
{
    uint8_t bytes[1000];

    for (int i = 0; i < 1000; i++) {
        memset(bytes, i, sizeof(bytes));
        outbox_put(argument, bytes, sizeof(bytes), i % 100 == 7);
    }
    return NULL;
}

static void an_outbox_holds_the_writer_back_and_loses_nothing(void **state)
{
    struct outbox outbox;
    uint8_t bytes[777];
    size_t total = 0, count;
    pthread_t thread;
    int news_fd = eventfd(0, EFD_CLOEXEC);
    uint64_t news;
    bool is_message;

    (void)state;
    outbox_init(&outbox, news_fd);
    pthread_create(&thread, NULL, put_a_million, &outbox);
    while (total < 1000000) {
        assert_int_equal(read(news_fd, &news, sizeof(news)), sizeof(news));
        while ((count = outbox_take(&outbox, bytes, sizeof(bytes), &is_message)) > 0) {
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(bytes[i], (uint8_t)((total + i) / 1000));
                assert_int_equal(is_message, (total + i) / 1000 % 100 == 7);
            }
            total += count;
        }
    }
    pthread_join(thread, NULL);
    outbox_free(&outbox);
    close(news_fd);
}

/* Bytes of two kinds in turn: more of them than an outbox has runs for. */
static void *put_in_turn(void *argument)
{
    for (int i = 0; i < 1000; i++)
        outbox_put(argument, (const uint8_t *)(i % 2 ? "m" : "g"), 1, i % 2);
    return NULL;
}

static void an_outbox_keeps_messages_where_they_came(void **state)
{
    struct outbox outbox;
    uint8_t byte[2];
    size_t total = 0, count;
    bool is_message;
    pthread_t thread;
    int news_fd = eventfd(0, EFD_CLOEXEC);
    uint64_t news;

    (void)state;
    outbox_init(&outbox, news_fd);
    pthread_create(&thread, NULL, put_in_turn, &outbox);
    while (total < 1000) {
        assert_int_equal(read(news_fd, &news, sizeof(news)), sizeof(news));
        for (; (count = outbox_take(&outbox, byte, sizeof(byte), &is_message)) > 0; total++) {
            assert_int_equal(count, 1);
            assert_int_equal(byte[0], total % 2 ? 'm' : 'g');
            assert_int_equal(is_message, total % 2);
        }
    }
    pthread_join(thread, NULL);
    outbox_free(&outbox);
    close(news_fd);
}

static void a_closed_outbox_holds_nobody(void **state)
{
    struct outbox outbox;
    uint8_t bytes[100];
    int news_fd = eventfd(0, EFD_CLOEXEC);
    bool is_message;

    (void)state;
    outbox_init(&outbox, news_fd);
    outbox_close(&outbox, true);
    put_a_million(&outbox);
    assert_int_equal(outbox_take(&outbox, bytes, sizeof(bytes), &is_message), sizeof(bytes));
    outbox_free(&outbox);
    close(news_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_cover_the_screen_once),
        cmocka_unit_test(two_panes_are_side_by_side_and_four_are_a_square),
        cmocka_unit_test(a_tiny_screen_holds_one_pane),
        cmocka_unit_test(keys_are_the_guests_but_behind_ctrl_a),
        cmocka_unit_test(unknown_keys_behind_ctrl_a_do_nothing),
        cmocka_unit_test(all_keys_are_the_screens_while_it_scrolls),
        cmocka_unit_test(only_what_has_changed_is_sent),
        cmocka_unit_test(sequences_do_what_terminals_do),
        cmocka_unit_test(styles_are_kept_with_the_cells),
        cmocka_unit_test(it_tells_where_the_cursor_is),
        cmocka_unit_test(a_line_feed_starts_a_line),
        cmocka_unit_test(another_size_breaks_lines_anew),
        cmocka_unit_test(what_scrolls_away_can_be_had_back),
        cmocka_unit_test(any_output_at_any_size_does_no_harm),
        cmocka_unit_test(an_outbox_holds_the_writer_back_and_loses_nothing),
        cmocka_unit_test(an_outbox_keeps_messages_where_they_came),
        cmocka_unit_test(a_closed_outbox_holds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
