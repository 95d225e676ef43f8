/*
 * Many guests on one terminal, each in a pane of its own.
 */
#ifndef VMM_FRONT_SCREEN_SCREEN_H
#define VMM_FRONT_SCREEN_SCREEN_H

#include "host/many.h"

/* Whether standard input and output are a terminal that can show it. */
bool screen_is_possible(void);

/*
 * Runs guests that many_init has got ready; returns the status of `vmm run`. The screen stays when
 * all have ended, until the user leaves, unless `exits`. `cast`: a file to record the screen in, or
 * NULL; with it no terminal is needed: standard input is what is typed.
 */
int screen_run(struct many *many, const char *cast, bool exits);

#endif
