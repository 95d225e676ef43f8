/*
 * The lab's first process: boots nothing but what one command needs.
 *
 * It loads the kernel modules, makes the host's file tree the root (read over virtio-9p, written to
 * memory only, except build/), runs the command that the host asked for, carries its standard
 * streams over virtio-serial, and leaves its exit status in build/lab/RUN/status.
 * The file "request" beside it says what to run; write_request() in `lab` is the other side.
 *
 * Bochs has no virtio: there the initrd brings the request and a copy of the files, and output and
 * status go over serial ports.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define NINEP           "trans=virtio,version=9p2000.L,msize=262144,"
#define DEBUG_EXIT_PORT 0x501      /* QEMU's isa-debug-exit: a write ends QEMU at once */
#define SHUTDOWN_PORT   0x8900     /* Bochs ends at "Shutdown", letter by letter */
#define SHIPPED_REQUEST "/request" /* the request on Bochs */
#define EXEC_FAILED     127

/* What the host asks for: strings, each ended by NUL, in this order; see write_request() in lab. */
struct request {
    char *text;      /* owns the bytes that all the others point to */
    char *build_dir; /* where build/ is on the host */
    char *cwd;
    char *ttys; /* which of the command's descriptors are the terminal: "", "0", "01", "012" */
    struct winsize size;
    char **argv;
    char **env;
};

/* One direction of one stream: a thread copies until the source ends. */
struct pump {
    pthread_t thread;
    int from, to;
    bool close_to; /* at the end close the target; if not, wait until it has taken the last byte */
    bool running;
};

static void leave(void)
{
    sync();
    if (ioperm(DEBUG_EXIT_PORT, 1, 1) == 0)
        outb(0, DEBUG_EXIT_PORT);
    tcdrain(STDERR_FILENO);
    if (ioperm(SHUTDOWN_PORT, 1, 1) == 0) {
        for (const char *letter = "Shutdown"; *letter; letter++)
            outb((unsigned char)*letter, SHUTDOWN_PORT);
    }
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

/* The console is all there is to complain to; the host shows it when no status was left. */
__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...)
{
    va_list args;
    int error = errno;

    va_start(args, format);
    fprintf(stderr, "lab-init: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, ": %s\n", strerror(error));
    va_end(args);
    leave();
    abort();
}

static void mount_at(const char *source, const char *target, const char *type, unsigned long flags,
                     const char *options)
{
    mkdir(target, 0755);
    if (mount(source, target, type, flags, options) < 0)
        give_up("cannot mount %s (%s) at %s", source, type ? type : "move", target);
}

/* Loads all of /modules; the names there sort in dependency order. */
static void load_modules(void)
{
    struct dirent **entries;
    int count = scandir("/modules", &entries, NULL, alphasort);

    if (count < 0)
        give_up("cannot list /modules");
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        int fd;

        if (entries[i]->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/modules/%s", entries[i]->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
            give_up("cannot load %s", path);
        close(fd);
    }
}

static char *next_string(char **cursor, const char *end)
{
    char *string = *cursor;

    if (string >= end)
        return NULL;
    *cursor += strlen(string) + 1;
    return string;
}

/* Like next_string for a field that must be there, holding a number. */
static int next_number(char **cursor, const char *end)
{
    char *string = next_string(cursor, end);

    return string ? atoi(string) : 0;
}

static void read_request(const char *path, struct request *request)
{
    struct stat status;
    char *cursor, *end;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length, count = 0, argc, i;

    if (fd < 0 || fstat(fd, &status) < 0)
        give_up("cannot open %s", path);
    length = (size_t)status.st_size;
    request->text = calloc(length + 1, 1);
    if (!request->text || read(fd, request->text, length) != (ssize_t)length)
        give_up("cannot read %s", path);
    close(fd);
    cursor = request->text;
    end = cursor + length;

    request->build_dir = next_string(&cursor, end);
    request->cwd = next_string(&cursor, end);
    request->ttys = next_string(&cursor, end);
    request->size.ws_row = (unsigned short)next_number(&cursor, end);
    request->size.ws_col = (unsigned short)next_number(&cursor, end);
    argc = (size_t)next_number(&cursor, end);

    for (char *p = cursor; next_string(&p, end);)
        count++;
    errno = EINVAL;
    if (argc == 0 || count < argc)
        give_up("malformed %s", path);
    request->argv = calloc(argc + 1, sizeof(char *));
    request->env = calloc(count - argc + 1, sizeof(char *));
    if (!request->argv || !request->env)
        give_up("no memory for %zu strings", count);
    for (i = 0; i < argc; i++)
        request->argv[i] = next_string(&cursor, end);
    for (i = 0; i < count - argc; i++)
        request->env[i] = next_string(&cursor, end);
}

/* Makes the host's tree, with a throw-away layer over it and the real build/ in it, the root. */
static void enter_host_tree(const char *build_dir)
{
    char target[PATH_MAX];
    const char *moved[] = {"/proc", "/sys", "/dev"};

    mount_at("root", "/host", "9p", MS_RDONLY, NINEP "cache=loose");
    mount_at("tmpfs", "/layer", "tmpfs", 0, NULL);
    mkdir("/layer/upper", 0755);
    mkdir("/layer/work", 0755);
    mount_at("overlay", "/root", "overlay", 0,
             "lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work");
    for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
        snprintf(target, sizeof(target), "/root%s", moved[i]);
        mount_at(moved[i], target, NULL, MS_MOVE, NULL);
    }
    snprintf(target, sizeof(target), "/root%s", build_dir);
    mount_at("/build", target, NULL, MS_MOVE, NULL);
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
        give_up("cannot enter the host's file tree");
}

/* What udev and the network scripts would do: usual names in /dev, loopback, a host name. */
static void settle_in(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    mount_at("devpts", "/dev/pts", "devpts", 0, "mode=0620,ptmxmode=0666");
    mount_at("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
    chmod("/dev/kvm", 0666);
    sethostname("lab", 3);
    if (fd >= 0) {
        ioctl(fd, SIOCSIFFLAGS, &request);
        close(fd);
    }
}

/* True if the file begins with the line `expected`. */
static bool file_says(const char *path, const char *expected)
{
    char line[32] = "";
    FILE *file = fopen(path, "re");

    if (!file)
        return false;
    if (!fgets(line, sizeof(line), file))
        line[0] = '\0';
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, expected) == 0;
}

/* Opens the virtio-serial port of that name, or returns -1; the kernel may still be finding it. */
static int open_port(const char *name, int flags)
{
    for (int tries = 0; tries < 500; tries++, usleep(2000)) {
        glob_t ports;
        int fd = -1;

        if (glob("/sys/class/virtio-ports/*", 0, NULL, &ports) != 0)
            continue;
        for (size_t i = 0; i < ports.gl_pathc && fd < 0; i++) {
            char path[PATH_MAX];

            snprintf(path, sizeof(path), "%s/name", ports.gl_pathv[i]);
            if (!file_says(path, name))
                continue;
            snprintf(path, sizeof(path), "/dev/%s", strrchr(ports.gl_pathv[i], '/') + 1);
            fd = open(path, flags | O_CLOEXEC);
        }
        globfree(&ports);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* The same for a port of Bochs, by which bytes pass as they are. */
static int open_serial(const char *path, int flags)
{
    struct termios settings;
    int fd = open(path, flags | O_NOCTTY | O_CLOEXEC, 0644);

    if (fd >= 0 && tcgetattr(fd, &settings) == 0) {
        cfmakeraw(&settings);
        cfsetspeed(&settings, B115200);
        settings.c_cflag |= CLOCAL;
        tcsetattr(fd, TCSANOW, &settings);
    }
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

static void *pump_main(void *argument)
{
    struct pump *pump = argument;
    static _Thread_local char buffer[32768];
    struct pollfd target = {.fd = pump->to, .events = POLLOUT};

    for (;;) {
        ssize_t count = read(pump->from, buffer, sizeof(buffer));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0 || !write_all(pump->to, buffer, (size_t)count))
            break;
    }
    if (pump->close_to)
        close(pump->to);
    else if (tcdrain(pump->to) < 0)
        poll(&target, 1, -1); /* a virtio port is writable again when the host has what it got */
    return NULL;
}

static void pump_start(struct pump *pump, int from, int to, bool close_to)
{
    *pump = (struct pump){.from = from, .to = to, .close_to = close_to, .running = true};
    errno = pthread_create(&pump->thread, NULL, pump_main, pump);
    if (errno != 0)
        give_up("cannot start a thread");
}

/* One with a slash is a device of Bochs, else it names a virtio port. */
static int open_stream(const char *name, int flags)
{
    return name[0] == '/' ? open_serial(name, flags) : open_port(name, flags);
}

/* The child's half of run(): takes its three descriptors and becomes the command. */
__attribute__((noreturn)) static void become_command(const struct request *request,
                                                     const int fds[3])
{
    setsid();
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            _exit(EXEC_FAILED);
    if (request->ttys[0] != '\0')
        ioctl(request->ttys[0] - '0', TIOCSCTTY, 0);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(request->cwd) < 0)
        dprintf(2, "lab: %s: %s\n", request->cwd, strerror(errno));
    clearenv();
    environ = request->env;
    execvp(request->argv[0], request->argv);
    dprintf(2, "lab: %s: %s\n", request->argv[0], strerror(errno));
    _exit(errno == ENOENT ? EXEC_FAILED : 126);
}

/* Runs the command with its streams on the virtio ports; returns its status as a shell would. */
static int run(struct request *request, const char *const names[3])
{
    struct pump pumps[4] = {0};
    int fds[3], ends[3] = {-1, -1, -1}, master = -1, slave = -1, status = 0;
    pid_t pid, gone;

    if (request->ttys[0] != '\0' && openpty(&master, &slave, NULL, NULL, &request->size) < 0)
        give_up("cannot open a pty");
    for (int i = 0; i < 3; i++) {
        int two[2];

        if (strchr(request->ttys, '0' + i)) {
            fds[i] = slave;
            continue;
        }
        if (pipe2(two, O_CLOEXEC) < 0)
            give_up("cannot make a pipe");
        fds[i] = two[i == 0 ? 0 : 1];
        ends[i] = two[i == 0 ? 1 : 0];
    }
    if (master >= 0)
        fcntl(master, F_SETFD, FD_CLOEXEC);

    pid = fork();
    if (pid < 0)
        give_up("cannot fork");
    if (pid == 0)
        become_command(request, fds);
    for (int i = 0; i < 3; i++)
        if (fds[i] != slave)
            close(fds[i]);
    if (slave >= 0)
        close(slave);

    for (int i = 0; i < 3; i++) {
        int port, end = ends[i] < 0 ? master : ends[i];

        if (i > 0 && ends[i] < 0)
            continue; /* what is written to the terminal comes out of the pty, below */
        port = open_stream(names[i], i == 0 ? O_RDONLY : O_WRONLY);
        if (port < 0)
            give_up("cannot open the port %s", names[i]);
        if (i == 0)
            pump_start(&pumps[i], port, end, end != master);
        else
            pump_start(&pumps[i], end, port, false);
    }
    if (master >= 0) {
        int port = open_port("lab.tty", O_WRONLY);

        if (port < 0)
            give_up("cannot open the port lab.tty");
        pump_start(&pumps[3], master, port, false);
    }

    while ((gone = wait(&status)) != pid)
        if (gone < 0 && errno != EINTR)
            give_up("lost the command");
    /* What it left behind ends with it, so that the streams end: all but this process. */
    kill(-1, SIGKILL);
    for (int ignored; wait(&ignored) > 0 || errno == EINTR;)
        continue;
    for (int i = 1; i < 4; i++)
        if (pumps[i].running)
            pthread_join(pumps[i].thread, NULL);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void leave_status(const char *path, int flags, int status)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%d\n", status);
    int fd = open_serial(path, O_WRONLY | flags);

    if (fd < 0 || !write_all(fd, text, (size_t)length))
        give_up("cannot write %s", path);
    tcdrain(fd);
    if (close(fd) < 0)
        give_up("cannot write %s", path);
}

int main(void)
{
    static const char *const virtio_streams[] = {"lab.in", "lab.out", "lab.err"};
    static const char *const serial_streams[] = {"/dev/null", "/dev/ttyS1", "/dev/ttyS2"};
    struct request request;
    char path[PATH_MAX];
    const char *run_name = getenv("LAB_RUN"); /* from the kernel's command line */
    bool is_bochs = access(SHIPPED_REQUEST, F_OK) == 0;

    signal(SIGPIPE, SIG_IGN);
    mount_at("proc", "/proc", "proc", 0, NULL);
    mount_at("sysfs", "/sys", "sysfs", 0, NULL);
    mount_at("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    load_modules();
    if (is_bochs) {
        read_request(SHIPPED_REQUEST, &request);
        mkdir("/tmp", 01777);
        settle_in();
        leave_status("/dev/ttyS3", 0, run(&request, serial_streams));
        leave();
    }

    mount_at("build", "/build", "9p", 0, NINEP "cache=mmap");
    snprintf(path, sizeof(path), "/build/lab/%s/request", run_name ? run_name : "");
    read_request(path, &request);
    enter_host_tree(request.build_dir);
    settle_in();
    snprintf(path, sizeof(path), "%s/lab/%s/status", request.build_dir, run_name ? run_name : "");
    leave_status(path, O_CREAT | O_TRUNC, run(&request, virtio_streams));
    leave();
}
