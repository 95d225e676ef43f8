/*
 * Keys by the names that QEMU's monitor has for them (sendkey): "a", "shift", "ret", "f12", "up".
 */
#ifndef VMM_INSPECT_KEYS_H
#define VMM_INSPECT_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* The set 1 make code of a key, 0xe000 added where it has that prefix; 0: there is no such key. */
uint16_t keys_find(const char *name, size_t length);

#define KEYS_AT_ONCE 8

/*
 * Keys pressed together, "ctrl-alt-delete": stores their codes, at most `max`, and returns how
 * many; 0, with *wrong where no key's name is, if they are not all keys, or are too many.
 */
unsigned keys_parse(const char *text, size_t length, uint16_t *codes, unsigned max,
                    const char **wrong);

/* The name of the key with this number, from 0 up; NULL behind the last. */
const char *keys_name(size_t number);

#endif
