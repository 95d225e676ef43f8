/*
 * libFuzzer target: snapshot files that somebody has forged. The input is a list of changes to the
 * file of a real machine, whose checksum is then made right, and what is done to the machine that
 * takes it: accesses to every port and register, keys, time, the monitor's questions, some thousand
 * instructions. Any report is a bug of the VMM; so is a machine that is no longer good after it has
 * refused a file.
 */
#include "base/disk.h"
#include "cpu/arch.h"
#include "cpu/soft/soft.h"
#include "machine/machine.h"
#include "machine/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER   40 /* bytes of the file before its first section */
#define SECTIONS 40
#define SECTORS  16u

struct input {
    const uint8_t *at, *end;
};

static struct machine *machine;
static struct snapshot *good; /* what the machine is put back to */
static uint8_t *file, *copy;
static size_t file_size;
static struct {
    size_t at, size;
} section[SECTIONS];
static unsigned sections;
static uint8_t disk_bytes[SECTORS * DISK_SECTOR];

/* Programs the timer, lets it interrupt, types into RAM: what a guest may be in the middle of.
 *     mov al, 0xfe; out 0x21, al; sti
 * l:  inc word [0x600]; in al, 0x64; in al, 0x60; in al, 0x71; mov dx, 0x3f8; out dx, al
 *     jmp l
 */
static const uint8_t code[] = {0xb0, 0xfe, 0xe6, 0x21, 0xfb, 0xff, 0x06, 0x00, 0x06, 0xe4, 0x64,
                               0xe4, 0x60, 0xe4, 0x71, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf0};

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* The next `width` bytes of the input; zeros behind its end. */
static uint32_t take(struct input *input, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width && input->at < input->end; i++)
        value |= (uint32_t)*input->at++ << (8 * i);
    return value;
}

/* ---- a disk in memory ---- */

static int disk_read_bytes(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    memset(to, 0, length); /* what is behind the end */
    if (sector < disk->sectors && length <= (disk->sectors - sector) * DISK_SECTOR)
        memcpy(to, disk_bytes + sector * DISK_SECTOR, length);
    return 0;
}

static int disk_write_bytes(const struct disk *disk, uint64_t sector, const void *from,
                            size_t length)
{
    (void)disk;
    memcpy(disk_bytes + sector * DISK_SECTOR, from, length);
    return 0;
}

static int disk_flush_nothing(const struct disk *disk)
{
    (void)disk;
    return 0;
}

static const struct disk_host disk_host = {disk_read_bytes, disk_write_bytes, disk_flush_nothing};
static const struct disk legacy = {.host = &disk_host, .sectors = SECTORS, .name = "legacy"},
                         modern = {.host = &disk_host, .sectors = SECTORS, .modern = true},
                         hard = {.host = &disk_host, .sectors = SECTORS},
                         cd = {.host = &disk_host,
                               .sectors = SECTORS,
                               .is_cd = true,
                               .read_only = true};

/* ---- the machine, and its file ---- */

static void print_nothing(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

static void run(uint64_t instructions)
{
    struct machine_pause pause = {
        .time = clock_now(&machine->clock) + 3000000,
        .instructions = machine->cpu->ops->instructions(machine->cpu) + instructions,
    };

    machine_run_until(machine, &pause);
}

static void make_machine(void)
{
    static const struct inbox_event script[] = {{0x41, false}, {0xe048, true}, {0x1e, false}};
    const struct machine_config config = {
        .memory_size = MEMORY_MIN,
        .make_cpu = cpu_soft_create,
        .timeout = CLOCK_NEVER,
        .disks = {&legacy, &modern},
        .ata_disks = {&hard, &cd},
        .script = {[INBOX_SERIAL] = {script, 3}, [INBOX_KEYBOARD] = {script, 3}},
        .print = print_nothing,
        .virtual_time = true,
    };
    struct cpu_state state;
    char error[300];

    machine = machine_create(&config, error, sizeof(error));
    require(machine != NULL);
    memory_write(&machine->memory, 0x7c00, code, sizeof(code));
    arch_real_mode(&state, 0, 0x7c00, 0x7c00);
    require(machine->cpu->ops->set_state(machine->cpu, &state) == 0);
    run(5000);
    good = snapshot_take(machine, error, sizeof(error));
    require(good != NULL);
}

static void read_file(void)
{
    char path[] = "/tmp/fuzz-snapshot-XXXXXX", error[300];
    int fd = mkstemp(path);
    FILE *from;

    require(fd >= 0 && snapshot_write(good, path, error, sizeof(error)) == 0);
    close(fd);
    from = fopen(path, "re");
    require(from != NULL);
    unlink(path);
    fseek(from, 0, SEEK_END);
    file_size = (size_t)ftell(from);
    rewind(from);
    file = malloc(file_size);
    copy = malloc(file_size);
    require(file && copy && fread(file, 1, file_size, from) == file_size);
    fclose(from);
    /* A name of 16 bytes, a size of 8, the bytes; the pages of RAM that follow look like none. */
    for (size_t at = HEADER; sections < SECTIONS && at + 24 < file_size; sections++) {
        uint64_t size;
        memcpy(&size, file + at + 16, sizeof(size));
        if (file[at] < 'a' || file[at] > 'z' || size > file_size - at - 24)
            break;
        section[sections].at = at + 24;
        section[sections].size = (size_t)size;
        at += 24 + (size_t)size;
    }
    require(sections > 10);
}

/* 64-bit FNV-1a, at the file's end. */
static void sign(uint8_t *bytes, size_t size)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size - sizeof(sum); i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    memcpy(bytes + size - sizeof(sum), &sum, sizeof(sum));
}

/* ---- what is done ---- */

/* Up to a zero: changes of 1 to 8 bytes somewhere in a section, or anywhere in the file. */
static void forge(struct input *input)
{
    memcpy(copy, file, file_size);
    while (input->at < input->end) {
        unsigned which = take(input, 1), length = 1 + take(input, 1) % 8;
        size_t at = take(input, 2);
        if (which == 0)
            break;
        if (which == UINT8_MAX)
            at %= file_size - length;
        else if (section[which % sections].size >= length)
            at = section[which % sections].at + at % (section[which % sections].size - length + 1);
        else
            at = section[which % sections].at - length; /* its size */
        for (unsigned i = 0; i < length; i++)
            copy[at + i] = (uint8_t)take(input, 1);
    }
    sign(copy, file_size);
}

static void ignore(void *to, const char *text)
{
    (void)to;
    (void)text;
}

/* Everything that looks. */
static void ask(void)
{
    struct words words = {.put = ignore};
    struct cpu_state state;
    char screen[VGA_TEXT_DUMP_MAX];

    for (unsigned i = 0; i < board_count; i++) {
        if (board_rows[i].kind->tell)
            board_rows[i].kind->tell(board_device(machine, i), &words);
    }
    for (unsigned i = 0; i < machine->interrupts->inputs; i++)
        machine->interrupts->look(machine->interrupt_chip, i);
    machine->interrupts->tell_registers(machine->interrupt_chip, &words);
    vga_text_dump(&machine->vga, screen, sizeof(screen));
    machine->cpu->ops->get_state(machine->cpu, &state);
}

/* Reads, or writes, each register of each device on a bus. */
static void touch(struct bus *bus, struct input *input)
{
    unsigned how = take(input, 1), width = 1u << how % 3;

    for (unsigned i = 0; i < bus->count; i++) {
        struct bus_region region = bus->regions[i];
        for (uint32_t at = 0; at < region.size && at < 0x110; at += region.max_width) {
            if (how & 0x80)
                bus_write(bus, region.base + at, width, take(input, 2) * 0x01010101u);
            else
                bus_read(bus, region.base + at, width);
        }
    }
}

static void meddle(struct input *input)
{
    switch (take(input, 1) % 8) {
    case 0:
        touch(&machine->ports, input);
        break;
    case 1:
        touch(&machine->mmio, input);
        break;
    case 2:
        i8042_key(&machine->keyboard, (uint16_t)take(input, 2), take(input, 1) & 1);
        break;
    case 3:
        ns16550_receive(&machine->com1, (uint8_t)take(input, 1));
        break;
    case 4:
        machine->cpu->ops->skip_to(machine->cpu,
                                   clock_now(&machine->clock) + take(input, 2) * UINT64_C(100000));
        clock_run_due(&machine->clock);
        break;
    case 5: { /* one register, many times: queues that fill, indexes that run on */
        unsigned port = take(input, 2), value = take(input, 1), count = take(input, 1);
        for (unsigned i = 0; i < 4 * count; i++)
            value & 1 ? bus_write(&machine->ports, port & 0xfff, 1, value + i)
                      : (void)bus_read(&machine->ports, port & 0xfff, 1);
        break;
    }
    case 6:
        ask();
        break;
    default:
        run(take(input, 1) * 20);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    struct snapshot *forged;
    char error[300];

    if (!machine) {
        make_machine();
        read_file();
    }
    forge(&input);
    forged = snapshot_parse("it", copy, file_size, error, sizeof(error));
    if (forged && snapshot_restore(machine, forged, error, sizeof(error)) == 0) {
        ask();
        run(300);
        for (unsigned steps = 0; steps < 32 && input.at < input.end; steps++)
            meddle(&input);
        run(300);
        ask();
    }
    require(snapshot_restore(machine, good, error, sizeof(error)) == 0);
    snapshot_free(forged);
    run(50);
    require(machine->outcome.end == END_NONE);
    return 0;
}
