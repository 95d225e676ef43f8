/*
 * A second opinion on a guest that died on a hardware engine, which can't say why: the same image
 * with the same input once more on the software CPU, in virtual time, until it dies there.
 */
#ifndef VMM_HOST_SECOND_OPINION_H
#define VMM_HOST_SECOND_OPINION_H

#include "machine/machine.h"
#include "os/disk_overlay.h"

#include <stdio.h>

/* How long it may take, of the host's time. */
#define SECOND_OPINION_NS UINT64_C(2000000000)

/* As much input as is kept of a boot; of more, the rest is not given. */
#define SECOND_OPINION_INPUTS 16384

struct second_opinion {
    struct machine_input *inputs; /* of this boot */
    size_t count, size;
    bool is_cut;             /* there were more */
    struct machine *machine; /* that it was had from; NULL: there is none */
    struct disk_overlay disks[MACHINE_ALL_DISKS];
    size_t next[INBOX_RINGS]; /* where the next input of a ring is to be looked for */
};

/* All on the guest's thread. Zeros are one that knows nothing. */
void second_opinion_free(struct second_opinion *opinion);

/* The guest boots: what it was given before does not count. */
void second_opinion_begin(struct second_opinion *opinion);

/* An input came to the guest. */
void second_opinion_hear(struct second_opinion *opinion, const struct machine_input *input);

/* Whether the end of this machine leaves open why it died, so that another CPU may tell more. */
bool second_opinion_is_needed(const struct machine *machine);

/*
 * Runs what `first` ran until it dies, SECOND_OPINION_NS have passed, or `goes_on`, which is asked
 * every few milliseconds, says no. What it prints goes nowhere, and what it writes to disks stays
 * in memory. Writes what it died of to `to`, or that it did not; nothing if it was not to go on.
 * `path` is the image, for messages. A machine that died stays, to be looked at, up to
 * second_opinion_free.
 */
void second_opinion_give(struct second_opinion *opinion, const struct machine *first,
                         const char *path, bool (*goes_on)(void *owner), void *owner, FILE *to);

#endif
