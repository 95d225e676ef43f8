/*
 * Signals as something to be polled: signalfd(2).
 */
#include "signals.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/signalfd.h>

int signals_open(sigset_t *blocked)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};

    sigemptyset(blocked);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        struct sigaction now;
        if (sigaction(handled[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(blocked, handled[i]);
    }
    pthread_sigmask(SIG_BLOCK, blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a disk over the host's limit is an error for the guest */
    return signalfd(-1, blocked, SFD_CLOEXEC);
}

void signals_raise(const sigset_t *blocked, int number)
{
    if (!number)
        return;
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, blocked, NULL);
    raise(number);
}
