/*
 * Many guests as lines of text, each with the name of its guest before it.
 */
#ifndef VMM_FRONT_PLAIN_H
#define VMM_FRONT_PLAIN_H

#include "host/many.h"

/*
 * Runs guests that many_init has got ready, to their end; returns the status of `vmm run`. What
 * they print goes to stdout as "NAME: line", what is said of them to stderr. A line on stdin that
 * begins with "NAME: " is typed at that guest, any other at all of them.
 */
int plain_run(struct many *many);

#endif
