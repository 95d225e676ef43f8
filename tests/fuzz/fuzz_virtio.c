/*
 * libFuzzer target: a driver of the virtio block device that does whatever comes. The input is a
 * program for the driver: its first byte chooses the device, then come steps, an opcode each with
 * its operands: register accesses, writes to RAM, time, and, so that requests are met often, the
 * right set-up and descriptors in their place. Any report is a bug of the VMM, and so is a state
 * where line, timer and registers don't agree, or a file that has grown.
 */
#include "base/bus.h"
#include "base/memory.h"
#include "dev/virtio_blk.h"
#include "os/disk_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE      0xfeb00000u
#define RAM       0x10000u
#define QUEUE     0x4000u
#define NUM       8u
#define AVAIL     (QUEUE + 16 * NUM)
#define USED      (QUEUE + 4096)
#define SECTORS   17u
#define FILE_SIZE (16 * DISK_SECTOR + 100)

struct input {
    const uint8_t *at, *end;
};

static uint64_t now;
static struct clock clk;
static struct bus bus;
static struct memory memory;
static struct disk_file disk;
static struct virtio_blk blk;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static uint64_t read_now(void *source)
{
    (void)source;
    return now;
}

static void check_warning(void *owner, const char *text)
{
    (void)owner;
    require(strncmp(text, "virtio-blk at 0xfeb00000: ", 26) == 0);
}

/* The next `width` bytes of the input; zeros behind its end. */
static uint32_t take(struct input *input, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width && input->at < input->end; i++)
        value |= (uint32_t)*input->at++ << (8 * i);
    return value;
}

static void set(uint32_t offset, uint32_t value)
{
    bus_write(&bus, BASE + offset, 4, value);
}

/* A queue at QUEUE, as a driver that knows its business makes it. */
static void set_up(void)
{
    set(0x070, 0);
    memory_write(&memory, AVAIL, (uint8_t[4]){0}, 4);
    memory_write(&memory, USED, (uint8_t[4]){0}, 4);
    set(0x024, 1);
    set(0x020, 1);
    set(0x070, 0x0b);
    set(0x028, 4096);
    set(0x038, NUM);
    set(0x040, QUEUE / 4096);
    set(0x080, QUEUE);
    set(0x090, AVAIL);
    set(0x0a0, USED);
    set(0x044, 1);
    set(0x070, 0x0f);
}

static void offer(uint8_t head)
{
    uint16_t idx = 0, entry = head;

    memory_read(&memory, AVAIL + 2, &idx, sizeof(idx));
    memory_write(&memory, AVAIL + 4 + idx % NUM * 2, &entry, sizeof(entry));
    idx++;
    memory_write(&memory, AVAIL + 2, &idx, sizeof(idx));
    set(0x050, 0);
}

static void new_device(void)
{
    bus_init(&bus);
    clock_init(&clk, read_now, NULL);
    virtio_blk_init(&blk, &disk.disk, &memory, &clk, check_warning, NULL);
    require(virtio_mmio_attach(&blk.mmio, &bus, BASE));
}

static void step(struct input *input)
{
    switch (take(input, 1) % 8) {
    case 0: { /* a register is written */
        uint32_t offset = take(input, 1) * 4 % VIRTIO_MMIO_SIZE;
        set(offset, take(input, 4));
        break;
    }
    case 1: { /* a register is accessed in an odd way */
        uint32_t how = take(input, 2);
        uint32_t offset = how % VIRTIO_MMIO_SIZE;
        unsigned width = 1u << (how >> 9) % 3;
        if (how >> 15)
            bus_write(&bus, BASE + offset, width, take(input, 4));
        else
            bus_read(&bus, BASE + offset, width);
        break;
    }
    case 2: { /* RAM is written */
        uint32_t address = take(input, 2), length = take(input, 1) % 64;
        while (length-- > 0) {
            uint8_t byte = (uint8_t)take(input, 1);
            memory_write(&memory, address++, &byte, 1);
        }
        break;
    }
    case 3: /* time passes */
        now += (uint64_t)take(input, 1) * 1000;
        clock_run_due(&clk);
        break;
    case 4: { /* a descriptor is written */
        uint32_t at = QUEUE + take(input, 1) % NUM * 16;
        uint64_t address = take(input, 2);
        uint32_t length = take(input, 2), flags = take(input, 1), next = take(input, 1) % (NUM + 1);
        memory_write(&memory, at, &address, 8);
        memory_write(&memory, at + 8, &length, 4);
        memory_write(&memory, at + 12, &flags, 2);
        memory_write(&memory, at + 14, &next, 2);
        break;
    }
    case 5:
        offer((uint8_t)take(input, 1));
        break;
    case 6:
        set_up();
        break;
    default: { /* a snapshot is taken, tampered with, and goes on in a new machine */
        struct virtio_mmio_state copy = blk.mmio.s;
        copy.queue_num ^= take(input, 1);
        if (!virtio_blk_kind.valid(&blk, &copy))
            break;
        new_device();
        blk.mmio.s = copy;
        virtio_mmio_restored(&blk.mmio);
        break;
    }
    }
}

static void check(void)
{
    const struct virtio_mmio_state *s = &blk.mmio.s;

    require(blk.mmio.irq.level == (s->interrupt_status != 0));
    require(clock_deadline(&clk) == (s->busy ? s->done_at : CLOCK_NEVER));
    require(s->queue_num > 0 && s->queue_num <= VIRTIO_QUEUE_MAX);
    require(bus_read(&bus, BASE, 4) == 0x74726976);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    struct stat stat;
    uint32_t kind = take(&input, 1);

    if (!memory.base) {
        /* On the heap, so that a step outside is seen. */
        memory = (struct memory){.base = malloc(RAM), .size = RAM};
        disk.disk.host = &disk_file_host;
        disk.fd = memfd_create("disk", MFD_CLOEXEC);
        require(memory.base && disk.fd >= 0);
    }
    memset(memory.base, 0, RAM);
    require(ftruncate(disk.fd, 0) == 0 && ftruncate(disk.fd, FILE_SIZE) == 0);
    disk.disk.sectors = SECTORS;
    disk.disk.modern = kind & 1;
    disk.disk.read_only = kind & 2;
    now = 0;
    new_device();
    while (input.at < input.end) {
        step(&input);
        check();
    }
    now += NS_PER_SECOND;
    clock_run_due(&clk);
    check();
    require(fstat(disk.fd, &stat) == 0 && stat.st_size <= SECTORS * DISK_SECTOR);
    return 0;
}
