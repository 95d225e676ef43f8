/*
 * vmm run on a host that fails: whole runs, each in a process of its own, in which the n-th call
 * for memory, a thread, a process or a descriptor fails, for every n; and runs under a storm of
 * signals, which interrupt whatever waits. A run does what it does else, or says in a sentence why
 * not.
 */
#include "cli/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- calls that fail: the linker leads them here (tests.mk, --wrap) ---- */

/* Shared with the processes that run. */
struct shared {
    atomic_long calls; /* that were made */
    atomic_long fails; /* which of them fails, from 1; 0: none */
};
static struct shared *shared;
static bool is_run; /* this is one of them */

static bool fails(int error)
{
    if (!is_run || atomic_fetch_add(&shared->calls, 1) + 1 != atomic_load(&shared->fails))
        return false;
    errno = error;
    return true;
}

#define WRAP(type, name, parameters, arguments, failure, error)    \
    type __real_##name parameters;                                 \
    type __wrap_##name parameters;                                 \
    type __wrap_##name parameters                                  \
    {                                                              \
        return fails(error) ? (failure) : __real_##name arguments; \
    }

WRAP(void *, malloc, (size_t size), (size), NULL, ENOMEM)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
WRAP(void *, realloc, (void *block, size_t size), (block, size), NULL, ENOMEM)
WRAP(char *, strdup, (const char *text), (text), NULL, ENOMEM)
WRAP(char *, realpath, (const char *path, char *to), (path, to), NULL, ENOMEM)
WRAP(FILE *, open_memstream, (char **text, size_t *size), (text, size), NULL, ENOMEM)
WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL, ENOMEM)
WRAP(int, eventfd, (unsigned value, int flags), (value, flags), -1, EMFILE)
WRAP(int, epoll_create1, (int flags), (flags), -1, EMFILE)
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
WRAP(int, socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds), -1, EMFILE)
WRAP(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1, EMFILE)
WRAP(pid_t, fork, (void), (), -1, EAGAIN)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument),
     (thread, attributes, run, argument), EAGAIN, EAGAIN)

/* ---- guests ---- */

/* Prints "ok" and powers off. */
static const uint8_t ok_guest[] = {0xba, 0xf8, 0x03, 0xb0, 'o',  0xee, 0xb0, 'k',  0xee, 0xb0,
                                   '\n', 0xee, 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef};

/* Spins for ever. */
static const uint8_t spin_guest[] = {0xeb, 0xfe};

/* Prints what is typed, up to a '.', then 'x' 40,000 times, and powers off. */
static const uint8_t echo_guest[] = {
    0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0xba, 0xf8, 0x03, 0xec, 0xee, 0x3c, 0x2e, 0x75,
    0xef, 0xb9, 0x40, 0x9c, 0xb0, 'x',  0xee, 0xe2, 0xfb, 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef};

#define FLOOD 40000

static void put_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* ---- a run ---- */

#define TIME_LIMIT 30 /* s, after which it hangs */
#define TEXT_MAX   100000

struct run {
    pid_t process;
    int in, out, err; /* pipes */
    char text[TEXT_MAX], errors[TEXT_MAX];
    size_t text_count, error_count;
};

static void ignore(int number)
{
    (void)number;
}

/* Begins `vmm run` with arguments that blanks separate, in a process of its own. */
static void begin(struct run *run, const char *arguments)
{
    int in[2], out[2], err[2];

    memset(run, 0, sizeof(*run));
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    fflush(NULL);
    run->process = fork();
    assert_true(run->process >= 0);
    if (run->process == 0) {
        static char text[1000];
        char *argv[64] = {"vmm"};
        int argc = 1, status;
        struct sigaction action = {.sa_handler = ignore}; /* without SA_RESTART */
        snprintf(text, sizeof(text), "%s", arguments);
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
            argv[argc++] = word;
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        close(in[1]);
        sigaction(SIGUSR1, &action, NULL);
        is_run = true;
        alarm(TIME_LIMIT);
        status = cmd_run(argc, argv);
        if (fflush(stdout) != 0)
            status = 77;
        is_run = false;
        exit(status); /* where the leak sanitizer looks */
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    run->in = in[1];
    run->out = out[0];
    run->err = err[0];
}

/* Takes some of what it has written; false at the end. */
static bool take(int *fd, char *to, size_t *count, size_t most)
{
    size_t room = TEXT_MAX - 1 - *count;
    ssize_t got = read(*fd, to + *count, room < most ? room : most);

    assert_true(got > 0 || room > 0);
    if (got > 0)
        *count += (size_t)got;
    if (got == 0) {
        close(*fd);
        *fd = -1;
    }
    return got > 0;
}

/* Takes all it writes, up to `most` bytes at a time, and waits for its end. Returns its status as
 * from a shell. `each` is called again and again meanwhile; NULL: nothing is. */
static int finish(struct run *run, size_t most, void (*each)(struct run *run))
{
    int status;

    while (run->out >= 0 || run->err >= 0) {
        struct pollfd fds[2] = {{.fd = run->out, .events = POLLIN},
                                {.fd = run->err, .events = POLLIN}};
        if (poll(fds, 2, each ? 0 : -1) > 0) {
            if (fds[0].revents)
                take(&run->out, run->text, &run->text_count, most);
            if (fds[1].revents)
                take(&run->err, run->errors, &run->error_count, most);
        }
        if (each)
            each(run);
    }
    if (run->in >= 0)
        close(run->in);
    while (waitpid(run->process, &status, each ? WNOHANG : 0) == 0)
        each(run);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- calls that fail ---- */

/* A run that asks its own monitor. */
static void ask_monitor(struct run *run)
{
    const char *text = "info status\nsnapshot later\nprint 1 + 1\nquit\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    char answer[4096];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        siginfo_t info = {0};
        waitid(P_PID, (id_t)run->process, &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid) { /* it could not begin */
            close(fd);
            return;
        }
        usleep(1000);
    }
    /* One whose answer was that there is no memory is asked again. */
    while (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        while (poll(&poll_fd, 1, 1000) > 0) {
            if (read(fd, answer, sizeof(answer)) <= 0) {
                close(fd);
                return;
            }
        }
        text = "quit\n";
    }
    close(fd);
}

/* Whether there is a line of ours in what it said, or on the screen that it recorded. */
static bool says_why(const struct run *run)
{
    char text[TEXT_MAX] = "";
    FILE *cast = fopen("cast", "r");
    size_t count = cast ? fread(text, 1, sizeof(text) - 1, cast) : 0;

    if (cast)
        fclose(cast);
    return strstr(run->errors, "vmm: ") || memmem(text, count, "vmm: ", 5);
}

/* Whether it has printed that; the lines of several guests come in any order. */
static bool is_text(const char *found, const char *wanted)
{
    bool is = strlen(found) == strlen(wanted);

    for (const char *end; is && (end = strchr(wanted, '\n')); wanted = end + 1)
        is = memmem(found, strlen(found), wanted, (size_t)(end + 1 - wanted));
    return is;
}

/* Runs it again and again, with another call that fails each time, until there are no more. */
static void fail_each_call(const char *arguments, int status, const char *text,
                           void (*meanwhile)(struct run *run))
{
    static struct run run;
    long calls = 1;

    for (long n = 0; n <= calls; n++) {
        int got;
        unlink("cast");
        atomic_store(&shared->calls, 0);
        atomic_store(&shared->fails, n);
        begin(&run, arguments);
        close(run.in);
        run.in = -1;
        if (meanwhile)
            meanwhile(&run);
        got = finish(&run, TEXT_MAX, NULL);
        if (n == 0)
            calls = atomic_load(&shared->calls);
        atomic_store(&shared->fails, 0);
        if (got == status && is_text(run.text, text))
            continue;
        if (n > 0 && (got == STATUS_USAGE || got == 4 || got == 130) && says_why(&run))
            continue;
        fail_msg("vmm run %s, call %ld of %ld fails: status %d, output '%s', errors '%s'",
                 arguments, n, calls, got, run.text, run.errors);
    }
    print_message("%s: %ld calls\n", arguments, calls);
}

static void one_guest_without_memory(void **state)
{
    (void)state;
    fail_each_call("--cpu soft -m 1 ok.bin", 0, "ok\n", NULL);
}

static void files_without_memory(void **state)
{
    (void)state;
    fail_each_call("--cpu soft -m 1 --disk disk --report report --record log --save saved "
                   "--trace irq,io --trace-file trace --strict ok.bin",
                   0, "ok\n", NULL);
}

static void a_snapshot_without_memory(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft -m 1 --timeout 1ms --clock virtual --save before spin.bin");
    close(run.in);
    run.in = -1;
    assert_int_equal(finish(&run, TEXT_MAX, NULL), 124);
    fail_each_call("--clock virtual --timeout 1ms --restore before --save saved", 124, "", NULL);
}

static void a_replay_without_memory(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft -m 1 --clock virtual --record typed ok.bin");
    close(run.in);
    run.in = -1;
    assert_int_equal(finish(&run, TEXT_MAX, NULL), 0);
    fail_each_call("--cpu soft -m 1 --clock virtual --replay typed ok.bin", 0, "ok\n", NULL);
}

static void many_guests_without_memory(void **state)
{
    (void)state;
    fail_each_call("--cpu soft -m 1 --plain --guests list ok.bin,name=a,report=r", 0,
                   "a: ok\nb: ok\n", NULL);
}

static void a_recorded_screen_without_memory(void **state)
{
    (void)state;
    fail_each_call("--cpu soft -m 1 --cast cast --exit ok.bin", 0, "", NULL);
}

static void a_monitor_without_memory(void **state)
{
    (void)state;
    fail_each_call("--cpu soft -m 1 --snapshot later --monitor unix:socket spin.bin", 130, "",
                   ask_monitor);
}

static void several_guests_with_a_monitor_without_memory(void **state)
{
    (void)state;
    fail_each_call("--cpu soft -m 1 --plain spin.bin,snapshot=later,monitor=unix:socket", 130, "",
                   ask_monitor);
}

/* ---- signals ---- */

/* One signal for each thread of a process, and of those that it has begun. */
static void disturb(pid_t process)
{
    char path[64];
    DIR *tasks;
    struct dirent *task;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    tasks = opendir(path);
    while (tasks && (task = readdir(tasks))) {
        pid_t thread = (pid_t)atol(task->d_name);
        FILE *children;
        int child;
        if (thread <= 0)
            continue;
        syscall(SYS_tgkill, process, thread, SIGUSR1);
        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)process, (int)thread);
        children = fopen(path, "r");
        while (children && fscanf(children, "%d", &child) == 1)
            disturb((pid_t)child);
        if (children)
            fclose(children);
    }
    if (tasks)
        closedir(tasks);
}

static bool catches(pid_t process)
{
    char path[64], line[200];
    unsigned long long caught = 0;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
    status = fopen(path, "r");
    while (status && fgets(line, sizeof(line), status))
        sscanf(line, "SigCgt: %llx", &caught);
    if (status)
        fclose(status);
    return caught >> (SIGUSR1 - 1) & 1;
}

static void storm(struct run *run)
{
    if (catches(run->process))
        disturb(run->process);
}

/* Types a byte now and then, while signals come. */
static void storm_and_type(struct run *run)
{
    static const char typed[] = "hello, world.";
    static unsigned at, turns;

    storm(run);
    if (run->in < 0 || ++turns % 20 != 0)
        return;
    if (write(run->in, &typed[at], 1) == 1 && typed[++at])
        return;
    close(run->in);
    run->in = -1;
    at = 0;
}

/* Whether it is what the guest prints of that. */
static bool is_echo(const char *text)
{
    static const char typed[] = "hello, world.";
    size_t length = strlen(typed);

    return strlen(text) == length + FLOOD && strncmp(text, typed, length) == 0 &&
           strspn(text + length, "x") == FLOOD;
}

static size_t size_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}

static void signals_lose_no_output(void **state)
{
    static struct run run;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < 3; i++) {
        unlink("report");
        begin(&run, "--cpu soft -m 1 --report report --record log --trace-file trace echo.bin");
        assert_int_equal(finish(&run, 500, storm_and_type), 0);
        assert_true(is_echo(run.text));
        assert_string_equal(run.errors, "");
        assert_true(size_of("report") > 500 && size_of("trace") > FLOOD);
    }
}

static void signals_lose_no_input(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft --clock virtual -m 1 echo.bin");
    assert_int_equal(finish(&run, 500, storm_and_type), 0);
    assert_true(is_echo(run.text));
}

/* The trace goes into a pipe that is read slowly. */
static void signals_lose_no_line_of_a_trace(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft --clock virtual -m 1 --trace io --report - ok.bin");
    assert_int_equal(finish(&run, 50, storm), 0);
    assert_non_null(strstr(run.text, "ok\n"));
    assert_non_null(strstr(run.text, "ram_hash"));
    assert_non_null(strstr(run.errors, "power-off"));
    assert_null(strstr(run.errors, "not complete"));
}

static void signals_harm_no_snapshot(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft -m 16 --timeout 200ms --save saved spin.bin");
    assert_int_equal(finish(&run, TEXT_MAX, storm), 124);
    begin(&run, "-m 16 --timeout 50ms --restore saved --save saved");
    assert_int_equal(finish(&run, TEXT_MAX, storm), 124);
}

static void signals_harm_no_guest_of_several(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft -m 1 --plain --guests list ok.bin,name=a,report=r");
    assert_int_equal(finish(&run, 1, storm), 0);
    assert_true(is_text(run.text, "a: ok\nb: ok\n"));
}

static void signals_harm_no_monitor(void **state)
{
    static struct run run;

    (void)state;
    begin(&run, "--cpu soft -m 1 --snapshot later --monitor unix:socket spin.bin");
    for (unsigned i = 0; i < 200; i++)
        storm(&run);
    ask_monitor(&run);
    assert_int_equal(finish(&run, TEXT_MAX, storm), 130);
    assert_true(size_of("later") > 0);
}

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_guest_without_memory),
        cmocka_unit_test(files_without_memory),
        cmocka_unit_test(a_snapshot_without_memory),
        cmocka_unit_test(a_replay_without_memory),
        cmocka_unit_test(many_guests_without_memory),
        cmocka_unit_test(a_recorded_screen_without_memory),
        cmocka_unit_test(a_monitor_without_memory),
        cmocka_unit_test(several_guests_with_a_monitor_without_memory),
        cmocka_unit_test(signals_lose_no_output),
        cmocka_unit_test(signals_lose_no_input),
        cmocka_unit_test(signals_lose_no_line_of_a_trace),
        cmocka_unit_test(signals_harm_no_snapshot),
        cmocka_unit_test(signals_harm_no_guest_of_several),
        cmocka_unit_test(signals_harm_no_monitor),
    };
    char directory[] = "/tmp/vmm-failures-XXXXXX", command[64];
    int failed;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !mkdtemp(directory) || chdir(directory) < 0)
        return 1;
    put_file("ok.bin", ok_guest, sizeof(ok_guest));
    put_file("spin.bin", spin_guest, sizeof(spin_guest));
    put_file("echo.bin", echo_guest, sizeof(echo_guest));
    put_file("disk", (char[512]){0}, 512);
    put_file("list", "ok.bin name=b\n", 14);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command) == 0 ? failed : 1;
}
