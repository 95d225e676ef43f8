/*
 * Tests of an ATA channel (vmm/dev/ata): ports in and out, the level of its line, a stepped clock,
 * disks in memory. After ATA/ATAPI-6, SFF-8020i, and drivers as they are: one that polls, one that
 * waits for interrupts, one that never reads the status.
 */
#include "base/disk.h"
#include "base/words.h"
#include "chip.h"
#include "dev/ata.h"

#include <errno.h>
#include <stdio.h>

#define SEED 20261127

#define PORT    0x1f0u
#define CONTROL 0x3f6u

enum { DATA, ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS };

#define BSY  0x80
#define DRDY 0x40
#define DF   0x20
#define DSC  0x10
#define DRQ  0x08
#define ERR  0x01
#define DONE (DRDY | DSC)

#define ABRT 0x04
#define IDNF 0x10
#define UNC  0x40

#define SRST 0x04
#define NIEN 0x02
#define HOB  0x80

#define SLAVE 0x10
#define LBA   0x40

/* 40 cylinders of 16 heads and 63 sectors. */
#define SECTORS    40320u
#define CD_SECTORS 40u

/* ---- disks in memory ---- */

static struct ram_disk {
    struct disk disk; /* first */
    uint8_t *bytes;
    unsigned flushes;
    uint64_t bad; /* a sector that can't be read or written; UINT64_MAX: none */
} hard, other, cd;

static struct ram_disk *ram_disk(const struct disk *disk)
{
    return disk == &hard.disk ? &hard : disk == &other.disk ? &other : &cd;
}

static bool is_bad(const struct disk *disk, uint64_t sector, size_t length)
{
    uint64_t bad = ram_disk(disk)->bad;

    return bad >= sector && bad < sector + length / DISK_SECTOR;
}

static int ram_read(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    assert_true(length % DISK_SECTOR == 0 && sector + length / DISK_SECTOR <= disk->sectors);
    if (is_bad(disk, sector, length))
        return -EIO;
    memcpy(to, ram_disk(disk)->bytes + sector * DISK_SECTOR, length);
    return 0;
}

static int ram_write(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    assert_true(length % DISK_SECTOR == 0 && sector + length / DISK_SECTOR <= disk->sectors);
    assert_false(disk->read_only);
    if (is_bad(disk, sector, length))
        return -EIO;
    memcpy(ram_disk(disk)->bytes + sector * DISK_SECTOR, from, length);
    return 0;
}

static int ram_flush(const struct disk *disk)
{
    ram_disk(disk)->flushes++;
    return 0;
}

static const struct disk_host ram_host = {ram_read, ram_write, ram_flush};

/* The word at an even place of a sector, unlike those around it. */
static uint16_t pattern(uint64_t sector, unsigned word)
{
    return (uint16_t)(sector * 257 + word * 3 + 1);
}

static void make_disk(struct ram_disk *to, const char *name, uint32_t sectors, bool is_cd)
{
    *to = (struct ram_disk){.disk = {.host = &ram_host, .sectors = sectors, .is_cd = is_cd},
                            .bytes = malloc((size_t)sectors * DISK_SECTOR),
                            .bad = UINT64_MAX};
    assert_non_null(to->bytes);
    to->disk.read_only = is_cd;
    memcpy(to->disk.name, name, strlen(name));
    for (uint32_t i = 0; i < sectors; i++) {
        for (unsigned word = 0; word < 256; word++) {
            to->bytes[i * DISK_SECTOR + 2 * word] = (uint8_t)pattern(i, word);
            to->bytes[i * DISK_SECTOR + 2 * word + 1] = (uint8_t)(pattern(i, word) >> 8);
        }
    }
}

/* ---- the bench ---- */

static struct ata *ata; /* on the heap, so that a step outside is seen */
static char warning[256];
static unsigned warnings;

static void take_warning(void *owner, const char *text)
{
    (void)owner;
    snprintf(warning, sizeof(warning), "%s", text);
    warnings++;
}

static void start(const struct disk *master, const struct disk *slave)
{
    const struct disk *const disks[] = {master, slave};

    bench_init(1000);
    warnings = 0;
    free(ata);
    ata = malloc(sizeof(*ata));
    assert_non_null(ata);
    ata_init(ata, disks, &clk, take_warning, NULL);
    ata->irq.set = hear;
    assert_true(ata_attach(ata, &ports, PORT, CONTROL));
}

static int set_up(void **state)
{
    (void)state;
    make_disk(&hard, "disk.img", SECTORS, false);
    make_disk(&other, "other", 100, false);
    make_disk(&cd, "cd.iso", CD_SECTORS * 4, true);
    start(&hard.disk, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(hard.bytes);
    free(other.bytes);
    free(cd.bytes);
    free(ata);
    ata = NULL;
    return 0;
}

static uint8_t get(unsigned reg)
{
    return in(PORT + reg);
}

static void set(unsigned reg, unsigned value)
{
    out(PORT + reg, value);
}

static uint16_t get_word(void)
{
    return (uint16_t)bus_read(&ports, PORT, 2);
}

static void set_word(unsigned value)
{
    bus_write(&ports, PORT, 2, value);
}

static bool line(void)
{
    return ata->irq.level;
}

/* The registers of a command with an LBA of 28 bits. */
static void address(uint32_t sector, unsigned count)
{
    set(DEVICE, 0xe0 | sector >> 24);
    set(COUNT, count);
    set(LOW, sector & 0xff);
    set(MID, sector >> 8 & 0xff);
    set(HIGH, sector >> 16 & 0xff);
}

static void chs(unsigned cylinder, unsigned head, unsigned sector, unsigned count)
{
    set(DEVICE, 0xa0 | head);
    set(COUNT, count);
    set(LOW, sector);
    set(MID, cylinder & 0xff);
    set(HIGH, cylinder >> 8);
}

/* Looks at the alternate status until BSY is clear; returns it. */
static uint8_t wait_ready(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        if (!(in(CONTROL)&BSY))
            return in(CONTROL);
        run(100);
    }
    fail_msg("busy for ever");
    return 0;
}

/* Writes a command, and waits for its end by polling, and until its interrupt would have come. */
static uint8_t command(unsigned code)
{
    set(STATUS, code);
    run(ATA_COMMAND_NS);
    return wait_ready();
}

static void assert_sector(uint64_t sector)
{
    for (unsigned word = 0; word < 256; word++)
        assert_int_equal(get_word(), pattern(sector, word));
}

static void fill_sector(unsigned byte)
{
    for (unsigned word = 0; word < 256; word++)
        set_word(byte | byte << 8);
}

static void assert_disk(uint64_t sector, unsigned byte)
{
    for (unsigned i = 0; i < DISK_SECTOR; i++)
        assert_int_equal(hard.bytes[sector * DISK_SECTOR + i], byte);
}

static void assert_warned(const char *part)
{
    if (warnings == 0 || !strstr(warning, part))
        fail_msg("no warning of '%s', but '%s'", part, warnings ? warning : "none");
}

/* ---- what is there ---- */

static void ata_without_devices_attaches_no_ports(void **state)
{
    (void)state;
    start(NULL, NULL);
    assert_int_equal(ports.count, 0);
    assert_null(bus_find(&ports, PORT + STATUS));
    assert_int_equal(get(STATUS), 0xff);
    assert_int_equal(in(CONTROL), 0xff);
    assert_int_equal(get_word(), 0xffff);
}

static void ata_is_ready_with_its_signature_after_power_on(void **state)
{
    (void)state;
    assert_int_equal(get(STATUS), DONE);
    assert_int_equal(get(ERROR), 1); /* the diagnostic passed */
    assert_int_equal(get(COUNT), 1);
    assert_int_equal(get(LOW), 1);
    assert_int_equal(get(MID), 0);
    assert_int_equal(get(HIGH), 0);
    assert_false(line());
}

static void ata_cd_has_the_signature_of_packets(void **state)
{
    (void)state;
    start(&hard.disk, &cd.disk);
    set(DEVICE, 0xa0 | SLAVE);
    assert_int_equal(get(STATUS), 0); /* not ready before its first command */
    assert_int_equal(get(MID), 0x14);
    assert_int_equal(get(HIGH), 0xeb);
    set(DEVICE, 0xa0);
    assert_int_equal(get(STATUS), DONE);
    assert_int_equal(get(MID), 0);
}

static void ata_first_device_answers_for_an_absent_second(void **state)
{
    (void)state;
    set(DEVICE, 0xa0 | SLAVE);
    assert_int_equal(get(STATUS), 0);
    assert_int_equal(in(CONTROL), 0);
    assert_int_equal(get(COUNT), 1); /* the first one's */
    set(COUNT, 0x55);                /* a probe that writes and reads */
    assert_int_equal(get(COUNT), 0x55);
    set(STATUS, 0xec);
    assert_int_equal(get(STATUS), 0);
    run(NS_PER_SECOND);
    assert_int_equal(get(STATUS), 0);
    assert_int_equal(get_word(), 0);
    assert_int_equal(rises, 0);
    assert_int_equal(ata->commands, 0);
}

static void ata_absent_first_device_is_a_cable_with_nobody_at_it(void **state)
{
    (void)state;
    start(NULL, &hard.disk);
    assert_int_equal(get(STATUS), 0x7f); /* BSY clear by its resistor */
    set(COUNT, 0x55);
    assert_int_equal(get(COUNT), 0x7f);
    set(STATUS, 0xec);
    assert_int_equal(get(STATUS), 0x7f);
    assert_int_equal(get_word(), 0xff7f);
    set(DEVICE, 0xa0 | SLAVE);
    assert_int_equal(get(COUNT), 0x55);
    assert_int_equal(command(0xec), DONE | DRQ);
}

static void ata_registers_are_two_bytes_deep(void **state)
{
    (void)state;
    set(LOW, 0x12);
    set(LOW, 0x34);
    assert_int_equal(get(LOW), 0x34);
    out(CONTROL, HOB);
    assert_int_equal(get(LOW), 0x12);
    set(MID, 0x56); /* any write of a register clears HOB */
    assert_int_equal(get(LOW), 0x34);
}

/* ---- reading ---- */

static void ata_polling_driver_reads_sectors(void **state)
{
    (void)state;
    out(CONTROL, NIEN);
    address(7, 3);
    set(STATUS, 0x20);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(get(STATUS), BSY);
        assert_int_equal(wait_ready(), DONE | DRQ);
        assert_sector(7 + i);
    }
    assert_int_equal(get(STATUS), DONE);
    assert_int_equal(get(LOW), 9);
    assert_int_equal(get(COUNT), 0);
    assert_int_equal(rises, 0);
}

static void ata_interrupts_come_once_a_block_when_reading(void **state)
{
    (void)state;
    address(7, 2);
    set(STATUS, 0x20);
    assert_false(line());
    run(ATA_COMMAND_NS - 1);
    assert_false(line());
    run(1);
    assert_true(line());
    assert_int_equal(in(CONTROL), DONE | DRQ); /* leaves it */
    assert_true(line());
    assert_int_equal(get(STATUS), DONE | DRQ); /* takes it back */
    assert_false(line());
    assert_sector(7);
    run(ATA_BLOCK_NS);
    assert_int_equal(rises, 2);
    assert_int_equal(get(STATUS), DONE | DRQ);
    assert_sector(8);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 2); /* none at the end: the data was it */
    assert_int_equal(get(STATUS), DONE);
}

static void ata_driver_that_never_reads_the_status_still_gets_interrupts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        address(i, 1);
        set(STATUS, 0x20); /* writing a command takes the last interrupt back */
        run(ATA_COMMAND_NS);
        assert_int_equal(rises, i + 1);
        assert_sector(i);
    }
    assert_int_equal(falls, 2);
}

static void ata_busy_is_seen_where_the_medium_is_used(void **state)
{
    static const uint8_t slow[] = {0x20, 0xc4, 0x40, 0xe7, 0x90},
                         fast[] = {0xec, 0x30, 0xc5, 0xc6, 0x91, 0xef,
                                   0x10, 0x70, 0xe5, 0x00, 0xff};

    (void)state;
    for (unsigned i = 0; i < sizeof(slow); i++) {
        start(&hard.disk, NULL);
        set(STATUS, slow[i]);
        assert_int_equal(get(STATUS), BSY);
    }
    for (unsigned i = 0; i < sizeof(fast); i++) {
        start(&hard.disk, NULL);
        set(STATUS, fast[i]);
        assert_int_equal(get(STATUS) & (BSY | DRDY), DRDY);
        assert_int_equal(rises, 0); /* but the interrupt comes later */
        run(NS_PER_SECOND);
        assert_int_equal(rises, i == 1 || i == 2 ? 0 : 1);
    }
}

/* As xv6's. */
static void ata_driver_that_writes_without_a_look_at_the_status(void **state)
{
    (void)state;
    address(20, 1);
    set(STATUS, 0x30);
    fill_sector(0x77);
    run(ATA_BLOCK_NS);
    assert_int_equal(rises, 1);
    assert_disk(20, 0x77);
    assert_int_equal(get(STATUS), DONE);
}

static void ata_interrupt_to_come_is_not_lost_by_a_look(void **state)
{
    (void)state;
    set(STATUS, 0xec);
    assert_int_equal(get(STATUS), DONE | DRQ);
    run(ATA_COMMAND_NS);
    assert_int_equal(rises, 1);
    get(STATUS);
    set(COUNT, 4);
    for (unsigned i = 0; i < 256; i++)
        get_word();
    set(STATUS, 0xc6);
    set(STATUS, 0xe5); /* one takes the last one's back */
    run(NS_PER_SECOND);
    assert_int_equal(rises, 2);
    get(STATUS);
    out(CONTROL, NIEN); /* nor is it pending for a driver that has polled */
    set(STATUS, 0xe5);
    get(STATUS);
    run(NS_PER_SECOND);
    out(CONTROL, 0);
    assert_false(line());
}

static void ata_multiple_moves_blocks_of_sectors(void **state)
{
    (void)state;
    set(COUNT, 4);
    assert_int_equal(command(0xc6), DONE);
    address(100, 10);
    rises = 0;
    get(STATUS);
    set(STATUS, 0xc4);
    for (unsigned done = 0; done < 10;) {
        unsigned block = 10 - done < 4 ? 10 - done : 4;
        run(ATA_COMMAND_NS);
        assert_int_equal(get(STATUS), DONE | DRQ);
        while (block-- > 0)
            assert_sector(100 + done++);
    }
    assert_int_equal(rises, 3);
    assert_int_equal(get(STATUS), DONE);
}

static void ata_multiple_can_be_set_off(void **state)
{
    (void)state;
    set(COUNT, 3);
    assert_int_equal(command(0xc6), DONE | ERR);
    set(COUNT, 32);
    assert_int_equal(command(0xc6), DONE | ERR);
    set(COUNT, 0);
    assert_int_equal(command(0xc6), DONE);
    address(0, 1);
    assert_int_equal(command(0xc4), DONE | ERR);
    assert_int_equal(get(ERROR), ABRT);
}

static void ata_data_is_read_by_16_and_32_bits(void **state)
{
    (void)state;
    address(9, 1);
    command(0x20);
    for (unsigned word = 0; word < 256; word += 2) {
        uint32_t both = pattern(9, word) | (uint32_t)pattern(9, word + 1) << 16;
        assert_int_equal(bus_read(&ports, PORT, 4), both);
    }
    assert_int_equal(get(STATUS), DONE);
}

static void ata_overlong_reads_give_zeros(void **state)
{
    (void)state;
    address(9, 1);
    command(0x20);
    assert_sector(9);
    assert_int_equal(get_word(), 0);
    assert_int_equal(get(STATUS), DONE);
    address(9, 2);
    command(0x20);
    assert_sector(9);
    assert_int_equal(get_word(), 0); /* BSY: it was too early */
    assert_int_equal(wait_ready(), DONE | DRQ);
    assert_sector(10);
}

static void ata_chs_and_lba_are_the_same_sectors(void **state)
{
    static const struct {
        unsigned cylinder, head, sector, lba;
    } pairs[] = {{0, 0, 1, 0}, {0, 0, 63, 62}, {0, 1, 1, 63}, {1, 0, 1, 1008}, {39, 15, 63, 40319}};

    (void)state;
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        chs(pairs[i].cylinder, pairs[i].head, pairs[i].sector, 1);
        assert_int_equal(command(0x20), DONE | DRQ);
        assert_sector(pairs[i].lba);
        assert_int_equal(get(LOW), pairs[i].sector);
        assert_int_equal(get(MID), pairs[i].cylinder);
        assert_int_equal(get(DEVICE), 0xa0 | pairs[i].head);
    }
}

static void ata_chs_goes_on_over_tracks_and_cylinders(void **state)
{
    (void)state;
    chs(0, 15, 62, 4);
    set(STATUS, 0x20);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(wait_ready(), DONE | DRQ);
        assert_sector(15 * 63 + 61 + i);
    }
    assert_int_equal(get(MID), 1);
    assert_int_equal(get(DEVICE), 0xa0);
    assert_int_equal(get(LOW), 2);
}

static void ata_geometry_is_what_the_guest_says(void **state)
{
    (void)state;
    set(DEVICE, 0xa0 | 3); /* four heads */
    set(COUNT, 10);
    assert_int_equal(command(0x91), DONE);
    chs(2, 1, 4, 1);
    assert_int_equal(command(0x20), DONE | DRQ);
    assert_sector((2 * 4 + 1) * 10 + 3);
    chs(0, 4, 1, 1); /* no such head */
    assert_int_equal(command(0x20), DONE | ERR);
    assert_int_equal(get(ERROR), IDNF);
    chs(0, 0, 11, 1); /* no such sector */
    assert_int_equal(command(0x20), DONE | ERR);
    chs(0, 0, 0, 1); /* they count from 1 */
    assert_int_equal(command(0x20), DONE | ERR);
    set(COUNT, 0);
    assert_int_equal(command(0x91), DONE | ERR);
    assert_int_equal(get(ERROR), ABRT);
}

static void ata_48_bits_address_what_28_do(void **state)
{
    (void)state;
    set(DEVICE, 0xe0);
    set(COUNT, 0);
    set(LOW, 0);
    set(MID, 0);
    set(HIGH, 0);
    set(COUNT, 2);
    set(LOW, 0x34);
    set(MID, 0x12);
    set(HIGH, 0);
    assert_int_equal(command(0x24), DONE | DRQ);
    assert_sector(0x1234);
    wait_ready();
    assert_sector(0x1235);
    set(LOW, 1); /* the 24th bit: 16 MiB of sectors further */
    set(LOW, 0x34);
    set(MID, 0x12);
    set(COUNT, 0);
    set(COUNT, 1);
    assert_int_equal(command(0x24), DONE | ERR);
    assert_int_equal(get(ERROR), IDNF);
}

static void ata_count_of_zero_is_the_most(void **state)
{
    (void)state;
    address(1000, 0);
    set(STATUS, 0x20);
    for (unsigned i = 0; i < 256; i++) {
        assert_int_equal(wait_ready(), DONE | DRQ);
        assert_sector(1000 + i);
    }
    assert_int_equal(get(STATUS), DONE);
    set(LOW, 0);
    set(MID, 0);
    set(HIGH, 0);
    address(0, 0);
    set(COUNT, 0);
    assert_int_equal(command(0x42), DONE | ERR); /* verifies 65536: there are fewer */
    assert_int_equal(get(ERROR), IDNF);
    assert_int_equal(get(LOW) | get(MID) << 8, SECTORS & 0xffff);
}

static void ata_end_of_the_disk_is_an_error_at_its_place(void **state)
{
    (void)state;
    address(SECTORS - 1, 2);
    assert_int_equal(command(0x20), DONE | DRQ);
    assert_sector(SECTORS - 1);
    assert_int_equal(wait_ready(), DONE | ERR);
    assert_int_equal(get(ERROR), IDNF);
    assert_int_equal(get(LOW) | get(MID) << 8, SECTORS);
    assert_int_equal(get(COUNT), 1);
    rises = 0;
    address(SECTORS, 1);
    assert_int_equal(command(0x30), DONE | ERR);
    assert_int_equal(rises, 1); /* where a write would have none */
    assert_int_equal(get(ERROR), IDNF);
}

static void ata_verify_and_seek_move_no_data(void **state)
{
    (void)state;
    address(0, 100);
    assert_int_equal(command(0x40), DONE);
    assert_int_equal(get(LOW), 99);
    address(5, 1);
    assert_int_equal(command(0x70), DONE);
    address(SECTORS, 1);
    assert_int_equal(command(0x70), DONE | ERR);
    hard.bad = 50;
    address(0, 100);
    assert_int_equal(command(0x40), DONE | ERR);
    assert_int_equal(get(ERROR), UNC);
}

/* ---- writing ---- */

static void ata_polling_driver_writes_sectors(void **state)
{
    (void)state;
    out(CONTROL, NIEN);
    address(20, 2);
    assert_int_equal(command(0x30), DONE | DRQ);
    fill_sector(0xaa);
    assert_int_equal(get(STATUS), BSY);
    assert_disk(20, 0xaa); /* before the guest hears of it */
    assert_int_equal(wait_ready(), DONE | DRQ);
    fill_sector(0xbb);
    assert_int_equal(wait_ready(), DONE);
    assert_disk(21, 0xbb);
    assert_int_equal(hard.flushes, 0);
    assert_int_equal(command(0xe7), DONE);
    assert_int_equal(hard.flushes, 1);
}

static void ata_interrupts_come_after_each_block_when_writing(void **state)
{
    (void)state;
    address(20, 2);
    set(STATUS, 0x30);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 0); /* none for the first DRQ */
    assert_int_equal(get(STATUS), DONE | DRQ);
    fill_sector(1);
    run(ATA_BLOCK_NS);
    assert_int_equal(rises, 1);
    assert_int_equal(get(STATUS), DONE | DRQ);
    fill_sector(2);
    run(ATA_BLOCK_NS);
    assert_int_equal(rises, 2);
    assert_int_equal(get(STATUS), DONE);
    assert_disk(20, 1);
    assert_disk(21, 2);
}

static void ata_write_multiple_writes_blocks(void **state)
{
    (void)state;
    address(20, 20); /* the default is 16 at a time */
    assert_int_equal(command(0xc5), DONE | DRQ);
    for (unsigned i = 0; i < 16; i++)
        fill_sector(i);
    assert_int_equal(wait_ready(), DONE | DRQ);
    for (unsigned i = 16; i < 20; i++)
        fill_sector(i);
    assert_int_equal(wait_ready(), DONE);
    for (unsigned i = 0; i < 20; i++)
        assert_disk(20 + i, i);
}

static void ata_overlong_writes_are_ignored(void **state)
{
    (void)state;
    address(20, 1);
    command(0x30);
    fill_sector(3);
    set_word(0x5555);
    assert_int_equal(wait_ready(), DONE);
    set_word(0x5555);
    assert_disk(20, 3);
    assert_int_equal(hard.bytes[21 * DISK_SECTOR], pattern(21, 0) & 0xff);
}

static void ata_write_cache_off_flushes_each_command(void **state)
{
    (void)state;
    set(ERROR, 0x82);
    assert_int_equal(command(0xef), DONE);
    assert_int_equal(hard.flushes, 1);
    address(20, 2);
    command(0x30);
    fill_sector(1);
    assert_int_equal(hard.flushes, 1);
    wait_ready();
    fill_sector(1);
    assert_int_equal(hard.flushes, 2);
}

static void ata_read_only_disk_aborts_writes(void **state)
{
    (void)state;
    hard.disk.read_only = true;
    address(20, 1);
    assert_int_equal(command(0x30), DONE | ERR);
    assert_int_equal(get(ERROR), ABRT);
    assert_int_equal(command(0xc5), DONE | ERR);
    assert_int_equal(command(0x20), DONE | DRQ);
    assert_sector(20);
}

static void ata_host_errors_are_the_guests_and_told_once(void **state)
{
    (void)state;
    hard.bad = 30;
    address(29, 2);
    assert_int_equal(command(0x20), DONE | DRQ);
    assert_sector(29);
    assert_int_equal(wait_ready(), DONE | ERR);
    assert_int_equal(get(ERROR), UNC);
    assert_int_equal(get(LOW), 30);
    assert_int_equal(warnings, 1);
    assert_warned("ATA at 0x1f0: can't read the file disk.img: Input/output error");
    address(30, 1);
    command(0x20);
    assert_int_equal(warnings, 1);
    address(30, 1);
    assert_int_equal(command(0x30), DONE | DRQ);
    fill_sector(1);
    assert_int_equal(wait_ready(), DONE | ERR | DF);
    assert_int_equal(warnings, 2);
}

/* ---- what a guest asks first ---- */

static uint16_t words[256];

static void read_identify(void)
{
    for (unsigned i = 0; i < 256; i++)
        words[i] = get_word();
}

/* The string of an IDENTIFY's words, without blanks at its end. */
static const char *string(unsigned word, unsigned count)
{
    static char text[48];
    unsigned length = 2 * count;

    for (unsigned i = 0; i < count; i++) {
        text[2 * i] = (char)(words[word + i] >> 8);
        text[2 * i + 1] = (char)words[word + i];
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    text[length] = '\0';
    return text;
}

static void ata_identify_says_what_the_disk_is(void **state)
{
    (void)state;
    assert_int_equal(command(0xec), DONE | DRQ);
    read_identify();
    assert_int_equal(get(STATUS), DONE);
    assert_int_equal(words[0] & 0x8000, 0); /* ATA */
    assert_int_equal(words[1], 40);
    assert_int_equal(words[3], 16);
    assert_int_equal(words[6], 63);
    assert_string_equal(string(10, 10), "disk.img");
    assert_string_equal(string(27, 20), "VMM HARDDISK");
    assert_int_equal(words[47], 0x8010);
    assert_int_equal(words[49] & 0x0300, 0x0200); /* LBA, no DMA */
    assert_int_equal(words[53] & 3, 3);
    assert_int_equal(words[54] * words[55] * words[56], 40320);
    assert_int_equal(words[57] | words[58] << 16, 40320);
    assert_int_equal(words[59], 0x0110);
    assert_int_equal(words[60] | words[61] << 16, SECTORS);
    assert_int_equal(words[63] | words[88], 0);   /* no DMA */
    assert_int_equal(words[83] & 0x0400, 0x0400); /* 48 bits */
    assert_int_equal(words[100] | words[101] << 16, SECTORS);
}

static void ata_identify_of_a_large_disk_is_limited_where_bits_end(void **state)
{
    (void)state;
    hard.disk.sectors = UINT64_C(0x123456789a);
    command(0xec);
    read_identify();
    assert_int_equal(words[1], 16383);
    assert_int_equal(words[60] | words[61] << 16, 0x0fffffff);
    assert_int_equal(words[100], 0x789a);
    assert_int_equal(words[101], 0x3456);
    assert_int_equal(words[102], 0x12);
    set(DEVICE, 0xe0);
    assert_int_equal(command(0xf8), DONE);
    assert_int_equal(get(LOW) | get(MID) << 8 | get(HIGH) << 16, 0xfffffe);
    assert_int_equal(get(DEVICE), 0xef);
    assert_int_equal(command(0x27), DONE);
    assert_int_equal(get(LOW) | get(MID) << 8 | get(HIGH) << 16, 0x567899);
    out(CONTROL, HOB);
    assert_int_equal(get(LOW) | get(MID) << 8 | get(HIGH) << 16, 0x1234);
}

static void ata_identify_shows_settings(void **state)
{
    (void)state;
    set(COUNT, 8);
    command(0xc6);
    set(DEVICE, 0xa0 | 7);
    set(COUNT, 32);
    command(0x91);
    set(ERROR, 0x82);
    command(0xef);
    command(0xec);
    read_identify();
    assert_int_equal(words[59], 0x0108);
    assert_int_equal(words[54], SECTORS / 8 / 32);
    assert_int_equal(words[55], 8);
    assert_int_equal(words[56], 32);
    assert_int_equal(words[82] & 0x20, 0x20);
    assert_int_equal(words[85] & 0x20, 0);
    assert_int_equal(words[3], 16); /* the default stays */
}

static void ata_other_commands(void **state)
{
    static const struct {
        uint8_t code, status;
    } some[] = {{0x00, DONE | ERR}, {0x10, DONE},
                {0x1f, DONE},       {0xe0, DONE},
                {0xe1, DONE},       {0xe2, DONE},
                {0xe3, DONE},       {0xea, DONE},
                {0x94, DONE},       {0x97, DONE},
                {0xc8, DONE | ERR}, /* DMA */ {0xca, DONE | ERR},
                {0x25, DONE | ERR}, {0x35, DONE | ERR},
                {0xa0, DONE | ERR}, /* packets */ {0xa1, DONE | ERR},
                {0x08, DONE | ERR}, {0xb0, DONE | ERR},
                {0xff, DONE | ERR}};

    (void)state;
    for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        unsigned before = rises;
        if (command(some[i].code) != some[i].status)
            fail_msg("command %02x: status %02x", some[i].code, in(CONTROL));
        assert_int_equal(rises, before + 1);
        assert_int_equal(get(ERROR), some[i].status & ERR ? ABRT : 0);
        get(STATUS);
    }
    command(0xe0);
    command(0xe5);
    assert_int_equal(get(COUNT), 0); /* standby */
    address(0, 1);
    command(0x40);
    command(0xe5);
    assert_int_equal(get(COUNT), 0xff); /* active */
}

static void ata_transfer_modes_are_those_of_pio(void **state)
{
    (void)state;
    set(ERROR, 3);
    set(COUNT, 0x0c); /* PIO 4 */
    assert_int_equal(command(0xef), DONE);
    set(COUNT, 0x45); /* Ultra DMA 5 */
    assert_int_equal(command(0xef), DONE | ERR);
    set(ERROR, 0x77);
    assert_int_equal(command(0xef), DONE | ERR);
    set(ERROR, 0xaa);
    assert_int_equal(command(0xef), DONE);
}

/* ---- two devices ---- */

static void ata_second_device_has_registers_of_its_own(void **state)
{
    (void)state;
    start(&hard.disk, &other.disk);
    address(3, 1);
    set(DEVICE, 0xe0 | SLAVE);
    assert_int_equal(command(0x20), DONE | DRQ);
    assert_sector(3);
    assert_true(line());
    set(DEVICE, 0xe0); /* who is not selected does not drive the line */
    assert_false(line());
    assert_int_equal(get(STATUS), DONE);
    set(DEVICE, 0xe0 | SLAVE);
    assert_true(line());
    assert_int_equal(get(STATUS), DONE);
    assert_false(line());
    address(100, 1);
    set(DEVICE, 0xe0 | SLAVE);
    assert_int_equal(command(0x20), DONE | ERR); /* it is smaller */
}

static void ata_diagnostic_is_for_both_and_the_first_answers(void **state)
{
    (void)state;
    start(&hard.disk, &cd.disk);
    set(DEVICE, 0xa0 | SLAVE);
    assert_int_equal(command(0x90), DONE);
    assert_int_equal(get(DEVICE), 0xa0);
    assert_int_equal(rises, 1);
    assert_int_equal(get(ERROR), 1);
    set(DEVICE, 0xa0 | SLAVE);
    assert_int_equal(get(HIGH), 0xeb);
    start(&hard.disk, NULL); /* an absent second device: it is heard all the same */
    set(DEVICE, 0xa0 | SLAVE);
    set(STATUS, 0x90);
    run(ATA_COMMAND_NS);
    assert_int_equal(rises, 1);
}

static void ata_nien_holds_the_interrupt_back(void **state)
{
    (void)state;
    out(CONTROL, NIEN);
    command(0xe7);
    assert_false(line());
    out(CONTROL, 0);
    assert_true(line()); /* it was pending all the time */
    get(STATUS);
    assert_false(line());
}

/* ---- resets ---- */

static void ata_soft_reset_ends_what_was_going_on(void **state)
{
    (void)state;
    address(3, 5);
    command(0x20);
    get_word();
    out(CONTROL, SRST);
    assert_int_equal(in(CONTROL), BSY);
    run(NS_PER_SECOND); /* as long as it is set */
    assert_int_equal(in(CONTROL), BSY);
    out(CONTROL, 0);
    assert_int_equal(in(CONTROL), BSY);
    assert_int_equal(wait_ready(), DONE);
    assert_int_equal(get(MID) | get(HIGH), 0);
    assert_int_equal(get(COUNT), 1);
    assert_int_equal(get(ERROR), 1);
    assert_int_equal(get(DEVICE) & SLAVE, 0);
    assert_false(line());
    assert_int_equal(get_word(), 0);
    assert_int_equal(command(0xec), DONE | DRQ);
}

static void ata_reset_in_a_write_keeps_whole_blocks_only(void **state)
{
    (void)state;
    address(20, 3);
    command(0x30);
    fill_sector(0xcc);
    wait_ready();
    for (unsigned i = 0; i < 255; i++)
        set_word(0xdddd);
    out(CONTROL, SRST);
    out(CONTROL, 0);
    wait_ready();
    set_word(0xdddd);
    assert_disk(20, 0xcc);
    assert_int_equal(hard.bytes[21 * DISK_SECTOR], pattern(21, 0) & 0xff);
}

static void ata_reset_while_busy_brings_no_interrupt(void **state)
{
    (void)state;
    address(3, 1);
    set(STATUS, 0x20);
    out(CONTROL, SRST);
    out(CONTROL, 0);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 0);
    assert_int_equal(get(STATUS), DONE);
}

static void ata_reset_brings_settings_back_unless_told_to_keep_them(void **state)
{
    (void)state;
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        set(ERROR, keeps ? 0x66 : 0xcc);
        command(0xef);
        set(COUNT, 2);
        command(0xc6);
        out(CONTROL, SRST);
        out(CONTROL, 0);
        wait_ready();
        command(0xec);
        read_identify();
        assert_int_equal(words[59], keeps ? 0x0102 : 0x0110);
    }
}

static void ata_writes_while_busy_are_ignored(void **state)
{
    (void)state;
    address(3, 1);
    set(STATUS, 0x20);
    set(LOW, 9);
    set(DEVICE, 0xe0 | SLAVE);
    assert_int_equal(warnings, 0);
    set(STATUS, 0xec);
    assert_warned("command 0xec ignored, since the last one (0x20) has not ended: BSY is set");
    assert_int_equal(wait_ready(), DONE | DRQ);
    set(STATUS, 0xec);
    assert_int_equal(warnings, 1);
    assert_sector(3);
    assert_int_equal(get(STATUS), DONE);
}

/* ---- CDs ---- */

static void cd_only(void)
{
    start(&cd.disk, NULL);
}

/* Writes a packet, with this limit of bytes; returns the status when it is not busy any more. */
static uint8_t packet(const uint8_t *bytes, unsigned limit)
{
    set(DEVICE, 0xa0);
    set(ERROR, 0);
    set(MID, limit & 0xff);
    set(HIGH, limit >> 8);
    assert_int_equal(command(0xa0), DONE | DRQ);
    assert_int_equal(get(COUNT), 1); /* a packet, from the host */
    for (unsigned i = 0; i < 12; i += 2)
        set_word(bytes[i] | (unsigned)bytes[i + 1] << 8);
    assert_int_equal(get(STATUS), BSY);
    return wait_ready();
}

#define PACKET(limit, ...) packet((const uint8_t[12]){__VA_ARGS__}, limit)

static unsigned byte_count(void)
{
    return get(MID) | (unsigned)get(HIGH) << 8;
}

static uint8_t answer[128];

/* Reads one DRQ block of an answer. */
static unsigned read_answer(void)
{
    unsigned bytes = byte_count();

    assert_int_equal(get(STATUS) & (DRQ | ERR), DRQ);
    assert_int_equal(get(COUNT), 2); /* data, to the host */
    assert_true(bytes > 0 && bytes <= sizeof(answer));
    for (unsigned i = 0; i < bytes; i += 2) {
        uint16_t word = get_word();
        answer[i] = (uint8_t)word;
        if (i + 1 < bytes)
            answer[i + 1] = (uint8_t)(word >> 8);
    }
    assert_int_equal(wait_ready(), DONE);
    assert_int_equal(get(COUNT), 3);
    return bytes;
}

static void assert_sense(unsigned key, unsigned asc)
{
    assert_int_equal(in(CONTROL), DONE | ERR);
    assert_int_equal(get(ERROR), key << 4 | ABRT);
    assert_int_equal(get(COUNT), 3);
    assert_int_equal(PACKET(0xfffe, 0x03, 0, 0, 0, 18), DONE | DRQ);
    assert_int_equal(read_answer(), 18);
    assert_int_equal(answer[0], 0x70);
    assert_int_equal(answer[2], key);
    assert_int_equal(answer[12], asc);
    assert_int_equal(PACKET(0xfffe, 0x03, 0, 0, 0, 18), DONE | DRQ);
    read_answer();
    assert_int_equal(answer[2], 0); /* it is told once */
}

static void assert_cd_bytes(uint32_t sector, unsigned from, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i += 2) {
        unsigned at = from + i;
        assert_int_equal(get_word(), pattern(sector * 4 + at / 512, at % 512 / 2));
    }
}

static void atapi_identify_is_by_its_own_command(void **state)
{
    (void)state;
    cd_only();
    set(LOW, 99);
    assert_int_equal(command(0xec), DONE | ERR);
    assert_int_equal(get(ERROR), ABRT);
    assert_int_equal(get(MID), 0x14);
    assert_int_equal(get(HIGH), 0xeb);
    assert_int_equal(command(0xa1), DONE | DRQ);
    read_identify();
    assert_int_equal(get(STATUS), DONE);
    assert_int_equal(words[0], 0x85c0);
    assert_string_equal(string(27, 20), "VMM CD-ROM");
    assert_string_equal(string(10, 10), "cd.iso");
}

static void atapi_reads_sectors_in_blocks_of_the_limit(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(2048, 0x28, 0, 0, 0, 0, 5, 0, 0, 3), DONE | DRQ);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(get(COUNT), 2);
        assert_int_equal(byte_count(), 2048);
        assert_cd_bytes(5 + i, 0, 2048);
        assert_int_equal(wait_ready(), i < 2 ? DONE | DRQ : DONE);
    }
    assert_int_equal(get(COUNT), 3);
}

static void atapi_block_may_be_longer_than_the_buffer(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(0xffff, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 33), DONE | DRQ);
    assert_int_equal(byte_count(), 0xfffe); /* of 67584 */
    for (unsigned i = 0; i < 31; i++)
        assert_cd_bytes(i, 0, 2048);
    assert_cd_bytes(31, 0, 2046);
    assert_int_equal(wait_ready(), DONE | DRQ);
    assert_int_equal(byte_count(), 2050);
    assert_cd_bytes(31, 2046, 2);
    assert_cd_bytes(32, 0, 2048);
    assert_int_equal(wait_ready(), DONE);
}

static void atapi_odd_limit_is_made_even(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(1025, 0x28, 0, 0, 0, 0, 1, 0, 0, 1), DONE | DRQ);
    assert_int_equal(byte_count(), 1024);
    assert_cd_bytes(1, 0, 1024);
    assert_int_equal(wait_ready(), DONE | DRQ);
    assert_cd_bytes(1, 1024, 1024);
    assert_int_equal(wait_ready(), DONE);
    assert_int_equal(PACKET(0, 0x28, 0, 0, 0, 0, 1, 0, 0, 1), DONE | ERR); /* none at all */
    assert_int_equal(get(ERROR) & ABRT, ABRT);
}

static void atapi_interrupts(void **state)
{
    (void)state;
    cd_only();
    set(MID, 0);
    set(HIGH, 8);
    set(STATUS, 0xa0);
    run(NS_PER_SECOND);
    assert_int_equal(rises, 0); /* none for the packet itself */
    for (unsigned i = 0; i < 6; i++)
        set_word(i == 0 ? 0x28 : i == 4 ? 1 : 0); /* READ(10) of sector 0 */
    run(ATA_BLOCK_NS);
    assert_int_equal(rises, 1); /* data */
    assert_int_equal(get(STATUS), DONE | DRQ);
    assert_cd_bytes(0, 0, 2048);
    run(ATA_BLOCK_NS);
    assert_int_equal(rises, 2); /* the end */
    assert_int_equal(get(STATUS), DONE);
}

static void atapi_inquiry_and_short_answers(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(0xfffe, 0x12, 0, 0, 0, 36), DONE | DRQ);
    assert_int_equal(read_answer(), 36);
    assert_int_equal(answer[0], 5);
    assert_int_equal(answer[1], 0x80);
    assert_memory_equal(answer + 8, "VMM     VMM CD-ROM      1.0 ", 28);
    assert_int_equal(PACKET(0xfffe, 0x12, 0, 0, 0, 5), DONE | DRQ);
    assert_int_equal(read_answer(), 5); /* an odd number: half of the last word */
    assert_int_equal(answer[4], 31);
    assert_int_equal(PACKET(0xfffe, 0x12, 0, 0, 0, 0), DONE); /* none asked for */
}

static void atapi_capacity_and_toc(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(8, 0x25), DONE | DRQ);
    assert_int_equal(read_answer(), 8);
    assert_memory_equal(answer, ((uint8_t[]){0, 0, 0, CD_SECTORS - 1, 0, 0, 8, 0}), 8);
    assert_int_equal(PACKET(0xfffe, 0x43, 0, 0, 0, 0, 0, 0, 0, 100), DONE | DRQ);
    assert_int_equal(read_answer(), 20);
    assert_memory_equal(answer, ((uint8_t[]){0, 18, 1, 1,    0,    0x14, 1, 0, 0, 0,
                                             0, 0,  0, 0x14, 0xaa, 0,    0, 0, 0, CD_SECTORS}),
                        20);
    assert_int_equal(PACKET(0xfffe, 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100), DONE | DRQ);
    assert_int_equal(read_answer(), 12); /* the end of the disc, in minutes, seconds, frames */
    assert_memory_equal(answer + 4, ((uint8_t[]){0, 0x14, 0xaa, 0, 0, 0, 2, CD_SECTORS}), 8);
    assert_int_equal(PACKET(0xfffe, 0x43, 0, 1, 0, 0, 0, 0, 0, 100), DONE | DRQ);
    assert_int_equal(read_answer(), 12); /* sessions */
}

static void atapi_errors_have_a_sense(void **state)
{
    (void)state;
    cd_only();
    PACKET(0xfffe, 0xbb);
    assert_sense(5, 0x20); /* no such packet */
    PACKET(0xfffe, 0x28, 0, 0, 0, 0, CD_SECTORS, 0, 0, 1);
    assert_sense(5, 0x21); /* behind the end */
    PACKET(0xfffe, 0x28, 0, 0, 0, 0, CD_SECTORS - 1, 0, 0, 2);
    assert_sense(5, 0x21);
    PACKET(0xfffe, 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff);
    assert_sense(5, 0x21);
    PACKET(0xfffe, 0x12, 1, 0, 0, 36);
    assert_sense(5, 0x24);
    PACKET(0xfffe, 0x5a, 0, 0x15, 0, 0, 0, 0, 0, 100);
    assert_sense(5, 0x24);
    PACKET(0xfffe, 0x43, 0, 2, 0, 0, 0, 0, 0, 100);
    assert_sense(5, 0x24);
    PACKET(0xfffe, 0x4a, 0);
    assert_sense(5, 0x24);
    cd.bad = 10 * 4 + 1;
    PACKET(0xfffe, 0x28, 0, 0, 0, 0, 10, 0, 0, 1);
    assert_sense(3, 0x11);
    assert_warned("can't read the file cd.iso");
}

static void atapi_error_within_a_block_is_said_behind_it(void **state)
{
    (void)state;
    cd_only();
    cd.bad = 6 * 4;
    assert_int_equal(PACKET(0xfffe, 0x28, 0, 0, 0, 0, 0, 0, 0, 8), DONE | DRQ);
    assert_int_equal(byte_count(), 16384);
    for (unsigned i = 0; i < 4; i++)
        assert_cd_bytes(i, 0, 2048);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(get_word(), 0);
    wait_ready();
    assert_sense(3, 0x11);
    assert_int_equal(PACKET(0xfffe, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), DONE | DRQ); /* and is over */
    assert_cd_bytes(0, 0, 2048);
    assert_int_equal(wait_ready(), DONE);
}

static void atapi_tray(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(0, 0x00), DONE);             /* TEST UNIT READY */
    assert_int_equal(PACKET(0, 0x1e, 0, 0, 0, 1), DONE); /* PREVENT */
    PACKET(0, 0x1b, 0, 0, 0, 2);                         /* eject */
    assert_sense(5, 0x53);
    assert_int_equal(PACKET(0, 0x1e, 0, 0, 0, 0), DONE);
    assert_int_equal(PACKET(0, 0x1b, 0, 0, 0, 2), DONE);
    PACKET(0, 0x00);
    assert_sense(2, 0x3a);
    PACKET(0xfffe, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
    assert_sense(2, 0x3a);
    assert_int_equal(PACKET(0xfffe, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), DONE | DRQ);
    read_answer();
    assert_memory_equal(answer, ((uint8_t[]){0, 6, 4, 0x10, 0, 1, 0, 0}), 8);
    assert_int_equal(PACKET(0, 0x1b, 0, 0, 0, 3), DONE);
    assert_int_equal(PACKET(0, 0x00), DONE);
}

static void atapi_pages_and_features(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(0xfffe, 0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 128), DONE | DRQ);
    assert_int_equal(read_answer(), 8 + 8 + 20);
    assert_int_equal(answer[1], 34);
    assert_int_equal(answer[8], 0x01);
    assert_int_equal(answer[16], 0x2a);
    assert_int_equal(PACKET(0xfffe, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128), DONE | DRQ);
    assert_int_equal(read_answer(), 8 + 20);
    assert_int_equal(PACKET(0xfffe, 0x46, 0, 0, 0, 0, 0, 0, 0, 128), DONE | DRQ);
    assert_int_equal(read_answer(), 8 + 12 + 8 + 8);
    assert_int_equal(answer[3], 32);
    assert_int_equal(answer[7], 8); /* the profile of a CD */
    assert_int_equal(answer[8 + 10], 1);
    assert_int_equal(PACKET(0xfffe, 0x46, 2, 0, 3, 0, 0, 0, 0, 128), DONE | DRQ);
    assert_int_equal(read_answer(), 16);
    assert_int_equal(answer[9], 3);
}

static void atapi_device_reset_ends_a_packet(void **state)
{
    (void)state;
    cd_only();
    assert_int_equal(PACKET(2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 4), DONE | DRQ);
    get_word();
    get(STATUS);
    rises = 0;
    set(STATUS, 0x08);
    assert_int_equal(wait_ready(), 0);
    assert_int_equal(get(MID), 0x14);
    assert_int_equal(rises, 0);
    assert_int_equal(warnings, 0);
    assert_int_equal(PACKET(8, 0x25), DONE | DRQ);
}

static void atapi_refuses_dma(void **state)
{
    (void)state;
    cd_only();
    set(ERROR, 1);
    assert_int_equal(command(0xa0), DONE | ERR);
    assert_int_equal(get(ERROR), ABRT);
}

/* ---- anything at all ---- */

static unsigned random_below(unsigned limit)
{
    static uint64_t x = SEED;

    x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(x >> 33) % limit;
}

static void any_access(void)
{
    unsigned reg = random_below(9), width = 1u << random_below(3);

    switch (random_below(8)) {
    case 0: /* a command that is one */
        set(STATUS, ((const uint8_t[]){0x20, 0x30, 0xc4, 0xc5, 0xa0, 0xec, 0xa1, 0x24, 0x34, 0x40,
                                       0x90, 0xc6, 0x91})[random_below(13)]);
        break;
    case 1:
        address(random_below(SECTORS + 10), random_below(20));
        set(DEVICE, 0xa0 | random_below(256));
        break;
    case 2:
        for (unsigned i = random_below(5000); i > 0; i--)
            get_word();
        break;
    case 3:
        for (unsigned i = random_below(300); i > 0; i--)
            set_word(random_below(65536));
        break;
    case 4:
        out(CONTROL, random_below(4) ? 0 : random_below(256));
        break;
    case 5:
        run(random_below(10000));
        break;
    case 6:
        bus_write(&ports, reg == 8 ? CONTROL : PORT + reg, width, random_below(65536));
        break;
    default:
        bus_read(&ports, reg == 8 ? CONTROL : PORT + reg, width);
        break;
    }
}

static void ata_stands_any_access(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 4; pair++) {
        const struct disk *master = pair == 3 ? NULL : pair == 1 ? &cd.disk : &hard.disk;
        const struct disk *slave = pair == 0 ? NULL : pair == 1 ? &other.disk : &cd.disk;
        start(master, slave);
        for (round_number = 0; round_number < 20000; round_number++) {
            any_access();
            HOLDS(ata_kind.valid(ata, &ata->s));
            HOLDS(clock_deadline(&clk) ==
                  (ata->s.is_due && !(ata->s.control & SRST) ? ata->s.done_at : CLOCK_NEVER));
            HOLDS(!line() || ata->s.device[0].interrupt || ata->s.device[1].interrupt);
        }
    }
}

/* ---- snapshots, the monitor ---- */

static void ata_state_goes_on_in_another(void **state)
{
    struct ata_state *copy = malloc(sizeof(*copy));

    (void)state;
    assert_non_null(copy);
    address(7, 3);
    command(0x20);
    assert_sector(7);
    get_word(); /* too early */
    *copy = ata->s;
    start(&hard.disk, NULL);
    now = 1000000;
    assert_true(ata_kind.valid(ata, copy));
    ata->s = *copy;
    ata_kind.restored(ata);
    clock_run_due(&clk);
    assert_int_equal(rises, 1);
    assert_int_equal(get(STATUS), DONE | DRQ);
    assert_sector(8);
    assert_int_equal(wait_ready(), DONE | DRQ);
    assert_sector(9);
    free(copy);
}

static void ata_forged_states_are_refused(void **state)
{
    struct ata_state good, bad;

    (void)state;
    start(&hard.disk, NULL);
    address(7, 3);
    command(0x20);
    good = ata->s;
    assert_true(ata_kind.valid(ata, &good));
#define REFUSES(change)                          \
    do {                                         \
        bad = good;                              \
        bad.change;                              \
        assert_false(ata_kind.valid(ata, &bad)); \
    } while (0)
    REFUSES(at = 600);
    REFUSES(at = 512);
    REFUSES(at = 1);
    REFUSES(filled = ATA_BUFFER + 1);
    REFUSES(block = 0);
    REFUSES(block = 514);
    good.left = 0;
    REFUSES(phase = ATA_OUT); /* of more sectors than are left */
    good.left = 2;
    REFUSES(phase = ATA_PACKET);
    REFUSES(phase = ATA_PHASES);
    REFUSES(select = 0xf0);
    REFUSES(done_at = CLOCK_MAX + 1);
    REFUSES(control = SRST);
    REFUSES(device[0].multiple = 17);
    REFUSES(device[0].heads = 0);
    REFUSES(device[0].heads = 17);
    REFUSES(device[0].sectors = 0);
    REFUSES(device[1].count = 1); /* of a device that isn't there */
    start(NULL, NULL);
    assert_true(ata_kind.valid(ata, &ata->s));
    assert_false(ata_kind.valid(ata, &good));
}

static void put_text(void *to, const char *text)
{
    strncat(to, text, 2000);
}

static void assert_tells(const char *part)
{
    char text[4096] = "";
    struct words to = {.put = put_text, .to = text};

    ata_kind.tell(ata, &to);
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

static void ata_tells_how_it_is(void **state)
{
    (void)state;
    assert_tells("idle\n");
    assert_tells("master: disk.img, hard disk, 40320 sectors of 512 bytes, 16 heads");
    assert_tells("slave: absent\n");
    address(0, 1);
    set(STATUS, 0x20);
    assert_tells("last command 0x20 READ SECTORS\n  busy for 4.0 us\n");
    wait_ready();
    assert_tells("waits for 512 bytes to be read (DRQ)\n");
    assert_tells("interrupt: requested, status not read");
    out(CONTROL, SRST | NIEN);
    assert_tells("held in reset (SRST), interrupts off (nIEN)\n");
    start(NULL, NULL);
    assert_tells("absent: no devices");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ata_without_devices_attaches_no_ports),
        TEST(ata_is_ready_with_its_signature_after_power_on),
        TEST(ata_cd_has_the_signature_of_packets),
        TEST(ata_first_device_answers_for_an_absent_second),
        TEST(ata_absent_first_device_is_a_cable_with_nobody_at_it),
        TEST(ata_registers_are_two_bytes_deep),
        TEST(ata_polling_driver_reads_sectors),
        TEST(ata_interrupts_come_once_a_block_when_reading),
        TEST(ata_driver_that_never_reads_the_status_still_gets_interrupts),
        TEST(ata_busy_is_seen_where_the_medium_is_used),
        TEST(ata_driver_that_writes_without_a_look_at_the_status),
        TEST(ata_interrupt_to_come_is_not_lost_by_a_look),
        TEST(ata_multiple_moves_blocks_of_sectors),
        TEST(ata_multiple_can_be_set_off),
        TEST(ata_data_is_read_by_16_and_32_bits),
        TEST(ata_overlong_reads_give_zeros),
        TEST(ata_chs_and_lba_are_the_same_sectors),
        TEST(ata_chs_goes_on_over_tracks_and_cylinders),
        TEST(ata_geometry_is_what_the_guest_says),
        TEST(ata_48_bits_address_what_28_do),
        TEST(ata_count_of_zero_is_the_most),
        TEST(ata_end_of_the_disk_is_an_error_at_its_place),
        TEST(ata_verify_and_seek_move_no_data),
        TEST(ata_polling_driver_writes_sectors),
        TEST(ata_interrupts_come_after_each_block_when_writing),
        TEST(ata_write_multiple_writes_blocks),
        TEST(ata_overlong_writes_are_ignored),
        TEST(ata_write_cache_off_flushes_each_command),
        TEST(ata_read_only_disk_aborts_writes),
        TEST(ata_host_errors_are_the_guests_and_told_once),
        TEST(ata_identify_says_what_the_disk_is),
        TEST(ata_identify_of_a_large_disk_is_limited_where_bits_end),
        TEST(ata_identify_shows_settings),
        TEST(ata_other_commands),
        TEST(ata_transfer_modes_are_those_of_pio),
        TEST(ata_second_device_has_registers_of_its_own),
        TEST(ata_diagnostic_is_for_both_and_the_first_answers),
        TEST(ata_nien_holds_the_interrupt_back),
        TEST(ata_soft_reset_ends_what_was_going_on),
        TEST(ata_reset_in_a_write_keeps_whole_blocks_only),
        TEST(ata_reset_while_busy_brings_no_interrupt),
        TEST(ata_reset_brings_settings_back_unless_told_to_keep_them),
        TEST(ata_writes_while_busy_are_ignored),
        TEST(atapi_identify_is_by_its_own_command),
        TEST(atapi_reads_sectors_in_blocks_of_the_limit),
        TEST(atapi_block_may_be_longer_than_the_buffer),
        TEST(atapi_odd_limit_is_made_even),
        TEST(atapi_interrupts),
        TEST(atapi_inquiry_and_short_answers),
        TEST(atapi_capacity_and_toc),
        TEST(atapi_errors_have_a_sense),
        TEST(atapi_error_within_a_block_is_said_behind_it),
        TEST(atapi_tray),
        TEST(atapi_pages_and_features),
        TEST(atapi_device_reset_ends_a_packet),
        TEST(atapi_refuses_dma),
        TEST(ata_stands_any_access),
        TEST(ata_state_goes_on_in_another),
        TEST(ata_forged_states_are_refused),
        TEST(ata_tells_how_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
