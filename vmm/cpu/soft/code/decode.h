/*
 * The decoder.
 */
#ifndef VMM_CPU_SOFT_DECODE_H
#define VMM_CPU_SOFT_DECODE_H

#include "op.h"

enum decoded {
    DECODED,
    DECODED_END,  /* the last of its block */
    DECODED_SHORT /* more bytes are needed */
};

/* Decodes the instruction at `eip` from `available` bytes of a code segment with that limit; of
 * `mode` MODE_CODE32 counts. */
enum decoded soft_decode(struct op *op, const uint8_t *bytes, uint32_t available, uint32_t eip,
                         uint32_t mode, uint32_t limit);

/* What D8 to DF with this ModRM byte is: KIND_UNDEFINED or KIND_X87_... */
enum kind soft_x87_kind(uint8_t opcode, uint8_t modrm);

/* Whether 0F `opcode` with that prefix is SSE or SSE2. */
bool soft_is_sse(uint8_t opcode, enum sse_prefix prefix);

#endif
