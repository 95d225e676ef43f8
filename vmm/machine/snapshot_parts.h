/*
 * What is in a snapshot: shared by snapshot.c, which takes and restores one, and snapshot_file.c.
 */
#ifndef VMM_MACHINE_SNAPSHOT_PARTS_H
#define VMM_MACHINE_SNAPSHOT_PARTS_H

#include "snapshot.h"

#include "base/ram_image.h"

/* A plain part of a machine that is its state, next to CPU and RAM: the state of a device of the
 * board, or a member of struct machine. */
struct part {
    const char *name; /* of 15 characters at most */
    size_t size;
};

/* Parts are numbered from 0 up; `which` is below the count. */
unsigned snapshot_part_count(void);
struct part snapshot_part(unsigned which);

struct script {
    struct input_script left;
    struct inbox_event *own; /* when it was read from a file */
};

struct snapshot {
    char engine[8];
    uint8_t *cpu;
    size_t cpu_size;
    uint8_t **part; /* snapshot_part_count of them */
    struct script script[INBOX_RINGS];
    const struct machine_input *replay;
    struct disk_kind {
        uint64_t sectors; /* 0: there is none */
        uint8_t read_only, modern, is_cd, unused[5];
    } disks[MACHINE_ALL_DISKS]; /* of all kinds, see machine_config_disk */
    struct ram_image *ram;
    struct ram_image *frame; /* of the VGA's framebuffer; NULL: there was none */
};

/* An empty one with room for all but RAM. NULL: no memory. */
struct snapshot *snapshot_new(const char *engine, size_t cpu_size);

/* Writes one sentence. Returns -1. */
__attribute__((format(printf, 3, 4))) int snapshot_refuse(char *error, size_t error_size,
                                                          const char *format, ...);

#endif
