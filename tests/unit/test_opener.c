/*
 * The process that opens files for another: what it does for the names it was given, and that it
 * does nothing else, whatever comes over its socket.
 */
#include "host/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/vmm-opener-XXXXXX";

static struct named_file files[] = {
    {.path = "read", .use = FILE_READ},   {.path = "written", .use = FILE_WRITE},
    {.path = "draft", .use = FILE_DRAFT}, {.path = "both", .use = FILE_READ},
    {.path = "both", .use = FILE_DRAFT},  {.path = "socket", .use = FILE_REMOVE},
    {.path = "file", .use = FILE_REMOVE}, {.path = "pipe", .use = FILE_READ},
};
#define FILES (sizeof(files) / sizeof(files[0]))

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void holds(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_true(fgets(found, sizeof(found), file) || !*text);
    fclose(file);
    assert_string_equal(found, text);
}

static int begin(void **state)
{
    (void)state;
    if (chdir(directory) < 0)
        return -1;
    put("read", "what is read");
    put("draft", "old");
    put("both", "old");
    put("file", "a file");
    put("other", "not named");
    unlink("pipe");
    unlink("written");
    if (mkfifo("pipe", 0600) < 0)
        return -1;
    return opener_start(files, FILES);
}

static int end(void **state)
{
    (void)state;
    opener_stop();
    return 0;
}

static void what_was_named_is_opened(void **state)
{
    FILE *file = file_stream("read", FILE_READ);
    char text[16] = "";

    (void)state;
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    assert_string_equal(text, "what is read");
    assert_int_equal(fcntl(fileno(file), F_GETFD), FD_CLOEXEC);
    fclose(file);
    file = file_stream("written", FILE_WRITE);
    assert_non_null(file);
    fputs("new", file);
    fclose(file);
    holds("written", "new");
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    unlink("read");
    assert_int_equal(file_do("read", FILE_READ), -ENOENT);
}

static void what_was_not_named_is_not_written(void **state)
{
    (void)state;
    assert_int_equal(file_do("other", FILE_WRITE), -EACCES);
    assert_int_equal(file_do("other", FILE_DRAFT), -EACCES);
    assert_int_equal(file_do("other", FILE_REMOVE), -EACCES);
    assert_int_equal(file_do("read", FILE_WRITE), -EACCES);
    assert_int_equal(file_do("read", FILE_DRAFT), -EACCES);
    assert_int_equal(file_do("written", FILE_DRAFT), -EACCES);
    assert_int_equal(file_do("draft", FILE_WRITE), -EACCES);
    assert_int_equal(file_do("./written", FILE_WRITE), -EACCES);
    holds("other", "not named");
    holds("draft", "old");
}

static void a_draft_takes_the_place_of_the_file_when_it_is_kept(void **state)
{
    FILE *file;

    (void)state;
    chmod("draft", 0640);
    file = file_stream("draft", FILE_DRAFT);
    assert_non_null(file);
    fputs("new", file);
    fclose(file);
    holds("draft", "old");
    assert_int_equal(file_do("draft", FILE_KEEP), 0);
    holds("draft", "new");
    assert_int_equal(file_do("draft", FILE_KEEP), -ENOENT);
}

/* How many files there are. */
static unsigned count_files(void)
{
    unsigned count = 0;
    FILE *list = popen("ls", "r");
    char line[200];

    while (fgets(line, sizeof(line), list))
        count++;
    pclose(list);
    return count;
}

static void nothing_is_left_of_drafts_that_are_not_kept(void **state)
{
    unsigned before = count_files();
    int fd = file_do("draft", FILE_DRAFT);

    (void)state;
    assert_true(fd > 0);
    close(fd);
    assert_int_equal(count_files(), before + 1);
    assert_int_equal(file_do("draft", FILE_DROP), 0);
    assert_int_equal(count_files(), before);
    close(file_do("draft", FILE_DRAFT));
    close(file_do("both", FILE_DRAFT));
    assert_int_equal(count_files(), before + 2);
    opener_stop();
    assert_int_equal(count_files(), before);
    holds("draft", "old");
}

static void only_sockets_are_removed(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(file_do("socket", FILE_REMOVE), 0);
    assert_int_equal(access("socket", F_OK), -1);
    assert_int_equal(file_do("file", FILE_REMOVE), -EACCES);
    holds("file", "a file");
}

/* Opening it waits for its other end: the opener has others to serve. */
static void a_pipe_is_left_to_who_asks(void **state)
{
    int other = open("pipe", O_RDWR), fd;

    (void)state;
    fd = file_do("pipe", FILE_READ);
    assert_true(fd > 0);
    close(fd);
    close(other);
    unlink("read");
    assert_int_equal(mkfifo("read", 0600), 0);
    assert_int_equal(file_do("read", FILE_READ), -EACCES);
    unlink("read");
}

/* The answer to bytes sent over the socket by hand; a descriptor is closed. */
static int32_t ask(int socket, const void *bytes, size_t size)
{
    int32_t result = 1;

    assert_int_equal(write(socket, bytes, size), (ssize_t)size);
    assert_int_equal(recv(socket, &result, sizeof(result), 0), sizeof(result));
    return result;
}

static void forged_requests_are_refused(void **state)
{
    struct {
        uint64_t file, what;
    } request = {0};
    struct stat status;
    int socket = 3, type = 0;
    socklen_t size = sizeof(type);

    (void)state;
    while (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
        assert_true(++socket < 100);
    for (request.file = 0; request.file < FILES; request.file++) {
        for (request.what = 0; request.what < 1000; request.what++) {
            enum file_request use = files[request.file].use;
            bool fits =
                request.what == use ||
                (use == FILE_DRAFT && (request.what == FILE_KEEP || request.what == FILE_DROP));
            if (!fits)
                assert_int_equal(ask(socket, &request, sizeof(request)), -EACCES);
        }
    }
    for (unsigned bit = 3; bit < 64; bit++) {
        request.file = UINT64_C(1) << bit;
        request.what = FILE_WRITE;
        assert_int_equal(ask(socket, &request, sizeof(request)), -EACCES);
        request.file = 0;
        request.what = UINT64_C(1) << bit;
        assert_int_equal(ask(socket, &request, sizeof(request)), -EACCES);
    }
    assert_int_equal(ask(socket, &request, 1), -EACCES);
    assert_int_equal(ask(socket, (char[64]){0}, 64), -EACCES);
    assert_int_equal(stat("written", &status), -1);
    holds("read", "what is read");
    what_was_named_is_opened(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_named_is_opened, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_said, begin, end),
        cmocka_unit_test_setup_teardown(what_was_not_named_is_not_written, begin, end),
        cmocka_unit_test_setup_teardown(a_draft_takes_the_place_of_the_file_when_it_is_kept, begin,
                                        end),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_drafts_that_are_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(only_sockets_are_removed, begin, end),
        cmocka_unit_test_setup_teardown(a_pipe_is_left_to_who_asks, begin, end),
        cmocka_unit_test_setup_teardown(forged_requests_are_refused, begin, end),
    };
    char command[64];
    int failed;

    if (!mkdtemp(directory))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command) == 0 ? failed : 1;
}
