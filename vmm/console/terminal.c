/*
 * Raw mode. A process has one terminal, and signal handlers must find what to restore: so, alone
 * in this program, the saved settings are static.
 */
#include "terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t is_raw;
static const char *volatile farewell;

void terminal_on_leave(const char *bytes)
{
    farewell = bytes;
}

void terminal_leave(void)
{
    if (is_raw) {
        is_raw = 0;
        if (farewell && write(STDOUT_FILENO, farewell, strlen(farewell)) < 0)
            farewell = NULL;
        tcflush(STDIN_FILENO, TCIFLUSH); /* what was meant for the guest is not for the shell */
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    }
}

/* A fault of our own: the terminal first, then the signal's usual course. */
static void on_fatal_signal(int number)
{
    terminal_leave();
    signal(number, SIG_DFL);
    raise(number);
}

bool terminal_enter(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
    static bool prepared;
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &raw) < 0)
        return false;
    if (!is_raw)
        saved = raw;
    if (!prepared) {
        prepared = true;
        atexit(terminal_leave);
        for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
            signal(fatal[i], on_fatal_signal);
    }
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    is_raw = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    return true;
}

static int number_in(const char *name, int otherwise)
{
    const char *text = getenv(name);
    int value = text ? atoi(text) : 0;

    return value > 0 ? value : otherwise;
}

void terminal_size(bool is_one, int *rows, int *columns)
{
    struct winsize size;

    *rows = number_in("LINES", 24);
    *columns = number_in("COLUMNS", 80);
    if (is_one && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0) {
        *rows = size.ws_row;
        *columns = size.ws_col;
    }
}
