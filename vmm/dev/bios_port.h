/*
 * The port by which the BIOS (boot/bios.asm) asks the VMM: where the sectors of its drives are, and
 * to have something said. The BIOS writes the linear address of a request, which is answered in
 * place before its next instruction. No program but the BIOS has reason to use it.
 */
#ifndef VMM_DEV_BIOS_PORT_H
#define VMM_DEV_BIOS_PORT_H

#include "base/disk.h"
#include "base/memory.h"
#include "device.h"

#define BIOS_PORT 0x520

struct bus;

/* As boot/bios/layout.inc has them. */
enum bios_drive_kind {
    BIOS_DRIVE_NONE,
    BIOS_DRIVE_FLOPPY,
    BIOS_DRIVE_DISK,
    BIOS_DRIVE_CD,
    BIOS_DRIVE_KINDS
};

/* Kinds of drives in the order that one to start from is looked for; BIOS_DRIVE_NONE ends it. Those
 * that are not in it come behind, floppies first. */
#define BIOS_ORDER_MAX (BIOS_DRIVE_KINDS - 1)

/* Drives: two floppies (DL 0, 1), four disks (80h on), a CD (E0h). */
enum {
    BIOS_FLOPPIES = 2,
    BIOS_FIRST_DISK = BIOS_FLOPPIES,
    BIOS_FIRST_CD = BIOS_FIRST_DISK + 4,
    BIOS_DRIVES
};

/* What a boot sector begins with, besides CS:IP and SS:SP; as boot/bios/layout.inc has it. */
struct bios_registers {
    uint16_t segment[4]; /* GS, FS, ES, DS */
    uint32_t general[8]; /* EDI, ESI, EBP, -, EBX, EDX, ECX, EAX */
    uint16_t flags;
} __attribute__((packed));

/* What it is not the BIOS's to do. */
struct bios_host {
    /* A service that is not there, or an interrupt without any handler, was called from `cs`:`ip`.
     * Told once of each. */
    void (*unknown)(void *owner, uint8_t interrupt, uint16_t ax, uint16_t cs, uint16_t ip);
    /* No drive can be started from. */
    void (*no_boot)(void *owner);
    /* A boot sector is about to begin, with these registers, which may be changed; DL is its drive.
     */
    void (*leave)(void *owner, struct bios_registers *registers);
};

#define BIOS_TOLD_MAX 32

struct bios_port_state {
    bool is_mapped; /* the ROM is at its place */
    bool emulates;  /* a CD's floppy disk is A:, and what was there is B: */
    uint8_t told;
    struct {
        uint8_t interrupt, ah;
    } of[BIOS_TOLD_MAX];
};

struct bios_drive {
    const struct disk *disk; /* NULL: there is none */
    uint32_t cylinders;
    uint16_t heads, sectors; /* a track */
    uint8_t floppy;          /* its type, as CMOS has it */
};

/* The floppy disk that is in a CD, from its sector `first` (of 512 bytes) on. */
struct bios_emulation {
    struct disk disk; /* first */
    const struct disk *cd;
    uint64_t first;
    struct bios_drive drive; /* without a disk: the CD has none */
};

struct bios_port {
    struct bios_port_state s;
    const struct memory *memory;
    const struct bios_host *host;
    void *owner;
    const enum bios_drive_kind *order; /* of BIOS_ORDER_MAX */
    struct bios_drive drives[BIOS_DRIVES];
    struct bios_emulation emulation;
};

/* A machine without the ROM and without drives, which looks for one to start from in this order. */
void bios_port_init(struct bios_port *bios, const struct memory *memory,
                    const enum bios_drive_kind order[BIOS_ORDER_MAX], const struct bios_host *host,
                    void *owner);
bool bios_port_attach(struct bios_port *bios, struct bus *ports);

/* Puts a disk into a drive, below BIOS_DRIVES. It must outlive the device, which must stay where it
 * is. */
void bios_port_insert(struct bios_port *bios, unsigned drive, const struct disk *disk);

/* Whether an image fits on a floppy, and whether it is as long as one; whether it has a table with
 * a partition. */
bool bios_fits_floppy(const struct disk *disk);
bool bios_is_floppy(const struct disk *disk);
bool bios_is_partitioned(const struct disk *disk);

/* Puts the ROM of `size` bytes, 64 KiB at most, at the end of the first MiB. */
void bios_port_map(struct bios_port *bios, const void *rom, size_t size);

extern const struct device_kind bios_port_kind;

#endif
