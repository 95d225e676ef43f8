/*
 * Two filters of Linux: seccomp for system calls (Documentation/userspace-api/seccomp_filter.rst)
 * and Landlock for files (.../landlock.rst). A system call that is not on the list ends the process
 * with a message. Landlock's rules are of whole directory trees, and of a file only as long as no
 * other takes its place: so no rule is for the user's files, which the opener opens.
 */
#include "sandbox.h"

#include "console/terminal.h"
#include "opener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
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

/* Sanitizers need more calls. */
#if defined(ARCHITECTURE) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

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
    SYS_faccessat,
    SYS_readlinkat,
    SYS_umask,
    SYS_getcwd,
    SYS_ppoll,
    SYS_eventfd2,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_accept4, /* at a monitor's socket; that and the opener's are all there can be */
    SYS_recvmsg, /* what the opener has opened */
    SYS_wait4,   /* for its end */
#ifdef SYS_open  /* the older names of x86 */
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
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

static bool has_seccomp(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT;
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

/* 0 or -errno. */
static int filter_calls(void)
{
    struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};
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
    sigaction(SIGSYS, &action, NULL);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0 ? -errno : 0;
}

#else

static bool has_seccomp(void)
{
    return false;
}

static int filter_calls(void)
{
    return 0;
}

#endif

/* ---- files ---- */

#if defined(SYS_landlock_create_ruleset) && defined(LANDLOCK_ACCESS_FS_EXECUTE)

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OPENING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* Of the first version of Landlock: all that reads, changes or runs a file. */
#define HANDLED                                                                                   \
    (READING | OPENING | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_FILE |            \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |  \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Allows something at a file, or at all below a directory. What is not there needs no rule. */
static void allow(int ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

/* What the C library and this program read of the system, and what the opener can't open for us,
 * none of it a directory. All other files are out of reach. 0 or -errno. */
static int filter_files(const struct named_file *files, size_t count)
{
    static const char *const system[] = {"/proc", "/sys/devices/system/cpu", "/usr/lib/locale",
                                         "/usr/lib/gconv"};
    struct landlock_ruleset_attr handled = {.handled_access_fs = HANDLED};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    int error = 0;

    if (ruleset < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
        allow(ruleset, system[i], READING);
    allow(ruleset, "/dev/kvm", OPENING);
    for (size_t i = 0; i < count; i++) {
        if (files[i].is_own)
            allow(ruleset, files[i].path,
                  files[i].use == FILE_READ ? LANDLOCK_ACCESS_FS_READ_FILE
                                            : LANDLOCK_ACCESS_FS_WRITE_FILE);
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        error = -errno;
    close(ruleset);
    return error;
}

#else

static bool has_landlock(void)
{
    return false;
}

static int filter_files(const struct named_file *files, size_t count)
{
    (void)files;
    (void)count;
    return 0;
}

#endif

/* ---- both ---- */

/* Of this process. */
static struct sandbox in_force;
static struct named_file *named; /* the opener's */
static size_t named_count;

struct sandbox sandbox_offered(void)
{
    return (struct sandbox){.calls = has_seccomp(), .files = has_landlock()};
}

struct sandbox sandbox_in_force(void)
{
    return in_force;
}

static bool name_file(const char *path, enum file_request use)
{
    char *copy = strdup(path);

    if (copy)
        named[named_count++] = (struct named_file){.path = copy, .use = use};
    return copy;
}

/* All files that these guests' options name, and `cast`. False: no memory. */
static bool name_files(const struct options *options, size_t guests, const char *cast,
                       const char *socket)
{
    bool ok = (named = calloc(guests * OPTIONS_FILES + 2, sizeof(*named)));

    for (size_t i = 0; ok && i < guests; i++) {
        struct option_file files[OPTIONS_FILES];
        size_t count = options_files(&options[i], files);
        for (size_t j = 0; ok && j < count; j++)
            ok = name_file(files[j].path, files[j].use);
    }
    return ok && (!cast || name_file(cast, FILE_WRITE)) &&
           (!socket || name_file(socket, FILE_REMOVE));
}

int sandbox_enter(const struct options *options, size_t guests, const char *cast,
                  const char *socket, char *error, size_t error_size)
{
    struct sandbox offered = sandbox_offered();
    int failure;

    failure =
        name_files(options, guests, cast, socket) ? opener_start(named, named_count) : -ENOMEM;
    if (failure == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        failure = -errno; /* without it neither filter is allowed */
    if (failure == 0 && offered.files)
        failure = filter_files(named, named_count);
    if (failure == 0 && offered.calls)
        failure = filter_calls();
    if (failure == 0) {
        in_force = offered;
        return 0;
    }
    snprintf(error, error_size, "can't enter the sandbox: %s (--no-sandbox runs without)",
             strerror(-failure));
    return -1;
}

void sandbox_end(void)
{
    opener_stop();
    while (named_count > 0)
        free((char *)named[--named_count].path);
    free(named);
    named = NULL;
}
