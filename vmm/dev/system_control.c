/*
 * A20, reset, power off. A reset happens when its bit rises, not while it is set.
 */
#include "system_control.h"

#include "base/bus.h"

#include <string.h>

#define PORT_A_RESET 0x01
#define PORT_A_A20   0x02

#define RC_RESET 0x04 /* on its rising edge */
#define RC_BITS  0x0e

#define PM1_PORT_QEMU       0x604
#define PM1_PORT_BOCHS      0xb004
#define PM1_PORT_VIRTUALBOX 0x4004
#define PM1_SLP_EN          0x2000
#define PM1_SLP_TYP         0x1c00
#define PM1_SLP_TYP_5       0x1400

static uint32_t port_a_read(void *device, uint32_t offset, unsigned width)
{
    struct system_control *control = device;

    (void)offset;
    (void)width;
    return control->s.port_a;
}

static void port_a_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct system_control *control = device;
    bool rises = value & ~(uint32_t)control->s.port_a & PORT_A_RESET;
    bool moves = (value ^ control->s.port_a) & PORT_A_A20;

    (void)offset;
    (void)width;
    control->s.port_a = (uint8_t)value;
    if (moves && control->a20)
        control->a20(control->owner, value & PORT_A_A20);
    if (rises && control->reset)
        control->reset(control->owner, SYSTEM_CONTROL_PORT_A);
}

static uint32_t reset_read(void *device, uint32_t offset, unsigned width)
{
    struct system_control *control = device;

    (void)offset;
    (void)width;
    return control->s.rc;
}

static void reset_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct system_control *control = device;
    bool rises = value & ~(uint32_t)control->s.rc & RC_RESET;

    (void)offset;
    (void)width;
    control->s.rc = value & RC_BITS;
    if (rises && control->reset)
        control->reset(control->owner, SYSTEM_CONTROL_RESET);
}

static uint32_t pm1_read(void *device, uint32_t offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0;
}

static void pm1_write(struct system_control *control, unsigned width, uint32_t value, uint32_t type)
{
    bool sleeps = width == 2 && (value & (PM1_SLP_EN | PM1_SLP_TYP)) == (PM1_SLP_EN | type);

    if (sleeps && control->power_off)
        control->power_off(control->owner);
}

static void pm1_type_0_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)offset;
    pm1_write(device, width, value, 0);
}

static void pm1_type_5_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)offset;
    pm1_write(device, width, value, PM1_SLP_TYP_5);
}

void system_control_init(struct system_control *control, void (*reset)(void *owner, uint16_t port),
                         void (*power_off)(void *owner), void (*a20)(void *owner, bool is_open),
                         void *owner)
{
    memset(control, 0, sizeof(*control));
    control->s.port_a = PORT_A_A20;
    control->reset = reset;
    control->power_off = power_off;
    control->a20 = a20;
    control->owner = owner;
}

void system_control_set_a20(struct system_control *control, bool is_open)
{
    control->s.port_a = (uint8_t)((control->s.port_a & ~PORT_A_A20) | (is_open ? PORT_A_A20 : 0));
}

bool system_control_attach(struct system_control *control, struct bus *ports)
{
    const struct bus_region regions[] = {
        {"A20, fast reset", SYSTEM_CONTROL_PORT_A, 1, 1, port_a_read, port_a_write,
         .device = control},
        {"reset control", SYSTEM_CONTROL_RESET, 1, 1, reset_read, reset_write, .device = control,
         .whole = true},
        {"power off", PM1_PORT_QEMU, 2, 2, pm1_read, pm1_type_0_write, .device = control,
         .whole = true},
        {"power off", PM1_PORT_BOCHS, 2, 2, pm1_read, pm1_type_0_write, .device = control,
         .whole = true},
        {"power off", PM1_PORT_VIRTUALBOX, 2, 2, pm1_read, pm1_type_5_write, .device = control,
         .whole = true},
    };

    for (unsigned i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (bus_add(ports, &regions[i]))
            return false;
    }
    return true;
}

static bool valid(const void *device, const void *state)
{
    const struct system_control_state *s = state;

    (void)device;
    return !(s->rc & ~RC_BITS);
}

const struct device_kind system_control_kind = {DEVICE_STATE(struct system_control, s),
                                                .valid = valid};
