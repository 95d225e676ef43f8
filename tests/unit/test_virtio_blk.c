/*
 * Tests of the virtio block device (vmm/dev/virtio_mmio, vmm/dev/virtio_blk): registers and rings
 * in guest memory in, the file, used ring and interrupt line out, a clock that the test steps.
 * After VIRTIO 1.1 and drivers as they are: Linux's, and the plainest there is.
 */
#include "base/memory.h"
#include "chip.h"
#include "dev/virtio_blk.h"
#include "os/disk_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MAGIC_VALUE = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    FEATURES = 0x010,
    FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    GUEST_PAGE_SIZE = 0x028,
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_ALIGN = 0x03c,
    QUEUE_PFN = 0x040,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC = 0x080,
    QUEUE_DRIVER = 0x090,
    QUEUE_DEVICE = 0x0a0,
    GENERATION = 0x0fc,
    CONFIG = 0x100,
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8 };
enum { OK = 0, IOERR = 1, UNSUPP = 2, UNTOUCHED = 0xff };

#define F_RO    (1u << 5)
#define F_FLUSH (1u << 9)
#define OFFERED (1u << 2 | 1u << 6 | F_FLUSH) /* SEG_MAX, BLK_SIZE, FLUSH */

#define BASE    0xfeb00000u
#define RAM     0x100000u
#define QUEUE   0x10000u /* the test's queue: 8 descriptors, the used ring a page behind */
#define NUM     8u
#define AVAIL   (QUEUE + 16 * NUM)
#define USED    (QUEUE + 4096)
#define HEADER  0x20000u
#define STATUS_ 0x20fffu
#define DATA    0x21000u

#define SECTORS 64u

static struct memory memory;
static struct disk_file disk;
static struct virtio_blk blk;
static char path[64], warning[256];
static unsigned warnings;

static void take_warning(void *owner, const char *text)
{
    (void)owner;
    snprintf(warning, sizeof(warning), "%s", text);
    warnings++;
}

static uint32_t get(uint32_t offset)
{
    return bus_read(&ports, BASE + offset, 4);
}

static void set(uint32_t offset, uint32_t value)
{
    bus_write(&ports, BASE + offset, 4, value);
}

static void poke(uint64_t address, const void *from, uint64_t length)
{
    assert_true(memory_write(&memory, address, from, length));
}

static void poke16(uint64_t address, unsigned value)
{
    uint16_t word = (uint16_t)value;

    poke(address, &word, sizeof(word));
}

static uint32_t peek(uint64_t address, unsigned width)
{
    uint32_t value = 0;

    assert_true(memory_read(&memory, address, &value, width));
    return value;
}

/* A machine with a disk of SECTORS sectors, sector n full of the byte n, and the words that follow
 * its name in the option. */
static void start(const char *words)
{
    struct disk_request request = {
        .path = path, .read_only = strstr(words, ",ro"), .modern = strstr(words, ",modern")};
    char error[256] = "";
    uint8_t sector[DISK_SECTOR];
    int fd;

    snprintf(path, sizeof(path), "/tmp/test_virtio_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    for (unsigned i = 0; i < SECTORS; i++) {
        memset(sector, (int)i, sizeof(sector));
        assert_int_equal(write(fd, sector, sizeof(sector)), sizeof(sector));
    }
    close(fd);
    assert_int_equal(disk_file_open(&disk, &request, error, sizeof(error)), 0);

    bench_init(1000);
    warnings = 0;
    /* On the heap, so that a step outside is seen. */
    memory = (struct memory){.base = calloc(1, RAM), .size = RAM};
    assert_non_null(memory.base);
    virtio_blk_init(&blk, &disk.disk, &memory, &clk, take_warning, NULL);
    blk.mmio.irq.set = hear;
    assert_true(virtio_mmio_attach(&blk.mmio, &ports, BASE));
}

static int tear_down(void **state)
{
    (void)state;
    disk_file_close(&disk);
    unlink(path);
    free(memory.base);
    memory.base = NULL;
    return 0;
}

static int legacy(void **state)
{
    (void)state;
    start("");
    return 0;
}

/* As Linux sets up a device of version 1. */
static void set_up_legacy(void)
{
    set(STATUS, 0);
    set(STATUS, ACKNOWLEDGE);
    set(STATUS, ACKNOWLEDGE | DRIVER);
    set(DRIVER_FEATURES_SEL, 0);
    set(DRIVER_FEATURES, F_FLUSH);
    set(GUEST_PAGE_SIZE, 4096);
    set(QUEUE_SEL, 0);
    set(QUEUE_NUM, NUM);
    set(QUEUE_ALIGN, 4096);
    set(QUEUE_PFN, QUEUE / 4096);
    set(STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
}

static int ready(void **state)
{
    legacy(state);
    set_up_legacy();
    return 0;
}

static void set_up_modern(void)
{
    set(STATUS, 0);
    set(STATUS, ACKNOWLEDGE | DRIVER);
    set(DRIVER_FEATURES_SEL, 1);
    set(DRIVER_FEATURES, 1);
    set(DRIVER_FEATURES_SEL, 0);
    set(DRIVER_FEATURES, F_FLUSH);
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    set(QUEUE_SEL, 0);
    set(QUEUE_NUM, NUM);
    set(QUEUE_DESC, QUEUE);
    set(QUEUE_DESC + 4, 0);
    set(QUEUE_DRIVER, AVAIL);
    set(QUEUE_DRIVER + 4, 0);
    set(QUEUE_DEVICE, USED);
    set(QUEUE_DEVICE + 4, 0);
    set(QUEUE_READY, 1);
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

static int modern(void **state)
{
    (void)state;
    start(",modern");
    return 0;
}

static void descriptor(unsigned index, uint64_t address, uint32_t length, unsigned flags,
                       unsigned next)
{
    uint64_t at = QUEUE + 16 * index;

    poke(at, &address, 8);
    poke(at + 8, &length, 4);
    poke16(at + 12, flags);
    poke16(at + 14, next);
}

static void header(uint32_t type, uint64_t sector)
{
    const uint32_t zero = 0;

    poke(HEADER, &type, 4);
    poke(HEADER + 4, &zero, 4);
    poke(HEADER + 8, &sector, 8);
    poke(STATUS_, &(uint8_t){UNTOUCHED}, 1);
}

/* Makes a chain available, without a notify. */
static void offer(unsigned head)
{
    unsigned idx = peek(AVAIL + 2, 2);

    poke16(AVAIL + 4 + idx % NUM * 2, head);
    poke16(AVAIL + 2, idx + 1);
}

/* Header, data and status as three descriptors, made available. */
static void request(uint32_t type, uint64_t sector, uint32_t length)
{
    header(type, sector);
    descriptor(0, HEADER, 16, NEXT, length ? 1 : 2);
    descriptor(1, DATA, length, type == T_OUT ? NEXT : NEXT | WRITE, 2);
    descriptor(2, STATUS_, 1, WRITE, 0);
    offer(0);
}

static unsigned status(void)
{
    return peek(STATUS_, 1);
}

static unsigned used_idx(void)
{
    return peek(USED + 2, 2);
}

/* Does a request to its end and returns its status. */
static unsigned transfer(uint32_t type, uint64_t sector, uint32_t length)
{
    unsigned before = used_idx();

    request(type, sector, length);
    set(QUEUE_NOTIFY, 0);
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(used_idx(), (before + 1) & 0xffff);
    assert_int_equal(peek(USED + 4 + before % NUM * 8, 4), 0);
    return status();
}

static uint32_t written(unsigned index)
{
    return peek(USED + 4 + index % NUM * 8 + 4, 4);
}

static void assert_bytes(uint64_t address, uint8_t byte, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(peek(address + i, 1), byte);
}

static void assert_file(uint64_t at, uint8_t byte, unsigned count)
{
    uint8_t bytes[DISK_SECTOR * 4] = {0};
    int fd = open(path, O_RDONLY);

    assert_true(count <= sizeof(bytes));
    assert_int_equal(pread(fd, bytes, count, (off_t)at), count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(bytes[i], byte);
    close(fd);
}

static void assert_warned(const char *part)
{
    if (warnings == 0 || !strstr(warning, part))
        fail_msg("no warning of '%s', but '%s'", part, warnings ? warning : "none");
}

/* ---- registers ---- */

static void virtio_legacy_registers_tell_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(get(MAGIC_VALUE), 0x74726976);
    assert_int_equal(get(VERSION), 1);
    assert_int_equal(get(DEVICE_ID), 2);
    assert_int_not_equal(get(VENDOR_ID), 0);
    assert_int_equal(get(FEATURES), OFFERED | 1u << 27);
    set(FEATURES_SEL, 1);
    assert_int_equal(get(FEATURES), 0);
    assert_int_equal(get(QUEUE_NUM_MAX), 256);
    assert_int_equal(get(QUEUE_PFN), 0);
    assert_int_equal(get(INTERRUPT_STATUS), 0);
    assert_int_equal(get(STATUS), 0);
    assert_int_equal(get(CONFIG), SECTORS);
    assert_int_equal(get(CONFIG + 4), 0);
    assert_int_equal(get(CONFIG + 12), 254);
    assert_int_equal(get(CONFIG + 20), 512);
    assert_int_equal(get(CONFIG + 24), 0);
    assert_int_equal(get(CONFIG + 0xfc), 0);
}

static void virtio_modern_registers_tell_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(get(MAGIC_VALUE), 0x74726976);
    assert_int_equal(get(VERSION), 2);
    assert_int_equal(get(DEVICE_ID), 2);
    assert_int_equal(get(FEATURES), OFFERED);
    set(FEATURES_SEL, 1);
    assert_int_equal(get(FEATURES), 1); /* VERSION_1 */
    set(FEATURES_SEL, 2);
    assert_int_equal(get(FEATURES), 0);
    assert_int_equal(get(QUEUE_NUM_MAX), 256);
    assert_int_equal(get(GENERATION), 0);
    assert_int_equal(get(QUEUE_READY), 0);
    set(QUEUE_READY, 1);
    assert_int_equal(get(QUEUE_READY), 1);
    set(QUEUE_PFN, 17); /* is not there */
    assert_int_equal(get(QUEUE_PFN), 0);
    set(QUEUE_SEL, 1);
    assert_int_equal(get(QUEUE_READY), 0);
}

static void virtio_only_queue_0_is_there(void **state)
{
    (void)state;
    set(QUEUE_PFN, 16);
    set(QUEUE_SEL, 1);
    assert_int_equal(get(QUEUE_NUM_MAX), 0);
    assert_int_equal(get(QUEUE_PFN), 0);
    set(QUEUE_PFN, 99);
    set(QUEUE_SEL, 0);
    assert_int_equal(get(QUEUE_PFN), 16);
    set(QUEUE_NOTIFY, 1);
    assert_warned("queue 1");
}

static void virtio_registers_are_read_at_any_width(void **state)
{
    (void)state;
    assert_int_equal(bus_read(&ports, BASE, 1), 'v');
    assert_int_equal(bus_read(&ports, BASE + 1, 1), 'i');
    assert_int_equal(bus_read(&ports, BASE + 2, 2), 't' << 8 | 'r');
    assert_int_equal(bus_read(&ports, BASE + 2, 4), 1 << 16 | 't' << 8 | 'r');
    assert_int_equal(bus_read(&ports, BASE + CONFIG + 20, 2), 512);
    assert_int_equal(bus_read(&ports, BASE + CONFIG + 21, 1), 2);
    assert_int_equal(bus_read(&ports, BASE + 0x1ff, 1), 0);
}

static void virtio_registers_are_written_at_one_width(void **state)
{
    (void)state;
    bus_write(&ports, BASE + STATUS, 1, ACKNOWLEDGE);
    assert_int_equal(get(STATUS), 0);
    assert_warned("a write to offset 0x70");
    bus_write(&ports, BASE + QUEUE_PFN, 2, 1);
    bus_write(&ports, BASE + QUEUE_PFN + 2, 4, 1);
    assert_int_equal(get(QUEUE_PFN), 0);
    assert_int_equal(warnings, 1); /* once is enough */
    set(CONFIG, 0);
    assert_int_equal(get(CONFIG), SECTORS);
}

static void virtio_sizes_that_are_no_power_of_two_are_refused(void **state)
{
    (void)state;
    set(QUEUE_NUM, 100);
    assert_warned("a queue size of 100");
    set(GUEST_PAGE_SIZE, 4097);
    assert_warned("0x1001");
    set(QUEUE_NUM, 512);
    set(QUEUE_NUM, 0);
    set(QUEUE_ALIGN, 3);
    assert_int_equal(warnings, 2);
    assert_int_equal(blk.mmio.s.queue_num, 256);
    assert_int_equal(blk.mmio.s.guest_page_size, 0);
}

static void virtio_read_only_disk_says_so(void **state)
{
    (void)state;
    start(",ro");
    assert_int_equal(get(FEATURES), OFFERED | F_RO | 1u << 27);
}

static void virtio_empty_slot_has_no_device(void **state)
{
    (void)state;
    bus_init(&ports);
    virtio_blk_init(&blk, NULL, &memory, &clk, take_warning, NULL);
    assert_true(virtio_mmio_attach(&blk.mmio, &ports, BASE));
    assert_int_equal(get(MAGIC_VALUE), 0x74726976);
    assert_int_equal(get(VERSION), 1);
    assert_int_equal(get(DEVICE_ID), 0);
    for (uint32_t offset = 0x10; offset < 0x200; offset += 4) {
        set(offset, 0xffffffff);
        assert_int_equal(get(offset), 0);
    }
    assert_int_equal(warnings, 0);
    assert_false(virtio_mmio_attach(&blk.mmio, &ports, BASE));
}

static void virtio_modern_features_must_be_offered(void **state)
{
    (void)state;
    set(DRIVER_FEATURES, 1u << 28);
    set(DRIVER_FEATURES_SEL, 1);
    set(DRIVER_FEATURES, 1);
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assert_int_equal(get(STATUS), ACKNOWLEDGE | DRIVER);
    assert_warned("features 0x110000000");
}

static void virtio_modern_driver_must_accept_version_1(void **state)
{
    (void)state;
    set(DRIVER_FEATURES, F_FLUSH);
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assert_int_equal(get(STATUS) & FEATURES_OK, 0);
    set(DRIVER_FEATURES_SEL, 1);
    set(DRIVER_FEATURES, 1);
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assert_int_equal(get(STATUS) & FEATURES_OK, FEATURES_OK);
    set(DRIVER_FEATURES, 0xffff); /* settled */
    assert_int_equal(blk.mmio.s.driver_features >> 32, 1);
}

static void virtio_reset_forgets_everything(void **state)
{
    struct virtio_mmio_state fresh = blk.mmio.s;

    (void)state;
    for (uint32_t offset = 0; offset < STATUS; offset += 4)
        set(offset, 64);
    set_up_legacy();
    request(T_IN, 1, 512);
    set(QUEUE_NOTIFY, 0);
    set(STATUS, 0);
    assert_memory_equal(&fresh, &blk.mmio.s, sizeof(fresh));
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    run(NS_PER_SECOND);
    assert_int_equal(used_idx(), 0);
    assert_int_equal(rises, 0);
}

/* ---- requests ---- */

static void virtio_reads(void **state)
{
    (void)state;
    assert_int_equal(transfer(T_IN, 7, 512), OK);
    assert_int_equal(written(0), 513);
    assert_bytes(DATA, 7, 512);
    assert_bytes(DATA + 512, 0, 1);
    assert_int_equal(transfer(T_IN, 63, 512), OK);
    assert_bytes(DATA, 63, 512);
}

static void virtio_reads_many_sectors_at_once(void **state)
{
    (void)state;
    assert_int_equal(transfer(T_IN, 0, SECTORS * 512), OK);
    assert_int_equal(written(0), SECTORS * 512 + 1);
    for (unsigned i = 0; i < SECTORS; i++)
        assert_bytes(DATA + i * 512, (uint8_t)i, 512);
}

static void virtio_writes(void **state)
{
    uint8_t data[1024];

    (void)state;
    memset(data, 0xa5, sizeof(data));
    poke(DATA, data, sizeof(data));
    assert_int_equal(transfer(T_OUT, 9, 1024), OK);
    assert_int_equal(written(0), 1);
    assert_file(8 * 512, 8, 512);
    assert_file(9 * 512, 0xa5, 1024);
    assert_file(11 * 512, 11, 512);
}

static void virtio_write_is_in_the_file_before_it_is_shown(void **state)
{
    (void)state;
    poke(DATA, "written!", 8);
    request(T_OUT, 3, 512);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(used_idx(), 0);
    assert_file(3 * 512 + 512, 4, 512);
    assert_file(3 * 512, 'w', 1);
}

static void virtio_write_that_was_shown_survives_a_kill(void **state)
{
    pid_t child = fork();
    int how;

    (void)state;
    if (child == 0) {
        poke(DATA, "killed", 6);
        transfer(T_OUT, 3, 512);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_file(3 * 512, 'k', 1);
}

static void virtio_flushes(void **state)
{
    (void)state;
    assert_int_equal(transfer(T_FLUSH, 0, 0), OK);
    assert_int_equal(written(0), 1);
}

static void virtio_tells_its_id(void **state)
{
    char id[20];

    (void)state;
    memset(id, 'x', sizeof(id));
    poke(DATA, id, sizeof(id));
    assert_int_equal(transfer(T_GET_ID, 0, 20), OK);
    assert_int_equal(written(0), 21);
    memory_read(&memory, DATA, id, 20);
    assert_memory_equal(id, path + 5, strlen(path + 5)); /* the name without /tmp/ */
    assert_int_equal(id[19], 0);
    assert_int_equal(transfer(T_GET_ID, 0, 4), OK); /* as much as there is room for */
    assert_int_equal(written(1), 5);
}

static void virtio_does_not_support_the_rest(void **state)
{
    static const uint32_t types[] = {2, 3, 5, 11, 13, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(transfer(types[i], 0, 512), UNSUPP);
    assert_int_equal(warnings, 0);
}

static void virtio_sectors_outside_are_errors(void **state)
{
    (void)state;
    assert_int_equal(transfer(T_IN, SECTORS, 512), IOERR);
    assert_int_equal(written(0), 1);
    assert_int_equal(transfer(T_IN, SECTORS - 1, 1024), IOERR);
    assert_int_equal(transfer(T_IN, UINT64_MAX, 512), IOERR);
    assert_int_equal(transfer(T_IN, UINT64_MAX / 512 + 1, 512), IOERR);
    assert_int_equal(transfer(T_OUT, SECTORS, 512), IOERR);
    assert_int_equal(transfer(T_IN, 0, 511), IOERR);
    assert_int_equal(transfer(T_OUT, 0, 513), IOERR);
    assert_int_equal(transfer(T_IN, SECTORS, 0), OK); /* nothing of nothing */
    assert_file(0, 0, 512);
    assert_int_equal(get(STATUS) & NEEDS_RESET, 0);
}

static void virtio_read_only_disk_is_not_written(void **state)
{
    (void)state;
    tear_down(state);
    start(",ro");
    set_up_legacy();
    poke(DATA, "x", 1);
    assert_int_equal(transfer(T_OUT, 5, 512), IOERR);
    assert_file(5 * 512, 5, 512);
    assert_int_equal(transfer(T_IN, 5, 512), OK);
    assert_int_equal(transfer(T_FLUSH, 0, 0), OK);
}

static void virtio_host_that_can_not_write_is_an_error(void **state)
{
    struct rlimit old, limit;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 10 * 512 + 256;
    setrlimit(RLIMIT_FSIZE, &limit);
    unsigned inside = transfer(T_OUT, 9, 512), across = transfer(T_OUT, 10, 512),
             beyond = transfer(T_OUT, 11, 512);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(inside, OK);
    assert_int_equal(across, IOERR);
    assert_int_equal(beyond, IOERR);
    assert_int_equal(warnings, 1);
    assert_warned("can't write the file test_virtio_");
    assert_warned("File too large");
    assert_int_equal(transfer(T_OUT, 11, 512), OK); /* there is room again */
}

static void virtio_host_that_can_not_read_is_an_error(void **state)
{
    (void)state;
    disk_file_close(&disk);
    assert_int_equal(transfer(T_IN, 0, 512), IOERR);
    assert_warned("can't read the file");
    assert_int_equal(transfer(T_FLUSH, 0, 0), IOERR);
    assert_warned("can't flush the file");
}

static void virtio_driver_without_flush_has_every_write_flushed(void **state)
{
    (void)state;
    set_up_legacy();
    disk_file_close(&disk);
    disk.fd = open("/dev/zero", O_RDWR); /* takes a write, and can't be synced */
    assert_true(disk.fd >= 0);
    assert_int_equal(transfer(T_OUT, 0, 512), OK);
    set(DRIVER_FEATURES, 0);
    assert_int_equal(transfer(T_OUT, 0, 512), IOERR);
    assert_warned("can't flush");
}

static void virtio_last_part_of_a_sector_is_a_sector(void **state)
{
    const struct disk_request request = {.path = path};
    char error[256];
    uint8_t data[512];

    (void)state;
    disk_file_close(&disk);
    assert_int_equal(truncate(path, 2 * 512 + 100), 0);
    assert_int_equal(disk_file_open(&disk, &request, error, sizeof(error)), 0);
    virtio_blk_init(&blk, &disk.disk, &memory, &clk, NULL, NULL);
    set_up_legacy();
    assert_int_equal(get(CONFIG), 3);
    memset(data, 0xee, sizeof(data));
    poke(DATA, data, sizeof(data));
    assert_int_equal(transfer(T_IN, 2, 512), OK);
    assert_bytes(DATA, 2, 100);
    assert_bytes(DATA + 100, 0, 412);
    poke(DATA, data, sizeof(data));
    assert_int_equal(transfer(T_OUT, 2, 512), OK);
    assert_file(2 * 512, 0xee, 512);
}

static void virtio_buffers_may_be_cut_anywhere(void **state)
{
    (void)state;
    /* A header in two, a data byte in the descriptor of the status, an empty buffer between. */
    header(T_IN, 6);
    descriptor(3, HEADER, 5, NEXT, 1);
    descriptor(1, HEADER + 5, 11, NEXT, 6);
    descriptor(6, DATA, 0, NEXT | WRITE, 0);
    descriptor(0, DATA, 500, NEXT | WRITE, 2);
    descriptor(2, DATA + 500, 11, NEXT | WRITE, 5);
    descriptor(5, STATUS_ - 1, 2, WRITE, 0);
    offer(3);
    set(QUEUE_NOTIFY, 0);
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(used_idx(), 1);
    assert_int_equal(peek(USED + 4, 4), 3);
    assert_int_equal(written(0), 513);
    assert_bytes(DATA, 6, 511);
    assert_bytes(STATUS_ - 1, 6, 1);
    assert_int_equal(status(), OK);

    /* One readable buffer for header and data. */
    header(T_OUT, 6);
    for (unsigned i = 0; i < 512; i++)
        poke(HEADER + 16 + i, "z", 1);
    descriptor(4, HEADER, 16 + 512, NEXT, 5);
    descriptor(5, STATUS_, 1, WRITE, 0);
    offer(4);
    set(QUEUE_NOTIFY, 0);
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(status(), OK);
    assert_file(6 * 512, 'z', 512);
}

static void virtio_request_that_is_too_long_is_an_error(void **state)
{
    (void)state;
    /* A larger disk, and the same RAM twice: 64 MiB and a sector. */
    disk.disk.sectors = UINT64_C(1) << 30;
    free(memory.base);
    memory = (struct memory){.base = calloc(1, 40 << 20), .size = 40 << 20};
    header(T_IN, 0);
    descriptor(0, HEADER, 16, NEXT, 1);
    descriptor(1, 1 << 20, 32 << 20, NEXT | WRITE, 2);
    descriptor(2, 1 << 20, 32 << 20, NEXT | WRITE, 3);
    descriptor(3, DATA, 512, NEXT | WRITE, 4);
    descriptor(4, STATUS_, 1, WRITE, 0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(status(), IOERR);
    run(VIRTIO_LATENCY_NS);
    header(T_IN, 0);
    descriptor(2, 1 << 20, 32 << 20, NEXT | WRITE, 4); /* just 64 MiB */
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(status(), OK);
}

/* ---- rings, time and interrupts ---- */

static void virtio_request_is_shown_after_its_time(void **state)
{
    (void)state;
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    assert_true(clock_deadline(&clk) == now + VIRTIO_LATENCY_NS);
    run(VIRTIO_LATENCY_NS - 1);
    assert_int_equal(used_idx(), 0);
    assert_int_equal(get(INTERRUPT_STATUS), 0);
    run(1);
    assert_int_equal(used_idx(), 1);
    assert_int_equal(get(INTERRUPT_STATUS), 1);
    assert_true(blk.mmio.irq.level);
    assert_int_equal(rises, 1);
    assert_true(clock_deadline(&clk) == CLOCK_NEVER);
    set(INTERRUPT_ACK, 1);
    assert_false(blk.mmio.irq.level);
    assert_int_equal(get(INTERRUPT_STATUS), 0);
}

static void virtio_requests_are_done_one_after_the_other(void **state)
{
    (void)state;
    request(T_IN, 5, 512);
    offer(0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    for (unsigned i = 1; i <= 3; i++) {
        run(VIRTIO_LATENCY_NS);
        assert_int_equal(used_idx(), i);
        set(INTERRUPT_ACK, 1);
    }
    assert_int_equal(rises, 3);
}

static void virtio_notifies_meanwhile_change_nothing(void **state)
{
    (void)state;
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    for (unsigned i = 0; i < 10; i++) {
        run(VIRTIO_LATENCY_NS / 20);
        set(QUEUE_NOTIFY, 0);
    }
    assert_int_equal(used_idx(), 0);
    run(VIRTIO_LATENCY_NS / 2);
    assert_int_equal(used_idx(), 1);
    set(QUEUE_NOTIFY, 0);
    run(NS_PER_SECOND);
    assert_int_equal(used_idx(), 1);
}

static void virtio_rings_go_round(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536 + 3 * NUM; i++) {
        request(T_IN, i % SECTORS, 512);
        set(QUEUE_NOTIFY, 0);
        run(VIRTIO_LATENCY_NS);
        assert_int_equal(used_idx(), (i + 1) & 0xffff);
        assert_int_equal(peek(DATA, 1), i % SECTORS);
    }
    assert_int_equal(get(STATUS) & NEEDS_RESET, 0);
}

static void virtio_driver_may_want_no_interrupt(void **state)
{
    (void)state;
    poke16(AVAIL, 1);
    assert_int_equal(transfer(T_IN, 1, 512), OK);
    assert_int_equal(get(INTERRUPT_STATUS), 0);
    assert_int_equal(rises, 0);
}

static void virtio_interrupts_need_no_acknowledge(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(transfer(T_IN, i, 512), OK);
    assert_int_equal(rises, 1);
    assert_true(blk.mmio.irq.level);
}

/* ---- drivers ---- */

static void virtio_serves_the_plainest_driver(void **state)
{
    (void)state;
    set(STATUS, 0);
    set(STATUS, get(STATUS) | ACKNOWLEDGE);
    set(STATUS, get(STATUS) | DRIVER);
    set(GUEST_PAGE_SIZE, 4096);
    set(QUEUE_SEL, 0);
    set(QUEUE_NUM, NUM);
    set(QUEUE_PFN, QUEUE / 4096);
    set(STATUS, DRIVER_OK); /* that alone; no QueueAlign, no features */
    assert_int_equal(get(CONFIG), SECTORS);
    assert_int_equal(transfer(T_IN, 5, 512), OK);
    assert_bytes(DATA, 5, 512);
    poke(DATA, "book", 4);
    assert_int_equal(transfer(T_OUT, 5, 512), OK);
    assert_file(5 * 512, 'b', 1);
    assert_int_equal(warnings, 0);
}

static void virtio_page_size_may_never_be_written(void **state)
{
    (void)state;
    set(QUEUE_NUM, NUM);
    set(QUEUE_ALIGN, 0);
    set(QUEUE_PFN, QUEUE); /* an address, as QEMU takes it */
    set(STATUS, DRIVER_OK);
    assert_int_equal(transfer(T_IN, 5, 512), OK);

    set(STATUS, 0);
    poke16(AVAIL + 2, 0);
    poke16(USED + 2, 0);
    set(QUEUE_NUM, NUM);
    set(QUEUE_PFN, QUEUE / 4096); /* pages of 4 KiB */
    set(STATUS, DRIVER_OK);
    assert_int_equal(transfer(T_IN, 6, 512), OK);
    assert_bytes(DATA, 6, 512);
    assert_int_equal(warnings, 0);
}

static void virtio_legacy_queue_works_before_driver_ok(void **state)
{
    (void)state;
    set_up_legacy();
    set(STATUS, ACKNOWLEDGE | DRIVER);
    assert_int_equal(transfer(T_IN, 5, 512), OK);
}

static void virtio_small_alignment_moves_the_used_ring(void **state)
{
    (void)state;
    set(GUEST_PAGE_SIZE, 512);
    set(QUEUE_NUM, NUM);
    set(QUEUE_ALIGN, 16);
    set(QUEUE_PFN, QUEUE / 512);
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(peek(QUEUE + 160 + 2, 2), 1); /* 128 + 4 + 18 = 150, aligned to 16 */
}

static void virtio_serves_a_modern_driver(void **state)
{
    (void)state;
    set_up_modern();
    assert_int_equal(get(STATUS), ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    assert_int_equal(transfer(T_IN, 5, 512), OK);
    assert_bytes(DATA, 5, 512);
    assert_int_equal(transfer(T_OUT, 6, 512), OK);
    assert_file(6 * 512, 5, 512);
    assert_int_equal(transfer(T_FLUSH, 0, 0), OK);
    assert_int_equal(warnings, 0);
}

static void virtio_modern_notify_before_driver_ok_is_refused(void **state)
{
    (void)state;
    set_up_modern();
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    assert_warned("a notify before");
    run(NS_PER_SECOND);
    assert_int_equal(used_idx(), 0);
    set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK); /* now it is taken */
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(used_idx(), 1);
}

static void virtio_queue_that_was_taken_away_is_left_alone(void **state)
{
    (void)state;
    set_up_modern();
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    set(QUEUE_READY, 0);
    run(NS_PER_SECOND);
    assert_int_equal(used_idx(), 0);

    tear_down(state);
    legacy(state);
    set(QUEUE_NOTIFY, 0);
    assert_warned("a notify before");
    set_up_legacy();
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    set(QUEUE_PFN, 0);
    run(NS_PER_SECOND);
    assert_int_equal(used_idx(), 0);
}

/* ---- hostile rings ---- */

/* The device has stopped, said so once, and works again after a reset. */
static void assert_stopped(const char *part)
{
    assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
    assert_int_equal(get(INTERRUPT_STATUS) & 2, 2);
    assert_warned(part);
    assert_warned("virtio-blk at 0xfeb00000: ");
    assert_warned("stopped until the guest resets it");
    unsigned count = warnings, used = used_idx();
    set(QUEUE_NOTIFY, 0);
    set(STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK); /* which does not help */
    assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
    run(NS_PER_SECOND);
    assert_int_equal(warnings, count);
    assert_int_equal(used_idx(), used);

    poke16(AVAIL + 2, 0);
    poke16(USED + 2, 0);
    set_up_legacy();
    assert_int_equal(get(STATUS) & NEEDS_RESET, 0);
    assert_false(blk.mmio.irq.level);
    assert_int_equal(transfer(T_IN, 5, 512), OK);
}

static void virtio_stops_at_a_loop(void **state)
{
    (void)state;
    request(T_IN, 0, 512);
    descriptor(1, DATA, 512, NEXT | WRITE, 1);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("a chain at descriptor 1 that is longer than the table");
}

static void virtio_takes_a_chain_as_long_as_the_table(void **state)
{
    (void)state;
    header(T_IN, 5);
    descriptor(0, HEADER, 16, NEXT, 1);
    for (unsigned i = 1; i < NUM; i++)
        descriptor(i, DATA + i, 1, i < NUM - 1 ? NEXT | WRITE : WRITE, i + 1);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(peek(DATA + NUM - 1, 1), IOERR); /* no whole sector, but a chain */
    run(VIRTIO_LATENCY_NS);
    descriptor(NUM - 1, DATA, 1, NEXT | WRITE, 0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("longer than the table");
}

static void virtio_stops_at_a_descriptor_outside_of_the_table(void **state)
{
    (void)state;
    request(T_IN, 0, 512);
    descriptor(1, DATA, 512, NEXT | WRITE, NUM);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("descriptor 8, which is outside the table");
}

static void virtio_stops_at_a_head_outside_of_the_table(void **state)
{
    (void)state;
    offer(0xffff);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("descriptor 65535");
}

static void virtio_stops_at_an_indirect_descriptor(void **state)
{
    (void)state;
    descriptor(0, QUEUE, 64, INDIRECT, 0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("an indirect descriptor, 0");
}

static void virtio_stops_at_a_readable_buffer_behind_a_writable_one(void **state)
{
    (void)state;
    request(T_IN, 0, 512);
    descriptor(2, STATUS_, 1, NEXT, 3);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("descriptor 2, which the device reads, after one that it writes");
}

static void virtio_stops_at_a_buffer_outside_of_ram(void **state)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } buffers[] = {{RAM - 511, 512},      {RAM, 1},         {BASE, 512},
                   {UINT64_MAX - 10, 11}, {0, UINT32_MAX},  {UINT64_C(0x100000000), 512},
                   {DATA, 0x80000000},    {UINT64_MAX, 512}};

    for (unsigned i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        request(T_IN, 0, 512);
        descriptor(1, buffers[i].address, buffers[i].length, NEXT | WRITE, 2);
        set(QUEUE_NOTIFY, 0);
        assert_stopped("descriptor 1 with a buffer that is not all in RAM");
        tear_down(state);
        ready(state);
    }
}

static void virtio_stops_at_a_request_without_header_or_status(void **state)
{
    (void)state;
    descriptor(0, HEADER, 15, NEXT, 1);
    descriptor(1, STATUS_, 1, WRITE, 0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("without its header or its status");
    header(T_IN, 0);
    descriptor(0, HEADER, 16, 0, 0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
    set_up_legacy();
    descriptor(0, HEADER, 16, NEXT, 1);
    descriptor(1, STATUS_, 0, WRITE, 0);
    poke16(AVAIL + 2, 1);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
}

static void virtio_stops_at_an_index_that_jumps(void **state)
{
    (void)state;
    request(T_IN, 0, 512);
    poke16(AVAIL + 2, NUM + 1);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("9 new requests at once");
}

static void virtio_stops_at_an_index_that_jumps_meanwhile(void **state)
{
    (void)state;
    request(T_IN, 0, 512);
    set(QUEUE_NOTIFY, 0);
    poke16(AVAIL + 2, 0); /* one less than was taken */
    run(VIRTIO_LATENCY_NS);
    assert_stopped("65535 new requests at once");
}

static void virtio_stops_at_a_queue_outside_of_ram(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t pages[] = {RAM / 4096, RAM / 4096 - 1, 0xffffffff, BASE / 4096};
        set_up_legacy();
        set(QUEUE_PFN, pages[i]);
        set(QUEUE_NOTIFY, 0);
        assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
        assert_int_equal(warnings, 1);
    }
    assert_stopped("a queue at 0x100000 that is not aligned, or not all in RAM");
}

static void virtio_stops_at_a_queue_with_the_largest_numbers(void **state)
{
    (void)state;
    set(GUEST_PAGE_SIZE, 0x80000000);
    set(QUEUE_ALIGN, 0x80000000);
    set(QUEUE_PFN, 0xffffffff);
    set(QUEUE_NOTIFY, 0);
    assert_stopped("a queue at 0x7fffffff80000000");
}

static void virtio_stops_at_modern_queues_in_wrong_places(void **state)
{
    static const struct {
        uint32_t reg, low, high;
    } places[] = {
        {QUEUE_DESC, QUEUE + 8, 0},       {QUEUE_DESC, RAM - 16, 0},
        {QUEUE_DESC, QUEUE, 1},           {QUEUE_DESC, 0xfffffff0, 0xffffffff},
        {QUEUE_DRIVER, AVAIL + 1, 0},     {QUEUE_DRIVER, RAM - 4, 0},
        {QUEUE_DRIVER, 0xfffffffe, ~0u},  {QUEUE_DEVICE, USED + 2, 0},
        {QUEUE_DEVICE, RAM - 4, 0},       {QUEUE_DEVICE, 0xfffffffc, ~0u},
        {QUEUE_DEVICE, USED, 0x80000000}, {QUEUE_DRIVER, BASE, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        set_up_modern();
        set(places[i].reg, places[i].low);
        set(places[i].reg + 4, places[i].high);
        set(QUEUE_NOTIFY, 0);
        assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
    }
    assert_warned("not aligned, or not all in RAM");
    assert_int_equal(warnings, 1);
    set_up_modern();
    assert_int_equal(transfer(T_IN, 5, 512), OK);
}

static void virtio_queue_that_moves_away_meanwhile_stops_it(void **state)
{
    (void)state;
    set_up_modern();
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    set(QUEUE_DEVICE, RAM);
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
    assert_true(blk.mmio.irq.level);
}

static void virtio_data_may_overwrite_its_own_descriptors(void **state)
{
    (void)state;
    header(T_IN, 5);
    descriptor(0, HEADER, 16, NEXT, 1);
    descriptor(1, QUEUE, 512, NEXT | WRITE, 2);
    descriptor(2, STATUS_, 1, WRITE, 0);
    offer(0);
    set(QUEUE_NOTIFY, 0);
    assert_int_equal(status(), OK);
    assert_bytes(QUEUE, 5, 512); /* the available ring too: its index is wrong now */
    run(VIRTIO_LATENCY_NS);
    assert_int_equal(get(STATUS) & NEEDS_RESET, NEEDS_RESET);
}

/* ---- snapshots ---- */

static void virtio_is_restored_from_a_copy_of_its_state(void **state)
{
    (void)state;
    request(T_IN, 5, 512);
    set(QUEUE_NOTIFY, 0);
    run(VIRTIO_LATENCY_NS / 2);
    struct virtio_mmio_state copy = blk.mmio.s;
    virtio_blk_init(&blk, &disk.disk, &memory, &clk, take_warning, NULL);
    clock_init(&clk, read_now, NULL);
    blk.mmio.irq.set = hear;
    blk.mmio.s = copy;
    virtio_mmio_restored(&blk.mmio);
    run(VIRTIO_LATENCY_NS / 2 - 1);
    assert_int_equal(used_idx(), 0);
    run(1);
    assert_int_equal(used_idx(), 1);
    assert_int_equal(rises, 1);
    copy = blk.mmio.s;
    set(INTERRUPT_ACK, 1);
    blk.mmio.s = copy;
    virtio_mmio_restored(&blk.mmio);
    assert_true(blk.mmio.irq.level);
    assert_int_equal(transfer(T_IN, 6, 512), OK);
}

static void virtio_refuses_a_state_that_it_cannot_be_in(void **state)
{
    static const uint32_t sizes[] = {0, 3, 512, UINT32_MAX};
    const struct device_kind *kind = &virtio_blk_kind;
    struct virtio_mmio_state forged;
    struct virtio_blk empty;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        forged = blk.mmio.s;
        forged.queue_num = sizes[i];
        assert_false(kind->valid(&blk, &forged));
    }
    forged = blk.mmio.s;
    assert_true(kind->valid(&blk, &forged));
    forged.queue_align = 24;
    assert_false(kind->valid(&blk, &forged));
    forged = blk.mmio.s;
    memset(&forged.busy, 2, 1);
    assert_false(kind->valid(&blk, &forged));
    /* A request of a slot without a disk would be served by nobody. */
    virtio_blk_init(&empty, NULL, &memory, &clk, NULL, NULL);
    assert_true(kind->valid(&empty, &empty.mmio.s));
    forged = empty.mmio.s;
    forged.busy = true;
    assert_false(kind->valid(&empty, &forged));
}

/* ---- anything at all ---- */

#define SEED 1000

static void virtio_survives_ten_thousand_random_accesses(void **state)
{
    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        static const uint32_t offsets[] = {DRIVER_FEATURES, QUEUE_NUM,      QUEUE_PFN, QUEUE_NOTIFY,
                                           INTERRUPT_ACK,   STATUS,         QUEUE_SEL, QUEUE_READY,
                                           QUEUE_ALIGN,     GUEST_PAGE_SIZE};
        switch (rand() % 6) {
        case 0:
            bus_write(&ports, BASE + (uint32_t)rand() % 0x200, 1u << rand() % 3, (uint32_t)rand());
            break;
        case 1:
            bus_read(&ports, BASE + (uint32_t)rand() % 0x200, 1u << rand() % 3);
            break;
        case 2:
            set(offsets[(unsigned)rand() % 10], 1u << rand() % 14);
            break;
        case 3: /* anything in the queue; half of the requests are right */
            poke16(QUEUE + (uint32_t)rand() % 0x1100, (unsigned)rand());
            break;
        case 4:
            request((uint32_t)rand() % 9, (uint64_t)rand() % (SECTORS + 2), 512);
            set(QUEUE_NOTIFY, 0);
            break;
        default:
            run((uint64_t)rand() % VIRTIO_LATENCY_NS);
            if (rand() % 4 == 0)
                set_up_legacy();
            break;
        }
        const struct virtio_mmio_state *s = &blk.mmio.s;
        bool level = blk.mmio.irq.level;
        uint64_t deadline = clock_deadline(&clk);
        HOLDS(level == (get(INTERRUPT_STATUS) != 0));
        HOLDS(deadline == (s->busy ? s->done_at : CLOCK_NEVER));
        HOLDS(!(s->busy && s->status & NEEDS_RESET));
        virtio_mmio_restored(&blk.mmio);
        HOLDS(blk.mmio.irq.level == level && clock_deadline(&clk) == deadline);
    }
    assert_true(used_idx() > 0 || warnings > 0);
}

#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(virtio_legacy_registers_tell_what_it_is, legacy),
        TEST(virtio_modern_registers_tell_what_it_is, modern),
        TEST(virtio_only_queue_0_is_there, legacy),
        TEST(virtio_registers_are_read_at_any_width, legacy),
        TEST(virtio_registers_are_written_at_one_width, legacy),
        TEST(virtio_sizes_that_are_no_power_of_two_are_refused, legacy),
        TEST(virtio_read_only_disk_says_so, NULL),
        TEST(virtio_empty_slot_has_no_device, legacy),
        TEST(virtio_modern_features_must_be_offered, modern),
        TEST(virtio_modern_driver_must_accept_version_1, modern),
        TEST(virtio_reset_forgets_everything, legacy),
        TEST(virtio_reads, ready),
        TEST(virtio_reads_many_sectors_at_once, ready),
        TEST(virtio_writes, ready),
        TEST(virtio_write_is_in_the_file_before_it_is_shown, ready),
        TEST(virtio_write_that_was_shown_survives_a_kill, ready),
        TEST(virtio_flushes, ready),
        TEST(virtio_tells_its_id, ready),
        TEST(virtio_does_not_support_the_rest, ready),
        TEST(virtio_sectors_outside_are_errors, ready),
        TEST(virtio_read_only_disk_is_not_written, ready),
        TEST(virtio_host_that_can_not_write_is_an_error, ready),
        TEST(virtio_host_that_can_not_read_is_an_error, ready),
        TEST(virtio_driver_without_flush_has_every_write_flushed, legacy),
        TEST(virtio_last_part_of_a_sector_is_a_sector, legacy),
        TEST(virtio_buffers_may_be_cut_anywhere, ready),
        TEST(virtio_request_that_is_too_long_is_an_error, ready),
        TEST(virtio_request_is_shown_after_its_time, ready),
        TEST(virtio_requests_are_done_one_after_the_other, ready),
        TEST(virtio_notifies_meanwhile_change_nothing, ready),
        TEST(virtio_rings_go_round, ready),
        TEST(virtio_driver_may_want_no_interrupt, ready),
        TEST(virtio_interrupts_need_no_acknowledge, ready),
        TEST(virtio_serves_the_plainest_driver, legacy),
        TEST(virtio_page_size_may_never_be_written, legacy),
        TEST(virtio_legacy_queue_works_before_driver_ok, legacy),
        TEST(virtio_small_alignment_moves_the_used_ring, legacy),
        TEST(virtio_serves_a_modern_driver, modern),
        TEST(virtio_modern_notify_before_driver_ok_is_refused, modern),
        TEST(virtio_queue_that_was_taken_away_is_left_alone, modern),
        TEST(virtio_stops_at_a_loop, ready),
        TEST(virtio_takes_a_chain_as_long_as_the_table, ready),
        TEST(virtio_stops_at_a_descriptor_outside_of_the_table, ready),
        TEST(virtio_stops_at_a_head_outside_of_the_table, ready),
        TEST(virtio_stops_at_an_indirect_descriptor, ready),
        TEST(virtio_stops_at_a_readable_buffer_behind_a_writable_one, ready),
        TEST(virtio_stops_at_a_buffer_outside_of_ram, ready),
        TEST(virtio_stops_at_a_request_without_header_or_status, ready),
        TEST(virtio_stops_at_an_index_that_jumps, ready),
        TEST(virtio_stops_at_an_index_that_jumps_meanwhile, ready),
        TEST(virtio_stops_at_a_queue_outside_of_ram, ready),
        TEST(virtio_stops_at_a_queue_with_the_largest_numbers, ready),
        TEST(virtio_stops_at_modern_queues_in_wrong_places, modern),
        TEST(virtio_queue_that_moves_away_meanwhile_stops_it, modern),
        TEST(virtio_data_may_overwrite_its_own_descriptors, ready),
        TEST(virtio_is_restored_from_a_copy_of_its_state, ready),
        TEST(virtio_refuses_a_state_that_it_cannot_be_in, ready),
        TEST(virtio_survives_ten_thousand_random_accesses, ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
