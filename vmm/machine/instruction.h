/*
 * An instruction's bytes, as far as the causes of exceptions need to know them.
 */
#ifndef VMM_MACHINE_INSTRUCTION_H
#define VMM_MACHINE_INSTRUCTION_H

#include "fault_words.h"

#include <stdbool.h>
#include <stdint.h>

struct instruction {
    uint8_t bytes[16]; /* from its opcode on; zeros behind what can be read */
    uint8_t segment;   /* the prefix of a segment, or 0 */
    bool has_66, has_67, has_repeat;
};

/* The one at CS:EIP. */
void instruction_read(const struct fault_view *view, struct instruction *instruction);

/* Its operand in memory, for 32-bit addresses: where ModR/M is at bytes[modrm]. Stores its offset
 * and the segment register. False: it has none there. */
bool instruction_operand(const struct fault_view *view, const struct instruction *instruction,
                         unsigned modrm, uint32_t *offset, unsigned *segment);

#endif
