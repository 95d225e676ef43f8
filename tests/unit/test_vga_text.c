/*
 * Tests of the VGA text screen (vmm/dev/vga_text): ports in and out, cells in RAM, UTF-8 out.
 */
#include "chip.h"
#include "dev/vga_text.h"

static struct memory ram;
static struct bus mmio;
static struct vga vga;
static char screen[VGA_TEXT_DUMP_MAX];

static void crtc(uint8_t index, uint8_t value)
{
    out(0x3d4, index);
    out(0x3d5, value);
}

/* Writes cells from `cell` of the window on, as a guest would. */
static void show(unsigned cell, const char *text)
{
    for (; *text; text++, cell++) {
        const uint8_t bytes[2] = {(uint8_t)*text, 0x07};
        assert_true(memory_write(&ram, VGA_TEXT_ADDRESS + 2 * cell, bytes, 2));
    }
}

static void assert_screen(const char *expected)
{
    size_t length = vga_text_dump(&vga, screen, sizeof(screen));

    assert_string_equal(screen, expected);
    assert_int_equal(length, strlen(expected));
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(memory_init(&ram, MEMORY_MIN), 0);
    bench_init(0);
    bus_init(&mmio);
    vga_init(&vga, &ram, &clk, NULL, NULL);
    assert_true(vga_attach(&vga, &ports, &mmio));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memory_free(&ram);
    return 0;
}

/* ---- the screen as text ---- */

static void vga_text_blank_screen_is_empty(void **state)
{
    (void)state;
    assert_screen("");
    for (unsigned cell = 0; cell < 2000; cell++)
        show(cell, " ");
    assert_screen("");
}

static void vga_text_trims_blanks_at_the_ends(void **state)
{
    (void)state;
    show(0, "  Hello  ");
    show(3 * 80, "world");
    assert_screen("  Hello\n\n\nworld\n");
}

static void vga_text_shows_all_80_by_25(void **state)
{
    (void)state;
    for (unsigned cell = 0; cell < 80 * 25 + 80; cell++)
        show(cell, "\xdb"); /* a full block: three bytes each */
    assert_int_equal(vga_text_dump(&vga, screen, sizeof(screen)), 25 * (3 * 80 + 1));
    assert_memory_equal(screen + 240 - 3, "\xe2\x96\x88\n\xe2", 5);
}

static void vga_text_turns_code_page_437_into_utf8(void **state)
{
    (void)state;
    show(0, "\x01~\x7f\x80\xc9\xcd\xbb\xb0\xe1\xe3\xfb\xfe\xff.");
    assert_screen("☺~⌂Ç╔═╗░ßπ√■ .\n");
}

static void vga_text_follows_the_start_address(void **state)
{
    (void)state;
    show(0, "first");
    show(80, "second");
    crtc(0x0d, 80);
    assert_screen("second\n");
    crtc(0x0c, 0x3f);
    crtc(0x0d, 0xf8); /* eight cells before the window's end: it wraps */
    show(0x3ff8, "the end ");
    assert_screen("the end first\n        second\n");
    crtc(0x0c, 0xff);
    assert_screen("the end first\n        second\n");
}

static void vga_text_dump_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    show(0, "a\xdb");
    memset(screen, 'x', sizeof(screen));
    assert_int_equal(vga_text_dump(&vga, screen, 4), 1);
    assert_string_equal(screen, "a");
    assert_int_equal(vga_text_dump(&vga, screen, 5), 4);
    assert_int_equal(vga_text_dump(&vga, screen, 1), 0);
    assert_string_equal(screen, "");
    screen[0] = 'x';
    assert_int_equal(vga_text_dump(&vga, screen, 0), 0);
    assert_int_equal(screen[0], 'x');
}

static void vga_text_without_its_page_in_ram_is_blank(void **state)
{
    const struct memory small = {.base = ram.base, .size = 0x10000};

    (void)state;
    show(0, "hidden");
    vga_init(&vga, &small, &clk, NULL, NULL);
    assert_screen("");
}

/* ---- the cursor ---- */

static void vga_text_cursor_is_where_the_crtc_says(void **state)
{
    unsigned column, row;

    (void)state;
    assert_true(vga_text_cursor(&vga, &column, &row));
    assert_int_equal(column, 0);
    assert_int_equal(row, 0);
    crtc(0x0e, (24 * 80 + 79) >> 8);
    crtc(0x0f, (24 * 80 + 79) & 0xff);
    assert_true(vga_text_cursor(&vga, &column, &row));
    assert_int_equal(column, 79);
    assert_int_equal(row, 24);
    crtc(0x0d, 80); /* scrolled by a line */
    assert_true(vga_text_cursor(&vga, &column, &row));
    assert_int_equal(row, 23);
}

static void vga_text_cursor_can_be_off(void **state)
{
    unsigned column, row;

    (void)state;
    crtc(0x0e, 0x07);
    crtc(0x0f, 0xd0); /* cell 2000: below the screen */
    assert_false(vga_text_cursor(&vga, &column, &row));
    crtc(0x0e, 0);
    assert_true(vga_text_cursor(&vga, &column, &row));
    crtc(0x0a, 0x20);
    assert_false(vga_text_cursor(&vga, &column, &row));
}

/* ---- registers ---- */

static void vga_text_crtc_is_written_by_words_too(void **state)
{
    unsigned column, row;

    (void)state;
    bus_write(&ports, 0x3d4, 2, 0x020f);
    assert_true(vga_text_cursor(&vga, &column, &row));
    assert_int_equal(column, 2);
    assert_int_equal(in(0x3d4), 0x0f);
    assert_int_equal(in(0x3d5), 0x02);
    crtc(0xff, 0x12); /* an index out of range does no harm */
}

static void vga_text_attribute_port_takes_index_and_data_in_turn(void **state)
{
    (void)state;
    in(0x3da); /* the next write is an index */
    out(0x3c0, 0x10);
    out(0x3c0, 0x0c);
    out(0x3c0, 0x33);
    assert_int_equal(in(0x3c0), 0x33);
    in(0x3da);
    out(0x3c0, 0x30);
    assert_int_equal(in(0x3c1), 0x0c);
}

static void vga_text_banks_keep_what_is_written(void **state)
{
    static const uint32_t banks[] = {0x3c4, 0x3ce, 0x3d4};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        out(banks[i], 10);
        out(banks[i] + 1, 0xa0 + i);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(in(banks[i]), 10);
        assert_int_equal(in(banks[i] + 1), 0xa0 + i);
    }
    assert_int_equal(in(0x3cc), 0x67); /* mode 3, ports at 0x3dx */
    out(0x3d4, 1);
    assert_int_equal(in(0x3d5), 79);
    assert_int_equal(in(0x3c6), 0xff);
    out(0x3c6, 0x0f);
    assert_int_equal(in(0x3c6), 0x0f);
    out(0x3c2, 0xe3);
    assert_int_equal(in(0x3cc), 0xe3);
    out(0x3da, 1);
    assert_int_equal(in(0x3ca), 1);
}

static void vga_text_palette_is_written_and_read_in_turn(void **state)
{
    (void)state;
    out(0x3c8, 255);
    for (unsigned i = 0; i < 6; i++) /* the sixth wraps to colour 0 */
        out(0x3c9, i + 1);
    out(0x3c7, 255);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(in(0x3c9), i + 1);
    assert_int_equal(in(0x3c8), 1);
}

/* ---- anything at all ---- */

#define SEED 3800

static void vga_text_survives_ten_thousand_random_accesses(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        uint32_t at = 0x3c0 + (uint32_t)rand() % 0x1b;
        unsigned width = 1u << rand() % 3, column, row;
        if (rand() & 1)
            bus_read(&ports, at, width);
        else
            bus_write(&ports, at, width, (uint32_t)rand());
        memory_write(&ram, VGA_TEXT_ADDRESS + (uint64_t)rand() % 0x8000, &at, 1);
        if (vga_text_cursor(&vga, &column, &row))
            HOLDS(column < VGA_TEXT_COLUMNS_MAX && row < VGA_TEXT_ROWS_MAX);
        if (round_number % 50)
            continue;
        size_t size = (size_t)rand() % sizeof(screen) + 1;
        char *exact = malloc(size);
        HOLDS(exact);
        size_t length = vga_text_dump(&vga, exact, size);
        HOLDS(length < size && exact[length] == '\0' && strlen(exact) == length);
        free(exact);
    }
}

static void vga_text_attach_is_refused_a_taken_port(void **state)
{
    (void)state;
    assert_false(vga_attach(&vga, &ports, &mmio));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vga_text_blank_screen_is_empty),
        TEST(vga_text_trims_blanks_at_the_ends),
        TEST(vga_text_shows_all_80_by_25),
        TEST(vga_text_turns_code_page_437_into_utf8),
        TEST(vga_text_follows_the_start_address),
        TEST(vga_text_dump_is_cut_at_a_whole_character),
        TEST(vga_text_without_its_page_in_ram_is_blank),
        TEST(vga_text_cursor_is_where_the_crtc_says),
        TEST(vga_text_cursor_can_be_off),
        TEST(vga_text_crtc_is_written_by_words_too),
        TEST(vga_text_attribute_port_takes_index_and_data_in_turn),
        TEST(vga_text_banks_keep_what_is_written),
        TEST(vga_text_palette_is_written_and_read_in_turn),
        TEST(vga_text_survives_ten_thousand_random_accesses),
        TEST(vga_text_attach_is_refused_a_taken_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
