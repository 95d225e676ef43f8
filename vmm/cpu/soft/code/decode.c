/*
 * From bytes to an operation, by table: Intel SDM vol. 2, chapter 2 (formats) and appendix A
 * (opcode maps). An encoding that isn't in the tables is #UD.
 */
#include "decode.h"

/* How an instruction is encoded. */
enum {
    MODRM = 0x0001,
    BYTE = 0x0002,  /* operands are bytes */
    END = 0x0004,   /* ends its block */
    LOCK = 0x0008,  /* may have a LOCK prefix if its r/m is memory */
    MEM = 0x0010,   /* r/m must be memory */
    OPREG = 0x0020, /* the operand is the register in the opcode's low bits */
    ACC = 0x0040,   /* the operand is AL, AX or EAX */
    RM8 = 0x0080,   /* the r/m is a byte, reg is not */
    REGS = 0x0100,  /* r/m is a register whatever mod says */
    GROUP = 0x0200, /* modrm's reg selects from `group` */
    STOPS = 0x0400, /* ends its block, but goes on at the next instruction */
};

enum immediate {
    NONE,
    U8,    /* a byte, zero-extended */
    S8,    /* a byte, sign-extended */
    Z,     /* a word or doubleword */
    U16,   /* a word */
    U16U8, /* ENTER */
    FAR,   /* offset, selector */
    MOFFS, /* a memory operand's offset */
    ONE,   /* the number 1 */
    J8,    /* a displacement from the next instruction */
    JZ,
};

struct entry {
    const struct entry *group;
    uint16_t form;
    uint8_t immediate;
    uint8_t kind, operands; /* KIND_..., FORM_... */
};

/* Kind, form, immediate; with two operands (T) or not. */
#define K(k, f, i)                                      \
    {                                                   \
        .kind = KIND_##k, .form = (f), .immediate = (i) \
    }
#define T(k, o, f, i)                                                         \
    {                                                                         \
        .kind = KIND_##k, .operands = FORM_##o, .form = (f), .immediate = (i) \
    }
#define G(g, f, i)                                                  \
    {                                                               \
        .group = (g), .form = (f) | MODRM | GROUP, .immediate = (i) \
    }

#define ALU_ROWS(base, name, lock)                                                                \
    [base] = T(name, EG, MODRM | BYTE | (lock), NONE),                                            \
    [base + 1] = T(name, EG, MODRM | (lock), NONE), [base + 2] = T(name, GE, MODRM | BYTE, NONE), \
    [base + 3] = T(name, GE, MODRM, NONE), [base + 4] = T(name, EI, ACC | BYTE, U8),              \
    [base + 5] = T(name, EI, ACC, Z)

static const struct entry group1[8] = {
    T(ADD, EI, LOCK, 0), T(OR, EI, LOCK, 0),  T(ADC, EI, LOCK, 0), T(SBB, EI, LOCK, 0),
    T(AND, EI, LOCK, 0), T(SUB, EI, LOCK, 0), T(XOR, EI, LOCK, 0), T(CMP, EI, 0, 0),
};
static const struct entry group1a[8] = {K(POP, 0, 0)};
#define SHIFTS(form)                                                                           \
    {                                                                                          \
        T(ROTATE, form, 0, 0), T(ROTATE, form, 0, 0), T(ROTATE, form, 0, 0),                   \
            T(ROTATE, form, 0, 0), T(SHL, form, 0, 0), T(SHR, form, 0, 0), T(SHL, form, 0, 0), \
            T(SAR, form, 0, 0),                                                                \
    }
static const struct entry group2_i[8] = SHIFTS(EI);
static const struct entry group2_c[8] = SHIFTS(EG);
static const struct entry group3_8[8] = {
    T(TEST, EI, 0, U8), T(TEST, EI, 0, U8), K(NOT, LOCK, 0), K(NEG, LOCK, 0),
    K(MUL, 0, 0),       K(IMUL, 0, 0),      K(DIV, 0, 0),    K(IDIV, 0, 0),
};
static const struct entry group3[8] = {
    T(TEST, EI, 0, Z), T(TEST, EI, 0, Z), K(NOT, LOCK, 0), K(NEG, LOCK, 0),
    K(MUL, 0, 0),      K(IMUL, 0, 0),     K(DIV, 0, 0),    K(IDIV, 0, 0),
};
static const struct entry group4[8] = {K(INC, LOCK, 0), K(DEC, LOCK, 0)};
static const struct entry group5[8] = {
    K(INC, LOCK, 0),   K(DEC, LOCK, 0),
    K(CALL_E, END, 0), K(CALL_FAR_E, MEM | END, 0),
    K(JMP_E, END, 0),  K(JMP_FAR_E, MEM | END, 0),
    K(PUSH, 0, 0),
};
static const struct entry group8[8] = {
    [4] = K(BIT_I, 0, U8),
    [5] = K(BIT_I, LOCK, U8),
    [6] = K(BIT_I, LOCK, U8),
    [7] = K(BIT_I, LOCK, U8),
};
static const struct entry group9[8] = {[1] = K(CMPXCHG8B, MEM | LOCK, 0)};
static const struct entry group11[8] = {T(MOV, EI, 0, 0)};

/* A row that stands for 8 or 16 opcodes from `base` on. */
#define TWO(base, ...)     [base] = __VA_ARGS__, [(base) + 1] = __VA_ARGS__
#define FOUR(base, ...)    TWO(base, __VA_ARGS__), TWO((base) + 2, __VA_ARGS__)
#define EIGHT(base, ...)   FOUR(base, __VA_ARGS__), FOUR((base) + 4, __VA_ARGS__)
#define SIXTEEN(base, ...) EIGHT(base, __VA_ARGS__), EIGHT((base) + 8, __VA_ARGS__)

static const struct entry one_byte[256] = {
    ALU_ROWS(0x00, ADD, LOCK),
    ALU_ROWS(0x08, OR, LOCK),
    ALU_ROWS(0x10, ADC, LOCK),
    ALU_ROWS(0x18, SBB, LOCK),
    ALU_ROWS(0x20, AND, LOCK),
    ALU_ROWS(0x28, SUB, LOCK),
    ALU_ROWS(0x30, XOR, LOCK),
    ALU_ROWS(0x38, CMP, 0),
    [0x06] = K(PUSH_SEGMENT, 0, NONE),
    [0x07] = K(POP_SEGMENT, 0, NONE),
    [0x0e] = K(PUSH_SEGMENT, 0, NONE),
    [0x16] = K(PUSH_SEGMENT, 0, NONE),
    [0x17] = K(POP_SEGMENT, END, NONE),
    [0x1e] = K(PUSH_SEGMENT, 0, NONE),
    [0x1f] = K(POP_SEGMENT, 0, NONE),
    [0x27] = K(DAA, 0, NONE),
    [0x2f] = K(DAS, 0, NONE),
    [0x37] = K(AAA, 0, NONE),
    [0x3f] = K(AAS, 0, NONE),
    EIGHT(0x40, K(INC, OPREG, NONE)),
    EIGHT(0x48, K(DEC, OPREG, NONE)),
    EIGHT(0x50, K(PUSH, OPREG, NONE)),
    EIGHT(0x58, K(POP, OPREG, NONE)),
    [0x60] = K(PUSHA, 0, NONE),
    [0x61] = K(POPA, 0, NONE),
    [0x62] = K(BOUND, MODRM | MEM, NONE),
    [0x63] = K(ARPL, MODRM, NONE),
    [0x68] = K(PUSH_I, 0, Z),
    [0x69] = K(IMUL_GEI, MODRM, Z),
    [0x6a] = K(PUSH_I, 0, S8),
    [0x6b] = K(IMUL_GEI, MODRM, S8),
    [0x6c] = K(INS, BYTE | STOPS, NONE),
    [0x6d] = K(INS, STOPS, NONE),
    [0x6e] = K(OUTS, BYTE | STOPS, NONE),
    [0x6f] = K(OUTS, STOPS, NONE),
    SIXTEEN(0x70, K(JCC, END, J8)),
    [0x80] = G(group1, BYTE, U8),
    [0x81] = G(group1, 0, Z),
    [0x82] = G(group1, BYTE, U8),
    [0x83] = G(group1, 0, S8),
    [0x84] = T(TEST, EG, MODRM | BYTE, NONE),
    [0x85] = T(TEST, EG, MODRM, NONE),
    [0x86] = K(XCHG, MODRM | BYTE | LOCK, NONE),
    [0x87] = K(XCHG, MODRM | LOCK, NONE),
    [0x88] = T(MOV, EG, MODRM | BYTE, NONE),
    [0x89] = T(MOV, EG, MODRM, NONE),
    [0x8a] = T(MOV, GE, MODRM | BYTE, NONE),
    [0x8b] = T(MOV, GE, MODRM, NONE),
    [0x8c] = K(MOV_FROM_SEGMENT, MODRM, NONE),
    [0x8d] = K(LEA, MODRM | MEM, NONE),
    [0x8e] = K(MOV_TO_SEGMENT, MODRM | END, NONE),
    [0x8f] = G(group1a, 0, NONE),
    [0x90] = K(NOP, 0, NONE),
    [0x91] = K(XCHG, OPREG, NONE),
    [0x92] = K(XCHG, OPREG, NONE),
    [0x93] = K(XCHG, OPREG, NONE),
    [0x94] = K(XCHG, OPREG, NONE),
    [0x95] = K(XCHG, OPREG, NONE),
    [0x96] = K(XCHG, OPREG, NONE),
    [0x97] = K(XCHG, OPREG, NONE),
    [0x98] = K(CBW, 0, NONE),
    [0x99] = K(CWD, 0, NONE),
    [0x9a] = K(CALL_FAR, END, FAR),
    [0x9b] = K(FWAIT, 0, NONE),
    [0x9c] = K(PUSHF, 0, NONE),
    [0x9d] = K(POPF, END, NONE),
    [0x9e] = K(SAHF, 0, NONE),
    [0x9f] = K(LAHF, 0, NONE),
    [0xa0] = T(MOV, GE, BYTE, MOFFS),
    [0xa1] = T(MOV, GE, 0, MOFFS),
    [0xa2] = T(MOV, EG, BYTE, MOFFS),
    [0xa3] = T(MOV, EG, 0, MOFFS),
    [0xa4] = K(MOVS, BYTE, NONE),
    [0xa5] = K(MOVS, 0, NONE),
    [0xa6] = K(CMPS, BYTE, NONE),
    [0xa7] = K(CMPS, 0, NONE),
    [0xa8] = T(TEST, EI, ACC | BYTE, U8),
    [0xa9] = T(TEST, EI, ACC, Z),
    [0xaa] = K(STOS, BYTE, NONE),
    [0xab] = K(STOS, 0, NONE),
    [0xac] = K(LODS, BYTE, NONE),
    [0xad] = K(LODS, 0, NONE),
    [0xae] = K(SCAS, BYTE, NONE),
    [0xaf] = K(SCAS, 0, NONE),
    EIGHT(0xb0, T(MOV, EI, OPREG | BYTE, U8)),
    EIGHT(0xb8, T(MOV, EI, OPREG, Z)),
    [0xc0] = G(group2_i, BYTE, U8),
    [0xc1] = G(group2_i, 0, U8),
    [0xc2] = K(RET, END, U16),
    [0xc3] = K(RET, END, NONE),
    [0xc4] = K(LOAD_FAR, MODRM | MEM, NONE),
    [0xc5] = K(LOAD_FAR, MODRM | MEM, NONE),
    [0xc6] = G(group11, BYTE, U8),
    [0xc7] = G(group11, 0, Z),
    [0xc8] = K(ENTER, 0, U16U8),
    [0xc9] = K(LEAVE, 0, NONE),
    [0xca] = K(RET_FAR, END, U16),
    [0xcb] = K(RET_FAR, END, NONE),
    [0xcc] = K(INT3, END, NONE),
    [0xcd] = K(INT, END, U8),
    [0xce] = K(INTO, END, NONE),
    [0xcf] = K(IRET, END, NONE),
    [0xd0] = G(group2_i, BYTE, ONE),
    [0xd1] = G(group2_i, 0, ONE),
    [0xd2] = G(group2_c, BYTE, NONE),
    [0xd3] = G(group2_c, 0, NONE),
    [0xd4] = K(AAM, 0, U8),
    [0xd5] = K(AAD, 0, U8),
    [0xd6] = K(SALC, 0, NONE),
    [0xd7] = K(XLAT, 0, NONE),
    EIGHT(0xd8, {.form = MODRM}),
    [0xe0] = K(LOOP, END, J8),
    [0xe1] = K(LOOP, END, J8),
    [0xe2] = K(LOOP, END, J8),
    [0xe3] = K(LOOP, END, J8),
    [0xe4] = K(IN, BYTE | STOPS, U8),
    [0xe5] = K(IN, STOPS, U8),
    [0xe6] = K(OUT, BYTE | STOPS, U8),
    [0xe7] = K(OUT, STOPS, U8),
    [0xe8] = K(CALL, END, JZ),
    [0xe9] = K(JMP, END, JZ),
    [0xea] = K(JMP_FAR, END, FAR),
    [0xeb] = K(JMP, END, J8),
    [0xec] = K(IN, BYTE | STOPS, NONE),
    [0xed] = K(IN, STOPS, NONE),
    [0xee] = K(OUT, BYTE | STOPS, NONE),
    [0xef] = K(OUT, STOPS, NONE),
    [0xf1] = K(ICEBP, END, NONE),
    [0xf4] = K(HLT, END, NONE),
    [0xf5] = K(FLAG, 0, NONE),
    [0xf6] = G(group3_8, BYTE, NONE),
    [0xf7] = G(group3, 0, NONE),
    [0xf8] = K(FLAG, 0, NONE),
    [0xf9] = K(FLAG, 0, NONE),
    [0xfa] = K(CLI, 0, NONE),
    [0xfb] = K(STI, END, NONE),
    [0xfc] = K(FLAG, 0, NONE),
    [0xfd] = K(FLAG, 0, NONE),
    [0xfe] = G(group4, BYTE, NONE),
    [0xff] = G(group5, 0, NONE),
};

static const struct entry two_byte[256] = {
    [0x00] = K(GROUP6, MODRM, NONE),
    [0x01] = K(GROUP7, MODRM | END, NONE),
    [0x02] = K(LAR_LSL, MODRM, NONE),
    [0x03] = K(LAR_LSL, MODRM, NONE),
    [0x06] = K(CLTS, 0, NONE),
    [0x08] = K(INVD, 0, NONE),
    [0x09] = K(INVD, 0, NONE),
    [0x0d] = K(NOP, MODRM | MEM, NONE),
    [0x18] = K(NOP, MODRM, NONE),
    [0x19] = K(NOP, MODRM, NONE),
    [0x1a] = K(NOP, MODRM, NONE),
    [0x1b] = K(NOP, MODRM, NONE),
    [0x1c] = K(NOP, MODRM, NONE),
    [0x1d] = K(NOP, MODRM, NONE),
    [0x1e] = K(NOP, MODRM, NONE),
    [0x1f] = K(NOP, MODRM, NONE),
    [0x20] = K(MOV_FROM_CONTROL, MODRM | REGS, NONE),
    [0x21] = K(MOV_FROM_DEBUG, MODRM | REGS, NONE),
    [0x22] = K(MOV_TO_CONTROL, MODRM | REGS | END, NONE),
    [0x23] = K(MOV_TO_DEBUG, MODRM | REGS | END, NONE),
    [0x30] = K(WRMSR, 0, NONE),
    [0x31] = K(RDTSC, 0, NONE),
    [0x32] = K(RDMSR, 0, NONE),
    [0x33] = K(RDPMC, 0, NONE),
    SIXTEEN(0x40, K(CMOVCC, MODRM, NONE)),
    SIXTEEN(0x80, K(JCC, END, JZ)),
    SIXTEEN(0x90, K(SETCC, MODRM | BYTE, NONE)),
    [0xa0] = K(PUSH_SEGMENT, 0, NONE),
    [0xa1] = K(POP_SEGMENT, 0, NONE),
    [0xa2] = K(CPUID, 0, NONE),
    [0xa3] = K(BIT_E, MODRM, NONE),
    [0xa4] = K(SHLD, MODRM, U8),
    [0xa5] = K(SHLD, MODRM, NONE),
    [0xa8] = K(PUSH_SEGMENT, 0, NONE),
    [0xa9] = K(POP_SEGMENT, 0, NONE),
    [0xab] = K(BIT_E, MODRM | LOCK, NONE),
    [0xac] = K(SHRD, MODRM, U8),
    [0xad] = K(SHRD, MODRM, NONE),
    [0xae] = K(GROUP15, MODRM, NONE),
    [0xaf] = K(IMUL_GE, MODRM, NONE),
    [0xb0] = K(CMPXCHG, MODRM | BYTE | LOCK, NONE),
    [0xb1] = K(CMPXCHG, MODRM | LOCK, NONE),
    [0xb2] = K(LOAD_FAR, MODRM | MEM | END, NONE),
    [0xb3] = K(BIT_E, MODRM | LOCK, NONE),
    [0xb4] = K(LOAD_FAR, MODRM | MEM, NONE),
    [0xb5] = K(LOAD_FAR, MODRM | MEM, NONE),
    [0xb6] = K(MOVZX8, MODRM | RM8, NONE),
    [0xb7] = K(MOVZX16, MODRM, NONE),
    [0xba] = G(group8, 0, NONE),
    [0xbb] = K(BIT_E, MODRM | LOCK, NONE),
    [0xbc] = K(BSF, MODRM, NONE),
    [0xbd] = K(BSR, MODRM, NONE),
    [0xbe] = K(MOVSX8, MODRM | RM8, NONE),
    [0xbf] = K(MOVSX16, MODRM, NONE),
    [0xc0] = K(XADD, MODRM | BYTE | LOCK, NONE),
    [0xc1] = K(XADD, MODRM | LOCK, NONE),
    [0xc7] = G(group9, 0, NONE),
    EIGHT(0xc8, K(BSWAP, OPREG, NONE)),
};

static const struct entry undefined = K(UNDEFINED, END, NONE);
static const struct entry too_long = K(TOO_LONG, END, NONE);

/* 0F xx by opcode and prefix: 0 if it is no SSE instruction, 2 if it has an immediate, else 1. */
static const uint8_t sse[256][SSE_PREFIXES] = {
#define SSE(opcode, prefix, shape, kernel, size, has_immediate) \
    [opcode][prefix] = 1 + (has_immediate),
#include "sse_list.h"
};

bool soft_is_sse(uint8_t opcode, enum sse_prefix prefix)
{
    return sse[opcode][prefix] != 0;
}

/* The instruction's bytes, as far as they are there. */
struct cursor {
    const uint8_t *bytes;
    uint32_t at, available;
    bool is_short;
};

#define MAX_LENGTH 15

static uint32_t fetch(struct cursor *cursor, unsigned count)
{
    uint32_t value = 0;

    if (cursor->available - cursor->at < count) {
        cursor->is_short = true;
        cursor->at = cursor->available;
        return 0;
    }
    for (unsigned i = 0; i < count; i++)
        value |= (uint32_t)cursor->bytes[cursor->at++] << (8 * i);
    return value;
}

static uint8_t byte_register(unsigned number)
{
    return (uint8_t)((number & 3) * 4 + (number >> 2));
}

#define NO_REGISTER CPU_GPRS

/* Intel SDM vol. 2, table 2-1. */
static void decode_address16(struct op *op, struct cursor *cursor, unsigned mod, unsigned rm)
{
    static const uint8_t bases[8] = {CPU_EBX, CPU_EBX, CPU_EBP, CPU_EBP,
                                     CPU_ESI, CPU_EDI, CPU_EBP, CPU_EBX};
    static const uint8_t indexes[8] = {CPU_ESI,     CPU_EDI,     CPU_ESI,     CPU_EDI,
                                       NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER};

    op->mask = 0xffff;
    if (mod == 0 && rm == 6) {
        op->disp = fetch(cursor, 2);
        return;
    }
    op->base = bases[rm];
    op->index = indexes[rm];
    if (op->base == CPU_EBP)
        op->seg = CPU_SS;
    if (mod == 1)
        op->disp = (uint32_t)(int8_t)fetch(cursor, 1);
    else if (mod == 2)
        op->disp = fetch(cursor, 2);
}

/* Intel SDM vol. 2, tables 2-2 and 2-3. */
static void decode_address32(struct op *op, struct cursor *cursor, unsigned mod, unsigned rm)
{
    unsigned base = rm;

    op->mask = UINT32_MAX;
    if (rm == 4) {
        unsigned sib = fetch(cursor, 1), index = sib >> 3 & 7;
        base = sib & 7;
        if (index != 4) {
            op->index = (uint8_t)index;
            op->scale = (uint8_t)(sib >> 6);
        }
    }
    if (mod == 0 && base == 5) {
        op->disp = fetch(cursor, 4);
        return;
    }
    op->base = (uint8_t)base;
    if (base == CPU_ESP || base == CPU_EBP)
        op->seg = CPU_SS;
    if (mod == 1)
        op->disp = (uint32_t)(int8_t)fetch(cursor, 1);
    else if (mod == 2)
        op->disp = fetch(cursor, 4);
}

static void decode_modrm(struct op *op, struct cursor *cursor, const struct entry *entry)
{
    unsigned mod = op->modrm >> 6, reg = op->modrm >> 3 & 7, rm = op->modrm & 7;

    op->reg = entry->form & BYTE ? byte_register(reg) : (uint8_t)reg;
    op->rm = entry->form & (BYTE | RM8) ? byte_register(rm) : (uint8_t)rm;
    if (mod == 3 || (entry->form & REGS))
        return;
    op->flags |= OP_MEMORY;
    if (op->flags & OP_ADDR32)
        decode_address32(op, cursor, mod, rm);
    else
        decode_address16(op, cursor, mod, rm);
}

static void decode_immediate(struct op *op, struct cursor *cursor, enum immediate kind)
{
    switch (kind) {
    case NONE:
        break;
    case U8:
        op->imm = fetch(cursor, 1);
        break;
    case S8:
    case J8:
        op->imm = (uint32_t)(int8_t)fetch(cursor, 1);
        break;
    case Z:
        op->imm = fetch(cursor, op->size == 2 ? 2 : 4);
        break;
    case JZ:
        op->imm = op->size == 2 ? (uint32_t)(int16_t)fetch(cursor, 2) : fetch(cursor, 4);
        break;
    case U16:
        op->imm = fetch(cursor, 2);
        break;
    case U16U8:
        op->imm = fetch(cursor, 2);
        op->imm2 = (uint16_t)fetch(cursor, 1);
        break;
    case FAR:
        op->imm = fetch(cursor, op->size == 2 ? 2 : 4);
        op->imm2 = (uint16_t)fetch(cursor, 2);
        break;
    case MOFFS:
        op->flags |= OP_MEMORY;
        op->mask = op->flags & OP_ADDR32 ? UINT32_MAX : 0xffff;
        op->disp = fetch(cursor, op->flags & OP_ADDR32 ? 4 : 2);
        break;
    case ONE:
        op->imm = 1;
        break;
    }
}

/* The prefixes; the first byte behind them is returned. */
struct prefixes {
    uint8_t segment; /* CPU_SEGMENTS: none */
    bool has_lock, changes_size, changes_address;
};

static uint8_t decode_prefixes(struct op *op, struct cursor *cursor, struct prefixes *prefixes)
{
    for (;;) {
        uint8_t byte = (uint8_t)fetch(cursor, 1);
        if (cursor->is_short)
            return byte;
        if ((byte & 0xe7) == 0x26) { /* ES, CS, SS, DS */
            prefixes->segment = byte >> 3 & 3;
        } else if (byte == 0x64 || byte == 0x65) {
            prefixes->segment = byte == 0x64 ? CPU_FS : CPU_GS;
        } else if (byte == 0x66) {
            prefixes->changes_size = true;
            op->flags |= OP_66;
        } else if (byte == 0x67) {
            prefixes->changes_address = true;
        } else if (byte == 0xf0) {
            prefixes->has_lock = true;
        } else if (byte == 0xf2 || byte == 0xf3) {
            op->flags &= (uint8_t) ~(OP_REP | OP_REPNE);
            op->flags |= byte == 0xf3 ? OP_REP : OP_REPNE;
        } else {
            return byte;
        }
    }
}

/* The row for an opcode, with what ModRM decides about it. `cursor` is behind the opcode. */
static struct entry find_entry(struct op *op, struct cursor *cursor, bool is_0f)
{
    struct entry entry = is_0f ? two_byte[op->opcode] : one_byte[op->opcode];
    uint8_t form_of_sse = is_0f ? sse[op->opcode][op_sse_prefix(op)] : 0;

    if (!entry.form && !entry.kind && form_of_sse)
        entry = (struct entry)K(SSE, MODRM, form_of_sse == 2 ? U8 : NONE);
    if (!entry.form && !entry.kind)
        return undefined;
    if (entry.form & MODRM)
        op->modrm = (uint8_t)fetch(cursor, 1);
    if (entry.form & GROUP) {
        const struct entry *member = &entry.group[op->modrm >> 3 & 7];
        entry.kind = member->kind;
        entry.operands = member->operands;
        entry.form |= member->form;
        if (member->immediate || !member->kind)
            entry.immediate = member->immediate;
        if (!member->kind)
            entry.form |= END;
    }
    if (!is_0f && op->opcode >= 0xd8 && op->opcode <= 0xdf) {
        entry.kind = soft_x87_kind(op->opcode, op->modrm);
        entry.form |= entry.kind ? 0 : END;
    }
    return entry;
}

/* Direct branches: to where, and whether that is inside the code segment. */
static void decode_target(struct op *op, bool is_32, uint32_t limit)
{
    op->imm += op->next;
    if (!is_32)
        op->imm &= 0xffff;
    if (op->imm > limit && op->kind != KIND_LOOP) {
        op->kind = op->kind == KIND_JCC ? KIND_JCC_OUTSIDE : KIND_JMP_OUTSIDE;
        op->flags |= OP_LAST;
    }
}

enum decoded soft_decode(struct op *op, const uint8_t *bytes, uint32_t available, uint32_t eip,
                         uint32_t mode, uint32_t limit)
{
    struct cursor cursor = {.bytes = bytes,
                            .available = available > MAX_LENGTH ? MAX_LENGTH : available};
    struct prefixes prefixes = {.segment = CPU_SEGMENTS};
    struct entry entry;
    bool is_32 = mode & MODE_CODE32, is_0f, size32;

    *op = (struct op){.base = NO_REGISTER, .index = NO_REGISTER, .seg = CPU_DS};
    op->opcode = decode_prefixes(op, &cursor, &prefixes);
    size32 = is_32 != prefixes.changes_size;
    if (is_32 != prefixes.changes_address)
        op->flags |= OP_ADDR32;
    is_0f = op->opcode == 0x0f;
    if (is_0f)
        op->opcode = (uint8_t)fetch(&cursor, 1);
    entry = find_entry(op, &cursor, is_0f);
    op->size = entry.form & BYTE ? 1 : size32 ? 4 : 2;
    if (entry.form & MODRM)
        decode_modrm(op, &cursor, &entry);
    if (entry.form & OPREG)
        op->rm = entry.form & BYTE ? byte_register(op->opcode & 7) : op->opcode & 7;
    decode_immediate(op, &cursor, entry.immediate);
    if (prefixes.segment < CPU_SEGMENTS)
        op->seg = prefixes.segment;
    op->length = (uint8_t)cursor.at;
    op->next = eip + cursor.at;
    if (cursor.is_short) {
        if (available < MAX_LENGTH)
            return DECODED_SHORT;
        entry = too_long;
        op->flags &= (uint8_t)~OP_MEMORY;
    } else if ((prefixes.has_lock && !((entry.form & LOCK) && (op->flags & OP_MEMORY))) ||
               ((entry.form & MEM) && !(op->flags & OP_MEMORY))) {
        entry = undefined;
    }
    op->kind = entry.kind;
    op->form = entry.operands;
    if (op->form == FORM_GE && !(op->flags & OP_MEMORY)) {
        uint8_t reg = op->reg;
        op->reg = op->rm;
        op->rm = reg;
        op->form = FORM_EG;
    }
    if (op->kind >= KIND_ROTATE && op->kind <= KIND_SAR)
        op->imm &= 31;
    /* A load of DS or the like doesn't change how code is decoded; one of SS does. */
    if (op->kind == KIND_MOV_TO_SEGMENT && (op->modrm >> 3 & 7) != CPU_SS)
        entry.form &= (uint16_t)~END;
    if (entry.form & END)
        op->flags |= OP_LAST;
    if (entry.immediate == J8 || entry.immediate == JZ)
        decode_target(op, size32, limit);
    return (entry.form & (END | STOPS)) || op_is_repeated(op) ? DECODED_END : DECODED;
}
