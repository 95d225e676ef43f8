/*
 * Prefixes, opcodes and addresses of operands. Intel SDM vol. 2, sections 2.1 and 2.1.5.
 */
#include "instruction.h"

#include "cpu/arch.h"

#include <string.h>

static const struct {
    uint8_t prefix, segment;
} segments[] = {{0x26, CPU_ES}, {0x2e, CPU_CS}, {0x36, CPU_SS},
                {0x3e, CPU_DS}, {0x64, CPU_FS}, {0x65, CPU_GS}};

static bool take_prefix(struct instruction *instruction, uint8_t byte)
{
    for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        if (segments[i].prefix == byte)
            instruction->segment = byte;
    }
    instruction->has_66 = instruction->has_66 || byte == 0x66;
    instruction->has_67 = instruction->has_67 || byte == 0x67;
    instruction->has_repeat = instruction->has_repeat || byte == 0xf2 || byte == 0xf3;
    return instruction->segment == byte || byte == 0x66 || byte == 0x67 || byte == 0xf0 ||
           byte == 0xf2 || byte == 0xf3;
}

void instruction_read(const struct fault_view *view, struct instruction *instruction)
{
    const struct cpu_state *state = view->state;
    uint32_t at = state->segment[CPU_CS].base + state->eip;
    uint8_t byte;

    memset(instruction, 0, sizeof(*instruction));
    for (unsigned i = 0; i < 14 && arch_read_linear(state, view->memory, at, &byte, 1) == 1 &&
                         byte && take_prefix(instruction, byte);
         i++)
        at++;
    arch_read_linear(state, view->memory, at, instruction->bytes, sizeof(instruction->bytes) - 1);
}

/* The base of an address with a SIB byte, or without; *at is moved behind what is read of it. */
static uint32_t base_of(const struct cpu_state *state, const uint8_t *bytes, unsigned *at,
                        unsigned mod, bool *is_stack)
{
    unsigned base = bytes[*at - 1] & 7, sib;
    uint32_t address = 0;

    if (base == 4) {
        sib = bytes[(*at)++];
        base = sib & 7;
        if ((sib >> 3 & 7) != 4)
            address = state->gpr[sib >> 3 & 7] << (sib >> 6);
    }
    *is_stack = base == CPU_ESP || (base == CPU_EBP && mod != 0);
    return base == CPU_EBP && mod == 0 ? address : address + state->gpr[base];
}

bool instruction_operand(const struct fault_view *view, const struct instruction *instruction,
                         unsigned modrm, uint32_t *offset, unsigned *segment)
{
    const struct cpu_state *state = view->state;
    const uint8_t *bytes = instruction->bytes;
    unsigned mod = bytes[modrm] >> 6, base = bytes[modrm] & 7, at = modrm + 1;
    bool is_stack;
    int32_t distance = 0;

    if (mod == 3 || instruction->has_67 || !(state->segment[CPU_CS].attributes & SEGMENT_DB))
        return false;
    *offset = base_of(state, bytes, &at, mod, &is_stack);
    if (base == 4)
        base = bytes[modrm + 1] & 7;
    if (mod == 1)
        distance = (int8_t)bytes[at];
    else if (mod == 2 || base == CPU_EBP)
        memcpy(&distance, bytes + at, 4);
    *offset += (uint32_t)distance;
    *segment = is_stack ? CPU_SS : CPU_DS;
    for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        if (instruction->segment == segments[i].prefix)
            *segment = segments[i].segment;
    }
    return true;
}
