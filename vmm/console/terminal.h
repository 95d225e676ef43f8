/*
 * Puts the user's terminal into raw mode while a guest runs, and restores it on every exit.
 */
#ifndef VMM_CONSOLE_TERMINAL_H
#define VMM_CONSOLE_TERMINAL_H

#include <stdbool.h>

/* Puts the terminal on stdin into raw mode, output processing kept (a guest's LF starts a new
 * line). May be called again when somebody else has changed the modes. From then on exit() and the
 * fatal signals restore it. Does nothing, and returns false, where stdin is no terminal. */
bool terminal_enter(void);

/* Bytes to be written to the terminal on stdout when it is left; they must stay. */
void terminal_on_leave(const char *bytes);

/* Restores the terminal, if terminal_enter has changed it. Async-signal-safe. */
void terminal_leave(void);

/* How many rows and columns the terminal on stdout has, if `is_one`; where there is none, or it
 * doesn't say: those of LINES and COLUMNS, or 24 and 80. */
void terminal_size(bool is_one, int *rows, int *columns);

#endif
