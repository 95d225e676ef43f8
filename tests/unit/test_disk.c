/*
 * Tests of the disks (vmm/base/disk): the option that names them, their size, their lock.
 */
#include "os/disk_file.h"

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

/* Opens an option with the test's directory in front of it. */
static int try(struct disk_file *to, const char *words)
{
    snprintf(option, sizeof(option), "%s/%s", directory, words);
    error[0] = '\0';
    return disk_file_open(to, option, error, sizeof(error));
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
    assert_int_equal(disk_file_open(&disk, option, error, sizeof(error)), -1);
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

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
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
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
