/*
 * The signals of a run: read from a descriptor on the main thread, and held back from all others.
 */
#ifndef VMM_CONSOLE_SIGNALS_H
#define VMM_CONSOLE_SIGNALS_H

#include <signal.h>

/*
 * Blocks them for this thread and those it will start: the ones that end or stop a process, SIGCONT
 * and SIGWINCH, but what our parent ignores (nohup, a script's background jobs) is ignored here
 * too. Errors of writing are errors, not signals. Returns a signalfd, the caller's, or -1 and
 * errno.
 */
int signals_open(sigset_t *blocked);

/* Lets our parent see the signal that has ended the run, by dying of it; 0: none has. */
void signals_raise(const sigset_t *blocked, int number);

#endif
