/*
 * Places of a run: a count of instructions, a time, or where the guest's code is.
 */
#ifndef VMM_TEST_PLACE_H
#define VMM_TEST_PLACE_H

#include "../debug/symbols.h"

#define PLACE_ADDRESSES 16 /* of one source line */

/* A moment of a run; scenario_parse_place reads one. */
struct place {
    enum { PLACE_NONE, PLACE_INSTRUCTIONS, PLACE_TIME, PLACE_SYMBOL, PLACE_LINE } kind;
    uint64_t
        number; /* instructions since the start, or ns, or the line, or what is added to a symbol */
    char *name; /* symbol or file; NULL: the number is the address */
    uint32_t address[PLACE_ADDRESSES]; /* once resolved */
    unsigned address_count;
};

/* Finds the addresses of a place's symbol or line in the first of these files that has it. False
 * with one sentence in `error`: none has. */
bool place_resolve(struct place *place, struct symbols *const *symbols, unsigned count, char *error,
                   size_t error_size);

#endif
