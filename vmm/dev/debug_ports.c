/*
 * Debug console, debug exit, POST code, delay.
 */
#include "debug_ports.h"

#include "base/bus.h"

#include <string.h>

#define EXIT_PORTS 4 /* so that a 32-bit write is one write */

static uint32_t console_read(void *device, uint32_t offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return DEBUG_CONSOLE_PORT;
}

static void console_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct debug_ports *debug = device;

    (void)offset;
    (void)width;
    if (debug->put)
        debug->put(debug->owner, (uint8_t)value);
}

static uint32_t exit_read(void *device, uint32_t offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0;
}

static void exit_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct debug_ports *debug = device;

    (void)offset;
    (void)width;
    if (debug->exit)
        debug->exit(debug->owner, (int)((value << 1 | 1) & 0xff));
}

static uint32_t byte_read(void *device, uint32_t offset, unsigned width)
{
    (void)offset;
    (void)width;
    return *(uint8_t *)device;
}

static void byte_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)offset;
    (void)width;
    *(uint8_t *)device = (uint8_t)value;
}

void debug_ports_init(struct debug_ports *debug, void (*put)(void *owner, uint8_t byte),
                      void (*exit)(void *owner, int status), void *owner)
{
    memset(debug, 0, sizeof(*debug));
    debug->put = put;
    debug->exit = exit;
    debug->owner = owner;
}

bool debug_ports_attach(struct debug_ports *debug, struct bus *ports)
{
    const struct bus_region regions[] = {
        {"debug console", DEBUG_CONSOLE_PORT, 1, 1, console_read, console_write, .device = debug},
        {"debug exit", DEBUG_EXIT_PORT, EXIT_PORTS, 4, exit_read, exit_write, .device = debug,
         .whole = true},
        {"debug exit", DEBUG_EXIT_PORT_2, EXIT_PORTS, 4, exit_read, exit_write, .device = debug,
         .whole = true},
        {"POST code", DEBUG_POST_PORT, 1, 1, byte_read, byte_write, .device = &debug->s.post},
        {"delay", DEBUG_DELAY_PORT, 1, 1, byte_read, byte_write, .device = &debug->s.delay},
    };

    for (unsigned i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (bus_add(ports, &regions[i]))
            return false;
    }
    return true;
}

/* Any bytes may be its state. */
static bool valid(const void *device, const void *state)
{
    (void)device;
    (void)state;
    return true;
}

const struct device_kind debug_ports_kind = {DEVICE_STATE(struct debug_ports, s), .valid = valid};
