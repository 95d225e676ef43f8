/*
 * Tests of the floppy controller (vmm/dev/i82077) with its DMA: ports in, memory, disk and the line
 * out, a stepped clock. After Intel's data sheet, and drivers as they are.
 */
#include "base/disk.h"
#include "base/memory.h"
#include "base/words.h"
#include "chip.h"
#include "dev/i82077.h"
#include "dev/i8237.h"

#include <errno.h>
#include <stdio.h>

#define SEED 82077
#define RAM  0x20000u

enum { DOR = 0x3f2, MSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7 };
enum { RQM = 0x80, DIO = 0x40, BUSY = 0x10 };

#define BUFFER  0x8000u
#define SECTORS 2880u

static struct memory memory;
static struct i8237 dma;
static struct i82077 *fdc; /* on the heap, so that a step outside is seen */
static uint8_t *bytes;
static uint64_t bad; /* a sector that can't be read or written */
static unsigned warnings;

static int ram_read(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    assert_int_equal(length, DISK_SECTOR);
    if (sector == bad)
        return -EIO;
    memset(to, 0, length);
    if (sector < disk->sectors)
        memcpy(to, bytes + sector * DISK_SECTOR, length);
    return 0;
}

static int ram_write(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    assert_true(length == DISK_SECTOR && sector < disk->sectors && !disk->read_only);
    if (sector == bad)
        return -EIO;
    memcpy(bytes + sector * DISK_SECTOR, from, length);
    return 0;
}

static const struct disk_host host = {.read = ram_read, .write = ram_write};
static struct disk disk;

static void take_warning(void *owner, const char *text)
{
    (void)owner;
    assert_non_null(strstr(text, "floppy: the file disk.img: "));
    warnings++;
}

static void start(const struct disk *a, const struct disk *b)
{
    const struct disk *const disks[] = {a, b};

    bench_init(1000);
    i8237_init(&dma, &memory);
    i82077_init(fdc, disks, &dma, &clk, take_warning, NULL);
    fdc->irq.set = hear;
    assert_true(i8237_attach(&dma, &ports));
    assert_true(i82077_attach(fdc, &ports));
    warnings = 0;
}

static int set_up(void **state)
{
    (void)state;
    memory = (struct memory){.base = calloc(1, RAM), .size = RAM};
    fdc = malloc(sizeof(*fdc));
    bytes = malloc(SECTORS * DISK_SECTOR);
    assert_true(memory.base && fdc && bytes);
    for (unsigned i = 0; i < SECTORS * DISK_SECTOR; i++)
        bytes[i] = (uint8_t)(i / DISK_SECTOR + i % 3);
    disk = (struct disk){.host = &host, .sectors = SECTORS, .name = "disk.img"};
    bad = UINT64_MAX;
    start(&disk, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory.base);
    free(fdc);
    free(bytes);
    return 0;
}

/* ---- a driver ---- */

static void send(const uint8_t *command, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(in(MSR), i ? RQM | BUSY : RQM);
        out(FIFO, command[i]);
    }
}

#define SEND(...) send((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static uint8_t result[16];

static void get_result(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(in(MSR), RQM | DIO | BUSY);
        result[i] = in(FIFO);
    }
    assert_int_equal(in(MSR), RQM);
}

/* Waits for the interrupt of a command. */
static void wait_interrupt(void)
{
    assert_false(fdc->irq.level);
    assert_int_equal(in(MSR)&RQM, 0);
    run(I82077_NS - 1);
    assert_false(fdc->irq.level);
    run(1);
    assert_true(fdc->irq.level);
}

static void sense(uint8_t st0, uint8_t cylinder)
{
    SEND(0x08);
    assert_false(fdc->irq.level);
    get_result(2);
    assert_int_equal(result[0], st0);
    assert_int_equal(result[1], cylinder);
}

static void seek(uint8_t cylinder)
{
    SEND(0x0f, 0, cylinder);
    wait_interrupt();
    sense(0x20, cylinder);
}

/* DMA: `mode` is 0x46 to memory, 0x4a from it. */
static void program(uint8_t mode, uint32_t address, unsigned count)
{
    out(0x0a, 0x06);
    out(0x0c, 0);
    out(0x04, address & 0xff);
    out(0x04, address >> 8 & 0xff);
    out(0x81, address >> 16);
    out(0x05, (count - 1) & 0xff);
    out(0x05, (count - 1) >> 8);
    out(0x0b, mode);
    out(0x0a, 0x02);
}

static void assert_result(uint8_t st0, uint8_t st1, uint8_t st2, uint8_t c, uint8_t h, uint8_t r)
{
    get_result(7);
    assert_int_equal(result[0], st0);
    assert_int_equal(result[1], st1);
    assert_int_equal(result[2], st2);
    assert_int_equal(result[3], c);
    assert_int_equal(result[4], h);
    assert_int_equal(result[5], r);
    assert_int_equal(result[6], 2);
}

static void assert_sector(uint32_t address, unsigned sector)
{
    assert_memory_equal(memory.base + address, bytes + sector * DISK_SECTOR, DISK_SECTOR);
}

/* ---- resets, seeks, what is there ---- */

static void i82077_reset_interrupts_and_reports_each_drive(void **state)
{
    (void)state;
    out(DOR, 0x00);
    assert_int_equal(in(MSR), 0);
    out(DOR, 0x0c);
    run(I82077_NS);
    assert_int_equal(rises, 1);
    for (unsigned drive = 0; drive < 4; drive++)
        sense((uint8_t)(0xc0 | drive), 0);
    SEND(0x08); /* none is left */
    get_result(1);
    assert_int_equal(result[0], 0x80);
    assert_int_equal(in(DOR), 0x0c);
}

static void i82077_seeks_and_recalibrates(void **state)
{
    (void)state;
    seek(33);
    SEND(0x04, 0);
    get_result(1);
    assert_int_equal(result[0] & 0x10, 0); /* not at track 0 */
    SEND(0x07, 0);
    wait_interrupt();
    sense(0x20, 0);
    SEND(0x04, 0);
    get_result(1);
    assert_int_equal(result[0] & 0x10, 0x10);
}

static void i82077_change_line_is_cleared_by_a_seek_with_a_disk(void **state)
{
    (void)state;
    assert_int_equal(in(DIR)&0x80, 0); /* the motor is off */
    out(DOR, 0x1c);
    assert_int_equal(in(DIR)&0x80, 0x80);
    seek(1);
    assert_int_equal(in(DIR)&0x80, 0);
    out(DOR, 0x2d); /* drive B has none */
    SEND(0x0f, 1, 1);
    wait_interrupt();
    sense(0x21, 1);
    assert_int_equal(in(DIR)&0x80, 0x80);
}

static void i82077_other_commands(void **state)
{
    (void)state;
    SEND(0x10);
    get_result(1);
    assert_int_equal(result[0], 0x90);
    SEND(0x03, 0xdf, 0x02);
    assert_int_equal(in(MSR), RQM);
    SEND(0x13, 0, 0x57, 0);
    SEND(0x94);
    get_result(1);
    assert_int_equal(result[0], 0x10);
    SEND(0x0e);
    get_result(10);
    assert_int_equal(result[4], 0xdf);
    assert_int_equal(result[8], 0x57);
    SEND(0x12, 0);
    SEND(0x1f);
    get_result(1);
    assert_int_equal(result[0], 0x80);
    assert_int_equal(rises, 0);
}

/* ---- data ---- */

static void i82077_reads_sectors_by_dma(void **state)
{
    (void)state;
    seek(2);
    program(0x46, BUFFER, 3 * 512);
    SEND(0xe6, 0x04, 2, 1, 5, 2, 18, 0x1b, 0xff); /* head 1, from sector 5 on */
    wait_interrupt();
    assert_result(0x04, 0, 0, 2, 1, 8);
    for (unsigned i = 0; i < 3; i++)
        assert_sector(BUFFER + i * 512, (2 * 2 + 1) * 18 + 4 + i);
    assert_false(fdc->irq.level);
}

static void i82077_reads_both_sides_of_a_cylinder(void **state)
{
    (void)state;
    seek(1);
    program(0x46, BUFFER, 36 * 512);
    SEND(0xe6, 0, 1, 0, 1, 2, 18, 0x1b, 0xff);
    wait_interrupt();
    assert_result(0, 0, 0, 2, 0, 1);
    for (unsigned i = 0; i < 36; i++)
        assert_sector(BUFFER + i * 512, 36 + i);
}

static void i82077_end_of_a_track_without_terminal_count_is_an_error(void **state)
{
    (void)state;
    program(0x46, BUFFER, 9 * 512);
    SEND(0x46, 0, 0, 0, 17, 2, 18, 0x1b, 0xff); /* one side: two sectors */
    wait_interrupt();
    assert_result(0x40, 0x80, 0, 1, 0, 1);
    assert_sector(BUFFER + 512, 17);
    SEND(0x46, 0, 0, 0, 17, 2, 99, 0x1b, 0xff); /* EOT behind the last there is */
    wait_interrupt();
    assert_result(0x40, 0x04, 0, 0, 0, 19);
}

static void i82077_writes_sectors_by_dma(void **state)
{
    (void)state;
    seek(3);
    memset(memory.base + BUFFER, 0x5a, 1024);
    program(0x4a, BUFFER, 1024);
    SEND(0xc5, 0, 3, 0, 18, 2, 18, 0x1b, 0xff);
    wait_interrupt();
    assert_result(0, 0, 0, 3, 1, 2);
    assert_int_equal(bytes[(3 * 36 + 17) * 512], 0x5a);
    assert_int_equal(bytes[(3 * 36 + 18) * 512 + 511], 0x5a);
    assert_int_not_equal(bytes[(3 * 36 + 19) * 512], 0x5a);
}

static void i82077_write_protection(void **state)
{
    (void)state;
    disk.read_only = true;
    program(0x4a, BUFFER, 512);
    SEND(0xc5, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    wait_interrupt();
    assert_result(0x40, 0x02, 0, 0, 0, 1);
    SEND(0x04, 0);
    get_result(1);
    assert_int_equal(result[0] & 0x40, 0x40);
}

static void i82077_errors(void **state)
{
    (void)state;
    program(0x46, BUFFER, 512);
    SEND(0xe6, 0, 1, 0, 1, 2, 18, 0x1b, 0xff); /* the heads are at cylinder 0 */
    wait_interrupt();
    assert_result(0x40, 0x04, 0x10, 1, 0, 1);
    SEND(0xe6, 0, 0, 0, 19, 2, 18, 0x1b, 0xff); /* no such sector */
    wait_interrupt();
    assert_result(0x40, 0x04, 0, 0, 0, 19);
    SEND(0xe6, 1, 0, 0, 1, 2, 18, 0x1b, 0xff); /* no disk */
    wait_interrupt();
    assert_result(0x41, 0x01, 0, 0, 0, 1);
    out(0x0a, 0x06); /* DMA is masked */
    SEND(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    wait_interrupt();
    assert_result(0x40, 0x10, 0, 0, 0, 1);
    bad = 0;
    program(0x46, BUFFER, 512);
    SEND(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    wait_interrupt();
    assert_result(0x40, 0x20, 0, 0, 0, 1);
    assert_int_equal(warnings, 1);
}

static void i82077_read_id_and_verify(void **state)
{
    (void)state;
    seek(7);
    SEND(0x4a, 0x04);
    wait_interrupt();
    assert_result(0x04, 0, 0, 7, 1, 1);
    SEND(0x4a, 0x01); /* no disk */
    wait_interrupt();
    get_result(7);
    assert_int_equal(result[0] & 0xc0, 0x40);
    SEND(0x56, 0, 7, 0, 1, 2, 18, 0x1b, 0xff);
    wait_interrupt();
    get_result(7);
    assert_int_equal(result[0], 0);
}

static void i82077_formats_a_track(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 18; i++)
        memcpy(memory.base + BUFFER + 4 * i, (uint8_t[]){0, 1, (uint8_t)(i + 1), 2}, 4);
    program(0x4a, BUFFER, 18 * 4);
    SEND(0x4d, 0x04, 2, 18, 0x54, 0xf6);
    wait_interrupt();
    get_result(7);
    assert_int_equal(result[0], 0x04);
    assert_int_equal(bytes[18 * 512], 0xf6);
    assert_int_equal(bytes[36 * 512 - 1], 0xf6);
    assert_int_not_equal(bytes[36 * 512], 0xf6);
}

static void i82077_file_smaller_than_its_format_ends_in_zeros(void **state)
{
    (void)state;
    disk.sectors = 1; /* a boot sector: of 160 KiB, 8 sectors a track */
    program(0x46, BUFFER, 1024);
    memset(memory.base + BUFFER, 0xee, 1024);
    SEND(0xe6, 0, 0, 0, 1, 2, 8, 0x1b, 0xff);
    wait_interrupt();
    get_result(7);
    assert_int_equal(result[0], 0);
    assert_sector(BUFFER, 0);
    assert_int_equal(memory.base[BUFFER + 512], 0);
}

static void i82077_formats_by_size(void **state)
{
    static const struct {
        unsigned sectors, of_track;
    } sizes[] = {{1, 8},    {320, 8},   {360, 9},   {640, 8},   {720, 9},
                 {1440, 9}, {2400, 15}, {2401, 18}, {2880, 18}, {5760, 36}};

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(floppy_format(sizes[i].sectors)->of_track, sizes[i].of_track);
    assert_null(floppy_format(5761));
}

/* ---- the line, resets in between, snapshots ---- */

static void i82077_line_can_be_switched_off(void **state)
{
    (void)state;
    out(DOR, 0x04);
    SEND(0x07, 0);
    run(I82077_NS);
    assert_false(fdc->irq.level);
    out(DOR, 0x0c);
    assert_true(fdc->irq.level);
}

static void i82077_reset_ends_a_command(void **state)
{
    (void)state;
    SEND(0x46, 0, 0);
    out(DOR, 0x00);
    out(DOR, 0x0c);
    run(I82077_NS);
    sense(0xc0, 0);
    SEND(0x07, 0);
    out(MSR, 0x80); /* the Data Rate Select Register's reset */
    run(I82077_NS);
    sense(0xc0, 0);
}

static void i82077_state_goes_on_in_another(void **state)
{
    struct i82077_state copy;

    (void)state;
    program(0x46, BUFFER, 512);
    SEND(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    copy = fdc->s;
    start(&disk, NULL);
    assert_true(i82077_kind.valid(fdc, &copy));
    fdc->s = copy;
    i82077_kind.restored(fdc);
    run(I82077_NS);
    assert_true(fdc->irq.level);
    assert_result(0, 0, 0, 0, 0, 2);
    copy.at = I82077_FIFO;
    assert_false(i82077_kind.valid(fdc, &copy));
    copy.at = 0;
    copy.length = I82077_FIFO + 1;
    assert_false(i82077_kind.valid(fdc, &copy));
}

static void put_text(void *to, const char *text)
{
    strncat(to, text, 1000);
}

static void i82077_tells_how_it_is(void **state)
{
    char text[2048] = "";
    struct words to = {.put = put_text, .to = text};

    (void)state;
    SEND(0x46, 0);
    out(DOR, 0x1c);
    i82077_kind.tell(fdc, &to);
    assert_non_null(strstr(text, "command 0x46 READ DATA: 2 of 9 bytes\n"));
    assert_non_null(strstr(text, "drive 0: disk.img, 2880 sectors, at cylinder 0, motor on\n"));
    assert_non_null(strstr(text, "drive 1: empty, at cylinder 0, motor off\n"));
}

static void i82077_stands_any_access(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 100000; round_number++) {
        unsigned port = 0x3f0 + (unsigned)rand() % 8, value = (unsigned)rand() & 0xff;
        switch (rand() % 6) {
        case 0:
            in(port);
            break;
        case 1:
            run((unsigned)rand() % 100000);
            break;
        case 2:
            out(port, value);
            break;
        case 3:
            out(rand() % 2 ? 0x0b : 0x0a, value);
            break;
        default: /* a command goes on, with small numbers, or its result is read */
            if (in(MSR)&DIO)
                in(FIFO);
            else
                out(FIFO, rand() % 2 ? value : value % 4);
            break;
        }
        if (rand() % 50 == 0)
            out(DOR, 0x0c);
        HOLDS(i82077_kind.valid(fdc, &fdc->s));
        HOLDS(fdc->irq.level == (fdc->s.interrupt && fdc->s.dor & 8));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(i82077_reset_interrupts_and_reports_each_drive),
        TEST(i82077_seeks_and_recalibrates),
        TEST(i82077_change_line_is_cleared_by_a_seek_with_a_disk),
        TEST(i82077_other_commands),
        TEST(i82077_reads_sectors_by_dma),
        TEST(i82077_reads_both_sides_of_a_cylinder),
        TEST(i82077_end_of_a_track_without_terminal_count_is_an_error),
        TEST(i82077_writes_sectors_by_dma),
        TEST(i82077_write_protection),
        TEST(i82077_errors),
        TEST(i82077_read_id_and_verify),
        TEST(i82077_formats_a_track),
        TEST(i82077_file_smaller_than_its_format_ends_in_zeros),
        TEST(i82077_formats_by_size),
        TEST(i82077_line_can_be_switched_off),
        TEST(i82077_reset_ends_a_command),
        TEST(i82077_state_goes_on_in_another),
        TEST(i82077_tells_how_it_is),
        TEST(i82077_stands_any_access),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
