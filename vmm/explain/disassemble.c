/*
 * One instruction a line: its address, its bytes, its text, and the symbol where a jump leads.
 */
#include "disassemble.h"

#include "cpu/arch.h"

#include <string.h>

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>
#endif

#define INSTRUCTION_MAX 15

static size_t read_code(const struct info *info, uint32_t address, uint8_t bytes[INSTRUCTION_MAX])
{
    return arch_read_linear(info->state, &info->machine->memory, address, bytes, INSTRUCTION_MAX);
}

static bool is_wide(const struct info *info)
{
    return info->state->segment[CPU_CS].attributes & SEGMENT_DB;
}

/* "=> 00100067  " or, where segments do not begin at 0, "=> 07c0:0012  ". */
static void print_head(const struct info *info, uint32_t address, const char *indent)
{
    const struct cpu_segment *cs = &info->state->segment[CPU_CS];
    bool is_next = address == cs->base + info->state->eip;

    fprintf(info->to, "%s%s ", indent, is_next ? "=>" : "  ");
    if (is_wide(info) || address - cs->base > 0xffff)
        fprintf(info->to, "%08x  ", address);
    else
        fprintf(info->to, "%04x:%04x  ", cs->selector, address - cs->base);
}

static void print_nothing(const struct info *info, uint32_t address, const char *indent)
{
    print_head(info, address, indent);
    fprintf(info->to, "(no memory can be read here)\n");
}

#ifdef HAVE_ZYDIS

static bool decode(const struct info *info, const uint8_t *bytes, size_t size,
                   ZydisDecodedInstruction *instruction, ZydisDecodedOperand *operands)
{
    bool wide = is_wide(info);
    ZydisDecoder decoder;

    return ZYAN_SUCCESS(ZydisDecoderInit(
               &decoder, wide ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
               wide ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16)) &&
           ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, instruction, operands));
}

/* Prints the instruction, and returns its length; 0: it is none. */
static unsigned print_text(const struct info *info, uint32_t address, const uint8_t *bytes,
                           size_t size)
{
    uint32_t base = info->state->segment[CPU_CS].base;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisFormatter formatter;
    char text[128];
    ZyanU64 target;

    if (!decode(info, bytes, size, &instruction, operands) ||
        !ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)) ||
        !ZYAN_SUCCESS(ZydisFormatterSetProperty(
            &formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED)) ||
        !ZYAN_SUCCESS(ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE,
                                                ZYAN_FALSE)) ||
        !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &instruction, operands,
                                                      instruction.operand_count_visible, text,
                                                      sizeof(text), address - base, NULL)))
        return 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i < instruction.length)
            fprintf(info->to, i == 7 && instruction.length > 8 ? "+  " : "%02x ", bytes[i]);
        else
            fprintf(info->to, "   ");
    }
    fprintf(info->to, " %s", text);
    if (instruction.operand_count_visible > 0 && operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
        operands[0].imm.is_relative &&
        ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operands[0], address - base, &target)))
        info_print_name(info, base + (uint32_t)target, " <%s>");
    fputc('\n', info->to);
    return instruction.length;
}

unsigned disassemble_length(const struct info *info, uint32_t address)
{
    uint8_t bytes[INSTRUCTION_MAX];
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    size_t size = read_code(info, address, bytes);

    return size > 0 && decode(info, bytes, size, &instruction, operands) ? instruction.length : 0;
}

void disassemble_print(const struct info *info, uint32_t address, unsigned count,
                       const char *indent)
{
    uint8_t bytes[INSTRUCTION_MAX];

    for (unsigned length; count > 0; count--, address += length) {
        size_t size = read_code(info, address, bytes);
        if (size == 0) {
            print_nothing(info, address, indent);
            return;
        }
        print_head(info, address, indent);
        length = print_text(info, address, bytes, size);
        if (length == 0) {
            fprintf(info->to, "%02x                       (bad)\n", bytes[0]);
            length = 1;
        }
    }
}

#else

unsigned disassemble_length(const struct info *info, uint32_t address)
{
    (void)info;
    (void)address;
    return 0;
}

/* Without Zydis: a line of bytes, which may be some instructions. */
void disassemble_print(const struct info *info, uint32_t address, unsigned count,
                       const char *indent)
{
    uint8_t bytes[INSTRUCTION_MAX];
    size_t size = read_code(info, address, bytes);

    (void)count;
    if (size == 0) {
        print_nothing(info, address, indent);
        return;
    }
    print_head(info, address, indent);
    for (size_t i = 0; i < size; i++)
        fprintf(info->to, "%02x ", bytes[i]);
    fprintf(info->to, " (bytes: this vmm was built without Zydis, libzydis-dev)\n");
}

#endif
