/*
 * The chipset's ports that concern the whole machine: A20 and fast reset (0x92, IBM PS/2 system
 * control port A), reset control (0xcf9, Intel PIIX: in bytes alone, since a doubleword at 0xcf8 is
 * PCI's), and the power-off that emulators offer through an ACPI PM1a control register (0x604 and
 * 0xb004, SLP_TYP 0; 0x4004, SLP_TYP 5).
 */
#ifndef VMM_DEV_SYSTEM_CONTROL_H
#define VMM_DEV_SYSTEM_CONTROL_H

#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define SYSTEM_CONTROL_PORT_A 0x92
#define SYSTEM_CONTROL_RESET  0xcf9

struct bus;

struct system_control_state {
    uint8_t port_a; /* A20 and fast reset */
    uint8_t rc;     /* reset control */
};

struct system_control {
    struct system_control_state s;
    void (*reset)(void *owner, uint16_t port);
    void (*power_off)(void *owner);
    void (*a20)(void *owner, bool is_open);
    void *owner;
};

/* Power on, A20 on. The callbacks come from within a port write; `reset` gets the port. Either may
 * be NULL. */
void system_control_init(struct system_control *control, void (*reset)(void *owner, uint16_t port),
                         void (*power_off)(void *owner), void (*a20)(void *owner, bool is_open),
                         void *owner);

/* The A20 gate was moved by its other switch, the keyboard controller. */
void system_control_set_a20(struct system_control *control, bool is_open);

/* Attaches ports 0x92, 0xcf9 and 0x604, 0xb004, 0x4004 (two each); false if one is taken. */
bool system_control_attach(struct system_control *control, struct bus *ports);

extern const struct device_kind system_control_kind;

#endif
