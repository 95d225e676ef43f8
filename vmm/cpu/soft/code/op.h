/*
 * A decoded instruction, in no back end's own terms: what it does, to which operands.
 */
#ifndef VMM_CPU_SOFT_OP_H
#define VMM_CPU_SOFT_OP_H

#include "cpu/soft/state/state.h"

/* What an operation does. Where one kind is several instructions, they are told apart by `opcode`
 * (and `modrm`), as the manual's opcode maps do; conditions are opcode & 15. */
enum kind {
    KIND_UNDEFINED, /* #UD */
    KIND_TOO_LONG,  /* more than 15 bytes: #GP */
    KIND_END,       /* no instruction: behind the last of a block, which goes on at `imm` */

    /* Two operands, by `form`. */
    KIND_ADD,
    KIND_OR,
    KIND_ADC,
    KIND_SBB,
    KIND_AND,
    KIND_SUB,
    KIND_XOR,
    KIND_CMP,
    KIND_TEST,
    KIND_MOV,

    /* One operand, r/m. */
    KIND_INC,
    KIND_DEC,
    KIND_NOT,
    KIND_NEG,
    KIND_MUL,
    KIND_IMUL,
    KIND_DIV,
    KIND_IDIV,

    /* r/m by a count: FORM_EI, or FORM_EG for the count in CL. */
    KIND_ROTATE, /* ROL ROR RCL RCR */
    KIND_SHL,
    KIND_SHR,
    KIND_SAR,

    KIND_XCHG,
    KIND_LEA,
    KIND_MOVZX8, /* the source's bits; `size` is the destination's */
    KIND_MOVZX16,
    KIND_MOVSX8,
    KIND_MOVSX16,
    KIND_IMUL_GE,  /* reg <- reg * r/m */
    KIND_IMUL_GEI, /* reg <- r/m * immediate */
    KIND_CBW,      /* and CWDE */
    KIND_CWD,      /* and CDQ */
    KIND_NOP,
    KIND_SETCC,
    KIND_CMOVCC,
    KIND_SHLD,
    KIND_SHRD,
    KIND_BIT_E, /* BT BTS BTR BTC by a register */
    KIND_BIT_I, /* by an immediate */
    KIND_BSF,
    KIND_BSR,
    KIND_BSWAP,
    KIND_CMPXCHG,
    KIND_CMPXCHG8B,
    KIND_XADD,
    KIND_BOUND,
    KIND_XLAT,
    KIND_SALC,
    KIND_DAA,
    KIND_DAS,
    KIND_AAA,
    KIND_AAS,
    KIND_AAM,
    KIND_AAD,
    KIND_SAHF,
    KIND_LAHF,
    KIND_FLAG, /* CMC CLC STC CLD STD */

    /* The stack */
    KIND_PUSH,
    KIND_PUSH_I,
    KIND_PUSH_SEGMENT,
    KIND_PUSHA,
    KIND_PUSHF,
    KIND_POP,
    KIND_POP_SEGMENT,
    KIND_POPA,
    KIND_POPF,
    KIND_ENTER,
    KIND_LEAVE,

    /* Strings, which may be repeated: OP_REP, OP_REPNE. */
    KIND_MOVS,
    KIND_CMPS,
    KIND_STOS,
    KIND_LODS,
    KIND_SCAS,
    KIND_INS,
    KIND_OUTS,

    /* Near transfers. Direct targets are in `imm`, and inside the limit of CS but for the two last
     * and KIND_LOOP. */
    KIND_JCC,
    KIND_JMP,
    KIND_CALL,
    KIND_LOOP, /* LOOPNE LOOPE LOOP JCXZ */
    KIND_RET,
    KIND_JMP_E,
    KIND_CALL_E,
    KIND_JCC_OUTSIDE, /* #GP if it is taken */
    KIND_JMP_OUTSIDE, /* #GP; a CALL, too */

    /* Far transfers */
    KIND_JMP_FAR, /* imm2:imm */
    KIND_CALL_FAR,
    KIND_JMP_FAR_E,
    KIND_CALL_FAR_E,
    KIND_RET_FAR,
    KIND_INT3,
    KIND_INT,
    KIND_INTO,
    KIND_ICEBP,
    KIND_IRET,

    /* Segments and the system */
    KIND_MOV_FROM_SEGMENT,
    KIND_MOV_TO_SEGMENT,
    KIND_LOAD_FAR, /* LES LDS LSS LFS LGS */
    KIND_GROUP6,   /* SLDT STR LLDT LTR VERR VERW */
    KIND_GROUP7,   /* SGDT SIDT LGDT LIDT SMSW LMSW INVLPG */
    KIND_LAR_LSL,
    KIND_ARPL,
    KIND_MOV_FROM_CONTROL,
    KIND_MOV_TO_CONTROL,
    KIND_MOV_FROM_DEBUG,
    KIND_MOV_TO_DEBUG,
    KIND_CLTS,
    KIND_INVD, /* and WBINVD */
    KIND_CLI,
    KIND_STI,
    KIND_HLT,
    KIND_IN,
    KIND_OUT,
    KIND_RDTSC,
    KIND_RDMSR,
    KIND_WRMSR,
    KIND_RDPMC,
    KIND_CPUID,

    /* x87, by what they do to operands; which one it is, `opcode` and `modrm` say. */
    KIND_FWAIT,
    KIND_X87_ARITHMETIC_M,
    KIND_X87_ARITHMETIC_R,
    KIND_X87_COMPARE_R,
    KIND_X87_LOAD_M,
    KIND_X87_LOAD_80,
    KIND_X87_LOAD_R,
    KIND_X87_LOAD_CONSTANT,
    KIND_X87_STORE_M,
    KIND_X87_STORE_80,
    KIND_X87_STORE_R,
    KIND_X87_EXCHANGE,
    KIND_X87_MOVE_IF,
    KIND_X87_CHANGE_SIGN, /* FCHS FABS */
    KIND_X87_TEST,
    KIND_X87_EXAMINE,
    KIND_X87_UNARY,         /* ST(0) <- f(ST(0)) */
    KIND_X87_BINARY,        /* of ST(0) and ST(1) */
    KIND_X87_PAIR,          /* two results */
    KIND_X87_NOP,           /* FNOP */
    KIND_X87_IGNORED,       /* FNENI FNDISI FNSETPM */
    KIND_X87_STACK_CONTROL, /* FDECSTP FINCSTP FFREE */
    KIND_X87_INIT,
    KIND_X87_CLEAR,
    KIND_X87_STORE_WORD, /* FNSTCW FNSTSW */
    KIND_X87_LOAD_CONTROL,
    KIND_X87_STORE_ENVIRONMENT, /* FNSTENV FNSAVE */
    KIND_X87_LOAD_ENVIRONMENT,  /* FLDENV FRSTOR */

    /* SSE: by prefix (OP_REP, OP_REPNE, OP_66) and opcode a row of sse_list.h. */
    KIND_SSE,
    KIND_GROUP15, /* FXSAVE FXRSTOR LDMXCSR STMXCSR LFENCE MFENCE SFENCE CLFLUSH */

    KINDS
};

/* The operands of those that have two. Between registers it is always FORM_EG, the destination in
 * `rm`. */
enum form { FORM_EG, FORM_GE, FORM_EI, FORMS }; /* r/m <- reg, reg <- r/m, r/m <- immediate */

/* Executes one operation and those after it (or returns the next one, see handler.h). Returns NULL
 * when control goes back to the execution loop. */
typedef struct op *op_run(struct soft *c, struct op *op);

/* Executes one operation that isn't worth a handler. False: something was raised. */
typedef bool op_call(struct soft *c, struct op *op);

struct op {
    /* The interpreter's; the decoder leaves it empty. */
    op_run *run;
    union {
        op_call *call;
        struct block *link; /* where a direct branch goes, once known */
    };

    uint32_t imm;  /* immediate operand, or the target of a direct branch */
    uint32_t disp; /* address = ((base + (index << scale) + disp) & mask) in segment `seg` */
    uint32_t mask;
    uint32_t next;                   /* EIP of the instruction behind */
    uint8_t base, index, scale, seg; /* base and index: CPU_GPRS if there is none */
    uint8_t reg, rm;       /* registers: indexes, or for bytes offsets in soft_state.gpr */
    uint8_t size;          /* of the operand, in bytes */
    uint8_t flags;         /* OP_... */
    uint16_t imm2;         /* selector of a far pointer, level of ENTER */
    uint8_t modrm, opcode; /* the second byte of those that begin with 0F */
    uint8_t kind, form;    /* KIND_..., FORM_... */
    uint8_t length;        /* in bytes */
};

#define OP_MEMORY 0x01 /* the r/m operand is in memory */
#define OP_REP    0x02 /* F3 */
#define OP_REPNE  0x04 /* F2 */
#define OP_ADDR32 0x08
#define OP_66     0x10
#define OP_LAST   0x20 /* it may change how code is decoded, or go elsewhere */

/* Its own address. */
static inline uint32_t op_eip(const struct op *op)
{
    return op->next - op->length;
}

/* The prefix that makes one SSE instruction of another: the columns of sse_list.h. */
enum sse_prefix { SSE_NP, SSE_66, SSE_F3, SSE_F2, SSE_PREFIXES };

static inline enum sse_prefix op_sse_prefix(const struct op *op)
{
    return op->flags & OP_REP     ? SSE_F3
           : op->flags & OP_REPNE ? SSE_F2
           : op->flags & OP_66    ? SSE_66
                                  : SSE_NP;
}

static inline bool op_is_repeated(const struct op *op)
{
    return op->kind >= KIND_MOVS && op->kind <= KIND_OUTS && (op->flags & (OP_REP | OP_REPNE));
}

#endif
