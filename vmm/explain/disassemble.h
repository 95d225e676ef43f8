/*
 * Instructions of a guest in Intel's notation, by Zydis; where the VMM was built without it, their
 * bytes.
 */
#ifndef VMM_EXPLAIN_DISASSEMBLE_H
#define VMM_EXPLAIN_DISASSEMBLE_H

#include "info.h"

#define DISASSEMBLE_MAX 1000

/*
 * Prints up to `count` instructions from a linear address on, a line each, decoded as the code
 * segment says (16-bit or 32-bit); => is before the one at CS:EIP, `indent` before all. Stops with
 * a line that says so where no memory is.
 */
void disassemble_print(const struct info *info, uint32_t address, unsigned count,
                       const char *indent);

/* The length of the instruction at a linear address, 1 to 15; 0: there is none, or no Zydis. */
unsigned disassemble_length(const struct info *info, uint32_t address);

#endif
