/*
 * One guest on the user's terminal: its serial line is stdin and stdout.
 */
#ifndef VMM_FRONT_SOLO_H
#define VMM_FRONT_SOLO_H

#include "host/many.h"

/* Runs the one guest that many_init has got ready, to its end; returns the status of `vmm run`. */
int solo_run(struct many *many);

#endif
