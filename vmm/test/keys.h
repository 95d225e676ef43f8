/*
 * Keys by the names that QEMU's monitor has for them (sendkey): "a", "shift", "ret", "f12", "up".
 */
#ifndef VMM_TEST_KEYS_H
#define VMM_TEST_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* The set 1 make code of a key, 0xe000 added where it has that prefix; 0: there is no such key. */
uint16_t keys_find(const char *name, size_t length);

#endif
