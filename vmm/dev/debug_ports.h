/*
 * Ports by which a guest reports to its user: the debug console that Bochs introduced (0xe9),
 * the exit of QEMU's isa-debug-exit (0xf4 and 0x501), the POST code (0x80) and the port that
 * Linux writes for a short delay (0xed).
 */
#ifndef VMM_DEV_DEBUG_PORTS_H
#define VMM_DEV_DEBUG_PORTS_H

#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define DEBUG_CONSOLE_PORT 0xe9 /* reads back its own number: the sign that it is there */
#define DEBUG_EXIT_PORT    0xf4
#define DEBUG_EXIT_PORT_2  0x501
#define DEBUG_POST_PORT    0x80
#define DEBUG_DELAY_PORT   0xed

struct bus;

struct debug_ports_state {
    uint8_t post; /* the last bytes written */
    uint8_t delay;
};

struct debug_ports {
    struct debug_ports_state s;
    void (*put)(void *owner, uint8_t byte);
    void (*exit)(void *owner, int status);
    void *owner;
};

/*
 * `put` gets each byte written to the console; `exit` the process status that the guest asks for,
 * (value << 1 | 1) & 0xff, from within the port write. Either may be NULL.
 */
void debug_ports_init(struct debug_ports *debug, void (*put)(void *owner, uint8_t byte),
                      void (*exit)(void *owner, int status), void *owner);

/* Attaches all five; the exits take four ports each. False if one of them is taken. */
bool debug_ports_attach(struct debug_ports *debug, struct bus *ports);

extern const struct device_kind debug_ports_kind;

#endif
