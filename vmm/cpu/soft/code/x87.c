/*
 * What the x87 instructions D8 to DF do. Intel SDM vol. 2, tables.
 */
#include "decode.h"

enum { KIND_X87_UNDEFINED = KIND_UNDEFINED };

#define ROW(a, b, c, d, e, f, g, h)                                                         \
    {                                                                                       \
        KIND_X87_##a, KIND_X87_##b, KIND_X87_##c, KIND_X87_##d, KIND_X87_##e, KIND_X87_##f, \
            KIND_X87_##g, KIND_X87_##h                                                      \
    }
#define ARITHMETIC_ROW                                                                      \
    ROW(ARITHMETIC_M, ARITHMETIC_M, ARITHMETIC_M, ARITHMETIC_M, ARITHMETIC_M, ARITHMETIC_M, \
        ARITHMETIC_M, ARITHMETIC_M)

/* By opcode and modrm's reg, for memory and for registers. */

static const uint8_t of_memory[8][8] = {
    ARITHMETIC_ROW,
    ROW(LOAD_M, UNDEFINED, STORE_M, STORE_M, LOAD_ENVIRONMENT, LOAD_CONTROL, STORE_ENVIRONMENT,
        STORE_WORD),
    ARITHMETIC_ROW,
    ROW(LOAD_M, UNDEFINED, STORE_M, STORE_M, UNDEFINED, LOAD_80, UNDEFINED, STORE_80),
    ARITHMETIC_ROW,
    ROW(LOAD_M, UNDEFINED, STORE_M, STORE_M, LOAD_ENVIRONMENT, UNDEFINED, STORE_ENVIRONMENT,
        STORE_WORD),
    ARITHMETIC_ROW,
    ROW(LOAD_M, UNDEFINED, STORE_M, STORE_M, LOAD_M, LOAD_M, STORE_M, STORE_M),
};

static const uint8_t of_registers[8][8] = {
    ROW(ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R,
        ARITHMETIC_R, ARITHMETIC_R),
    ROW(LOAD_R, EXCHANGE, UNDEFINED, STORE_R, UNDEFINED, UNDEFINED, UNDEFINED, UNDEFINED),
    ROW(MOVE_IF, MOVE_IF, MOVE_IF, MOVE_IF, UNDEFINED, UNDEFINED, UNDEFINED, UNDEFINED),
    ROW(MOVE_IF, MOVE_IF, MOVE_IF, MOVE_IF, UNDEFINED, COMPARE_R, COMPARE_R, UNDEFINED),
    ROW(ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R,
        ARITHMETIC_R, ARITHMETIC_R),
    ROW(STACK_CONTROL, EXCHANGE, STORE_R, STORE_R, COMPARE_R, COMPARE_R, UNDEFINED, UNDEFINED),
    ROW(ARITHMETIC_R, ARITHMETIC_R, COMPARE_R, UNDEFINED, ARITHMETIC_R, ARITHMETIC_R, ARITHMETIC_R,
        ARITHMETIC_R),
    ROW(STACK_CONTROL, EXCHANGE, STORE_R, STORE_R, UNDEFINED, COMPARE_R, COMPARE_R, UNDEFINED),
};

/* D9 E0 to FF. */
static const uint8_t d9_e0[4][8] = {
    ROW(CHANGE_SIGN, CHANGE_SIGN, UNDEFINED, UNDEFINED, TEST, EXAMINE, UNDEFINED, UNDEFINED),
    ROW(LOAD_CONSTANT, LOAD_CONSTANT, LOAD_CONSTANT, LOAD_CONSTANT, LOAD_CONSTANT, LOAD_CONSTANT,
        LOAD_CONSTANT, UNDEFINED),
    ROW(UNARY, BINARY, PAIR, BINARY, PAIR, BINARY, STACK_CONTROL, STACK_CONTROL),
    ROW(BINARY, BINARY, UNARY, PAIR, UNARY, BINARY, UNARY, UNARY),
};

enum kind soft_x87_kind(uint8_t opcode, uint8_t modrm)
{
    if (modrm < 0xc0)
        return of_memory[opcode & 7][modrm >> 3 & 7];
    switch (opcode << 8 | modrm) {
    case 0xd9d0:
        return KIND_X87_NOP;
    case 0xdae9:
    case 0xded9:
        return KIND_X87_COMPARE_R;
    case 0xdbe0:
    case 0xdbe1:
    case 0xdbe4:
        return KIND_X87_IGNORED;
    case 0xdbe2:
        return KIND_X87_CLEAR;
    case 0xdbe3:
        return KIND_X87_INIT;
    case 0xdfe0:
        return KIND_X87_STORE_WORD;
    }
    if (opcode == 0xd9 && modrm >= 0xe0)
        return d9_e0[modrm >> 3 & 3][modrm & 7];
    if (modrm >= 0xe0 && (opcode == 0xda || (opcode == 0xdb && modrm <= 0xe7)))
        return KIND_UNDEFINED;
    return of_registers[opcode & 7][modrm >> 3 & 7];
}
