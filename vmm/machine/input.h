/*
 * Input for a guest: bytes for its serial line, keys for its keyboard.
 */
#ifndef VMM_MACHINE_INPUT_H
#define VMM_MACHINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inbox_ring { INBOX_SERIAL, INBOX_KEYBOARD, INBOX_RINGS };

/* A byte for the serial line, or a key: its set 1 make code (0x1e, 0xe048) going down or up. */
struct inbox_event {
    uint16_t code;
    bool down;
};

/* Events that are known before the guest runs. They stay whoever's they are. */
struct input_script {
    const struct inbox_event *events;
    size_t count;
};

#endif
