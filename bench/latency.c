/*
 * How long a command takes from its exec to its first byte of output, and to a text in it:
 *     latency TEXT COMMAND...
 * prints both in ms, then ends the command. Its standard input is a pipe that stays silent.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 300000 /* of silence */

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    char output[65536];
    size_t used = 0;
    int in[2], out[2];
    double start, first = 0;

    if (argc < 3 || pipe(in) < 0 || pipe(out) < 0) {
        fprintf(stderr, "usage: latency TEXT COMMAND...\n");
        return 2;
    }
    start = now_ms();
    pid_t child = fork();
    if (child == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        close(out[0]);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    close(out[1]);
    for (;;) {
        struct pollfd readable = {.fd = out[0], .events = POLLIN};
        ssize_t count = 0;

        if (poll(&readable, 1, LIMIT_MS) > 0)
            count = read(out[0], output + used, sizeof(output) - 1 - used);
        if (count <= 0) {
            fprintf(stderr, "latency: no \"%s\" from %s\n", argv[1], argv[2]);
            kill(child, SIGKILL);
            return 1;
        }
        if (first == 0)
            first = now_ms();
        used += (size_t)count;
        output[used] = '\0';
        if (strstr(output, argv[1]))
            break;
    }
    printf("%.2f %.2f\n", first - start, now_ms() - start);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
