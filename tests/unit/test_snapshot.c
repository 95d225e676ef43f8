/*
 * Snapshots of real guests on the software CPU: whatever the moment, a machine that is put back to
 * it, or another one made from the file, ends as the one that ran through; and input logs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/disk.h"
#include "base/ram_image.h"
#include "cpu/soft/state/state.h"
#include "machine/machine.h"
#include "machine/snapshot.h"
#include "os/image_file.h"
#include "os/input_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOMENTS       12
#define PAUSES_MAX    20000
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct guest {
    const char *path;
    enum image_mode mode;
    const char *typed; /* to the serial line */
    uint16_t keys[8];  /* or at the keyboard: down, up */
    bool has_ata;      /* a hard disk and a CD */
};

static const struct guest guests[] = {
    {.path = "build/guests/timer32.bin", .mode = IMAGE_PM32},
    {.path = "build/guests/rtc.bin", .mode = IMAGE_PM32},
    {.path = "build/guests/nested.bin", .mode = IMAGE_PM32},
    {.path = "build/guests/string_io.bin"},
    {.path = "build/guests/paging.elf"},
    {.path = "build/guests/ring3.elf"},
    {.path = "build/guests/ata.elf", .has_ata = true},
    {.path = "build/guests/serial.bin", .mode = IMAGE_PM32, .typed = "Hello, serial!\r12 ab\004"},
    {.path = "build/guests/keyboard.bin", .mode = IMAGE_PM32, .keys = {0x1e, 0xe048, 0x10}},
};

/* ---- disks: sectors with a line of text each; what is written is lost, for no snapshot brings it
 * back ---- */

static int disk_text(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    (void)disk;
    memset(to, ' ', length);
    for (size_t at = 0; at < length; at += DISK_SECTOR, sector++)
        snprintf((char *)to + at, DISK_SECTOR, "sector %u\n", (unsigned)sector);
    return 0;
}

static int disk_ignore(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    (void)disk;
    (void)sector;
    (void)from;
    (void)length;
    return 0;
}

static int disk_done(const struct disk *disk)
{
    (void)disk;
    return 0;
}

static const struct disk_host disk_host = {disk_text, disk_ignore, disk_done};
static const struct disk hard_disk = {.host = &disk_host, .sectors = 16},
                         cd = {.host = &disk_host, .sectors = 16, .is_cd = true, .read_only = true};

/* ---- a machine and what it does ---- */

static struct inbox_event script[64];
static struct input_script scripts[INBOX_RINGS];
static char printed[65536];
static size_t printed_count;
static char error[320];

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    assert_true(printed_count + count <= sizeof(printed));
    memcpy(printed + printed_count, bytes, count);
    printed_count += count;
}

static void script_for(const struct guest *guest)
{
    size_t count = 0;

    memset(scripts, 0, sizeof(scripts));
    if (guest->typed) {
        for (; guest->typed[count]; count++)
            script[count] = (struct inbox_event){.code = (uint8_t)guest->typed[count]};
        scripts[INBOX_SERIAL] = (struct input_script){script, count};
        return;
    }
    for (size_t i = 0; guest->keys[i]; i++) {
        script[count++] = (struct inbox_event){.code = guest->keys[i], .down = true};
        script[count++] = (struct inbox_event){.code = guest->keys[i]};
    }
    scripts[INBOX_KEYBOARD] = (struct input_script){script, count};
}

static struct machine *make(const struct guest *guest, uint64_t timeout)
{
    struct machine_config config = {
        .image = {.path = guest->path, .mode = guest->mode, .read = image_file_read},
        .memory_size = UINT64_C(4) << 20,
        .make_cpu = cpu_soft_create,
        .timeout = timeout,
        .epoch = 946684800,
        .print = print,
        .virtual_time = true,
    };
    struct machine *machine;

    if (guest->has_ata) {
        config.ata_disks[0] = &hard_disk;
        config.ata_disks[2] = &cd;
    }
    script_for(guest);
    memcpy(config.script, scripts, sizeof(scripts));
    machine = machine_create(&config, error, sizeof(error));
    if (!machine)
        fail_msg("%s", error);
    return machine;
}

struct end {
    enum machine_end end;
    int status;
    uint64_t instructions, time, ram, ports;
    size_t printed;
};

static struct end run(struct machine *machine)
{
    const struct machine_outcome *outcome = machine_run(machine);

    return (struct end){
        .end = outcome->end,
        .status = outcome->status,
        .instructions = machine->cpu->ops->instructions(machine->cpu),
        .time = outcome->guest_ns,
        .ram = memory_hash(&machine->memory),
        .ports = machine->counts.exits[CPU_STOP_PORT],
        .printed = printed_count,
    };
}

static void assert_ends_equal(const struct end *a, const struct end *b)
{
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->instructions, b->instructions);
    assert_int_equal(a->time, b->time);
    assert_int_equal(a->ram, b->ram);
    assert_int_equal(a->ports, b->ports);
    assert_int_equal(a->printed, b->printed);
}

/* How the guest ends when nobody meddles. */
static struct end undisturbed(const struct guest *guest)
{
    struct machine *machine = make(guest, CLOCK_NEVER);
    struct end end;

    printed_count = 0;
    end = run(machine);
    machine_destroy(machine);
    assert_true(end.end == END_POWER_OFF);
    return end;
}

static struct snapshot *take(struct machine *machine)
{
    struct snapshot *snapshot = snapshot_take(machine, error, sizeof(error));

    if (!snapshot)
        fail_msg("%s", error);
    return snapshot;
}

/* ---- tests ---- */

/* Snapshots at moments all over a run, restored in any order. */
static void a_machine_put_back_to_any_moment_ends_the_same(void **unused)
{
    (void)unused;
    for (size_t g = 0; g < LENGTH(guests); g++) {
        struct end whole = undisturbed(&guests[g]), end;
        char all[sizeof(printed)];
        struct machine *machine = make(&guests[g], 1);
        struct snapshot *moment[MOMENTS];
        uint64_t ram[MOMENTS];
        size_t out[MOMENTS];

        memcpy(all, printed, whole.printed);
        printed_count = 0;
        for (unsigned i = 0; i < MOMENTS; i++) {
            machine_set_timeout(machine, whole.time / MOMENTS - 1);
            end = run(machine);
            if (end.end != END_TIMEOUT)
                fail_msg("%s: moment %u: %s", guests[g].path, i, machine_end_name(end.end));
            moment[i] = take(machine);
            ram[i] = end.ram;
            out[i] = printed_count;
            if (i % 2 == 0) /* else it goes on from its end, as a saved machine does */
                assert_int_equal(snapshot_restore(machine, moment[i], error, sizeof(error)), 0);
            machine->outcome = (struct machine_outcome){0};
        }
        for (unsigned i = 0; i < 3 * MOMENTS; i++) {
            unsigned which = (i * 7 + i / MOMENTS) % MOMENTS;
            assert_int_equal(snapshot_restore(machine, moment[which], error, sizeof(error)), 0);
            assert_int_equal(machine->memory.log->dirty_count, 0);
            assert_int_equal(memory_hash(&machine->memory), ram[which]);
            machine_set_timeout(machine, i % 3 ? CLOCK_NEVER : whole.time / 10);
            printed_count = out[which];
            end = run(machine);
            if (i % 3 == 0 && end.end == END_TIMEOUT)
                continue; /* stopped on the way: the next restore starts from there */
            assert_ends_equal(&end, &whole);
            assert_memory_equal(printed, all, whole.printed);
        }
        machine_destroy(machine);
        for (unsigned i = 0; i < MOMENTS; i++)
            snapshot_free(moment[i]);
    }
}

static char path[] = "/tmp/snapshot-test-XXXXXX";

/* Pauses by count and by time, and snapshots there, leave no trace in a run. */
static void a_machine_that_pauses_ends_the_same(void **unused)
{
    static const uint64_t strides[] = {1, 7, 1000};

    (void)unused;
    for (size_t g = 0; g < LENGTH(guests); g++) {
        struct end whole = undisturbed(&guests[g]), end;
        char all[sizeof(printed)];
        memcpy(all, printed, whole.printed);
        for (size_t i = 0; i < LENGTH(strides); i++) {
            struct machine *machine = make(&guests[g], CLOCK_NEVER);
            uint64_t count = 0;
            bool goes_on = true;
            printed_count = 0;
            while (goes_on) {
                struct machine_pause pause = {.time = CLOCK_NEVER, .instructions = UINT64_MAX};
                if (count % 3 == 2 || count > 200000)
                    pause.time = clock_now(&machine->clock) + 100000 * strides[i];
                else
                    pause.instructions = count + strides[i];
                goes_on = machine_run_until(machine, &pause);
                count = machine->cpu->ops->instructions(machine->cpu);
                if (goes_on && pause.time == CLOCK_NEVER)
                    assert_true(count == pause.instructions);
                if (goes_on && pause.time != CLOCK_NEVER)
                    assert_true(clock_now(&machine->clock) == pause.time ||
                                clock_now(&machine->clock) == pause.time + 1);
                if (goes_on && count % 1024 == 0) {
                    struct snapshot *here = take(machine);
                    assert_int_equal(snapshot_restore(machine, here, error, sizeof(error)), 0);
                    snapshot_free(here);
                }
            }
            end = run(machine);
            assert_ends_equal(&end, &whole);
            assert_memory_equal(printed, all, whole.printed);
            machine_destroy(machine);
        }
    }
}

static void an_address_is_paused_at_each_time_it_is_come_to(void **unused)
{
    const struct guest guest = {.path = "build/guests/race_counter.elf"};
    struct machine *machine = make(&guest, CLOCK_NEVER);
    const uint32_t loop = 0x10001f; /* work.next, of ten rounds */
    struct machine_pause pause = {
        .time = CLOCK_NEVER, .instructions = UINT64_MAX, .addresses = &loop, .address_count = 1};
    unsigned rounds = 0;

    (void)unused;
    while (machine_run_until(machine, &pause)) {
        assert_int_equal(machine_eip(machine), loop);
        rounds++;
    }
    assert_int_equal(rounds, 10);
    assert_int_equal(machine->outcome.end, END_POWER_OFF);
    machine_destroy(machine);
}

#define STOPS 3
#define REPEAT                                                                        \
    65 /* more addresses than the CPU takes: the machine looks after each instruction \
        */

/* Where the guest is after some numbers of instructions: addresses that it comes to. */
static void find_addresses(const struct guest *guest, uint64_t instructions, uint32_t *to)
{
    struct machine *machine = make(guest, CLOCK_NEVER);
    struct machine_pause pause = {.time = CLOCK_NEVER};

    printed_count = 0;
    for (unsigned i = 0; i < STOPS; i++) {
        pause.instructions = instructions * (i + 1) / (STOPS + 1);
        assert_true(machine_run_until(machine, &pause));
        to[i] = machine_eip(machine);
    }
    machine_destroy(machine);
}

/* Runs to its end over pauses at these addresses, and notes where each was. */
static struct end run_over_pauses(const struct guest *guest, const uint32_t *addresses,
                                  unsigned count, uint64_t *counts, unsigned *pauses)
{
    struct machine *machine = make(guest, CLOCK_NEVER);
    struct machine_pause pause = {.time = CLOCK_NEVER,
                                  .instructions = UINT64_MAX,
                                  .addresses = addresses,
                                  .address_count = count};
    struct end end;

    printed_count = 0;
    *pauses = 0;
    while (*pauses < PAUSES_MAX && machine_run_until(machine, &pause))
        counts[(*pauses)++] =
            machine->cpu->ops->instructions(machine->cpu) << 32 | machine_eip(machine);
    end = run(machine);
    machine_destroy(machine);
    return end;
}

/*
 * A loop that the timer interrupts every 838 instructions, so that a tick comes at each place of
 * it: mov al, 0x34; out 0x43, al; mov al, 2; out 0x40, al; xor al, al; out 0x40, al sti; mov ecx,
 * 3000 .loop:  inc ebx; add edx, ebx; push ecx; mov edi, 0x200000; mov ecx, 3; rep stosb; pop ecx
 *         test bl, 7; jnz .no; xor edx, 5
 * .no:    loop .loop
 *         mov dx, 0x604; mov ax, 0x2000; out dx, ax
 */
static const uint8_t ticks[] = {0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x02, 0xe6, 0x40, 0x30, 0xc0, 0xe6,
                                0x40, 0xfb, 0xb9, 0xb8, 0x0b, 0x00, 0x00, 0x43, 0x01, 0xda, 0x51,
                                0xbf, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x03, 0x00, 0x00, 0x00, 0xf3,
                                0xaa, 0x59, 0xf6, 0xc3, 0x07, 0x75, 0x03, 0x83, 0xf2, 0x05, 0xe2,
                                0xe5, 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef};

/* The CPU stops by itself exactly where a machine finds that it is that looks each time. */
static unsigned compare_pauses(const struct guest *guest)
{
    static uint64_t fast[PAUSES_MAX], slow[PAUSES_MAX];
    struct end whole = undisturbed(guest), end;
    uint32_t addresses[REPEAT];
    unsigned total = 0;

    for (uint64_t part = 1; part <= 8; part++) {
        unsigned fast_count, slow_count;
        find_addresses(guest, whole.instructions * part / 8, addresses);
        for (unsigned i = STOPS; i < REPEAT; i++)
            addresses[i] = addresses[i % STOPS];
        end = run_over_pauses(guest, addresses, STOPS, fast, &fast_count);
        assert_ends_equal(&end, &whole);
        end = run_over_pauses(guest, addresses, REPEAT, slow, &slow_count);
        assert_ends_equal(&end, &whole);
        assert_int_equal(fast_count, slow_count);
        assert_memory_equal(fast, slow, fast_count * sizeof(fast[0]));
        total += fast_count;
    }
    return total;
}

static void addresses_are_come_to_at_full_speed_as_step_by_step(void **unused)
{
    char name[] = "/tmp/snapshot-test-XXXXXX";
    const struct guest guest = {.path = name, .mode = IMAGE_PM32};
    int fd = mkstemp(name);

    (void)unused;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ticks, sizeof(ticks)), sizeof(ticks));
    assert_true(compare_pauses(&guest) > 10000);
    for (size_t g = 0; g < LENGTH(guests); g++)
        assert_true(compare_pauses(&guests[g]) > 0);
    close(fd);
    unlink(name);
}

static void a_machine_made_from_the_file_ends_the_same(void **unused)
{
    (void)unused;
    for (size_t g = 0; g < LENGTH(guests); g++) {
        struct end whole = undisturbed(&guests[g]), end;
        struct machine *machine = make(&guests[g], whole.time / 2);
        struct guest nothing = {.path = NULL, .has_ata = guests[g].has_ata};
        struct snapshot *snapshot;

        printed_count = 0;
        assert_int_equal(run(machine).end, END_TIMEOUT);
        snapshot = take(machine);
        assert_int_equal(snapshot_write(snapshot, path, error, sizeof(error)), 0);
        snapshot_free(snapshot);
        machine_destroy(machine);

        snapshot = snapshot_read(path, error, sizeof(error));
        assert_non_null(snapshot);
        assert_string_equal(snapshot_engine(snapshot), "soft");
        assert_int_equal(snapshot_memory_size(snapshot), UINT64_C(4) << 20);
        machine = make(&nothing, CLOCK_NEVER);
        assert_int_equal(snapshot_restore(machine, snapshot, error, sizeof(error)), 0);
        end = run(machine);
        assert_ends_equal(&end, &whole);
        machine_destroy(machine);
        snapshot_free(snapshot);
    }
}

/* What a device writes to RAM is undone too, and the CPU doesn't run the code it had decoded. */
static void restoring_undoes_what_was_written_from_outside(void **unused)
{
    (void)unused;
    struct end whole = undisturbed(&guests[0]), end;
    struct machine *machine = make(&guests[0], whole.time / 2);
    struct snapshot *snapshot;
    uint8_t hlt[4096];

    printed_count = 0;
    run(machine);
    snapshot = take(machine);
    memset(hlt, 0xf4, sizeof(hlt));
    memory_write(&machine->memory, 0x100000, hlt, sizeof(hlt)); /* the guest's code */
    memory_write(&machine->memory, 0x1fffff, hlt, 2);           /* two pages */
    assert_int_equal(machine->memory.log->dirty_count, 3);
    machine->outcome = (struct machine_outcome){0};
    end = run(machine);
    assert_true(end.instructions < whole.instructions);

    assert_int_equal(snapshot_restore(machine, snapshot, error, sizeof(error)), 0);
    machine_set_timeout(machine, CLOCK_NEVER);
    printed_count = (size_t)machine->output.total;
    end = run(machine);
    assert_ends_equal(&end, &whole);
    machine_destroy(machine);
    snapshot_free(snapshot);
}

static void a_snapshot_of_another_machine_is_refused(void **unused)
{
    (void)unused;
    struct machine *machine = make(&guests[0], 1000);
    struct machine_config config = machine->config;
    struct machine *other;
    struct snapshot *snapshot = take(machine);

    config.memory_size *= 2;
    other = machine_create(&config, error, sizeof(error));
    assert_non_null(other);
    assert_int_equal(snapshot_restore(other, snapshot, error, sizeof(error)), -1);
    assert_string_equal(error, "the snapshot has 4 MiB of RAM, the machine 8");
    machine_destroy(other);
    machine_destroy(machine);
    snapshot_free(snapshot);
}

static uint8_t *slurp(size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);

    assert_non_null(file);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static void spill(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void a_damaged_file_is_refused(void **unused)
{
    (void)unused;
    struct machine *machine = make(&guests[0], 1000);
    struct snapshot *snapshot = take(machine);
    uint8_t *bytes;
    size_t size;

    assert_int_equal(snapshot_write(snapshot, path, error, sizeof(error)), 0);
    snapshot_free(snapshot);
    machine_destroy(machine);
    bytes = slurp(&size);
    for (size_t i = 0; i < 120; i++) {
        size_t at = i < 60 ? i : (size_t)rand() % size;
        uint8_t change = (uint8_t)(1 << rand() % 8);
        bytes[at] ^= change;
        spill(bytes, size);
        assert_null(snapshot_read(path, error, sizeof(error)));
        bytes[at] ^= change;
    }
    for (size_t i = 0; i < 40; i++) {
        spill(bytes, i < 20 ? i : (size_t)rand() % size);
        assert_null(snapshot_read(path, error, sizeof(error)));
    }
    bytes[8] = 99;
    spill(bytes, size);
    assert_null(snapshot_read(path, error, sizeof(error)));
    assert_non_null(strstr(error, "is a snapshot of version 99, this vmm has version 2"));
    bytes[8] = 2;
    spill(bytes, size);
    snapshot = snapshot_read(path, error, sizeof(error));
    assert_non_null(snapshot);
    snapshot_free(snapshot);
    free(bytes);

    assert_null(snapshot_read("/nonexistent", error, sizeof(error)));
    assert_string_equal(error, "can't read the snapshot /nonexistent: No such file or directory");
}

/* ---- forged files ---- */

/* Gives the file its right checksum: 64-bit FNV-1a, at its end. */
static void sign(uint8_t *bytes, size_t size)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size - sizeof(sum); i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    memcpy(bytes + size - sizeof(sum), &sum, sizeof(sum));
}

/* Where the bytes of a part are: behind a name of 16 bytes and a size of 8. */
static uint8_t *find_part(uint8_t *bytes, size_t size, const char *name)
{
    char title[16] = "";

    memcpy(title, name, strlen(name));
    for (size_t at = 40; at + sizeof(title) < size; at++) {
        if (memcmp(bytes + at, title, sizeof(title)) == 0)
            return bytes + at + sizeof(title) + sizeof(uint64_t);
    }
    fail_msg("%s: no such part", name);
    return NULL;
}

#define FORGE(part, type, member, value)                                            \
    {                                                                               \
        part, #member, offsetof(type, member), sizeof(((type *)0)->member), (value) \
    }

static const struct {
    const char *part, *member;
    size_t at, size;
    uint64_t value;
} forged[] = {
    FORGE("vga", struct vga_state, dac_write, 768),
    FORGE("vga", struct vga_state, dac_write, 0xfff0),
    FORGE("vga", struct vga_state, dac_read, 768),
    FORGE("vga", struct vga_state, attribute_data, 2),
    FORGE("ns16550", struct ns16550_state, count, NS16550_FIFO + 1),
    FORGE("ns16550", struct ns16550_state, count, 2), /* its FIFOs are off */
    FORGE("ns16550", struct ns16550_state, fifo_touched, UINT64_MAX),
    FORGE("i8042", struct i8042_state, reply_count, I8042_REPLIES + 1),
    FORGE("i8042", struct i8042_state, buffered, I8042_BUFFER + 2),
    FORGE("i8042", struct i8042_state, command, 0x20),
    FORGE("i8042", struct i8042_state, command, 0xd5),
    FORGE("i8042", struct i8042_state, set, 3),
    FORGE("mc146818", struct mc146818_state, index, 128),
    FORGE("mc146818", struct mc146818_state, base, INT64_MAX),
    FORGE("mc146818", struct mc146818_state, looked, UINT64_MAX),
    FORGE("i8254", struct i8254_state, counter[0].count, 0),
    FORGE("i8254", struct i8254_state, counter[0].count, 0x10001),
    FORGE("i8254", struct i8254_state, counter[0].load_at, UINT64_MAX - 1),
    FORGE("i8259", struct i8259_pair, slave.lowest, 8),
    FORGE("i8259", struct i8259_pair, master.awaited_icw, 5),
    FORGE("i8259", struct i8259_pair, master.poll, 0x80),
    FORGE("system-control", struct system_control_state, rc, 0x80),
    FORGE("disk-0", struct virtio_mmio_state, queue_num, 0),
    FORGE("disk-0", struct virtio_mmio_state, busy, 1), /* of a slot without a disk */
    {"hypercall", "unknown_seen", 0, 1, 7},
    {"halted", "halted", 0, 1, 2},
    {"output-flush", "last_flush", 0, 8, UINT64_MAX},
    {"line-free", "line_free", 0, 8, UINT64_MAX},
    {"beam", "beam", 0, 8, UINT64_MAX},
};

/* The file's bytes with one member of one part changed must be refused, and the machine go on. */
static void a_forged_part_is_refused(void **unused)
{
    (void)unused;
    struct machine *machine = make(&guests[0], 20000000);
    struct snapshot *snapshot;
    uint8_t *bytes;
    size_t size;

    run(machine);
    snapshot = take(machine);
    assert_int_equal(snapshot_write(snapshot, path, error, sizeof(error)), 0);
    snapshot_free(snapshot);
    bytes = slurp(&size);
    for (size_t i = 0; i <= LENGTH(forged); i++) {
        uint8_t *at = NULL, kept[8];
        int failure;
        if (i < LENGTH(forged)) {
            at = find_part(bytes, size, forged[i].part) + forged[i].at;
            memcpy(kept, at, forged[i].size);
            memcpy(at, &forged[i].value, forged[i].size);
            sign(bytes, size);
        }
        snapshot = snapshot_parse("it", bytes, size, error, sizeof(error));
        assert_non_null(snapshot);
        failure = snapshot_restore(machine, snapshot, error, sizeof(error));
        snapshot_free(snapshot);
        if (i == LENGTH(forged)) { /* nothing was changed */
            assert_int_equal(failure, 0);
            break;
        }
        if (failure == 0 || !strstr(error, forged[i].part))
            fail_msg("%s.%s = %#llx: %s", forged[i].part, forged[i].member,
                     (unsigned long long)forged[i].value, failure ? error : "taken");
        memcpy(at, kept, forged[i].size);
        sign(bytes, size);
    }
    free(bytes);
    machine_destroy(machine);
}

/* The same of the CPU's: what would be an index, or go into the host's own registers. */
static void a_forged_cpu_is_refused(void **unused)
{
    static const struct {
        size_t at;
        uint32_t value;
    } changes[] = {
        {offsetof(struct soft_state, gpr[CPU_GPRS]), 1},
        {offsetof(struct soft_state, cpl), 4},
        {offsetof(struct soft_state, cr0), CR0_PG}, /* without PE */
        {offsetof(struct soft_state, eflags), EFLAGS_CF},
        {offsetof(struct soft_state, eflags), EFLAGS_VM}, /* at CPL 0 */
        {offsetof(struct soft_state, shadow), 3},
        {offsetof(struct soft_state, mxcsr), 0x10000},
        {offsetof(struct soft_state, count) + 4, UINT32_MAX},
        {offsetof(struct soft_state, skew) + 4, UINT32_MAX},
        {sizeof(struct soft_state), 65}, /* accesses that the machine has answered */
    };

    (void)unused;
    struct machine *machine = make(&guests[0], 200000);
    const struct cpu_ops *ops = machine->cpu->ops;
    uint8_t *saved = malloc(ops->saved_size);
    uint32_t kept;

    run(machine);
    assert_int_equal(ops->save(machine->cpu, saved), 0);
    for (size_t i = 0; i < LENGTH(changes); i++) {
        memcpy(&kept, saved + changes[i].at, sizeof(kept));
        memcpy(saved + changes[i].at, &changes[i].value, sizeof(kept));
        if (ops->restore(machine->cpu, saved) == 0)
            fail_msg("change %zu was taken", i);
        memcpy(saved + changes[i].at, &kept, sizeof(kept));
    }
    assert_int_equal(ops->restore(machine->cpu, saved), 0);
    free(saved);
    machine_destroy(machine);
}

/* The gate is no state of its own: the keyboard controller's says how it is. */
static void a_snapshot_has_the_a20_gate(void **unused)
{
    (void)unused;
    struct machine *machine = make(&guests[0], 1000);
    struct snapshot *closed;

    run(machine);
    bus_write(&machine->ports, 0x92, 1, 0);
    assert_int_equal(memory_wire(&machine->memory, 0x100005), 5);
    closed = take(machine);
    bus_write(&machine->ports, 0x64, 1, 0xdf);
    assert_int_equal(memory_wire(&machine->memory, 0x100005), 0x100005);
    assert_int_equal(bus_read(&machine->ports, 0x92, 1), 2);
    assert_int_equal(snapshot_restore(machine, closed, error, sizeof(error)), 0);
    assert_int_equal(memory_wire(&machine->memory, 0x100005), 5);
    assert_int_equal(bus_read(&machine->ports, 0x92, 1), 0);
    snapshot_free(closed);
    machine_destroy(machine);
}

/* Images share what did not change: the second of a run holds few pages of its own. */
static void images_of_ram_share_pages(void **unused)
{
    (void)unused;
    struct memory memory;
    struct ram_image *first, *second;
    unsigned own = 0;

    assert_int_equal(memory_init(&memory, UINT64_C(4) << 20), 0);
    for (uint64_t at = 0; at < memory.size; at += 2 * MEMORY_PAGE)
        memory_write(&memory, at, "x", 1);
    first = ram_image_take(&memory);
    memory_write(&memory, 5 * MEMORY_PAGE - 1, "yz", 2);
    memory_write(&memory, 8 * MEMORY_PAGE, "", 1); /* now zeros */
    second = ram_image_take(&memory);
    for (uint32_t i = 0; i < second->page_count; i++)
        own += second->pages[i] && second->pages[i] != first->pages[i];
    assert_int_equal(own, 2);
    assert_null(second->pages[8]);
    assert_int_equal(ram_image_restore(&memory, first), 0);
    assert_int_equal(*(uint8_t *)memory_at(&memory, 8 * MEMORY_PAGE, 1), 'x');
    ram_image_free(first); /* RAM is still known to be it */
    assert_int_equal(ram_image_restore(&memory, second), 0);
    assert_int_equal(*(uint8_t *)memory_at(&memory, 5 * MEMORY_PAGE, 1), 'z');
    assert_int_equal(*(uint8_t *)memory_at(&memory, 8 * MEMORY_PAGE, 1), 0);
    ram_image_free(second);
    memory_free(&memory);
}

/* ---- input logs ---- */

static struct input_log recorded;
static struct machine_input recorded_inputs[64];

static void note(void *owner, const struct machine_input *input)
{
    (void)owner;
    assert_true(recorded.count < LENGTH(recorded_inputs));
    recorded_inputs[recorded.count++] = *input;
}

static void a_recorded_run_is_repeated(void **unused)
{
    (void)unused;
    for (size_t g = 7; g < LENGTH(guests); g++) {
        struct end whole = undisturbed(&guests[g]), end;
        struct machine *machine = make(&guests[g], CLOCK_NEVER);
        struct machine_config config = machine->config;

        recorded.count = 0;
        machine->config.record = note;
        printed_count = 0;
        end = run(machine);
        assert_ends_equal(&end, &whole);
        machine_destroy(machine);
        assert_true(recorded.count > 5);

        memset(config.script, 0, sizeof(config.script));
        config.replay = recorded_inputs;
        config.replay_end = recorded_inputs + recorded.count;
        machine = machine_create(&config, error, sizeof(error));
        assert_non_null(machine);
        printed_count = 0;
        end = run(machine);
        assert_ends_equal(&end, &whole);
        machine_destroy(machine);
    }
}

static void a_log_is_read_as_it_was_written(void **unused)
{
    (void)unused;
    static const struct machine_input inputs[] = {
        {.time = 0, .accesses = 0, .kind = INPUT_SERIAL, .event = {.code = 0}},
        {.time = 12, .accesses = 7, .kind = INPUT_SERIAL, .event = {.code = 0xff}},
        {.time = 13, .accesses = 8, .kind = INPUT_KEY, .event = {0xe048, true}},
        {.time = UINT64_MAX, .accesses = 9, .kind = INPUT_KEY, .event = {0x1e, false}},
        {.time = UINT64_MAX, .accesses = UINT64_MAX, .kind = INPUT_QUIT},
        {.time = 1, .accesses = 0, .kind = INPUT_RESET},
    };
    const struct machine_config config = {.epoch = -5, .start = {true, UINT64_MAX}};
    struct input_log log;
    FILE *file = input_log_create(path, &config);

    assert_non_null(file);
    for (size_t i = 0; i < LENGTH(inputs); i++)
        input_log_put(file, &inputs[i]);
    fclose(file);
    assert_int_equal(input_log_read(&log, path, error, sizeof(error)), 0);
    assert_int_equal(log.epoch, -5);
    assert_true(log.start.is_real);
    assert_int_equal(log.start.seed, UINT64_MAX);
    assert_int_equal(log.count, LENGTH(inputs));
    for (size_t i = 0; i < log.count; i++) {
        assert_int_equal(log.inputs[i].time, inputs[i].time);
        assert_int_equal(log.inputs[i].accesses, inputs[i].accesses);
        assert_int_equal(log.inputs[i].kind, inputs[i].kind);
        assert_int_equal(log.inputs[i].event.code, inputs[i].event.code);
        assert_int_equal(log.inputs[i].event.down, inputs[i].event.down);
    }
    input_log_free(&log);
}

static void a_bad_line_of_a_log_is_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {
        {"hello\n", 1},
        {"# vmm input log 1\n", 1},
        {"# vmm input log 1\n1 2 quit\n", 2},
        {"# vmm input log 1\nepoch x\n", 2},
        {"# vmm input log 1\nepoch 9223372036854775807\n", 2},
        {"# vmm input log 1\nepoch 5\n\n# more\n1 2 mouse\n", 5},
        {"# vmm input log 1\nepoch 5\n1 2\n", 3},
        {"# vmm input log 1\nepoch 5\nstart real\n", 3},
        {"# vmm input log 1\nepoch 5\nstart real 7 8\n", 3},
        {"# vmm input log 1\nepoch 5\nstart friendly\n", 3},
        {"# vmm input log 1\nepoch 5\nstart real 7\nstart real 7\n", 4},
        {"# vmm input log 1\nepoch 5\n1 2 quit\nstart real 7\n", 4},
        {"# vmm input log 1\nepoch 5\n1 2 quit now\n", 3},
        {"# vmm input log 1\nepoch 5\n1 2 serial 0x100\n", 3},
        {"# vmm input log 1\nepoch 5\n1 2 serial\n", 3},
        {"# vmm input log 1\nepoch 5\n1 2 key 0x1e\n", 3},
        {"# vmm input log 1\nepoch 5\n1 2 key 0x1e sideways\n", 3},
        {"# vmm input log 1\nepoch 5\n1 2 key 0x10000 up\n", 3},
    };
    struct input_log log;
    char place[64];

    for (size_t i = 0; i < LENGTH(bad); i++) {
        spill((const uint8_t *)bad[i].text, strlen(bad[i].text));
        assert_int_equal(input_log_read(&log, path, error, sizeof(error)), -1);
        snprintf(place, sizeof(place), "%s:%u: not a line of an input log", path, bad[i].line);
        assert_non_null(strstr(error, place));
        assert_null(log.inputs);
    }
    spill((const uint8_t *)"", 0);
    assert_int_equal(input_log_read(&log, path, error, sizeof(error)), -1);
    assert_int_equal(input_log_read(&log, "/nonexistent", error, sizeof(error)), -1);
}

static int set_up(void **state)
{
    int file = mkstemp(path);

    (void)state;
    if (file < 0)
        return -1;
    close(file);
    srand(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_put_back_to_any_moment_ends_the_same),
        cmocka_unit_test(a_machine_that_pauses_ends_the_same),
        cmocka_unit_test(an_address_is_paused_at_each_time_it_is_come_to),
        cmocka_unit_test(addresses_are_come_to_at_full_speed_as_step_by_step),
        cmocka_unit_test(a_machine_made_from_the_file_ends_the_same),
        cmocka_unit_test(restoring_undoes_what_was_written_from_outside),
        cmocka_unit_test(a_snapshot_of_another_machine_is_refused),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(a_forged_part_is_refused),
        cmocka_unit_test(a_forged_cpu_is_refused),
        cmocka_unit_test(a_snapshot_has_the_a20_gate),
        cmocka_unit_test(images_of_ram_share_pages),
        cmocka_unit_test(a_recorded_run_is_repeated),
        cmocka_unit_test(a_log_is_read_as_it_was_written),
        cmocka_unit_test(a_bad_line_of_a_log_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
