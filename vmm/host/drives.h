/*
 * The disks of a guest as the user names them: --disk, and QEMU's -hda, -cdrom, -drive. They are
 * noted first, and opened when all options are known.
 */
#ifndef VMM_HOST_DRIVES_H
#define VMM_HOST_DRIVES_H

#include "machine/machine.h"
#include "os/disk_file.h"
#include "os/disk_overlay.h"

#define DRIVES_MAX MACHINE_ALL_DISKS

enum drive_bus { DRIVE_VIRTIO, DRIVE_ATA, DRIVE_FLOPPY };

struct drive {
    struct disk_request request;
    enum drive_bus bus;
    int index; /* where it is: a slot, or from the primary master on; -1: where there is room */
    bool has_overlay; /* snapshot=on */
    struct disk_file file;
    bool is_over; /* what the guest has is: */
    struct disk_overlay overlay;
};

struct drives {
    struct drive drive[DRIVES_MAX];
    unsigned count;
    bool are_open;
    bool overlay;    /* over all of them, but for those that are only read */
    bool overlay_pc; /* over those that are not virtio */
};

/*
 * Each notes a disk. `value` is changed and must stay. False, with a message that begins with
 * `shown`, what the user wrote.
 *
 * --disk: FILE[,ro][,modern], a comma in the name written twice.
 */
bool drives_take_disk(struct drives *drives, const char *shown, char *value);

/* FILE: --fda and --fdb; --hda to --hdd, index 0 to 3; --cdrom. */
bool drives_take_floppy(struct drives *drives, const char *shown, const char *option, int index,
                        char *value);
bool drives_take_ata(struct drives *drives, const char *shown, const char *option, int index,
                     bool is_cd, char *value);

/* --drive: file=FILE[,NAME=VALUE]... */
bool drives_take_drive(struct drives *drives, const char *shown, char *value);

/* The image itself as the first floppy or hard disk, whose file stays as it is, or as a CD. */
bool drives_take_image(struct drives *drives, const char *path, enum drive_bus bus, bool is_cd);

/* The first that the BIOS can start from, as the user named it; NULL: there is none. */
const char *drives_first(const struct drives *drives);

/* --boot: the letters a, c and d, or order=LETTERS, as QEMU's. */
bool drives_take_boot(const char *shown, char *value, enum bios_drive_kind order[BIOS_ORDER_MAX]);

/* Opens all of them and puts them into a machine's configuration. False, with a message: some may
 * be open. */
bool drives_open(struct drives *drives, struct machine_config *config);

/* They have been moved in memory: puts them into the configuration again. */
void drives_place(struct drives *drives, struct machine_config *config);

/* Closes and forgets them. */
void drives_close(struct drives *drives);

/* Ends the word at `text` at its first comma that stands alone, and makes one of each two. Returns
 * what is behind that comma, or NULL. */
char *drives_cut_word(char *text);

#endif
