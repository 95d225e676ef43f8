/*
 * Snapshots: the whole of a machine at a moment, in memory or in a file. Restoring one into the
 * machine it was taken of touches only the pages of RAM that were written since.
 *
 * In it: CPU, clock, devices, RAM, and what was scripted but not yet typed. Not in it: the outside,
 * which is the terminal, what is typed there, and what is on disks.
 */
#ifndef VMM_MACHINE_SNAPSHOT_H
#define VMM_MACHINE_SNAPSHOT_H

#include "machine.h"

struct snapshot;

/*
 * Takes one, on the machine's thread, while the CPU does not run. The machine goes on as before.
 * NULL, with a sentence in `error`: no memory, or the engine refused. Freed by snapshot_free; it
 * may outlive the machine.
 */
struct snapshot *snapshot_take(struct machine *machine, char *error, size_t error_size);
void snapshot_free(struct snapshot *snapshot);

/*
 * Makes a machine what it was, however its last run ended; machine_run goes on from there. The
 * machine may be another one with as much RAM and the same engine. Its limit of time stays what it
 * is, see machine_set_timeout. The snapshot, if it was read from a file, must stay while the
 * machine runs: scripted input is taken from it. On failure returns -1, with a sentence in `error`.
 * A state that a device or the software CPU could not be in is refused before anything is changed;
 * only where KVM refuses, or there is no memory, the machine is in no good state.
 */
int snapshot_restore(struct machine *machine, const struct snapshot *snapshot, char *error,
                     size_t error_size);

/*
 * To a file and back. The file has a version and a checksum; one that is damaged, cut short, of
 * another version or another kind of host is refused. A forged one gives the guest any state that a
 * guest could have, and no more: snapshot_restore checks the rest.
 * snapshot_write replaces a file that is there only when the new one is whole; it keeps its
 * permissions (a new one is its owner's alone), follows links, and refuses what is no file.
 */
int snapshot_write(const struct snapshot *snapshot, const char *path, char *error,
                   size_t error_size);
/* Whether snapshot_write can write there, before there is anything to lose. */
int snapshot_can_write(const char *path, char *error, size_t error_size);
struct snapshot *snapshot_read(const char *path, char *error, size_t error_size);
/* The same of a file's bytes, which are copied; `name` is for the sentence. */
struct snapshot *snapshot_parse(const char *name, const uint8_t *bytes, size_t size, char *error,
                                size_t error_size);

/* Bytes of RAM; the engine's name. */
uint64_t snapshot_memory_size(const struct snapshot *snapshot);
const char *snapshot_engine(const struct snapshot *snapshot);

/* Input that was scripted and not yet taken; belongs to the snapshot (or to the script). */
const struct inbox_event *snapshot_script(const struct snapshot *snapshot, enum inbox_ring ring,
                                          size_t *count);

#endif
