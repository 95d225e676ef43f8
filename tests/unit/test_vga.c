/*
 * Tests of a VGA's planes and pictures (vmm/dev/vga*): what is written in each mode against a model
 * that does it bit by bit; registers that a guest may write in any order; what is shown in which
 * size.
 */
#include "chip.h"
#include "dev/vga_text.h"

static struct memory ram;
static struct bus mmio;
static struct vga vga;
static struct display display;

static void set(uint32_t port, unsigned index, unsigned value)
{
    out(port, index);
    out(port + 1, value);
}

#define SEQUENCER 0x3c4
#define GRAPHICS  0x3ce
#define CRTC      0x3d4

static uint64_t waits_until;

static void hear_wait(void *owner, uint64_t time)
{
    (void)owner;
    waits_until = time;
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(memory_init(&ram, MEMORY_MIN), 0);
    bench_init(0);
    bus_init(&mmio);
    vga_init(&vga, &ram, &clk, hear_wait, NULL);
    waits_until = 0;
    assert_true(vga_attach(&vga, &ports, &mmio));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memory_free(&ram);
    vga_free(&vga);
    display_free(&display);
    return 0;
}

/* 16 colours, 64 KiB a plane at 0xa0000. */
static void planar(void)
{
    set(SEQUENCER, 2, 0x0f);
    set(SEQUENCER, 4, 0x06);
    set(GRAPHICS, 5, 0);
    set(GRAPHICS, 6, 0x05);
}

static uint8_t plane_byte(unsigned plane, uint32_t at)
{
    return ((const uint8_t *)memory_behind(&ram, VGA_MEMORY, VGA_PLANES_SIZE))[4 * at + plane];
}

/* ---- a model ---- */

struct model {
    uint8_t plane[4][256], latch[4];
    uint8_t map_mask, set_reset, enable, compare, rotate, read_plane, mode, dont_care, bit_mask;
};

static unsigned bit(unsigned value, unsigned number)
{
    return value >> number & 1;
}

static void model_write(struct model *m, unsigned at, uint8_t byte)
{
    unsigned turn = m->rotate & 7, write_mode = m->mode & 3;

    for (unsigned plane = 0; plane < 4; plane++) {
        uint8_t result = 0;
        for (unsigned i = 0; i < 8; i++) {
            unsigned turned = bit(byte, (i + turn) % 8), old = bit(m->latch[plane], i),
                     new = turned;
            unsigned mask = bit(m->bit_mask, i);
            if (write_mode == 0 && bit(m->enable, plane))
                new = bit(m->set_reset, plane);
            if (write_mode == 2)
                new = bit(byte, plane);
            if (write_mode == 3) {
                new = bit(m->set_reset, plane);
                mask &= turned;
            }
            switch (m->rotate >> 3 & 3) {
            case 1:
                new &= old;
                break;
            case 2:
                new |= old;
                break;
            case 3:
                new ^= old;
                break;
            }
            new = write_mode == 1 || !mask ? old : new;
            result |= (uint8_t)(new << i);
        }
        if (bit(m->map_mask, plane))
            m->plane[plane][at] = result;
    }
}

static uint8_t model_read(struct model *m, unsigned at)
{
    uint8_t value = 0;

    for (unsigned plane = 0; plane < 4; plane++)
        m->latch[plane] = m->plane[plane][at];
    if (!(m->mode & 8))
        return m->latch[m->read_plane & 3];
    for (unsigned i = 0; i < 8; i++) {
        bool same = true;
        for (unsigned plane = 0; plane < 4; plane++)
            same = same &&
                   (!bit(m->dont_care, plane) || bit(m->latch[plane], i) == bit(m->compare, plane));
        value |= (uint8_t)(same << i);
    }
    return value;
}

#define SEED 1311

static void vga_writes_and_reads_are_those_of_the_model(void **state)
{
    static struct model m;

    (void)state;
    m = (struct model){.map_mask = 0x0f, .dont_care = 0x0f, .bit_mask = 0xff};
    planar();
    set(GRAPHICS, 7, 0x0f);
    srand(SEED);
    for (round_number = 0; round_number < 200000; round_number++) {
        static const struct {
            uint32_t port;
            unsigned index;
            uint8_t *in_model, bits;
        } registers[] = {{SEQUENCER, 2, &m.map_mask, 0x0f}, {GRAPHICS, 0, &m.set_reset, 0x0f},
                         {GRAPHICS, 1, &m.enable, 0x0f},    {GRAPHICS, 2, &m.compare, 0x0f},
                         {GRAPHICS, 3, &m.rotate, 0x1f},    {GRAPHICS, 4, &m.read_plane, 0x03},
                         {GRAPHICS, 5, &m.mode, 0x0b},      {GRAPHICS, 7, &m.dont_care, 0x0f},
                         {GRAPHICS, 8, &m.bit_mask, 0xff}};
        unsigned at = (unsigned)rand() & 0xff, which = (unsigned)rand() % 9;
        uint8_t value = (uint8_t)(rand() >> 8);

        switch (rand() % 4) {
        case 0:
            value &= registers[which].bits;
            set(registers[which].port, registers[which].index, value);
            *registers[which].in_model = value;
            break;
        case 1:
            HOLDS((uint8_t)bus_read(&mmio, VGA_MEMORY + at, 1) == model_read(&m, at));
            break;
        default:
            bus_write(&mmio, VGA_MEMORY + at, 1, value);
            model_write(&m, at, value);
            for (unsigned plane = 0; plane < 4; plane++)
                HOLDS(plane_byte(plane, at) == m.plane[plane][at]);
        }
    }
}

/* ---- the map ---- */

static void vga_mode_13h_is_plain_ram(void **state)
{
    (void)state;
    set(SEQUENCER, 4, 0x0e);
    set(SEQUENCER, 2, 0x0f);
    set(GRAPHICS, 6, 0x05);
    assert_int_equal(memory_kind(&ram, VGA_MEMORY), MEMORY_RAM);
    set(SEQUENCER, 2, 0x05); /* but not where only some planes are written */
    assert_int_equal(memory_kind(&ram, VGA_MEMORY), MEMORY_HOLE);
    bus_write(&mmio, VGA_MEMORY + 4, 4, 0x44332211);
    assert_int_equal(plane_byte(0, 1), 0x11);
    assert_int_equal(plane_byte(1, 1), 0);
    assert_int_equal(plane_byte(2, 1), 0x33);
    set(SEQUENCER, 2, 0x0f);
    assert_int_equal(memory_kind(&ram, VGA_MEMORY), MEMORY_RAM);
    planar(); /* the same bytes, seen as planes */
    set(GRAPHICS, 4, 2);
    assert_int_equal((uint8_t)bus_read(&mmio, VGA_MEMORY + 1, 1), 0x33);
}

static void vga_text_is_ram_whatever_the_planes_do(void **state)
{
    static const uint8_t cell[2] = {'x', 7};

    (void)state;
    assert_int_equal(memory_kind(&ram, VGA_TEXT_ADDRESS), MEMORY_RAM);
    assert_true(memory_write(&ram, VGA_TEXT_ADDRESS, cell, 2));
    planar();
    assert_false(memory_write(&ram, VGA_TEXT_ADDRESS, cell, 2));
    set(GRAPHICS, 6, 0x0e);
    set(GRAPHICS, 5, 0x10);
    set(SEQUENCER, 4, 0x02);
    assert_true(memory_write(&ram, VGA_TEXT_ADDRESS, cell, 2));
}

/* Odd addresses are odd planes: how a font lies beside text. */
static void vga_odd_and_even_addresses_are_planes(void **state)
{
    (void)state;
    planar();
    set(GRAPHICS, 5, 0x10);
    set(SEQUENCER, 2, 0x03);
    bus_write(&mmio, VGA_MEMORY + 6, 2, 0xbbaa);
    assert_int_equal(plane_byte(0, 3), 0xaa);
    assert_int_equal(plane_byte(1, 3), 0xbb);
    assert_int_equal((uint16_t)bus_read(&mmio, VGA_MEMORY + 6, 2), 0xbbaa);
    set(GRAPHICS, 4, 2);
    bus_write(&mmio, VGA_MEMORY + 6, 2, 0xffff); /* planes 2 and 3, which are masked */
    assert_int_equal(plane_byte(2, 3), 0);
    assert_int_equal(plane_byte(3, 3), 0);
}

static void vga_window_is_where_the_registers_say(void **state)
{
    (void)state;
    planar();
    bus_write(&mmio, VGA_MEMORY + 0x10000, 1, 0x77); /* behind 64 KiB: nothing */
    assert_int_equal(plane_byte(0, 0), 0);
    assert_int_equal((uint8_t)bus_read(&mmio, VGA_MEMORY + 0x10000, 1), 0xff);
    set(GRAPHICS, 6, 0x01); /* 128 KiB */
    bus_write(&mmio, VGA_MEMORY + 0x10005, 1, 0x77);
    assert_int_equal(plane_byte(0, 5), 0x77);
}

/* ---- registers ---- */

static void vga_lock_protects_the_timing(void **state)
{
    (void)state;
    set(CRTC, 1, 0);
    assert_int_equal(in(CRTC + 1), 79);
    set(CRTC, 7, 0xff); /* but for one bit */
    assert_int_equal(in(CRTC + 1), 0x1f);
    set(CRTC, 7, 0x00);
    assert_int_equal(in(CRTC + 1), 0x0f);
    set(CRTC, 0x11, 0x0e);
    set(CRTC, 1, 39);
    assert_int_equal(in(CRTC + 1), 39);
}

static void vga_dac_says_what_it_is_at(void **state)
{
    (void)state;
    out(0x3c7, 3);
    assert_int_equal(in(0x3c7), 3);
    out(0x3c8, 3);
    assert_int_equal(in(0x3c7), 0);
}

/* ---- the beam ---- */

static void vga_lines_begin_and_end_with_each_read(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_not_equal(in(0x3da) & 0x01, in(0x3da) & 0x01);
}

static void vga_beam_goes_back_70_times_a_second(void **state)
{
    unsigned times = 0;
    bool was_back = false;

    (void)state;
    for (; now < NS_PER_SECOND; step(10000)) {
        bool is_back = in(0x3da) & 0x08;
        times += is_back && !was_back;
        was_back = is_back;
    }
    assert_int_equal(times, 70);
    out(0x3c2, 0xe3); /* 480 lines */
    times = 0;
    was_back = false;
    for (now = 0; now < NS_PER_SECOND; step(10000)) {
        bool is_back = in(0x3da) & 0x08;
        times += is_back && !was_back;
        was_back = is_back;
    }
    assert_int_equal(times, 60);
}

static void vga_who_polls_for_the_beam_waits_for_it(void **state)
{
    (void)state;
    for (int i = 0; i < 999; i++)
        assert_false(in(0x3da) & 0x08);
    assert_int_equal(waits_until, 0);
    in(0x3da);
    assert_int_not_equal(waits_until, 0);
    step(waits_until - 1);
    assert_false(in(0x3da) & 0x08);
    step(1);
    assert_true(in(0x3da) & 0x08);
    assert_true(in(0x3da) & 0x01);
    for (int i = 0; i < 1000; i++)
        in(0x3da);
    assert_true(waits_until > now);
    step(waits_until - now);
    assert_false(in(0x3da) & 0x08);
}

/* ---- pictures ---- */

static void vga_shows_nothing_where_the_screen_is_off(void **state)
{
    (void)state;
    planar();
    bus_write(&mmio, VGA_MEMORY, 1, 0xff);
    vga_show(&vga, &display);
    assert_int_equal(display.width, 640);
    assert_int_equal(display.pixels[0], 0xffffff);
    in(0x3da);
    out(0x3c0, 0x00);
    vga_show(&vga, &display);
    assert_int_equal(display.pixels[0], 0);
}

static void vga_draws_text_in_the_guests_font(void **state)
{
    static const uint8_t cells[4] = {'A', 0x1f, 'B', 0x2c};

    (void)state;
    assert_true(memory_write(&ram, VGA_TEXT_ADDRESS, cells, 4));
    set(CRTC, 0x0a, 0x20); /* no cursor */
    vga_draw(&vga, &display);
    assert_int_equal(display.width, 720);
    assert_int_equal(display.height, 400);
    assert_int_equal(display.pixels[0], 0x0000aa);
    assert_int_equal(display.pixels[9], 0x00aa00);
    planar(); /* a font in which all of A is set, and nothing of others */
    set(SEQUENCER, 2, 0x04);
    for (unsigned line = 0; line < 16; line++)
        bus_write(&mmio, VGA_MEMORY + 32 * 'A' + line, 1, 0xff);
    set(GRAPHICS, 6, 0x0e);
    vga_draw(&vga, &display);
    assert_int_equal(display.pixels[0], 0xffffff);
    assert_int_equal(display.pixels[7 + 15 * 720], 0xffffff);
    assert_int_equal(display.pixels[8], 0x0000aa); /* the ninth dot */
    assert_int_equal(display.pixels[13], 0x00aa00);
}

static void vga_shows_the_text_of_other_sizes(void **state)
{
    static const uint8_t cell[2] = {'x', 7};
    char screen[VGA_TEXT_DUMP_MAX];
    struct vga_text_size size;

    (void)state;
    set(CRTC, 0x09, 0x47); /* lines of 8 */
    size = vga_text_size(&vga);
    assert_int_equal(size.rows, 50);
    assert_true(memory_write(&ram, VGA_TEXT_ADDRESS + 2 * 80 * 49, cell, 2));
    assert_int_equal(vga_text_dump(&vga, screen, sizeof(screen)), 49 + 2);
    planar();
    assert_int_equal(vga_text_dump(&vga, screen, sizeof(screen)), 0);
}

/* ---- the linear framebuffer ---- */

static void dispi(uint16_t index, uint16_t value)
{
    bus_write(&ports, 0x1ce, 2, index);
    bus_write(&ports, 0x1cf, 2, value);
}

static uint16_t dispi_read(uint16_t index)
{
    bus_write(&ports, 0x1ce, 2, index);
    return (uint16_t)bus_read(&ports, 0x1cf, 2);
}

static void vga_framebuffer_is_shown_while_it_is_on(void **state)
{
    (void)state;
    assert_int_equal(dispi_read(0), 0xb0c5);
    dispi(1, 320);
    dispi(2, 240);
    dispi(3, 32);
    bus_write(&mmio, VGA_FRAME, 4, 0x123456); /* there is nothing yet */
    dispi(4, 0x41);
    assert_int_equal(bus_read(&mmio, VGA_FRAME, 4), 0);
    bus_write(&mmio, VGA_FRAME + 4, 4, 0x123456);
    vga_show(&vga, &display);
    assert_int_equal(display.width, 320);
    assert_int_equal(display.height, 240);
    assert_int_equal(display.pixels[1], 0x123456);
    dispi(5, 4); /* the fifth 64 KiB at 0xa0000 */
    bus_write(&mmio, VGA_MEMORY + 8, 4, 0xabcdef);
    assert_int_equal(bus_read(&mmio, VGA_FRAME + 0x40008, 4), 0xabcdef);
    dispi(9, 1); /* from the second line on */
    vga_show(&vga, &display);
    assert_int_equal(display.pixels[0], 0);
    dispi(4, 0);
    assert_false(vga_is_graphic(&vga));
    dispi(4, 0xc1); /* kept */
    assert_int_equal(bus_read(&mmio, VGA_FRAME + 4, 4), 0x123456);
    dispi(4, 0);
    dispi(4, 0x41); /* emptied */
    assert_int_equal(bus_read(&mmio, VGA_FRAME + 4, 4), 0);
}

static void vga_framebuffer_takes_no_size_that_is_none(void **state)
{
    (void)state;
    dispi(1, 640);
    dispi(1, 1601);
    assert_int_equal(dispi_read(1), 640);
    dispi(3, 7);
    assert_int_equal(dispi_read(3), 8);
    dispi(5, 128);
    assert_int_equal(dispi_read(5), 0);
    dispi(4, 2);
    assert_int_equal(dispi_read(1), 1600);
    assert_int_equal(dispi_read(2), 1200);
    assert_int_equal(dispi_read(3), 32);
    assert_int_equal(dispi_read(10), VGA_FRAME_SIZE >> 16);
    dispi(4, 1); /* no lines: nothing is shown */
    vga_show(&vga, &display);
    assert_int_equal(display.height, 0);
    dispi(2, 1200);
    dispi(9, 0xffff); /* all behind the memory */
    vga_show(&vga, &display);
    assert_int_equal(display.height, 1200);
    assert_int_equal(bus_read(&mmio, VGA_FRAME + VGA_FRAME_SIZE - 2, 4) & 0xffff, 0);
}

static void vga_framebuffer_survives_random_registers(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 20000; round_number++) {
        dispi((uint16_t)(rand() % 12), (uint16_t)(rand() >> rand() % 16));
        bus_write(&ports, 0x1ce + (uint32_t)rand() % 3, 1u << rand() % 3, (uint32_t)rand());
        bus_write(&mmio, VGA_FRAME + (uint32_t)rand() % VGA_FRAME_SIZE, 1u << rand() % 3, ~0u);
        bus_write(&mmio, VGA_MEMORY + (uint32_t)rand() % VGA_WINDOW, 1u << rand() % 3, ~0u);
        HOLDS(vga_kind.valid(&vga, &vga.s));
        if (round_number % 100 == 0)
            vga_show(&vga, &display);
    }
}

/* ---- anything at all ---- */

static void vga_survives_a_hundred_thousand_random_accesses(void **state)
{
    static char screen[VGA_TEXT_DUMP_MAX];

    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 100000; round_number++) {
        unsigned width = 1u << rand() % 3;
        uint32_t at = VGA_MEMORY + (uint32_t)rand() % VGA_WINDOW;

        if (rand() % 3) {
            at = 0x3c0 + (uint32_t)rand() % 0x1b;
            bus_write(&ports, at, width, (uint32_t)rand());
            bus_read(&ports, at, width);
        } else if (rand() & 1) {
            bus_write(&mmio, at, width, (uint32_t)rand());
        } else {
            bus_read(&mmio, at, width);
        }
        if (round_number % 100)
            continue;
        vga_show(&vga, &display);
        HOLDS(display.width <= 1024 && display.height <= 1024);
        vga_draw(&vga, &display);
        HOLDS(vga_text_dump(&vga, screen, sizeof(screen)) < sizeof(screen));
        HOLDS(vga_kind.valid(&vga, &vga.s));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vga_writes_and_reads_are_those_of_the_model),
        TEST(vga_mode_13h_is_plain_ram),
        TEST(vga_text_is_ram_whatever_the_planes_do),
        TEST(vga_odd_and_even_addresses_are_planes),
        TEST(vga_window_is_where_the_registers_say),
        TEST(vga_lock_protects_the_timing),
        TEST(vga_dac_says_what_it_is_at),
        TEST(vga_lines_begin_and_end_with_each_read),
        TEST(vga_beam_goes_back_70_times_a_second),
        TEST(vga_who_polls_for_the_beam_waits_for_it),
        TEST(vga_shows_nothing_where_the_screen_is_off),
        TEST(vga_draws_text_in_the_guests_font),
        TEST(vga_shows_the_text_of_other_sizes),
        TEST(vga_framebuffer_is_shown_while_it_is_on),
        TEST(vga_framebuffer_takes_no_size_that_is_none),
        TEST(vga_framebuffer_survives_random_registers),
        TEST(vga_survives_a_hundred_thousand_random_accesses),
    };

    return cmocka_run_group_tests_name("vga", tests, NULL, NULL);
}
