/*
 * libFuzzer target: a driver of an ATA channel that does whatever comes. The input is a program for
 * the driver: its first byte chooses the devices, then come steps, an opcode each with its
 * operands: register accesses, whole commands, packets, data, time, resets, and snapshots that
 * somebody has tampered with. Any report is a bug of the VMM, and so is a state that none can be,
 * one where line, timer and registers don't agree, or an access outside of a disk.
 */
#include "base/bus.h"
#include "base/disk.h"
#include "dev/ata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT    0x1f0u
#define CONTROL 0x3f6u
#define SECTORS 70u

struct input {
    const uint8_t *at, *end;
};

static uint64_t now;
static struct clock clk;
static struct bus bus;
static struct ata *ata; /* on the heap, so that a step outside is seen */
static uint8_t *bytes;  /* of all disks */
static bool fails;      /* whatever the host is asked */

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
    require(strncmp(text, "ATA at 0x1f0: ", 14) == 0);
}

/* ---- disks: only what lies wholly before the end of the last CD sector may be asked for ---- */

#define ROUNDED ((SECTORS + 3) / 4 * 4)

static void check_place(const struct disk *disk, uint64_t sector, size_t length)
{
    uint64_t end = disk->is_cd ? ROUNDED : SECTORS;

    require(length > 0 && length % DISK_SECTOR == 0 && sector < end &&
            length / DISK_SECTOR <= end - sector);
}

static int read_bytes(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    check_place(disk, sector, length);
    memcpy(to, bytes + sector * DISK_SECTOR, length);
    return fails ? -EIO : 0;
}

static int write_bytes(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    check_place(disk, sector, length);
    require(!disk->read_only);
    memcpy(bytes + sector * DISK_SECTOR, from, length);
    return fails ? -EIO : 0;
}

static int flush_bytes(const struct disk *disk)
{
    (void)disk;
    return fails ? -EIO : 0;
}

static const struct disk_host host = {read_bytes, write_bytes, flush_bytes};
static const struct disk hard = {.host = &host, .sectors = SECTORS, .name = "hard"},
                         fixed = {.host = &host, .sectors = SECTORS, .read_only = true},
                         cd = {.host = &host, .sectors = SECTORS, .is_cd = true, .read_only = true};

/* ---- the driver ---- */

/* The next `width` bytes of the input; zeros behind its end. */
static uint32_t take(struct input *input, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width && input->at < input->end; i++)
        value |= (uint32_t)*input->at++ << (8 * i);
    return value;
}

static void pass(uint64_t ns)
{
    now += ns;
    clock_run_due(&clk);
}

static void new_device(const struct disk *master, const struct disk *slave)
{
    const struct disk *const disks[] = {master, slave};

    bus_init(&bus);
    clock_init(&clk, read_now, NULL);
    ata_init(ata, disks, &clk, check_warning, NULL);
    require(ata_attach(ata, &bus, PORT, CONTROL));
}

/* Has the device go on from a copy of its state of which some bytes were changed. */
static void forge(struct input *input)
{
    static struct ata_state copy;
    uint8_t *raw = (uint8_t *)&copy;
    const size_t front = offsetof(struct ata_state, buffer);

    copy = ata->s;
    for (uint32_t changes = take(input, 1) % 4; changes > 0; changes--) {
        uint32_t at = take(input, 1);
        raw[at % front] ^= (uint8_t)take(input, 1);
    }
    if (!ata_kind.valid(ata, &copy) || copy.done_at > now + NS_PER_SECOND)
        return;
    ata->s = copy;
    ata_kind.restored(ata);
}

static void step(struct input *input)
{
    switch (take(input, 1) % 10) {
    case 0: /* a register is written */
        bus_write(&bus, PORT + take(input, 1) % 8, 1, take(input, 1));
        break;
    case 1: { /* a register is accessed in an odd way */
        uint32_t how = take(input, 1), port = how & 8 ? CONTROL : PORT + how % 8;
        unsigned width = 1u << (how >> 4) % 3;
        if (how >> 7)
            bus_write(&bus, port, width, take(input, 4));
        else
            bus_read(&bus, port, width);
        break;
    }
    case 2: { /* a command with its registers */
        uint8_t code = (uint8_t)take(input, 1);
        for (unsigned reg = 1; reg < 7; reg++)
            bus_write(&bus, PORT + reg, 1, take(input, 1));
        bus_write(&bus, PORT + 7, 1, code);
        pass(ATA_COMMAND_NS);
        break;
    }
    case 3: /* a packet */
        bus_write(&bus, PORT + 4, 1, take(input, 1));
        bus_write(&bus, PORT + 5, 1, take(input, 1));
        bus_write(&bus, PORT + 7, 1, 0xa0);
        pass(ATA_COMMAND_NS);
        for (unsigned i = 0; i < 6; i++)
            bus_write(&bus, PORT, 2, take(input, 2));
        pass(ATA_BLOCK_NS);
        break;
    case 4: /* data is read */
        for (uint32_t words = take(input, 2) % 5000; words > 0; words--)
            bus_read(&bus, PORT, 2);
        break;
    case 5: /* or written */
        for (uint32_t words = take(input, 2) % 5000; words > 0; words--)
            bus_write(&bus, PORT, 2, words);
        break;
    case 6:
        pass((uint64_t)take(input, 2));
        break;
    case 7:
        bus_write(&bus, CONTROL, 1, take(input, 1));
        break;
    case 8:
        fails = take(input, 1) & 1;
        break;
    default:
        forge(input);
        break;
    }
}

static void check(void)
{
    const struct ata_state *s = &ata->s;
    unsigned selected = s->select >> 4 & 1;

    require(ata_kind.valid(ata, s));
    require(ata->irq.level ==
            (ata->disk[selected] && s->device[selected].interrupt && !(s->control & 2)));
    require(clock_deadline(&clk) == (s->is_due && !(s->control & 4) ? s->done_at : CLOCK_NEVER));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct disk *const pairs[][2] = {{&hard, NULL}, {&cd, NULL},     {&hard, &cd},
                                                  {NULL, &hard}, {&fixed, &hard}, {NULL, &cd}};
    struct input input = {data, data + size};
    const struct disk *const *pair = pairs[take(&input, 1) % 6];

    if (!ata) {
        ata = malloc(sizeof(*ata));
        bytes = malloc(ROUNDED * DISK_SECTOR);
        require(ata && bytes);
    }
    memset(bytes, 0, ROUNDED * DISK_SECTOR);
    fails = false;
    now = 0;
    new_device(pair[0], pair[1]);
    while (input.at < input.end) {
        step(&input);
        check();
    }
    return 0;
}
