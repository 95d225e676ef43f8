/*
 * The opener: requests come over a socket as the number of a file and what to do with it, answers
 * go back with the descriptor (unix(7), SCM_RIGHTS). Who asks may be a guest that has broken out.
 */
#include "opener.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
    uint64_t file;
    uint64_t what; /* enum file_request */
};

/* Of this process. */
static struct {
    pthread_mutex_t lock; /* held from a request to its answer */
    int socket;
    pid_t process;
    struct named_file *files;
    size_t count;
} opener = {.lock = PTHREAD_MUTEX_INITIALIZER, .socket = -1};

/* ---- the files ---- */

static enum file_request use_of(enum file_request request)
{
    return request == FILE_KEEP || request == FILE_DROP ? FILE_DRAFT : request;
}

static int by_path_and_use(const void *a, const void *b)
{
    const struct named_file *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order ? order : (x->use > y->use) - (x->use < y->use);
}

/* Whether what is there now may be opened without waiting for somebody. */
static bool is_plain(const char *path)
{
    struct stat status;

    return stat(path, &status) < 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

/* Names that lead to whatever the process that opens them has open. */
static bool is_descriptor(const char *path)
{
    static const char *const begins[] = {"/dev/fd/", "/dev/std", "/proc/self/", NULL};

    for (size_t i = 0; begins[i]; i++) {
        if (strncmp(path, begins[i], strlen(begins[i])) == 0)
            return true;
    }
    return false;
}

/* ---- the opener's process ---- */

static int do_request(const struct request *request)
{
    enum file_request what = (enum file_request)request->what;
    struct named_file *file;
    struct stat status;
    int result;

    if (request->file >= opener.count || request->what > FILE_REMOVE)
        return -EACCES;
    file = &opener.files[request->file];
    if (use_of(what) != file->use)
        return -EACCES;
    if ((what == FILE_READ || what == FILE_WRITE) && !is_plain(file->path))
        return -EACCES; /* it was a file before */
    if (what == FILE_REMOVE && (lstat(file->path, &status) < 0 || !S_ISSOCK(status.st_mode)))
        return -EACCES; /* all that is removed by its name is sockets */
    result = file_do_here(file->path, what);
    if (file->use == FILE_DRAFT && result >= 0)
        file->has_draft = what == FILE_DRAFT;
    return result;
}

/* Sends a result, with the descriptor that it may be, and closes that. */
static void reply(int socket, int result)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    int32_t number = result;
    struct iovec part = {&number, sizeof(number)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (result > 0) {
        struct cmsghdr *header;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &result, sizeof(int));
    }
    while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
    if (result > 0)
        close(result);
}

/* Closes all but the socket, which becomes 0: so no result of open(2) is 0, which says success. */
static void close_others(int socket)
{
    dup2(socket, 0);
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 1, ~0u, 0) == 0)
        return;
#endif
    for (long fd = sysconf(_SC_OPEN_MAX); fd-- > 1;)
        close((int)fd);
}

static _Noreturn void serve(int socket)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGPIPE, SIGXFSZ};
    struct request request;
    ssize_t count;

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN); /* it ends when the other process does */
    prctl(PR_SET_NAME, "vmm-opener");
    prctl(PR_SET_DUMPABLE, 0); /* nor can that look into it */
    close_others(socket);
    reply(0, 0); /* now no lock and no socket is held here */
    while ((count = recv(0, &request, sizeof(request), MSG_TRUNC)) != 0) {
        if (count < 0 && errno != EINTR)
            break;
        if (count > 0)
            reply(0, count == sizeof(request) ? do_request(&request) : -EACCES);
    }
    for (size_t i = 0; i < opener.count; i++) {
        if (opener.files[i].has_draft)
            file_do_here(opener.files[i].path, FILE_DROP);
    }
    _exit(0);
}

/* ---- this process ---- */

/* An answer: a descriptor, 0 or -errno. */
static int receive(void)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    int32_t number;
    struct iovec part = {&number, sizeof(number)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header;
    ssize_t count;
    int fd;

    do
        count = recvmsg(opener.socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    if (count != sizeof(number))
        return -EPIPE;
    if (number <= 0)
        return number;
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS)
        return -EMFILE; /* the kernel had no room for it */
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

static int ask(const char *path, enum file_request what)
{
    const struct named_file wanted = {.path = path, .use = use_of(what)};
    const struct named_file *file =
        bsearch(&wanted, opener.files, opener.count, sizeof(wanted), by_path_and_use);
    struct request request = {.what = what};
    ssize_t sent;
    int result;

    if (file ? file->is_own && file->use != FILE_DRAFT : what == FILE_READ)
        return file_do_here(path, what);
    if (!file || file->is_own)
        return -EACCES;
    request.file = (uint64_t)(file - opener.files);
    pthread_mutex_lock(&opener.lock);
    do
        sent = write(opener.socket, &request, sizeof(request));
    while (sent < 0 && errno == EINTR);
    result = sent < 0 ? -errno : receive();
    pthread_mutex_unlock(&opener.lock);
    return result;
}

int opener_start(struct named_file *files, size_t count)
{
    int sockets[2], error;

    qsort(files, count, sizeof(*files), by_path_and_use);
    for (size_t i = 0; i < count; i++)
        files[i].is_own = files[i].use != FILE_REMOVE &&
                          (!is_plain(files[i].path) || is_descriptor(files[i].path));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    opener.files = files;
    opener.count = count;
    opener.process = fork();
    if (opener.process == 0)
        serve(sockets[1]);
    error = errno;
    close(sockets[1]);
    opener.socket = sockets[0];
    error = opener.process < 0 ? -error : receive();
    if (error < 0) {
        opener_stop();
        return error;
    }
    file_ask(ask);
    return 0;
}

void opener_stop(void)
{
    if (opener.socket < 0)
        return;
    file_ask(NULL);
    close(opener.socket);
    while (opener.process > 0 && waitpid(opener.process, NULL, 0) < 0 && errno == EINTR)
        ;
    opener.socket = -1;
    opener.process = 0;
}
