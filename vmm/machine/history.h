/*
 * The past of a machine whose time is counted: snapshots on its way, and the input that came. Any
 * moment is reached again by putting back the last snapshot before it and running from there, with
 * the same input. Nothing of the past is printed again.
 */
#ifndef VMM_MACHINE_HISTORY_H
#define VMM_MACHINE_HISTORY_H

#include "machine.h"

struct history;

/* A stop on the way back. */
struct history_hit {
    bool is_watch;
    struct cpu_access access; /* of a watch */
};

/*
 * Begins to keep the past of a machine, which must outlive it, in `budget` bytes or little more,
 * with a snapshot each `interval` instructions; older ones get farther apart. NULL with one
 * sentence in `error`: its time is not counted, it has a disk that can be written, or there is no
 * memory.
 */
struct history *history_begin(struct machine *machine, uint64_t budget, uint64_t interval,
                              char *error, size_t error_size);
void history_free(struct history *history);

/* When the machine must come back at the latest, in its own time (ns), for history_look. */
uint64_t history_deadline(const struct history *history);

/* Between two runs: keeps what is due. Where the machine went back in time and has come again to
 * where it was, it goes on from there with new input. */
void history_look(struct history *history);

/* The guest was changed by hand: what was before is forgotten, and the past begins now. */
void history_forget(struct history *history);

/* Whether the machine is in its past, where input is what it was; how many instructions there are
 * before it at the earliest. */
bool history_is_past(const struct history *history);
uint64_t history_first(const struct history *history);

/* Goes back to where `count` instructions were executed, from any later moment, from after its end,
 * too. False, at the earliest moment: that is later. */
bool history_go(struct history *history, uint64_t count);

/* Goes back to the last moment before this one at which the machine comes to an address of `stops`,
 * or is before an access to what they watch. False, at the earliest moment: there is none. */
bool history_search(struct history *history, const struct machine_pause *stops,
                    struct history_hit *hit);

#endif
