/*
 * One guest on the user's terminal: its serial line is stdin and stdout.
 */
#ifndef VMM_FRONT_SOLO_H
#define VMM_FRONT_SOLO_H

#include "host/guest.h"

/* Runs a guest that guest_init has got ready; returns the status of `vmm run`. */
int solo_run(struct guest *guest);

#endif
