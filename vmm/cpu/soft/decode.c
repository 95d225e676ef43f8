/*
 * From bytes to an operation, by table: Intel SDM vol. 2, chapter 2 (formats) and appendix A
 * (opcode maps). An encoding that isn't in the tables is #UD.
 */
#include "ops.h"

/* How an instruction is encoded. */
enum {
    MODRM = 0x0001,
    BYTE = 0x0002,   /* operands are bytes */
    END = 0x0004,    /* ends its block */
    LOCK = 0x0008,   /* may have a LOCK prefix if its r/m is memory */
    MEM = 0x0010,    /* r/m must be memory */
    OPREG = 0x0020,  /* the operand is the register in the opcode's low bits */
    ACC = 0x0040,    /* the operand is AL, AX or EAX */
    SWAP = 0x0080,   /* reg is the destination: register forms exchange the two */
    RM8 = 0x0100,    /* the r/m is a byte, reg is not */
    STACK = 0x0200,  /* handlers are for 32-bit operands on a 32-bit stack */
    STRING = 0x0400, /* may be repeated */
    REGS = 0x0800,   /* r/m is a register whatever mod says */
    GROUP = 0x1000,  /* modrm's reg selects from `group` */
    STOPS = 0x2000,  /* ends its block, but goes on at the next instruction */
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
    const struct handlers *handlers;
    op_call *call;
    const struct entry *group;
    uint16_t form;
    uint8_t immediate;
};

#define H(h, f, i)                                                 \
    {                                                              \
        .handlers = &(handlers_##h), .form = (f), .immediate = (i) \
    }
#define C(f_, f, i)                                 \
    {                                               \
        .call = (f_), .form = (f), .immediate = (i) \
    }
#define HC(h, f_, f, i)                                                          \
    {                                                                            \
        .handlers = &(handlers_##h), .call = (f_), .form = (f), .immediate = (i) \
    }
#define G(g, f, i)                                                  \
    {                                                               \
        .group = (g), .form = (f) | MODRM | GROUP, .immediate = (i) \
    }

#define ALU_ROWS(base, name, lock)                                                            \
    [base] = H(name##_eg, MODRM | BYTE | (lock), NONE),                                       \
    [base + 1] = H(name##_eg, MODRM | (lock), NONE),                                          \
    [base + 2] = H(name##_ge, MODRM | BYTE | SWAP, NONE),                                     \
    [base + 3] = H(name##_ge, MODRM | SWAP, NONE), [base + 4] = H(name##_ei, ACC | BYTE, U8), \
    [base + 5] = H(name##_ei, ACC, Z)

#define GROUP1(lock)                                                                    \
    {                                                                                   \
        H(add_ei, lock, 0), H(or_ei, lock, 0), H(adc_ei, lock, 0), H(sbb_ei, lock, 0),  \
            H(and_ei, lock, 0), H(sub_ei, lock, 0), H(xor_ei, lock, 0), H(cmp_ei, 0, 0) \
    }
static const struct entry group1[8] = GROUP1(LOCK);
static const struct entry group1a[8] = {C(do_pop, 0, 0)};
static const struct entry group2_i[8] = {
    C(do_shift, 0, 0),         C(do_shift, 0, 0),         C(do_shift, 0, 0),
    C(do_shift, 0, 0),         HC(shl_i, do_shift, 0, 0), HC(shr_i, do_shift, 0, 0),
    HC(shl_i, do_shift, 0, 0), HC(sar_i, do_shift, 0, 0),
};
static const struct entry group2_c[8] = {
    C(do_shift, 0, 0),         C(do_shift, 0, 0),         C(do_shift, 0, 0),
    C(do_shift, 0, 0),         HC(shl_c, do_shift, 0, 0), HC(shr_c, do_shift, 0, 0),
    HC(shl_c, do_shift, 0, 0), HC(sar_c, do_shift, 0, 0),
};
static const struct entry group3_8[8] = {
    H(test_ei, 0, U8), H(test_ei, 0, U8), H(not, LOCK, 0), H(neg, LOCK, 0),
    C(do_mul, 0, 0),   C(do_imul, 0, 0),  C(do_div, 0, 0), C(do_idiv, 0, 0),
};
static const struct entry group3[8] = {
    H(test_ei, 0, Z), H(test_ei, 0, Z), H(not, LOCK, 0), H(neg, LOCK, 0),
    C(do_mul, 0, 0),  C(do_imul, 0, 0), C(do_div, 0, 0), C(do_idiv, 0, 0),
};
static const struct entry group4[8] = {H(inc, LOCK, 0), H(dec, LOCK, 0)};
static const struct entry group5[8] = {
    H(inc, LOCK, 0),
    H(dec, LOCK, 0),
    HC(call_e, do_call_e, STACK | END, 0),
    C(do_call_far_e, MEM | END, 0),
    HC(jmp_e, do_jmp_e, END, 0),
    C(do_jmp_far_e, MEM | END, 0),
    HC(push, do_push, STACK, 0),
};
static const struct entry group8[8] = {
    [4] = C(do_bit_i, 0, U8),
    [5] = C(do_bit_i, LOCK, U8),
    [6] = C(do_bit_i, LOCK, U8),
    [7] = C(do_bit_i, LOCK, U8),
};
static const struct entry group9[8] = {[1] = C(do_cmpxchg8b, MEM | LOCK, 0)};
static const struct entry group11[8] = {H(mov_ei, 0, 0)};

#define EIGHT(base, E)                                                                          \
    [base] = E, [base + 1] = E, [base + 2] = E, [base + 3] = E, [base + 4] = E, [base + 5] = E, \
    [base + 6] = E, [base + 7] = E

#define JCC(n, i)                                                   \
    {                                                               \
        .handlers = &handlers_jcc[n], .form = END, .immediate = (i) \
    }
#define SETCC(n)                                             \
    {                                                        \
        .handlers = &handlers_setcc[n], .form = MODRM | BYTE \
    }
#define CMOVCC(n)                                    \
    {                                                \
        .handlers = &handlers_cmov[n], .form = MODRM \
    }
#define SIXTEEN(base, E, ...)                                                                    \
    [base] = E(0 __VA_ARGS__), [base + 1] = E(1 __VA_ARGS__), [base + 2] = E(2 __VA_ARGS__),     \
    [base + 3] = E(3 __VA_ARGS__), [base + 4] = E(4 __VA_ARGS__), [base + 5] = E(5 __VA_ARGS__), \
    [base + 6] = E(6 __VA_ARGS__), [base + 7] = E(7 __VA_ARGS__), [base + 8] = E(8 __VA_ARGS__), \
    [base + 9] = E(9 __VA_ARGS__), [base + 10] = E(10 __VA_ARGS__),                              \
    [base + 11] = E(11 __VA_ARGS__), [base + 12] = E(12 __VA_ARGS__),                            \
    [base + 13] = E(13 __VA_ARGS__), [base + 14] = E(14 __VA_ARGS__),                            \
    [base + 15] = E(15 __VA_ARGS__)
#define JCC8(n)  JCC(n, J8)
#define JCC32(n) JCC(n, JZ)

static const struct entry one_byte[256] = {
    ALU_ROWS(0x00, add, LOCK),
    ALU_ROWS(0x08, or, LOCK),
    ALU_ROWS(0x10, adc, LOCK),
    ALU_ROWS(0x18, sbb, LOCK),
    ALU_ROWS(0x20, and, LOCK),
    ALU_ROWS(0x28, sub, LOCK),
    ALU_ROWS(0x30, xor, LOCK),
    ALU_ROWS(0x38, cmp, 0),
    [0x06] = C(do_push_segment, 0, NONE),
    [0x07] = C(do_pop_segment, 0, NONE),
    [0x0e] = C(do_push_segment, 0, NONE),
    [0x16] = C(do_push_segment, 0, NONE),
    [0x17] = C(do_pop_segment, END, NONE),
    [0x1e] = C(do_push_segment, 0, NONE),
    [0x1f] = C(do_pop_segment, 0, NONE),
    [0x27] = C(do_daa, 0, NONE),
    [0x2f] = C(do_das, 0, NONE),
    [0x37] = C(do_aaa, 0, NONE),
    [0x3f] = C(do_aas, 0, NONE),
    EIGHT(0x40, H(inc, OPREG, NONE)),
    EIGHT(0x48, H(dec, OPREG, NONE)),
    EIGHT(0x50, HC(push, do_push, OPREG | STACK, NONE)),
    EIGHT(0x58, HC(pop, do_pop, OPREG | STACK, NONE)),
    [0x60] = C(do_pusha, 0, NONE),
    [0x61] = C(do_popa, 0, NONE),
    [0x62] = C(do_bound, MODRM | MEM, NONE),
    [0x63] = C(do_arpl, MODRM, NONE),
    [0x68] = HC(push_i, do_push_imm, STACK, Z),
    [0x69] = HC(imul_gei, do_imul_gei, MODRM, Z),
    [0x6a] = HC(push_i, do_push_imm, STACK, S8),
    [0x6b] = HC(imul_gei, do_imul_gei, MODRM, S8),
    [0x6c] = C(do_ins, BYTE | STRING | STOPS, NONE),
    [0x6d] = C(do_ins, STRING | STOPS, NONE),
    [0x6e] = C(do_outs, BYTE | STRING | STOPS, NONE),
    [0x6f] = C(do_outs, STRING | STOPS, NONE),
    SIXTEEN(0x70, JCC8),
    [0x80] = G(group1, BYTE, U8),
    [0x81] = G(group1, 0, Z),
    [0x82] = G(group1, BYTE, U8),
    [0x83] = G(group1, 0, S8),
    [0x84] = H(test_eg, MODRM | BYTE, NONE),
    [0x85] = H(test_eg, MODRM, NONE),
    [0x86] = H(xchg, MODRM | BYTE | LOCK, NONE),
    [0x87] = H(xchg, MODRM | LOCK, NONE),
    [0x88] = H(mov_eg, MODRM | BYTE, NONE),
    [0x89] = H(mov_eg, MODRM, NONE),
    [0x8a] = H(mov_ge, MODRM | BYTE | SWAP, NONE),
    [0x8b] = H(mov_ge, MODRM | SWAP, NONE),
    [0x8c] = C(do_mov_from_segment, MODRM, NONE),
    [0x8d] = H(lea, MODRM | MEM, NONE),
    [0x8e] = C(do_mov_to_segment, MODRM | END, NONE),
    [0x8f] = G(group1a, 0, NONE),
    [0x90] = H(nop, 0, NONE),
    [0x91] = H(xchg, OPREG, NONE),
    [0x92] = H(xchg, OPREG, NONE),
    [0x93] = H(xchg, OPREG, NONE),
    [0x94] = H(xchg, OPREG, NONE),
    [0x95] = H(xchg, OPREG, NONE),
    [0x96] = H(xchg, OPREG, NONE),
    [0x97] = H(xchg, OPREG, NONE),
    [0x98] = H(cbw, 0, NONE),
    [0x99] = H(cwd, 0, NONE),
    [0x9a] = C(do_call_far, END, FAR),
    [0x9b] = C(do_fwait, 0, NONE),
    [0x9c] = C(do_pushf, 0, NONE),
    [0x9d] = C(do_popf, END, NONE),
    [0x9e] = C(do_sahf, 0, NONE),
    [0x9f] = C(do_lahf, 0, NONE),
    [0xa0] = H(mov_ge, BYTE, MOFFS),
    [0xa1] = H(mov_ge, 0, MOFFS),
    [0xa2] = H(mov_eg, BYTE, MOFFS),
    [0xa3] = H(mov_eg, 0, MOFFS),
    [0xa4] = C(do_movs, BYTE | STRING, NONE),
    [0xa5] = C(do_movs, STRING, NONE),
    [0xa6] = C(do_cmps, BYTE | STRING, NONE),
    [0xa7] = C(do_cmps, STRING, NONE),
    [0xa8] = H(test_ei, ACC | BYTE, U8),
    [0xa9] = H(test_ei, ACC, Z),
    [0xaa] = C(do_stos, BYTE | STRING, NONE),
    [0xab] = C(do_stos, STRING, NONE),
    [0xac] = C(do_lods, BYTE | STRING, NONE),
    [0xad] = C(do_lods, STRING, NONE),
    [0xae] = C(do_scas, BYTE | STRING, NONE),
    [0xaf] = C(do_scas, STRING, NONE),
    EIGHT(0xb0, H(mov_ei, OPREG | BYTE, U8)),
    EIGHT(0xb8, H(mov_ei, OPREG, Z)),
    [0xc0] = G(group2_i, BYTE, U8),
    [0xc1] = G(group2_i, 0, U8),
    [0xc2] = HC(ret, do_ret, STACK | END, U16),
    [0xc3] = HC(ret, do_ret, STACK | END, NONE),
    [0xc4] = C(do_load_far, MODRM | MEM, NONE),
    [0xc5] = C(do_load_far, MODRM | MEM, NONE),
    [0xc6] = G(group11, BYTE, U8),
    [0xc7] = G(group11, 0, Z),
    [0xc8] = C(do_enter, 0, U16U8),
    [0xc9] = HC(leave, do_leave, STACK, NONE),
    [0xca] = C(do_ret_far, END, U16),
    [0xcb] = C(do_ret_far, END, NONE),
    [0xcc] = C(do_int3, END, NONE),
    [0xcd] = C(do_int, END, U8),
    [0xce] = C(do_into, END, NONE),
    [0xcf] = C(do_iret, END, NONE),
    [0xd0] = G(group2_i, BYTE, ONE),
    [0xd1] = G(group2_i, 0, ONE),
    [0xd2] = G(group2_c, BYTE, NONE),
    [0xd3] = G(group2_c, 0, NONE),
    [0xd4] = C(do_aam, 0, U8),
    [0xd5] = C(do_aad, 0, U8),
    [0xd6] = C(do_salc, 0, NONE),
    [0xd7] = C(do_xlat, 0, NONE),
    EIGHT(0xd8, {.form = MODRM}),
    [0xe0] = C(do_loop, END, J8),
    [0xe1] = C(do_loop, END, J8),
    [0xe2] = C(do_loop, END, J8),
    [0xe3] = C(do_loop, END, J8),
    [0xe4] = C(do_in, BYTE | STOPS, U8),
    [0xe5] = C(do_in, STOPS, U8),
    [0xe6] = C(do_out, BYTE | STOPS, U8),
    [0xe7] = C(do_out, STOPS, U8),
    [0xe8] = HC(call, do_call, STACK | END, JZ),
    [0xe9] = H(jmp, END, JZ),
    [0xea] = C(do_jmp_far, END, FAR),
    [0xeb] = H(jmp, END, J8),
    [0xec] = C(do_in, BYTE | STOPS, NONE),
    [0xed] = C(do_in, STOPS, NONE),
    [0xee] = C(do_out, BYTE | STOPS, NONE),
    [0xef] = C(do_out, STOPS, NONE),
    [0xf1] = C(do_icebp, END, NONE),
    [0xf4] = C(do_hlt, END, NONE),
    [0xf5] = C(do_flag, 0, NONE),
    [0xf6] = G(group3_8, BYTE, NONE),
    [0xf7] = G(group3, 0, NONE),
    [0xf8] = C(do_flag, 0, NONE),
    [0xf9] = C(do_flag, 0, NONE),
    [0xfa] = C(do_cli, 0, NONE),
    [0xfb] = C(do_sti, END, NONE),
    [0xfc] = C(do_flag, 0, NONE),
    [0xfd] = C(do_flag, 0, NONE),
    [0xfe] = G(group4, BYTE, NONE),
    [0xff] = G(group5, 0, NONE),
};

static const struct entry two_byte[256] = {
    [0x00] = C(do_group6, MODRM, NONE),
    [0x01] = C(do_group7, MODRM | END, NONE),
    [0x02] = C(do_lar_lsl, MODRM, NONE),
    [0x03] = C(do_lar_lsl, MODRM, NONE),
    [0x06] = C(do_clts, 0, NONE),
    [0x08] = C(do_invd, 0, NONE),
    [0x09] = C(do_invd, 0, NONE),
    [0x0d] = H(nop, MODRM | MEM, NONE),
    [0x18] = H(nop, MODRM, NONE),
    [0x19] = H(nop, MODRM, NONE),
    [0x1a] = H(nop, MODRM, NONE),
    [0x1b] = H(nop, MODRM, NONE),
    [0x1c] = H(nop, MODRM, NONE),
    [0x1d] = H(nop, MODRM, NONE),
    [0x1e] = H(nop, MODRM, NONE),
    [0x1f] = H(nop, MODRM, NONE),
    [0x20] = C(do_mov_from_control, MODRM | REGS, NONE),
    [0x21] = C(do_mov_from_debug, MODRM | REGS, NONE),
    [0x22] = C(do_mov_to_control, MODRM | REGS | END, NONE),
    [0x23] = C(do_mov_to_debug, MODRM | REGS | END, NONE),
    [0x30] = C(do_wrmsr, 0, NONE),
    [0x31] = C(do_rdtsc, 0, NONE),
    [0x32] = C(do_rdmsr, 0, NONE),
    [0x33] = C(do_rdpmc, 0, NONE),
    SIXTEEN(0x40, CMOVCC),
    SIXTEEN(0x80, JCC32),
    SIXTEEN(0x90, SETCC),
    [0xa0] = C(do_push_segment, 0, NONE),
    [0xa1] = C(do_pop_segment, 0, NONE),
    [0xa2] = C(do_cpuid, 0, NONE),
    [0xa3] = C(do_bit_e, MODRM, NONE),
    [0xa4] = C(do_shld, MODRM, U8),
    [0xa5] = C(do_shld, MODRM, NONE),
    [0xa8] = C(do_push_segment, 0, NONE),
    [0xa9] = C(do_pop_segment, 0, NONE),
    [0xab] = C(do_bit_e, MODRM | LOCK, NONE),
    [0xac] = C(do_shrd, MODRM, U8),
    [0xad] = C(do_shrd, MODRM, NONE),
    [0xae] = C(do_group15, MODRM, NONE),
    [0xaf] = HC(imul_ge, do_imul_ge, MODRM, NONE),
    [0xb0] = C(do_cmpxchg, MODRM | BYTE | LOCK, NONE),
    [0xb1] = C(do_cmpxchg, MODRM | LOCK, NONE),
    [0xb2] = C(do_load_far, MODRM | MEM | END, NONE),
    [0xb3] = C(do_bit_e, MODRM | LOCK, NONE),
    [0xb4] = C(do_load_far, MODRM | MEM, NONE),
    [0xb5] = C(do_load_far, MODRM | MEM, NONE),
    [0xb6] = H(movzx8, MODRM | RM8, NONE),
    [0xb7] = H(movzx16, MODRM, NONE),
    [0xba] = G(group8, 0, NONE),
    [0xbb] = C(do_bit_e, MODRM | LOCK, NONE),
    [0xbc] = C(do_bsf, MODRM, NONE),
    [0xbd] = C(do_bsr, MODRM, NONE),
    [0xbe] = H(movsx8, MODRM | RM8, NONE),
    [0xbf] = H(movsx16, MODRM, NONE),
    [0xc0] = C(do_xadd, MODRM | BYTE | LOCK, NONE),
    [0xc1] = C(do_xadd, MODRM | LOCK, NONE),
    [0xc7] = G(group9, 0, NONE),
    EIGHT(0xc8, C(do_bswap, OPREG, NONE)),
};

static const struct entry undefined = C(do_ud, END, NONE);
static const struct entry too_long = C(do_too_long, END, NONE);

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

/* Chooses what runs: a handler if there is one for this size and operand, else a function. */
static void choose(struct soft *c, struct op *op, const struct entry *entry)
{
    const struct handlers *handlers = entry->handlers;
    unsigned size = op->size >> 1;
    bool is_memory = op->flags & OP_MEMORY;

    if ((entry->form & STACK) && !(op->size == 4 && (c->mode & MODE_STACK32)))
        handlers = NULL;
    if (handlers)
        op->run = is_memory ? handlers->with_memory[size] : handlers->with_register[size];
    if (op->run) {
        op->link = c->no_block;
        if ((entry->form & SWAP) && !is_memory) {
            uint8_t reg = op->reg;
            op->reg = op->rm;
            op->rm = reg;
        }
        return;
    }
    op->call = entry->call ? entry->call : do_ud;
    op->run = entry->form & END || !entry->call ? op_call_last : op_call_function;
    if ((entry->form & STRING) && (op->flags & (OP_REP | OP_REPNE)))
        op->run = op_repeat;
}

enum decoded soft_decode(struct soft *c, struct op *op, const uint8_t *bytes, uint32_t available,
                         uint32_t eip)
{
    struct cursor cursor = {.bytes = bytes,
                            .available = available > MAX_LENGTH ? MAX_LENGTH : available};
    const struct entry *entry;
    struct entry made;
    uint8_t opcode, last_prefix = 0, override = CPU_SEGMENTS;
    bool is_32 = c->mode & MODE_CODE32, addr32 = is_32, size32 = is_32, has_lock = false;
    bool is_0f = false, ends;

    *op = (struct op){.eip = eip, .base = NO_REGISTER, .index = NO_REGISTER, .seg = CPU_DS};
    for (;;) {
        opcode = (uint8_t)fetch(&cursor, 1);
        if (cursor.is_short)
            break;
        if ((opcode & 0xe7) == 0x26) { /* ES, CS, SS, DS */
            override = opcode >> 3 & 3;
        } else if (opcode == 0x64 || opcode == 0x65) {
            override = opcode == 0x64 ? CPU_FS : CPU_GS;
        } else if (opcode == 0x66) {
            size32 = !is_32;
            op->flags |= OP_66;
        } else if (opcode == 0x67) {
            addr32 = !is_32;
        } else if (opcode == 0xf0) {
            has_lock = true;
        } else if (opcode == 0xf2 || opcode == 0xf3) {
            op->flags &= (uint8_t) ~(OP_REP | OP_REPNE);
            op->flags |= opcode == 0xf3 ? OP_REP : OP_REPNE;
            last_prefix = opcode;
        } else {
            break;
        }
    }
    entry = &one_byte[opcode];
    if (opcode == 0x0f) {
        is_0f = true;
        opcode = (uint8_t)fetch(&cursor, 1);
        entry = &two_byte[opcode];
    }
    op->opcode = opcode;
    if (addr32)
        op->flags |= OP_ADDR32;
    if (is_0f && !entry->form && !entry->call && !entry->handlers) {
        uint8_t prefix = last_prefix ? last_prefix : op->flags & OP_66 ? 0x66 : 0, has_imm = 0;
        made = (struct entry){.call = soft_sse_operation(opcode, prefix, &has_imm), .form = MODRM};
        if (made.call) {
            made.immediate = has_imm ? U8 : NONE;
            entry = &made;
        }
    }
    if (!entry->form && !entry->call && !entry->handlers)
        entry = &undefined;
    if (entry->form & MODRM)
        op->modrm = (uint8_t)fetch(&cursor, 1);
    if (entry->form & GROUP) {
        const struct entry *member = &entry->group[op->modrm >> 3 & 7];
        made = *entry;
        made.handlers = member->handlers;
        made.call = member->call;
        made.form |= member->form;
        if (member->immediate)
            made.immediate = member->immediate;
        if (!member->call && !member->handlers)
            made.immediate = NONE;
        entry = &made;
    }
    op->size = entry->form & BYTE ? 1 : size32 ? 4 : 2;
    if (entry->form & MODRM)
        decode_modrm(op, &cursor, entry);
    if (entry->form & OPREG)
        op->rm = entry->form & BYTE ? byte_register(opcode & 7) : opcode & 7;
    if (!is_0f && opcode >= 0xd8 && opcode <= 0xdf) {
        made = (struct entry){.call = soft_fpu_operation(opcode, op->modrm), .form = MODRM};
        entry = &made;
    }
    decode_immediate(op, &cursor, entry->immediate);
    if (override < CPU_SEGMENTS)
        op->seg = override;
    op->next = eip + cursor.at;
    if (cursor.is_short) {
        if (available < MAX_LENGTH)
            return DECODED_SHORT;
        entry = &too_long;
        op->flags &= (uint8_t)~OP_MEMORY;
    } else if ((has_lock && !((entry->form & LOCK) && (op->flags & OP_MEMORY))) ||
               ((entry->form & MEM) && !(op->flags & OP_MEMORY))) {
        entry = &undefined;
    }

    /* A shift by an immediate that is 0 changes nothing: not a thing for the handlers. */
    if (entry->form & GROUP && entry->immediate == U8 && !is_0f && opcode <= 0xc1 &&
        opcode >= 0xc0) {
        op->imm &= 31;
        if (op->imm == 0) {
            made = *entry;
            made.handlers = NULL;
            entry = &made;
        }
    }
    if (entry->immediate == J8 || entry->immediate == JZ) {
        op->imm += op->next;
        if (size32 == false)
            op->imm &= 0xffff;
        if (op->imm > c->s.segment[CPU_CS].limit && entry->call != do_loop) {
            static const struct entry checked = C(do_branch_checked, END, NONE);
            if (is_0f)
                op->flags |= OP_WIDE;
            entry = &checked;
        }
    }
    choose(c, op, entry);
    /* A load of DS or the like doesn't change how code is decoded; one of SS does. */
    ends = (entry->form & (END | STOPS)) || op->run == op_repeat || op->run == op_call_last;
    if (op->run == op_call_last && op->call == do_mov_to_segment &&
        (op->modrm >> 3 & 7) != CPU_SS) {
        op->run = op_call_function;
        ends = false;
    }
    return ends ? DECODED_END : DECODED;
}
