/*
 * The table of a machine's devices. A chip is its own files and one row here: the board is built
 * from it, snapshots and their checks walk it, and so do the monitor and whoever asks what is at an
 * interrupt line.
 */
#ifndef VMM_MACHINE_BOARD_H
#define VMM_MACHINE_BOARD_H

#include "dev/device.h"

struct machine;

struct board_row {
    char name[16]; /* of its part of a snapshot, unique */
    const struct device_kind *kind;
    /* Where it is in struct machine, for one that the machine must know by name; 0: it gets memory
     * of its own. */
    size_t at;
    /* Makes the device at `device` and attaches it. False: its addresses are taken. */
    bool (*build)(struct machine *machine, void *device, const struct board_row *row);
    uint32_t base; /* of its ports or registers, where its kind can be at several places */
    /* Where its lines end, and what people call what is there; NULL: there is no such line. */
    struct {
        unsigned input;
        const char *label;
    } irq[DEVICE_LINES];
    const char *subject; /* of the monitor's info; NULL: it has nothing to say */
    const char *help;
    const char *label; /* where several have the same subject: which one it is */
};

extern const struct board_row board_rows[];
extern const unsigned board_count;

/* The device of a row. */
void *board_device(const struct machine *machine, unsigned row);

/* What an input of the interrupt controller is called in traces, "i8042", or "nothing"; and by
 * people, "keyboard", or "". */
const char *board_irq_device(unsigned irq);
const char *board_irq_label(unsigned irq);

#endif
