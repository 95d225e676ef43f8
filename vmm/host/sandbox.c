/*
 * Two filters of Linux: seccomp for system calls (Documentation/userspace-api/seccomp_filter.rst)
 * and Landlock for files (.../landlock.rst). A system call that is not on the list ends the process
 * with a message; a file that is not, can't be opened.
 */
#include "sandbox.h"

#include "console/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif

#define STATUS_SANDBOX 4 /* as where a CPU engine fails: the VMM can't go on */

/* ---- system calls ---- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* What the VMM and its C library use. Those that an architecture does not have are left out. */
static const int allowed[] = {
    /* threads, time, signals */
    SYS_futex,
    SYS_rseq,
    SYS_set_robust_list,
    SYS_gettid,
    SYS_getpid,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
    SYS_restart_syscall,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_timer_create,
    SYS_timer_settime,
    SYS_timer_gettime,
    SYS_timer_getoverrun,
    SYS_timer_delete,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_signalfd4,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_getrandom,
    SYS_sysinfo,
    SYS_uname,
    /* memory */
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_mincore,
    SYS_brk,
    SYS_membarrier,
    /* files */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_openat,
    SYS_close,
    SYS_newfstatat,
    SYS_fstat,
    SYS_statx,
    SYS_lseek,
    SYS_fcntl,
    SYS_dup,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_flock,
    SYS_fsync,
    SYS_fdatasync,
    SYS_renameat,
    SYS_renameat2,
    SYS_unlinkat,
    SYS_faccessat,
    SYS_readlinkat,
    SYS_fchmod,
    SYS_fchown,
    SYS_umask,
    SYS_getcwd,
    SYS_ppoll,
    SYS_eventfd2,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_accept4, /* at a monitor's socket, the only one there can be */
#ifdef SYS_open  /* the older names of x86 */
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_rename,
    SYS_unlink,
    SYS_poll,
    SYS_epoll_wait,
    SYS_time,
#endif
};

/* clone for a thread is allowed, and ioctl but for the one that types on a terminal; clone3 is said
 * not to exist, as its flags can't be seen: the C library then takes clone. */
#define ALLOWED      (sizeof(allowed) / sizeof(allowed[0]))
#define INSTRUCTIONS (2 * ALLOWED + 20)

static unsigned short add(struct sock_filter *program, unsigned short count, unsigned code,
                          unsigned value, unsigned char yes, unsigned char no)
{
    program[count] = (struct sock_filter){(unsigned short)code, yes, no, value};
    return (unsigned short)(count + 1);
}

#define LOAD(member) BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member), 0, 0
#define IF_EQUAL     BPF_JMP | BPF_JEQ | BPF_K
#define RETURN       BPF_RET | BPF_K

static void filter_calls(void)
{
#ifdef ARCHITECTURE
    struct sock_filter program[INSTRUCTIONS];
    struct sock_fprog filter = {.filter = program};
    unsigned short n = 0;

    n = add(program, n, LOAD(arch));
    n = add(program, n, IF_EQUAL, ARCHITECTURE, 1, 0);
    n = add(program, n, RETURN, SECCOMP_RET_KILL_PROCESS, 0, 0);
    n = add(program, n, LOAD(nr));
    for (size_t i = 0; i < ALLOWED; i++) {
        n = add(program, n, IF_EQUAL, (unsigned)allowed[i], 0, 1);
        n = add(program, n, RETURN, SECCOMP_RET_ALLOW, 0, 0);
    }
    n = add(program, n, IF_EQUAL, SYS_clone3, 0, 1);
    n = add(program, n, RETURN, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
    n = add(program, n, IF_EQUAL, SYS_clone, 0, 4);
    n = add(program, n, LOAD(args[0]));
    n = add(program, n, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    n = add(program, n, RETURN, SECCOMP_RET_ALLOW, 0, 0);
    n = add(program, n, RETURN, SECCOMP_RET_TRAP, 0, 0);
    n = add(program, n, IF_EQUAL, SYS_ioctl, 0, 3);
    n = add(program, n, LOAD(args[1]));
    n = add(program, n, IF_EQUAL, TIOCSTI, 1, 0);
    n = add(program, n, RETURN, SECCOMP_RET_ALLOW, 0, 0);
    n = add(program, n, RETURN, SECCOMP_RET_TRAP, 0, 0);
    filter.len = n;
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0); /* or it is not there */
#endif
}

static void on_forbidden(int number, siginfo_t *info, void *context)
{
    static const char text[] = "vmm: the sandbox has stopped system call ";
    char digits[96];
    size_t length = sizeof(text) - 1, at = sizeof(digits);
    unsigned call = (unsigned)info->si_syscall;
    static const char rest[] = "; with --no-sandbox it would be allowed\n";

    (void)number;
    (void)context;
    terminal_leave();
    memcpy(digits, text, length); /* by hand: nothing else is safe in a signal's handler */
    at = length + (call >= 100) + (call >= 10) + 1;
    for (size_t i = at; i-- > length; call /= 10)
        digits[i] = (char)('0' + call % 10);
    memcpy(digits + at, rest, sizeof(rest) - 1);
    if (write(STDERR_FILENO, digits, at + sizeof(rest) - 1) >= 0)
        _exit(STATUS_SANDBOX);
    _exit(STATUS_SANDBOX);
}

/* ---- files ---- */

#if defined(SYS_landlock_create_ruleset) && defined(LANDLOCK_ACCESS_FS_EXECUTE)

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Of the first version of Landlock: all that changes or runs a file. */
#define WRITING \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define HANDLED                                                                                  \
    (READING | WRITING | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |            \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* A file or directory, and what may be done there. */
struct place {
    char *path;
    uint64_t access;
};

struct places {
    struct place *all;
    size_t count, size;
};

/* Notes a place; takes the path, which may be NULL. */
static void add_place(struct places *places, char *path, uint64_t access)
{
    for (size_t i = 0; path && i < places->count; i++) {
        if (places->all[i].access == access && strcmp(places->all[i].path, path) == 0) {
            free(path);
            return;
        }
    }
    if (path && places->count == places->size) {
        size_t size = 2 * places->size + 16;
        struct place *grown = realloc(places->all, size * sizeof(*grown));
        if (!grown) {
            free(path);
            return;
        }
        places->all = grown;
        places->size = size;
    }
    if (path)
        places->all[places->count++] = (struct place){path, access};
}

#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

/* The directory of a path. */
static void add_directory(struct places *places, const char *path, uint64_t access)
{
    char *real = realpath(path, NULL); /* NULL: it is not there yet */
    char *slash;

    if (!real)
        real = strdup(path);
    slash = real ? strrchr(real, '/') : NULL;
    if (slash) {
        slash[slash == real] = '\0';
        add_place(places, real, access);
    } else {
        free(real);
        add_place(places, strdup("."), access);
    }
}

/* The directory where a file is or will be: a new file may take its place, under its name. A device
 * stays what it is, and its directory has others. */
static void add_beside(struct places *places, const char *path, uint64_t access)
{
    struct stat status;

    if (!path || strcmp(path, "-") == 0)
        return;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        add_place(places, strdup(path), access & OF_FILES);
        return;
    }
    add_directory(places, path, access);
}

static void list_places(struct places *places, const struct options *options, size_t count,
                        const char *written)
{
    static const char *const system[] = {"/proc", "/sys/devices/system/cpu", "/usr/lib/locale",
                                         "/usr/lib/gconv"};

    for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
        add_place(places, strdup(system[i]), READING);
    add_place(places, strdup("/dev/kvm"), OF_FILES);
    add_beside(places, written, READING | WRITING);
    for (size_t i = 0; i < count; i++) {
        add_beside(places, options[i].config.image.path, READING);
        add_beside(places, options[i].restore, READING);
        add_beside(places, options[i].replay, READING);
        add_beside(places, options[i].save, READING | WRITING);
        add_beside(places, options[i].report, READING | WRITING);
        add_beside(places, options[i].record, READING | WRITING);
        if (options[i].monitor)
            add_directory(places, monitor_socket_path(options[i].monitor),
                          LANDLOCK_ACCESS_FS_REMOVE_FILE);
        for (unsigned j = 0; j < options[i].config.image.module_count; j++)
            add_beside(places, options[i].modules[j].path, READING);
    }
}

static void add_rule(int ruleset, const struct place *place)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = place->access};

    rule.parent_fd = open(place->path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

struct trial {
    int ruleset;
    const struct places *places;
    bool works;
};

/* On a thread of its own, which alone is held by the rules: whether each directory can be opened.
 */
static void *try_rules(void *argument)
{
    struct trial *trial = argument;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, trial->ruleset, 0) < 0)
        return NULL;
    trial->works = true;
    for (size_t i = 0; i < trial->places->count; i++) {
        int fd = open(trial->places->all[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            close(fd);
        else
            trial->works = trial->works && errno != EACCES;
    }
    return NULL;
}

/* Rules hold to what a directory is to the kernel, and a file system that makes that up anew each
 * time (9p, for one) can't have any: so they are tried. */
static bool rules_work(int ruleset, const struct places *places)
{
    struct trial trial = {.ruleset = ruleset, .places = places};
    pthread_t thread;

    if (pthread_create(&thread, NULL, try_rules, &trial) != 0)
        return false;
    pthread_join(thread, NULL);
    return trial.works;
}

static void filter_files(const struct options *options, size_t count, const char *written)
{
    struct landlock_ruleset_attr handled = {.handled_access_fs = HANDLED};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    struct places places = {0};

    if (ruleset < 0)
        return;
    list_places(&places, options, count, written);
    for (size_t i = 0; i < places.count; i++)
        add_rule(ruleset, &places.all[i]);
    if (rules_work(ruleset, &places))
        syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
    for (size_t i = 0; i < places.count; i++)
        free(places.all[i].path);
    free(places.all);
}

#else

static void filter_files(const struct options *options, size_t count, const char *written)
{
    (void)options;
    (void)count;
    (void)written;
}

#endif

void sandbox_enter(const struct options *options, size_t count, const char *written)
{
    struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return; /* without it neither filter is allowed */
    filter_files(options, count, written);
    sigaction(SIGSYS, &action, NULL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they need more calls */
    filter_calls();
#else
    (void)filter_calls;
#endif
}
