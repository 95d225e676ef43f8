/*
 * Tests of disks in files (vmm/os/disk_file): the options that name them (vmm/host/drives), their
 * size, their lock; and of overlays (vmm/os/disk_overlay).
 */
#include "host/drives.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

static char directory[] = "/tmp/test_disk_XXXXXX", option[256], error[256];
static struct disk_file disk;
static struct drives drives;
static struct machine_config config;

/* What is said on standard error goes to `error`, from here up to `hear`. */
static char *said;
static FILE *before;

static void listen(void)
{
    static size_t length;

    before = stderr;
    stderr = open_memstream(&said, &length);
    assert_non_null(stderr);
}

static void hear(void)
{
    fclose(stderr);
    stderr = before;
    snprintf(error, sizeof(error), "%s", said);
    free(said);
}

/* Opens an option of --disk, with the test's directory in front of it. */
static int try(struct disk_file *to, const char *words)
{
    bool ok;

    snprintf(option, sizeof(option), "%s/%s", directory, words);
    to->fd = -1;
    drives = (struct drives){0};
    listen();
    ok = drives_take_disk(&drives, "--disk", option);
    hear();
    return ok ? disk_file_open(to, &drives.drive[0].request, error, sizeof(error)) : -1;
}

static void make(const char *name, off_t size)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    assert_true(fd >= 0 && ftruncate(fd, size) == 0);
    close(fd);
}

static void disk_options_follow_the_name(void **state)
{
    (void)state;
    assert_int_equal(try(&disk, "disk"), 0);
    assert_false(disk.disk.read_only || disk.disk.modern);
    assert_int_equal(disk.disk.sectors, 8);
    assert_string_equal(disk.disk.name, "disk");
    disk_file_close(&disk);
    assert_int_equal(try(&disk, "disk,ro"), 0);
    assert_true(disk.disk.read_only && !disk.disk.modern);
    disk_file_close(&disk);
    assert_int_equal(try(&disk, "disk,modern,ro"), 0);
    assert_true(disk.disk.read_only && disk.disk.modern);
    disk_file_close(&disk);
    assert_int_equal(strcmp(option + strlen(directory), "/disk"), 0);
}

static void disk_comma_in_a_name_is_written_twice(void **state)
{
    (void)state;
    make("a,b", 512);
    make(",", 512);
    assert_int_equal(try(&disk, "a,,b,ro"), 0);
    assert_string_equal(disk.disk.name, "a,b");
    disk_file_close(&disk);
    assert_int_equal(try(&disk, ",,"), 0);
    assert_string_equal(disk.disk.name, ",");
    disk_file_close(&disk);
}

static void disk_mistakes_are_named(void **state)
{
    static const struct {
        const char *words, *says;
    } mistakes[] = {
        {"disk,rw", "disk,rw: not one of ro modern"},
        {"disk,", "not one of ro modern"},
        {"disk,,ro", "disk,ro: can't open it: No such file"},
        {"nothing", "nothing: can't open it: No such file"},
        {"empty", "empty: empty (truncate"},
        {"fifo", "fifo: neither a file nor a block device"},
        {"fifo,ro", "fifo: neither a file nor a block device"},
        {".,ro", ".: neither a file nor a block device"},
        {".", ".: can't open it: Is a directory"},
    };
    char path[256];

    (void)state;
    make("empty", 0);
    snprintf(path, sizeof(path), "%s/fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        assert_int_equal(try(&disk, mistakes[i].words), -1);
        if (!strstr(error, mistakes[i].says))
            fail_msg("%s: %s", mistakes[i].words, error);
        assert_int_equal(disk.fd, -1);
    }
    strcpy(option, "/dev/zero");
    assert_int_equal(disk_file_open(&disk,
                                    &(struct disk_request){.option = "--disk", .path = option},
                                    error, sizeof(error)),
                     -1);
}

static void disk_has_one_writer_or_many_readers(void **state)
{
    struct disk_file second;

    (void)state;
    assert_int_equal(try(&disk, "disk"), 0);
    assert_int_equal(try(&second, "disk"), -1);
    assert_non_null(strstr(error, "in use by another guest"));
    assert_int_equal(try(&second, "disk,ro"), -1);
    assert_non_null(strstr(error, "which writes it"));
    disk_file_close(&disk);
    assert_int_equal(try(&disk, "disk,ro"), 0);
    assert_int_equal(try(&second, "disk,ro"), 0);
    disk_file_close(&second);
    assert_int_equal(try(&second, "disk"), -1);
    disk_file_close(&disk);
    assert_int_equal(try(&second, "disk"), 0);
    disk_file_close(&second);
}

static void disk_size_is_rounded_up(void **state)
{
    (void)state;
    make("odd", 1025);
    assert_int_equal(try(&disk, "odd"), 0);
    assert_int_equal(disk.disk.sectors, 3);
    disk_file_close(&disk);
    make("byte", 1);
    assert_int_equal(try(&disk, "byte"), 0);
    assert_int_equal(disk.disk.sectors, 1);
    disk_file_close(&disk);
}

static void disk_reads_zeros_behind_the_end(void **state)
{
    char bytes[1024], zeros[1024] = {0};

    (void)state;
    make("short", 600);
    assert_int_equal(try(&disk, "short"), 0);
    assert_int_equal(disk_write(&disk.disk, 1, "end", 3), 0);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(disk_read(&disk.disk, 1, bytes, 512), 0);
    assert_memory_equal(bytes, "end", 4);
    assert_memory_equal(bytes + 88, zeros, 424);
    assert_int_equal(disk_read(&disk.disk, 9, bytes, 1024), 0);
    assert_memory_equal(bytes, zeros, 1024);
    assert_int_equal(disk_flush(&disk.disk), 0);
    disk_file_close(&disk);
    disk_file_close(&disk); /* once more does no harm */
    assert_true(disk_read(&disk.disk, 0, bytes, 512) < 0);
    assert_true(disk_write(&disk.disk, 0, bytes, 512) < 0);
    assert_true(disk_flush(&disk.disk) < 0);
}

static void disk_name_may_be_long(void **state)
{
    (void)state;
    make("a-name-of-exactly-20", 512);
    make("a-name-that-is-longer-than-20", 512);
    assert_int_equal(try(&disk, "a-name-of-exactly-20"), 0);
    assert_memory_equal(disk.disk.name, "a-name-of-exactly-20", 20);
    disk_file_close(&disk);
    assert_int_equal(try(&disk, "a-name-that-is-longer-than-20"), 0);
    assert_memory_equal(disk.disk.name, "a-name-that-is-longe", 20);
    disk_file_close(&disk);
}

/* ---- the options of disks ---- */

/* Takes and opens options, "hda FILE" and so on, up to one that is NULL; false with what was said
 * in `error`. */
static bool open_all(const char *const *options)
{
    static char texts[8][256];
    char shown[256];
    bool ok = true;

    drives_close(&drives);
    drives = (struct drives){0};
    config = (struct machine_config){0};
    listen();
    for (unsigned i = 0; ok && options[i]; i++) {
        char *value = texts[i];
        snprintf(shown, sizeof(shown), "--%s", options[i]);
        snprintf(value, sizeof(texts[i]), "%s", strchr(options[i], ' ') + 1);
        if (strncmp(options[i], "hd", 2) == 0)
            ok = drives_take_ata(&drives, shown, "--hda", options[i][2] - 'a', false, value);
        else if (strncmp(options[i], "cdrom", 5) == 0)
            ok = drives_take_ata(&drives, shown, "--cdrom", 2, true, value);
        else if (strncmp(options[i], "drive", 5) == 0)
            ok = drives_take_drive(&drives, shown, value);
        else if (strncmp(options[i], "overlay", 7) == 0)
            drives.overlay = true;
        else
            ok = drives_take_disk(&drives, shown, value);
    }
    ok = ok && drives_open(&drives, &config);
    hear();
    return ok;
}

#define OPEN(...) open_all((const char *const[]){__VA_ARGS__, NULL})

static void assert_said(const char *part)
{
    if (!strstr(error, part))
        fail_msg("not said: '%s', but '%s'", part, error);
}

static void assert_named(const struct disk *at, const char *name)
{
    assert_non_null(at);
    assert_string_equal(at->name, name);
}

static void drives_are_where_qemu_has_them(void **state)
{
    (void)state;
    make("a", 512);
    make("b", 512);
    make("c", 2048);
    assert_true(OPEN("cdrom c", "hda a", "disk b"));
    assert_named(config.ata_disks[0], "a");
    assert_null(config.ata_disks[1]);
    assert_named(config.ata_disks[2], "c");
    assert_true(config.ata_disks[2]->is_cd && config.ata_disks[2]->read_only);
    assert_named(config.disks[0], "b");
    assert_string_equal(error, "");
    assert_true(OPEN("drive file=b,format=raw", "hda a"));
    assert_named(config.ata_disks[0], "a");
    assert_named(config.ata_disks[1], "b"); /* where there is room */
    assert_true(OPEN("drive if=virtio,file=b,index=2", "disk a", "drive file=c,media=cdrom,index=3",
                     "drive id=x,cache=none,file=disk,if=ide,readonly=on"));
    assert_named(config.disks[2], "b");
    assert_named(config.disks[0], "a");
    assert_named(config.ata_disks[3], "c");
    assert_named(config.ata_disks[0], "disk");
    assert_true(config.ata_disks[3]->is_cd);
    assert_true(config.ata_disks[0]->read_only && !config.ata_disks[0]->is_cd);
}

static void drives_stay_in_the_configuration_when_they_move(void **state)
{
    struct drives moved;
    uint8_t bytes[DISK_SECTOR] = {1};

    (void)state;
    assert_true(OPEN("hdb a", "overlay ", "disk b"));
    moved = drives;
    memset(&drives, 0xee, sizeof(drives));
    drives_place(&moved, &config);
    assert_named(config.ata_disks[1], "a");
    assert_named(config.disks[0], "b");
    assert_int_equal(disk_write(config.ata_disks[1], 0, bytes, sizeof(bytes)), 0);
    drives_close(&moved);
    drives = (struct drives){0};
}

static void drives_mistakes_are_named(void **state)
{
    (void)state;
    assert_false(OPEN("hda a", "hda b"));
    assert_said("--hda a is there already (primary master, index 0)");
    assert_false(OPEN("hdc a", "cdrom c"));
    assert_said("is there already (secondary master, index 2)");
    assert_false(OPEN("hda a", "hdb b", "hdc c", "hdd disk", "drive file=x"));
    assert_said("more than 4 ATA disks");
    assert_false(OPEN("drive index=0"));
    assert_said("file: there is none");
    assert_false(OPEN("drive file=a,format=qcow2"));
    assert_said("qemu-img convert -O raw");
    assert_false(OPEN("drive file=a,if=scsi"));
    assert_said("if=scsi: not one of virtio ide floppy");
    assert_false(OPEN("drive file=a,index=4"));
    assert_said("index=4: not a number from 0 to 3");
    assert_false(OPEN("drive file=a,media=tape"));
    assert_said("media=tape: not one of cdrom disk");
    assert_false(OPEN("drive file=a,if=virtio,media=cdrom"));
    assert_said("only if=ide has CDs");
    assert_false(OPEN("drive file=a,bus=0"));
    assert_said("bus: not one of file if format index");
    assert_false(OPEN("drive a"));
    assert_said("a: this needs a value");
    assert_false(OPEN("hda nothing"));
    assert_said("vmm: --hda nothing: can't open it: No such file or directory\n");
    assert_false(OPEN("hda empty"));
    assert_said("empty (truncate -s 1M FILE gives it a size)");
    assert_false(OPEN("cdrom ."));
    assert_said("--cdrom .: neither a file nor a block device");
    assert_false(OPEN("hda a", "hdb a"));
    assert_said("in use by another guest; give each guest a copy, or let each only read it: "
                "--drive file=FILE,readonly=on");
}

static void drives_odd_sizes_are_told(void **state)
{
    (void)state;
    make("odd", 513);
    make("track", 3 * 512);
    assert_true(OPEN("hda odd"));
    assert_said("vmm: --hda odd: its 513 bytes are not whole sectors of 512; the rest of the last "
                "one reads as zeros\n");
    assert_true(OPEN("hda track"));
    assert_string_equal(error, "");
    assert_true(OPEN("cdrom track"));
    assert_said("not whole sectors of 2048");
    assert_true(OPEN("disk odd"));
    assert_string_equal(error, "");
}

/* ---- overlays ---- */

static void overlay_keeps_writes_from_the_file(void **state)
{
    uint8_t bytes[20 * DISK_SECTOR], file[20 * DISK_SECTOR];
    const struct disk *over;

    (void)state;
    make("under", 20 * DISK_SECTOR);
    assert_true(OPEN("hda under"));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i / DISK_SECTOR + 1);
    memcpy(file, bytes, sizeof(file));
    assert_int_equal(disk_write(config.ata_disks[0], 0, bytes, sizeof(bytes)), 0);

    assert_true(OPEN("hda under", "overlay "));
    over = config.ata_disks[0];
    assert_int_equal(over->sectors, 20);
    assert_false(over->read_only);
    memset(bytes, 0xaa, sizeof(bytes));
    assert_int_equal(disk_write(over, 7, bytes, 2 * DISK_SECTOR), 0); /* over two blocks */
    assert_int_equal(disk_write(over, 19, bytes, DISK_SECTOR), 0);
    assert_int_equal(disk_flush(over), 0);
    assert_int_equal(disk_read(over, 0, bytes, sizeof(bytes)), 0);
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        unsigned sector = i / DISK_SECTOR;
        bool is_written = sector == 7 || sector == 8 || sector == 19;
        assert_int_equal(bytes[i], is_written ? 0xaa : sector + 1);
    }
    assert_int_equal(disk_read(over, 20, bytes, DISK_SECTOR), 0); /* zeros behind the end */
    assert_int_equal(bytes[0], 0);

    assert_true(OPEN("hda under"));
    assert_int_equal(disk_read(config.ata_disks[0], 0, bytes, sizeof(bytes)), 0);
    assert_memory_equal(bytes, file, sizeof(file));
}

static void overlay_holds_many_blocks(void **state)
{
    uint8_t sector[DISK_SECTOR];
    const struct disk *over;

    (void)state;
    make("large", INT64_C(1) << 40);
    assert_true(OPEN("drive file=large,snapshot=on"));
    over = config.ata_disks[0];
    for (uint64_t i = 0; i < 5000; i++) {
        memset(sector, (int)(i % 251), sizeof(sector));
        assert_int_equal(disk_write(over, i * i * 83, sector, sizeof(sector)), 0);
    }
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(disk_read(over, i * i * 83, sector, sizeof(sector)), 0);
        assert_int_equal(sector[0], i % 251);
        assert_int_equal(sector[DISK_SECTOR - 1], i % 251);
    }
    drives_close(&drives);
}

static void overlay_is_only_over_what_is_written(void **state)
{
    (void)state;
    drives_close(&drives);
    assert_true(OPEN("overlay ", "cdrom c", "drive file=a,readonly=on", "disk b"));
    assert_false(drives.drive[0].is_over);
    assert_false(drives.drive[1].is_over);
    assert_true(drives.drive[2].is_over);
    assert_true(config.ata_disks[0]->read_only);
    assert_true(OPEN("overlay ", "hda a", "hdb a")); /* each has its own */
    drives_close(&drives);
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory) || chdir(directory) < 0)
        return -1;
    make("disk", 4096);
    return 0;
}

static int remove_directory(void **state)
{
    char command[256];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk_options_follow_the_name),
        cmocka_unit_test(disk_comma_in_a_name_is_written_twice),
        cmocka_unit_test(disk_mistakes_are_named),
        cmocka_unit_test(disk_has_one_writer_or_many_readers),
        cmocka_unit_test(disk_size_is_rounded_up),
        cmocka_unit_test(disk_reads_zeros_behind_the_end),
        cmocka_unit_test(disk_name_may_be_long),
        cmocka_unit_test(drives_are_where_qemu_has_them),
        cmocka_unit_test(drives_stay_in_the_configuration_when_they_move),
        cmocka_unit_test(drives_mistakes_are_named),
        cmocka_unit_test(drives_odd_sizes_are_told),
        cmocka_unit_test(overlay_keeps_writes_from_the_file),
        cmocka_unit_test(overlay_holds_many_blocks),
        cmocka_unit_test(overlay_is_only_over_what_is_written),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
