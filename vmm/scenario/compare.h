/*
 * The output of a run compared with that of the reference, byte by byte as it is printed: only the
 * reference's is kept, and of a difference the line where it begins.
 */
#ifndef VMM_SCENARIO_COMPARE_H
#define VMM_SCENARIO_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPARE_MAX (UINT64_C(16) << 20) /* bytes of a reference's output */

struct compared_line {
    char text[120];
    size_t length;
    bool is_whole;
};

struct compare {
    char *bytes; /* of the reference */
    size_t length, size;
    bool is_too_long; /* more than COMPARE_MAX, or than there is memory for */
    bool differs;
    struct compared_line line, expected;
};

/* The reference begins. */
void compare_begin_reference(struct compare *compare);

/* It has printed a byte; `count` came before it. As session.output. */
void compare_add(void *compare, uint64_t count, uint8_t byte);

/* Another run begins, wherever. */
void compare_begin(struct compare *compare);

/* It has printed a byte; `count` came before it. As session.output. */
void compare_check(void *compare, uint64_t count, uint8_t byte);

/* It has ended, with `count` bytes. Whether the output was another one: see `line`, `expected`. */
bool compare_end(struct compare *compare, uint64_t count);

void compare_free(struct compare *compare);

#endif
