/*
 * Places of a run: a count of instructions, a time, or where the guest's code is.
 */
#ifndef VMM_INSPECT_PLACE_H
#define VMM_INSPECT_PLACE_H

#include "symbols.h"

struct cursor;

#define PLACE_ADDRESSES 16 /* of one source line */

/* A moment of a run; place_parse reads one. */
struct place {
    enum { PLACE_NONE, PLACE_INSTRUCTIONS, PLACE_TIME, PLACE_SYMBOL, PLACE_LINE } kind;
    uint64_t
        number; /* instructions since the start, or ns, or the line, or what is added to a symbol */
    char *name; /* symbol or file; NULL: the number is the address */
    uint32_t address[PLACE_ADDRESSES]; /* once resolved */
    unsigned address_count;
};

/* Takes a place from a line: "1000 insn", "3.5ms", SYMBOL, SYMBOL+0x12, FILE:LINE or 0xADDRESS.
 * False if it is none, which the cursor says. Its name is to be freed. */
bool place_take(struct cursor *cursor, struct place *place);

/* The same of a text, where a number alone counts instructions. False with one sentence in `error`.
 */
bool place_parse(const char *text, struct place *place, char *error, size_t error_size);

/* Finds the addresses of a place's symbol or line in the first of these files that has it. False
 * with one sentence in `error`: none has. */
bool place_resolve(struct place *place, struct symbols *const *symbols, unsigned count, char *error,
                   size_t error_size);

#endif
