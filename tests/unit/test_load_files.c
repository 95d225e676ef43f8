/*
 * Tests of images and Multiboot modules as files (vmm/load/image).
 */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64], path[96], second_path[96];

static void make_file(char *name, size_t name_size, const char *leaf, const void *bytes,
                      size_t size)
{
    FILE *stream;

    if (!directory[0]) {
        snprintf(directory, sizeof(directory), "/tmp/test_load.XXXXXX");
        assert_non_null(mkdtemp(directory));
    }
    snprintf(name, name_size, "%s/%s", directory, leaf);
    stream = fopen(name, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static int load_path(const struct image_request *request)
{
    struct image_request from_files = *request;
    int result;

    from_files.read = image_file_read;
    memset(block, FILL, RAM + 2 * GUARD);
    memset(message, 0, sizeof(message));
    result = image_load(&from_files, &ram, &image, message, sizeof(message));
    if (result < 0)
        check_refusal();
    else
        check_success();
    return result;
}

static int remove_files(void **state)
{
    if (path[0])
        unlink(path);
    if (second_path[0])
        unlink(second_path);
    if (directory[0])
        rmdir(directory);
    directory[0] = path[0] = second_path[0] = 0;
    return tear_down(state);
}

static void a_file_is_loaded(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    make_file(path, sizeof(path), "os.elf", file, size);
    assert_int_equal(load_path(&(struct image_request){.path = path}), 0);
    assert_memory_equal(ram.base + KERNEL, file + BODY, 0x300);
}

static void files_that_can_not_be_read_are_explained(void **state)
{
    (void)state;
    assert_int_equal(load_path(&(struct image_request){.path = "/no/such/os.elf"}), -1);
    assert_message("/no/such/os.elf: no such file");
    assert_int_equal(load_path(&(struct image_request){.path = "/tmp"}), -1);
    assert_message("is a directory");
    assert_int_equal(load_path(&(struct image_request){.path = "/dev/null"}), -1);
    assert_message("is empty");
    assert_int_equal(load_path(&(struct image_request){.path = "/dev/zero"}), -1);
    assert_message("larger than 64 MiB");
    assert_int_equal(load_path(&(struct image_request){.path = ""}), -1);
    assert_int_equal(load_path(&(struct image_request){.path = "/dev/null/x"}), -1);
    assert_message("can't be read: ");
}

static void a_huge_file_is_refused_without_reading_it(void **state)
{
    (void)state;
    make_file(path, sizeof(path), "huge", "", 0);
    assert_int_equal(truncate(path, INT64_C(1) << 40), 0);
    assert_int_equal(load_path(&(struct image_request){.path = path}), -1);
    assert_message("-m");
}

static void on_alarm(int number)
{
    (void)number;
}

/* Writes `size` bytes of `bytes` to `fd` in pieces of odd sizes, with pauses. */
static void write_in_pieces(int fd, const uint8_t *bytes, size_t size)
{
    for (size_t done = 0, piece = 1; done < size; piece = piece * 2 + 1) {
        size_t length = piece < size - done ? piece : size - done;
        ssize_t written = write(fd, bytes + done, length);

        if (written < 0)
            _exit(1);
        done += (size_t)written;
        usleep(2000);
    }
    _exit(0);
}

static void a_pipe_is_read_to_its_end_in_spite_of_short_reads_and_signals(void **state)
{
    size_t size = 0x30001;
    uint8_t *bytes = malloc(size);
    struct sigaction action = {.sa_handler = on_alarm}, old; /* no SA_RESTART */
    struct itimerval often = {{0, 1500}, {0, 1500}}, never = {{0, 0}, {0, 0}};
    int ends[2], status;
    char name[32];
    pid_t child;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = BODY_BYTE(i);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_in_pieces(ends[1], bytes, size);
    }
    close(ends[1]);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &often, NULL);
    status = load_path(&(struct image_request){.path = name, .mode = IMAGE_PM32});
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    assert_int_equal(status, 0);
    assert_int_equal(image.highest - image.lowest, size);
    assert_memory_equal(ram.base + KERNEL, bytes, size);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_int_equal(status, 0);
    close(ends[0]);
    free(bytes);
}

static void hostile_names_stay_one_line_and_short(void **state)
{
    char name[1000];

    (void)state;
    refused_with(&(struct image_request){.path = "a\nb\033[2J"}, "", 0, "a?b?[2J: is empty");
    memset(name, 'n', sizeof(name));
    memcpy(name + sizeof(name) - 5, "tail", 5);
    refused_with(&(struct image_request){.path = name}, "", 0, "nntail: is empty");
    assert_memory_equal(message, "...n", 4);
}

static void a_small_error_buffer_is_not_overrun(void **state)
{
    struct image_request request = {.path = "a"};
    char small[4] = "xyz";

    (void)state;
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, small, 0), -1);
    assert_string_equal(small, "xyz");
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, small, 1), -1);
    assert_string_equal(small, "");
    assert_int_equal(small[1], 'y');
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, small, sizeof(small)), -1);
    assert_string_equal(small, "a: ");
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, NULL, 0), -1);
}

static void multiboot_modules_follow_the_image_on_pages_of_their_own(void **state)
{
    static uint8_t first[0x1001];
    struct image_module modules[3];
    struct image_request request = {.path = "k", .modules = modules, .module_count = 3};
    uint32_t table;

    (void)state;
    memset(first, 0x5a, sizeof(first));
    make_file(path, sizeof(path), "disk.tar", first, sizeof(first));
    make_file(second_path, sizeof(second_path), "empty", "", 0);
    modules[0] = (struct image_module){path, NULL};
    modules[1] = (struct image_module){second_path, "with nothing"};
    modules[2] = (struct image_module){path, "again"};
    if (load_with(&request, file, make_multiboot_elf(1)) < 0)
        fail_msg("%s", message);

    assert_int_equal(guest32(image.ebx + 20), 3);
    table = guest32(image.ebx + 24);
    assert_int_equal(guest32(table), 0x101000);
    assert_int_equal(guest32(table + 4), 0x102001);
    assert_string_equal(guest_string(guest32(table + 8)), path);
    assert_int_equal(guest32(table + 12), 0);
    assert_int_equal(guest32(table + 16), 0x103000);
    assert_int_equal(guest32(table + 20), 0x103000);
    assert_non_null(strstr(guest_string(guest32(table + 24)), "/empty with nothing"));
    assert_int_equal(guest32(table + 32), 0x103000);
    assert_int_equal(guest32(table + 36), 0x104001);
    assert_non_null(strstr(guest_string(guest32(table + 40)), "/disk.tar again"));
    assert_true(guest_all(0x101000, 0x1001, 0x5a));
    assert_true(guest_all(0x102001, 0xfff, FILL));
    assert_true(guest_all(0x103000, 0x1001, 0x5a));
    assert_true(guest_all(0x104001, RAM - 0x104001, FILL));
    assert_int_equal(image.highest, KERNEL + 0x500);
}

static void multiboot_modules_of_a_low_image_are_above_1_mib(void **state)
{
    struct image_module module = {path, NULL};
    struct image_request request = {.path = "k", .modules = &module, .module_count = 1};
    size_t size;

    (void)state;
    make_file(path, sizeof(path), "m", "module", 6);
    size = make_multiboot_elf(0);
    put(PH(0, p_paddr), 4, 0x8000);
    assert_int_equal(load_with(&request, file, size), 0);
    assert_int_equal(guest32(guest32(image.ebx + 24)), 0x100000);
    assert_memory_equal(ram.base + 0x100000, "module", 6);
}

static void multiboot_modules_that_do_not_fit_or_exist_are_refused(void **state)
{
    static uint8_t large[RAM - KERNEL - 0x1000 + 1];
    struct image_module module = {path, NULL};
    struct image_request request = {.path = "k", .modules = &module, .module_count = 1};

    (void)state;
    make_file(path, sizeof(path), "m", large, sizeof(large));
    refused_with(&request, file, make_multiboot_elf(0),
                 "module 0 (0x3f001 bytes) ends at 0x140001");
    make_file(path, sizeof(path), "m", large, sizeof(large) - 1);
    assert_int_equal(load_with(&request, file, make_multiboot_elf(0)), 0);
    unlink(path);
    refused_with(&request, file, make_multiboot_elf(0), "no such file");
    assert_memory_equal(message, "k: module 0, /tmp/", 18);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, remove_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_loaded),
        TEST(files_that_can_not_be_read_are_explained),
        TEST(a_huge_file_is_refused_without_reading_it),
        TEST(a_pipe_is_read_to_its_end_in_spite_of_short_reads_and_signals),
        TEST(hostile_names_stay_one_line_and_short),
        TEST(a_small_error_buffer_is_not_overrun),
        TEST(multiboot_modules_follow_the_image_on_pages_of_their_own),
        TEST(multiboot_modules_of_a_low_image_are_above_1_mib),
        TEST(multiboot_modules_that_do_not_fit_or_exist_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
